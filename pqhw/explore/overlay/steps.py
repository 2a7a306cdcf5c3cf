"""Steps of an overlay's plan, and the tensors between them."""

import dataclasses

from ...spec.network import NodeOp
from ...spec.overlay.overlay import WINDOW
from ...spec.ranges import Range, ceil_div

__all__ = ["CHANNEL_WORDS", "Step", "Tensor", "View"]

CHANNEL_WORDS = 4
"""Words of a pixel that a job computes at most of which every channel is on its own."""



@dataclasses.dataclass(eq=False)
class Tensor:
    """Values in the activation memory: an image, or a row as an image of one pixel.

    Members
    -------
    shape: [H, W, C]
    signed: whether values are signed
    start: address of its first word in every bank
    """
    name: str
    shape: tuple[int, int, int]
    signed: bool
    lanes: int
    start: int = 0

    @property
    def words(self) -> int:
        """Words of a pixel."""
        return ceil_div(self.shape[2], self.lanes)

    @property
    def row_step(self) -> int:
        """Addresses of a bank from one of its rows to the next."""
        return ceil_div(self.shape[1], WINDOW)

    @property
    def plane(self) -> int:
        """Addresses from a word of a pixel to its next: words of one channel group of the image
        follow each other."""
        return ceil_div(self.shape[0], WINDOW) * self.row_step

    @property
    def size(self) -> int:
        """Words of every bank."""
        return self.plane * self.words


@dataclasses.dataclass(frozen=True)
class View:
    """A tensor behind `before` words of zeros, which nothing stores."""
    tensor: Tensor
    before: int = 0


@dataclasses.dataclass(eq=False)
class Step:
    """A node's work, or a part of it.

    Members
    -------
    name: the node
    op: what is computed; a copy where it is `Subsample`
    source: what it reads; where there is none, `zeros` words of a pixel are stored
    add, clamp: what is added to the results, and the range that they are clamped to then
    target, first_word: where results go, and from which word of a pixel on; None: out
    in_place: results replace what is read, which is encoded as a whole before
    argmax: of the results only the index of the largest leaves
    """
    name: str
    op: NodeOp
    source: Tensor | None
    target: Tensor | None
    add: View | None = None
    clamp: Range | None = None
    first_word: int = 0
    argmax: bool = False
    zeros: int = 0
    in_place: bool = False
