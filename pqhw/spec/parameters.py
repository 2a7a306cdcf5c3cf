"""Parameters of an engine as plain integers, checked against its spec at the door."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from .arrays import array_of, first_true, integers, scalar
from .bitplane import BitplaneSpec
from .design import Design
from .conv import Conv2d
from .engine import EngineSpec
from .fields import SpecError
from .levels import check_levels, row_schemes
from .mac import MACSpec
from .pq import PQSpec
from .ranges import Range, unsigned_range
from .tree import TreeSpec
from .widths import MULTIPLIER_BITS

__all__ = ["BitplaneParameters", "PQParameters", "TreeParameters", "MACParameters",
           "LookupParameters", "Parameters", "check_parameters", "check_precisions", "check_rows",
           "rounding_constant"]


@dataclasses.dataclass(frozen=True, eq=False)
class PQParameters:
    """Integers of a product-quantized layer.

    Members
    -------
    prototypes: [S, K, V], or [1, K, V] where they are shared; S counts the sub-vectors of all
        groups of a convolution
    tables: [S, K, N], or [Fh, Fw, S, K, N] for encoded pixels; S counts the sub-vectors of one
        group, that of output n
    bias: [N]
    shift: right shift of the requantiser; 0 for raw accumulators
    """
    prototypes: np.ndarray
    tables: np.ndarray
    bias: np.ndarray
    shift: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class TreeParameters:
    """Integers of a product-quantized layer that is encoded by trees.

    Members
    -------
    split_dims: [S, log2 K], or [1, log2 K] where trees are shared: the element a level compares
    thresholds: [S, K - 1], or [1, K - 1]; node j of level t at 2**t - 1 + j
    tables: [S, K, N]
    bias: [N]
    shift: right shift of the requantiser; 0 for raw accumulators
    """
    split_dims: np.ndarray
    thresholds: np.ndarray
    tables: np.ndarray
    bias: np.ndarray
    shift: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class MACParameters:
    """Integers of a multiply-accumulate layer.

    Members
    -------
    weights: [N, D], or [N, Fh, Fw, C] with the channels of a group
    bias: [N]
    multiplier: [N], unsigned 16-bit; ones where the output has no scale
    shift: right shift of the requantiser; 0 for raw accumulators
    scheme: [N], the number of each row's weight code in `SCHEMES_OF_MIXED`; None but for `mixed`
    """
    weights: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: int = 0
    scheme: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class BitplaneParameters:
    """Integers of a multiply-accumulate layer whose rows choose among P precisions.

    Members
    -------
    weights: [N, D], or [N, Fh, Fw, C] with the channels of a group
    bias: [P, N]
    multiplier: [P, N], unsigned 16-bit; ones where the output has no scale
    shift: [P], right shift of the requantiser; zeros for raw accumulators
    """
    weights: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray
    shift: np.ndarray


LookupParameters = PQParameters | TreeParameters
"""Parameters with tables."""

Parameters = LookupParameters | MACParameters | BitplaneParameters


def _shifts(spec: BitplaneSpec, values: Mapping[str, Any]) -> np.ndarray:
    """A shift for every precision, given one by one or as one for all."""
    given = integers("shift", values.get("shift", np.zeros(0, np.int64)))
    count = spec.precision_count
    if given.size <= 1:
        return np.full(count, _shift(spec, values), np.int64)
    if given.shape != (count,):
        raise SpecError(f"shift must be one integer or have shape [P] = [{count}], "
                        f"but has {list(given.shape)}.")
    return np.array([_shift(spec, {"shift": one}) for one in given], np.int64)


def _shift(spec: EngineSpec, values: Mapping[str, Any]) -> int:
    if spec.output is None:
        if "shift" in values and scalar("shift", values["shift"], 63, "a right shift"):
            raise SpecError('shift must be absent or 0 with precision.output = "accumulator", '
                            f"but is {int(np.asarray(values['shift']).reshape(()))}.")
        return 0
    if spec.output.shift is not None:
        built = spec.output.shift
        given = scalar("shift", values.get("shift", built), 63, "a right shift")
        if given != built:
            raise SpecError(f"shift must be {built}, the precision.output.shift built into the "
                            f"engine, but is {given}.")
        return built
    if "shift" not in values:
        raise SpecError("shift is required, as precision.output does not fix it, "
                        "but the parameters do not give it.")
    return scalar("shift", values["shift"], spec.max_shift,
                  f"accumulators of {spec.accumulator_bits} bits")


def _by_precision(spec: BitplaneSpec, name: str, value: Any) -> np.ndarray:
    """An array [P, N]; with one precision it may be given as [N]."""
    shape = (spec.precision_count, spec.layer.out_channels)
    array = integers(name, value)
    if spec.precision_count == 1 and array.shape == shape[1:]:
        array = array[None]
    if array.shape != shape:
        raise SpecError(f"{name} must have shape [P, N] = {list(shape)}, "
                        f"but has {list(array.shape)}.")
    return array


def _bitplane(spec: BitplaneSpec, values: Mapping[str, Any]) -> BitplaneParameters:
    scaled = spec.output is not None and spec.output.mode == "scale"
    weights = _weights(spec, values, scaled)
    check_levels(spec, weights)
    shifts = _shifts(spec, values)
    multiplier = np.ones((spec.precision_count, spec.layer.out_channels), np.int64)
    if scaled:
        multiplier = _by_precision(spec, "multiplier", values["multiplier"])
    bias = _by_precision(spec, "bias", values.get("bias", np.zeros_like(multiplier)))
    rows = []
    for index, (own, shift) in enumerate(zip(bias, shifts.tolist())):
        try:
            rows.append(_bias(spec, {"bias": own}, shift))
            _multiplier(spec, {"multiplier": multiplier[index]} if scaled else values, scaled)
        except SpecError as error:
            where = f" (precision {index})." if spec.precision_count > 1 else "."
            raise type(error)(str(error).removesuffix(".") + where) from None
    return BitplaneParameters(weights, np.stack(rows), multiplier, shifts)


def _bias(spec: EngineSpec, values: Mapping[str, Any], shift: int) -> np.ndarray:
    outputs = spec.layer.out_channels
    bias = integers("bias", values.get("bias", np.zeros(outputs, np.int64)))
    rounding = rounding_constant(spec, shift)
    allowed = Range(spec.bias_range.low - rounding, spec.bias_range.high - rounding)
    why = (f"precision.bias_bits = {spec.bias_width}"
           + (f", which also holds the rounding constant {rounding}" if rounding else ""))
    if rounding > spec.bias_range.high:
        raise SpecError(f"shift must leave room for its rounding constant in "
                        f"precision.bias_bits = {spec.bias_width}, but is {shift}.")
    return array_of("bias", bias, [("[N]", (outputs,))], allowed, why)


def rounding_constant(spec: EngineSpec, shift: int) -> int:
    """What the stored bias adds so that a plain right shift rounds half up.

    Nothing where sums wrap, as the constant must not.
    """
    if spec.wraps or spec.output is None or spec.output.mode != "shift" or shift == 0:
        return 0
    return 1 << (shift - 1)


def _known(values: Mapping[str, Any], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    for name in required:
        if name not in values:
            raise SpecError(f"{name} is required, but the parameters hold "
                            f"{', '.join(sorted(values)) or 'nothing'}.")
    for name in values:
        if name not in required + optional:
            raise SpecError(f"{name} is not a parameter of this engine; "
                            f"known are {', '.join(required + optional)}.")


def _letter(spec: PQSpec) -> str:
    """The first axis of what the encoder stores."""
    return "1" if spec.engine.shared_prototypes else "G" if spec.encodes_pixels else "S"


def _prototypes(spec: PQSpec, values: Mapping[str, Any]) -> PQParameters:
    _known(values, ("prototypes", "tables"), ("bias", "shift"))
    prototypes = array_of("prototypes", values["prototypes"],
                          [(f"[{_letter(spec)}, K, V]", spec.prototype_shape)],
                          spec.encoder.prototype_range,
                          f"precision.prototype_bits = {spec.precision.prototype_bits}")
    tables = _tables(spec, values["tables"])
    shift = _shift(spec, values)
    return PQParameters(prototypes, tables, _bias(spec, values, shift), shift)


def _tree(spec: PQSpec, tree: TreeSpec, values: Mapping[str, Any]) -> TreeParameters:
    if tree.fixed_dims:
        _known(values, ("thresholds", "tables"), ("split_dims", "bias", "shift"))
    else:
        _known(values, ("split_dims", "thresholds", "tables"), ("bias", "shift"))
    letter, sets = _letter(spec), spec.prototype_shape[0]
    thresholds = array_of("thresholds", values["thresholds"],
                          [(f"[{letter}, K - 1]", (sets, spec.engine.prototypes - 1))],
                          spec.encoder.prototype_range,
                          f"precision.prototype_bits = {spec.precision.prototype_bits}")
    shape = (sets, tree.depth)
    built = None if tree.fixed_dims is None else np.broadcast_to(
        np.array(tree.fixed_dims, np.int64), shape)
    dims = array_of("split_dims", values.get("split_dims", built),
                    [(f"[{letter}, log2 K]", shape)], Range(0, spec.engine.subvector_length - 1),
                    f"engine.subvector_length = {spec.engine.subvector_length}")
    if built is not None and (dims != built).any():
        where = first_true(dims != built)
        at = tuple(np.argwhere(dims != built)[0])
        raise SpecError(f"split_dims must equal engine.split_dims, which is built into the engine, "
                        f"but split_dims{where} is {dims[at]} instead of {built[at]}.")
    tables = _tables(spec, values["tables"])
    shift = _shift(spec, values)
    return TreeParameters(dims, thresholds, tables, _bias(spec, values, shift), shift)


def check_parameters(spec: EngineSpec, values: Mapping[str, Any]) -> Parameters:
    """Plain arrays by name as checked parameters.

    Raises
    ------
    SpecError
        One sentence naming the array, the rule and the first value that breaks it.
    """
    if isinstance(spec, PQSpec):
        if isinstance(spec.encoder, TreeSpec):
            return _tree(spec, spec.encoder, values)
        return _prototypes(spec, values)
    assert isinstance(spec, MACSpec)
    values = {name: value for name, value in values.items() if value is not None}
    if isinstance(spec, BitplaneSpec):
        return _bitplane(spec, values)
    scaled = spec.output is not None and spec.output.mode == "scale"
    weights = _weights(spec, values, scaled)
    scheme = row_schemes(spec, values["scheme"]) if "scheme" in values else None
    check_levels(spec, weights, scheme)
    shift = _shift(spec, values)
    multiplier = _multiplier(spec, values, scaled)
    return MACParameters(weights, _bias(spec, values, shift), multiplier, shift, scheme)


def _weights(spec: MACSpec, values: Mapping[str, Any], scaled: bool) -> np.ndarray:
    """The weights, within the range of their levels."""
    needed = ["weights"] + ["scheme"] * (spec.engine.scheme == "mixed") + ["multiplier"] * scaled
    _known(values, tuple(needed), ("bias", "shift") if scaled else ("bias", "multiplier", "shift"))
    label = "[N, Fh, Fw, C / groups]" if isinstance(spec.layer, Conv2d) else "[N, D]"
    return array_of("weights", values["weights"], [(label, spec.weight_shape)],
                    spec.weight_range, f"engine.weight_bits = {spec.engine.weight_bits}, "
                    f"{_described(spec)}")


def _described(spec: MACSpec) -> str:
    """The range of weights in words."""
    if isinstance(spec, BitplaneSpec) and not spec.two_valued:
        return "two's complement"
    return "symmetric around zero"


def _multiplier(spec: MACSpec, values: Mapping[str, Any], scaled: bool) -> np.ndarray:
    outputs = spec.layer.out_channels
    if scaled:
        return array_of("multiplier", values["multiplier"], [("[N]", (outputs,))],
                        unsigned_range(MULTIPLIER_BITS), "unsigned 16-bit")
    if "multiplier" in values:
        raise SpecError('multiplier must be absent unless precision.output.mode is "scale", '
                        "but the parameters give it.")
    return np.ones(outputs, np.int64)


def check_precisions(spec: Design, precisions: Any, rows: int) -> np.ndarray:
    """The precision [R] of every row, 0 where none is given."""
    if precisions is None:
        return np.zeros(rows, np.int64)
    return array_of("precision", precisions, [("[rows]", (rows,))],
                    Range(0, spec.precision_count - 1),
                    "precisions are numbered as in engine.precisions")


def _tables(spec: PQSpec, given: Any) -> np.ndarray:
    """Tables by the sub-vectors of an output's own group, given so or by those of all groups."""
    label, shape = ("[Fh, Fw, G, K, N]" if spec.encodes_pixels else "[S, K, N]"), spec.table_shape
    whole = (*shape[:-3], spec.encoded_vectors, *shape[-2:])
    shapes = [(label, whole)]
    if spec.sets > 1:
        shapes.append((label.replace(", K", " of a group, K"), shape))
    tables = array_of("tables", given, shapes, spec.term_range,
                      f"precision.table_bits = {spec.precision.table_bits}")
    if tables.shape == shape:
        return tables
    own, outputs = spec.encoder_subspaces, spec.layer.row_outputs
    parts = [tables[..., index * own:(index + 1) * own, :, index * outputs:(index + 1) * outputs]
             for index in range(spec.sets)]
    return np.concatenate(parts, axis=-1)


def check_rows(spec: Design, rows: Any) -> np.ndarray:
    """Input rows [R, D], or images [R, H, W, C], within the activations' range."""
    given = spec.input
    array = integers("input", rows)
    if given.is_image:
        if array.shape[1:] != given.shape:
            raise SpecError(f"input must have shape [images, H, W, C] with [H, W, C] = "
                            f"{list(given.shape)}, but has {list(array.shape)}.")
    elif array.ndim != 2 or array.shape[1] != given.features:
        raise SpecError(f"input must have shape [rows, D] with D = {given.features}, "
                        f"but has {list(array.shape)}.")
    if not len(array):
        raise SpecError("input must hold at least one row, but holds none.")
    kind = "signed" if given.range.signed else "unsigned"
    return array_of("input", array, [("", array.shape)], given.range,
                    f"{kind} {given.range.bits}-bit activations")
