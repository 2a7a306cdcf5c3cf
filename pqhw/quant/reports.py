"""What is to be known of each node of an integer network that has run on images."""

import dataclasses
import math
from typing import Any

from ..spec.ranges import Range

__all__ = ["CodeUse", "Extent", "FloatError", "LayerReport"]


@dataclasses.dataclass(frozen=True)
class Extent:
    """From the least to the largest value that occurred, and what might have."""
    seen: Range
    allowed: Range


@dataclasses.dataclass(frozen=True)
class CodeUse:
    """How a product-quantized layer uses its codebooks.

    Members
    -------
    prototypes: those stored: K of every sub-vector, or K where they are shared
    dead: those that no sub-vector of any image is encoded by
    code_bits: log2 K
    entropy: bits of information in a code, the mean over sub-vectors; `code_bits` if all codes
        are equally frequent, 0 if there is one alone
    """
    prototypes: int
    dead: int
    code_bits: float
    entropy: float

    @property
    def dead_share(self) -> float:
        """Dead prototypes as a share, 0 to 1."""
        return self.dead / self.prototypes


@dataclasses.dataclass(frozen=True)
class FloatError:
    """Results, times their step, against those of the float graph.

    Members
    -------
    snr_db: 10 log10(sum of squared float results / sum of squared errors), in dB; infinite where
        there is no error
    bias: mean of integer times step minus float, in real units
    rms: root mean square of the float results, in real units
    """
    snr_db: float
    bias: float
    rms: float

    @property
    def relative_bias(self) -> float:
        """The bias as a share of the root mean square; 0 where both are 0."""
        if self.rms:
            return self.bias / self.rms
        return math.copysign(math.inf, self.bias) if self.bias else 0.0


@dataclasses.dataclass(frozen=True)
class LayerReport:
    """One node, over all values of all images.

    Members
    -------
    name: of the node
    kind: of its engine, pq or mac, or of its operation
    shape: of the result, [H, W, C] or [D]
    values: of the results
    at_low, at_high: share of results, 0 to 1, at either end of the range where the node clamps;
        None where it does not. Zeros of unsigned results are a ReLU's work, and no saturation
    sums: of an engine, the accumulators with their bias before requantisation
    entries: of an engine, the stored table entries or weights
    codes: of a product-quantized layer
    error: where a float graph is given and the result has a step
    """
    name: str
    kind: str
    shape: tuple[int, ...]
    values: Extent
    at_low: float | None
    at_high: float | None
    sums: Extent | None
    entries: Extent | None
    codes: CodeUse | None
    error: FloatError | None

    @property
    def saturated(self) -> float | None:
        """Share of results at either end; None where the node does not clamp."""
        if self.at_low is None or self.at_high is None:
            return None
        return self.at_low + self.at_high

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; what is infinite is null."""
        values = dataclasses.asdict(self)
        for extent in ("values", "sums", "entries"):
            if values[extent] is not None:
                own = getattr(self, extent)
                values[extent] |= {"seen_bits": own.seen.bits, "allowed_bits": own.allowed.bits}
        if self.error is not None and not math.isfinite(self.error.snr_db):
            values["error"]["snr_db"] = None
        return values
