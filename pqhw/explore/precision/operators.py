"""How genomes begin, cross and change: as published, and as searched by default."""

import abc
import dataclasses
from collections.abc import Sequence

import numpy as np

__all__ = ["OPERATORS", "Operators", "Published", "Stepwise"]

FULL = 8


@dataclasses.dataclass(frozen=True)
class Operators(abc.ABC):
    """Genomes are places in `widths`, [L, 2].

    Parameters
    ----------
    widths: bits that a genome may have, ascending
    layers: L
    """
    widths: tuple[int, ...]
    layers: int

    @abc.abstractmethod
    def begin(self) -> np.ndarray:
        """The first genomes [B, L, 2]."""

    @abc.abstractmethod
    def cross(self, first: np.ndarray, second: np.ndarray,
              random: np.random.Generator) -> np.ndarray:
        """A child of two parents."""

    @abc.abstractmethod
    def mutate(self, genome: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """The genome, perhaps changed."""

    def uniform(self, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
        """Genomes of equal bits in all layers, by places in `widths`."""
        return np.repeat(np.array(pairs, np.int64)[:, None, :], self.layers, axis=1)


class Published(Operators):
    """Every layer from a random parent (95 %) or reset to 8 bits (5 %); with 10 % one layer is
    drawn anew; begins with the uniform genomes."""

    def begin(self) -> np.ndarray:
        return self.uniform([(place, place) for place in range(len(self.widths))])

    def cross(self, first: np.ndarray, second: np.ndarray,
              random: np.random.Generator) -> np.ndarray:
        child = np.where(random.random((self.layers, 1)) < 0.5, first, second)
        reset = random.random((self.layers, 1)) < 0.05
        return np.where(reset, self.widths.index(FULL), child)

    def mutate(self, genome: np.ndarray, random: np.random.Generator) -> np.ndarray:
        if random.random() < 0.1:
            genome = genome.copy()
            genome[random.integers(self.layers)] = random.integers(len(self.widths), size=2)
        return genome


class Stepwise(Operators):
    """Every layer from a random parent; on average one place changes: by one width, or, a fifth of
    the time, to any; begins with all pairs of uniform bits."""

    def begin(self) -> np.ndarray:
        places = range(len(self.widths))
        return self.uniform([(entering, weights) for entering in places for weights in places])

    def cross(self, first: np.ndarray, second: np.ndarray,
              random: np.random.Generator) -> np.ndarray:
        return np.where(random.random((self.layers, 1)) < 0.5, first, second)

    def mutate(self, genome: np.ndarray, random: np.random.Generator) -> np.ndarray:
        chosen = random.random(genome.shape) < 0.5 / self.layers
        step = random.choice((-1, 1), genome.shape)
        anew = random.integers(len(self.widths), size=genome.shape)
        far = random.random(genome.shape) < 0.2
        changed = np.where(far, anew, np.clip(genome + step, 0, len(self.widths) - 1))
        return np.where(chosen, changed, genome)


OPERATORS = {"stepwise": Stepwise, "published": Published}
"""By name."""
