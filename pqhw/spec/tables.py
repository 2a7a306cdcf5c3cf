"""The tables of a spec file: layer, engine, precision and folding, each one frozen dataclass."""

import dataclasses
from typing import Any, ClassVar

from .fields import (SpecTypeError, boolean, check_fields, choice, from_mapping,
                     integer, ratio, rows, show, table_schema, to_mapping)
from .ranges import Range, signed_range, unsigned_range
from .weights import SCHEMES

__all__ = ["Layer", "PQEngine", "MACEngine", "Requantize", "PQPrecision", "MACPrecision",
           "PQFolding", "MACFolding", "ACCUMULATOR", "LOAD_BITS"]

ACCUMULATOR = "accumulator"
"""The value of `precision.output` that asks for raw accumulators."""

LOAD_BITS = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Widths of the parameter port that can be chosen."""


class _Table:
    """A table of a spec file; `TABLE` is its name there."""
    TABLE: ClassVar[str]

    def __post_init__(self) -> None:
        check_fields(self.TABLE, self)

    @classmethod
    def from_mapping(cls, mapping: Any, *, ignore: frozenset[str] = frozenset()) -> Any:
        """Build from parsed TOML; names in `ignore` are fields of the other engine kind."""
        return from_mapping(cls, cls.TABLE, mapping, ignore=ignore)

    def to_mapping(self) -> dict[str, Any]:
        """The table as it would stand in a file, derived fields omitted."""
        return to_mapping(self)


class _Engine(_Table):
    TABLE = "engine"
    double_buffered: bool
    resident: bool

    def to_mapping(self) -> dict[str, Any]:
        values = super().to_mapping()
        if not self.resident:
            del values["resident"]
        return values

    @property
    def copies(self) -> int:
        """Images that the parameter memories hold."""
        return 1 + self.double_buffered


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer(_Table):
    """A dense layer: y[out_features] = f(x[in_features])."""
    TABLE = "layer"
    in_features: int = integer(1, 65536, "inputs D of a row")
    out_features: int = integer(1, 65536, "outputs N of a row")

    @property
    def out_channels(self) -> int:
        """Outputs with a bias of their own: N."""
        return self.out_features

    @property
    def taps(self) -> int:
        """Positions of a window: none to speak of."""
        return 1

    @property
    def sets(self) -> int:
        """Sets of parameters that successive engine rows use in turn."""
        return 1

    @property
    def row_inputs(self) -> int:
        """Inputs of an engine row: D."""
        return self.in_features

    @property
    def row_outputs(self) -> int:
        """Outputs of an engine row: N."""
        return self.out_features

    @property
    def input_shape(self) -> tuple[int, ...]:
        """What arrives as one row: [D]."""
        return (self.in_features,)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """What leaves as one row: [N]."""
        return (self.out_features,)

    @property
    def unit_inputs(self) -> int:
        """Inputs that follow each other without padding: a whole row."""
        return self.in_features

    @property
    def units_in(self) -> int:
        """Such units in a row."""
        return 1

    @property
    def units_out(self) -> int:
        """Engine rows whose results make a row."""
        return 1

    @property
    def multiply_accumulates(self) -> int:
        """Multiplications of the original layer per row."""
        return self.in_features * self.out_features


@dataclasses.dataclass(frozen=True, kw_only=True)
class PQEngine(_Engine):
    """How a product-quantized layer is cut up, encoded and stored."""
    subvector_length: int = integer(1, 64, "elements V of a sub-vector")
    prototypes: int = integer(2, 64, "prototypes K of a subspace")
    encoder: str = choice(("l2", "l1", "chebyshev", "dot", "tree"), "distance that picks the "
                          "nearest prototype, or a tree of comparisons", default="l2")
    multiplier: str = choice(("dsp", "lut", "auto"), "what multiplies (dot), and squares "
                             "differences of more than six bits (l2): DSP block or logic; auto is "
                             "dsp while the device's suffice",
                             default="auto")
    shared_prototypes: bool = boolean("one set of prototypes serves all subspaces", default=False)
    split_dims: tuple[tuple[int, ...], ...] | None = rows(
        0, 63, "elements that the levels of a tree compare, fixed at build time: a row of log2 K "
        "per subspace, or one for all")
    table_storage: str = choice(("auto", "lutram", "bram", "rom"), "memory that holds the "
                                "tables; auto is LUT RAM up to 32 words where the device has "
                                "it; rom builds tables, bias and shift into the logic",
                                default="auto")
    prototype_storage: str = choice(("auto", "lutram", "bram", "rom"), "memory that holds the "
                                    "prototypes; rom builds them into the logic", default="auto")
    bram_register: bool = boolean("block RAM outputs pass a register: one more cycle of latency, "
                                  "free on ECP5, flip-flops on iCE40", default=True)
    convolution: str = choice(("im2col", "pixel"), "what is encoded: the window of every output, "
                              "or every pixel once", default="im2col")
    line_storage: str = choice(("auto", "lutram", "bram"), "memory of a convolution's line buffers",
                               default="auto")
    load_bits: int = integer(8, 1024, "width of the parameter port, in bits", default=8,
                             only=LOAD_BITS)
    double_buffered: bool = boolean("memories hold two images: the next one loads while rows "
                                    "pass", default=False)
    resident: bool = boolean("all parameters are built in: block RAM holds them from the start, "
                             "what would stand in LUT RAM or registers is logic, and nothing is "
                             "loaded", default=False)
    counter_bits: int = integer(12, 32, "width of the status counters, in bits", default=16)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.split_dims is not None:
            object.__setattr__(self, "split_dims", tuple(map(tuple, self.split_dims)))


@dataclasses.dataclass(frozen=True, kw_only=True)
class MACEngine(_Engine):
    """How a multiply-accumulate layer forms its products."""
    scheme: str = choice(SCHEMES, "weight code: any integer, powers of two, sums of two of them, "
                         "row by row fixed or sp2, or planes of bits", default="fixed")
    ratio: str | None = ratio("fixed to sp2 rows of a mixed layer; auto, or left out, gives "
                              "DSP blocks as many outputs as they serve")
    weight_bits: int = integer(1, 8, "bits of a weight, its sign among them", default=8)
    planes: str = choice(("twos", "pm1"), "what the planes of bitplane stand for: two's "
                         "complement, or digits of -1 and 1", default="twos")
    precisions: tuple[tuple[int, ...], ...] | None = rows(
        1, 8, "planes of weights and of activations that a row of bitplane may use: a row of two "
        "per precision; left out, all")
    weight_code: str = choice(("auto", "magnitude", "signed"), "how weights stand in memory for "
                              "products in logic: sign and magnitude, the sign left to the sums, "
                              "or two's complement; auto is signed on iCE40", default="auto")
    multiplier: str = choice(("dsp", "lut", "auto"), "what forms a product: DSP block or logic; "
                             "auto is DSP blocks first, then logic", default="auto")
    dsp_blocks: int | None = integer(1, 4096, "DSP blocks that form products, the rest of them in "
                                     "logic; left out, as many as the device has", default=None)
    products_per_dsp: int | None = integer(1, 9, "weights of as many outputs that share a DSP "
                                           "block; left out, as many as an operand of 18 bits "
                                           "holds (16 on iCE40)", default=None)
    product_register: str = choice(("auto", "yes", "no"), "products of DSP blocks pass a register "
                                   "outside, which halves their wires: one more cycle, a flip-flop "
                                   "per bit; auto is yes from 32 blocks on", default="auto")
    weight_storage: str = choice(("auto", "lutram", "bram"), "memory that holds the weights",
                                 default="auto")
    bram_register: bool = boolean("block RAM outputs pass a register: one more cycle of latency, "
                                  "free on ECP5, flip-flops on iCE40", default=True)
    line_storage: str = choice(("auto", "lutram", "bram"), "memory of a convolution's line buffers",
                               default="auto")
    load_bits: int = integer(8, 1024, "width of the parameter port, in bits", default=8,
                             only=LOAD_BITS)
    double_buffered: bool = boolean("memories hold two images: the next one loads while rows "
                                    "pass", default=False)
    resident: bool = boolean("all parameters are built in: block RAM holds them from the start, "
                             "what would stand in LUT RAM or registers is logic, and nothing is "
                             "loaded", default=False)
    counter_bits: int = integer(12, 32, "width of the status counters, in bits", default=16)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.precisions is not None:
            object.__setattr__(self, "precisions", tuple(map(tuple, self.precisions)))

    def to_mapping(self) -> dict[str, Any]:
        values = super().to_mapping()
        if self.scheme != "bitplane":
            del values["planes"]
        return values


@dataclasses.dataclass(frozen=True, kw_only=True)
class Requantize(_Table):
    """Round half up, shift right and clamp accumulators to activations.

    ``shift`` mode: y = clamp((acc + 2**(r-1)) >> r); ``scale`` mode multiplies by an unsigned
    16-bit m[n] first. `shift` fixes r at build time, which removes the barrel shifter; left out,
    r comes with the parameters.
    """
    TABLE = "precision.output"
    bits: int = integer(2, 8, "bits of a result")
    signed: bool = boolean("results are signed; unsigned results are a ReLU", default=False)
    mode: str = choice(("shift", "scale"), "power-of-two or multiplied scale", default="shift")
    shift: int | None = integer(0, 47, "right shift r fixed at build time", default=None)

    @property
    def range(self) -> Range:
        """Results after the clamp."""
        return signed_range(self.bits) if self.signed else unsigned_range(self.bits)


def _check_output(output: Any) -> None:
    if output is not None and not isinstance(output, Requantize):
        raise SpecTypeError(f'precision.output must be "{ACCUMULATOR}" or a table such as '
                            '{ bits = 8, signed = false, mode = "shift" }, '
                            f"but is {show(output)}.")


class _Precision(_Table):
    TABLE = "precision"
    activation_bits: int
    activation_signed: bool
    output: Requantize | None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_output(self.output)

    @classmethod
    def from_mapping(cls, mapping: Any, *, ignore: frozenset[str] = frozenset()) -> Any:
        instance = from_mapping(cls, cls.TABLE, mapping, ignore=ignore | {"output"})
        output = mapping.get("output", ACCUMULATOR)
        if isinstance(output, dict):
            output = Requantize.from_mapping(output)
        elif output == ACCUMULATOR:
            output = None
        return dataclasses.replace(instance, output=output)

    def to_mapping(self) -> dict[str, Any]:
        output = ACCUMULATOR if self.output is None else self.output.to_mapping()
        return {**to_mapping(self), "output": output}

    @property
    def activation_range(self) -> Range:
        """Inputs of the engine."""
        return (signed_range if self.activation_signed else unsigned_range)(self.activation_bits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PQPrecision(_Precision):
    """Bits of a product-quantized layer.

    `bias_bits` holds the bias plus the rounding constant of the shift; 0 leaves the bias adder
    out. `accumulator_bits` may ask for more than the bound, never for less.
    """
    activation_bits: int = integer(2, 8, "bits of an activation", default=8)
    activation_signed: bool = boolean("activations are two's complement", default=True)
    prototype_bits: int = integer(2, 8, "bits of a prototype element", default=8)
    table_bits: int = integer(2, 16, "bits of a table entry; above 8 only with wrap16", default=8)
    compatibility: str = choice(("none", "wrap16"), "wrap16 takes sums modulo 2^16, as some "
                                "published designs do, and allows 16-bit entries",
                                default="none")
    bias_bits: int | None = integer(0, 32, "bits of a bias", default=None)
    accumulator_bits: int | None = integer(2, 48, "bits of a sum", default=None)
    output: Requantize | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class MACPrecision(_Precision):
    """Bits of a multiply-accumulate layer; `bias_bits` and `accumulator_bits` as for PQ."""
    activation_bits: int = integer(1, 8, "bits of an activation; 1 only with bitplane", default=8)
    activation_signed: bool = boolean("activations are two's complement", default=True)
    bias_bits: int | None = integer(0, 32, "bits of a bias", default=None)
    accumulator_bits: int | None = integer(2, 48, "bits of a sum", default=None)
    output: Requantize | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class PQFolding(_Table):
    """How much of a product-quantized layer one cycle does.

    A knob above what the layer has is taken as all of it.
    """
    TABLE = "folding"
    subspaces_per_cycle: int = integer(1, 4096, "subspaces looked up side by side", default=1)
    encoders_per_cycle: int | None = integer(1, 4096, "sub-vectors encoded side by side; a divisor "
                                             "of subspaces_per_cycle", default=None)
    outputs_per_cycle: int = integer(1, 4096, "outputs looked up side by side", default=1)
    prototypes_per_cycle: int = integer(1, 64, "prototypes compared side by side", default=1)
    elements_per_cycle: int = integer(1, 64, "elements of a sub-vector compared side by side",
                                      default=1)
    results_per_cycle: int | None = integer(1, 4096, "results leaving side by side; a divisor of "
                                            "outputs_per_cycle", default=None)
    channels_per_cycle: int | None = integer(1, 4096, "channels of a pixel entering the window of "
                                             "a convolution side by side", default=None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MACFolding(_Table):
    """How much of a multiply-accumulate layer one cycle does."""
    TABLE = "folding"
    inputs_per_cycle: int = integer(1, 4096, "inputs multiplied side by side", default=1)
    outputs_per_cycle: int = integer(1, 4096, "outputs accumulated side by side", default=1)
    weight_planes_per_cycle: int | None = integer(1, 8, "planes of weights side by side, with "
                                                  "bitplane; left out, one", default=None)
    activation_planes_per_cycle: int | None = integer(1, 8, "planes of activations side by side, "
                                                      "with bitplane; left out, one", default=None)
    results_per_cycle: int | None = integer(1, 4096, "results leaving side by side; a divisor of "
                                            "outputs_per_cycle", default=None)
    channels_per_cycle: int | None = integer(1, 4096, "channels of a pixel entering the window of "
                                             "a convolution side by side", default=None)
    pixels_per_cycle: int | None = integer(1, 64, "pixels of a convolution's output computed side "
                                           "by side, with the same weights", default=None)


def output_schema() -> dict[str, Any]:
    """The JSON Schema of `precision.output`."""
    return {"description": "raw accumulators, or how they are requantised",
            "default": ACCUMULATOR, "oneOf": [{"const": ACCUMULATOR}, table_schema(Requantize)]}
