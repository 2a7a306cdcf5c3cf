"""How a network is trained: everything that decides the weights, in one place."""

import dataclasses
import math
from typing import Any

from .augment import Augmentation

__all__ = ["Recipe", "RecipeError", "RecipeTypeError"]


class RecipeError(ValueError):
    """A recipe breaks a rule; the message is one sentence naming field, rule and value."""


class RecipeTypeError(RecipeError, TypeError):
    """A recipe holds a value of the wrong kind."""


RANGES: dict[str, tuple[type, float, float]] = {
    "epochs": (int, 1, 100_000), "batch": (int, 1, 1_000_000), "rate": (float, 0, 1000),
    "warmup": (float, 0, 100_000), "decay": (float, 0, 1), "smoothing": (float, 0, 0.9),
    "seed": (int, 0, 2**63 - 1), "threads": (int, 1, 1024)}
"""Kind, lowest and highest value of every number."""

WORDS = {"schedule": ("cosine", "step"), "optimiser": ("sgd", "adam"),
         "precision": ("float32", "bfloat16")}

STEPS = (0.5, 0.75)
"""Shares of the training after which schedule `step` divides the rate by ten."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """What `fit` does. Equal recipes, data and start give equal weights on one kind of CPU.

    Parameters
    ----------
    epochs: passes over the training images
    batch: images per step, at most; all steps of an epoch have as many, or one less
    rate: step size at its largest
    schedule: `cosine` falls from `rate` to 0; `step` divides by ten after a half and three quarters
    warmup: epochs over which the rate rises first
    optimiser: `sgd`, with Nesterov's momentum of 0.9, or `adam`, decay apart from the gradient
    decay: weight decay; normalisations and biases have none
    smoothing: share of every label that is spread over all classes
    augmentation: random changes of the images; None for none
    seed: chooses order, changes and all else that is random, but not the weights at the start
    precision: of forward and backward; `bfloat16` keeps weights and their updates in float32
    threads: of the CPU; another number rounds sums differently

    Raises
    ------
    RecipeError, RecipeTypeError
        One sentence naming field, rule and value.

    Source: K. He et al., Deep Residual Learning, CVPR 2016, section 4.2; cosine, I. Loshchilov and
    F. Hutter, SGDR, ICLR 2017; adam, the same, Decoupled Weight Decay Regularization, ICLR 2019.
    """
    epochs: int = 20
    batch: int = 128
    rate: float = 0.1
    schedule: str = "cosine"
    warmup: float = 1.0
    optimiser: str = "sgd"
    decay: float = 5e-4
    smoothing: float = 0.0
    augmentation: Augmentation | None = None
    seed: int = 0
    precision: str = "float32"
    threads: int = 1

    def __post_init__(self) -> None:
        for name, (kind, low, high) in RANGES.items():
            object.__setattr__(self, name, _number(name, getattr(self, name), kind, low, high))
        for name, words in WORDS.items():
            if getattr(self, name) not in words:
                raise RecipeError(f"{name} must be one of {', '.join(words)}, "
                                  f"but is {getattr(self, name)}.")
        if self.augmentation is not None and not isinstance(self.augmentation, Augmentation):
            raise RecipeTypeError(f"augmentation must be an Augmentation or None, "
                                  f"but is {self.augmentation!r}.")
        if self.rate == 0:
            raise RecipeError("rate must be positive, but is 0.")

    def rate_at(self, epoch: float) -> float:
        """Step size after so many epochs, which need not be whole."""
        if epoch < self.warmup:
            return self.rate * max(epoch, 1e-3) / self.warmup
        if self.schedule == "step":
            return self.rate * 0.1 ** sum(epoch >= share * self.epochs for share in STEPS)
        left = max(self.epochs - self.warmup, 1e-9)
        return self.rate * 0.5 * (1 + math.cos(math.pi * min((epoch - self.warmup) / left, 1)))

    def to_mapping(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        return dataclasses.asdict(self)


def _number(name: str, value: Any, kind: type, low: float, high: float) -> float:
    is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
    word = "an integer" if kind is int else "a number"
    if not is_number:
        raise RecipeTypeError(f"{name} must be {word} from {low} to {high}, but is {value!r}.")
    if not low <= value <= high:
        raise RecipeError(f"{name} must be {word} from {low} to {high}, but is {value}.")
    return kind(value)
