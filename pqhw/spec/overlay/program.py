"""Programs of an overlay: jobs with their parameters, in the order in which they are done."""

import dataclasses
import functools

import numpy as np

from ..ports import RowPort
from ..ranges import Range
from .job import Job, descriptor_beats, header_beats
from .overlay import OverlaySpec

__all__ = ["Block", "Program", "input_port"]


@dataclasses.dataclass(frozen=True, eq=False)
class Block:
    """A job and what it needs.

    Members
    -------
    node: the node of the network that it works for
    job: what is done
    outputs: biases and multipliers [words, lanes, 2]
    thresholds, dims: of trees [words, lanes, K] and [words, lanes, log2 K]; node j of level t at
        2**t + j
    tables: entries [words, lanes, Q], K words to a subspace of every lane; of no job with weights
    weights: [words, lanes, taps]; of no job with tables
    """
    node: str
    job: Job
    outputs: np.ndarray
    thresholds: np.ndarray
    dims: np.ndarray
    tables: np.ndarray
    weights: np.ndarray

    @property
    def words(self) -> int:
        """Words of tables or weights."""
        return len(self.tables) + len(self.weights)

    def word_beats(self, spec: OverlaySpec) -> int:
        """Port words of each of them."""
        return (spec.table_beats if len(self.tables)
                else spec.weight_beats(self.weights.shape[2]) if len(self.weights) else 1)

    def beats(self, spec: OverlaySpec) -> int:
        """Port words from the header to the checksum."""
        return (header_beats(spec) + descriptor_beats(spec)
                + len(self.outputs) * spec.output_beats
                + len(self.thresholds) * spec.lanes * spec.tree_beats
                + self.words * self.word_beats(spec) + 1)


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """A network for an overlay.

    Members
    -------
    spec: the hardware it is for
    name: the network's
    blocks: in order
    input, results: what enters and what leaves, row by row
    depth: words of each bank that are used
    lookups, products: table entries and multiplications that an image needs, those that fill up
        groups of channels or outputs left out
    """
    spec: OverlaySpec
    name: str
    blocks: tuple[Block, ...]
    input: RowPort
    results: RowPort
    depth: int
    lookups: int
    products: int

    @functools.cached_property
    def beats(self) -> int:
        """Port words that an image reads."""
        return sum(block.beats(self.spec) for block in self.blocks)


def input_port(spec: OverlaySpec, shape: tuple[int, ...], elements: int, range_: Range) -> RowPort:
    """Pixels of `elements` channels, or rows of them, `lanes` to a transfer."""
    return RowPort(range_, shape, elements, spec.lanes)
