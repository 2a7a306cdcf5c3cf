"""Rules that span several tables of a spec, each one sentence naming field, rule and value."""

from typing import TYPE_CHECKING

from .conv import Conv2d
from .fields import SpecError
from .many import every, ratio_parts, smallest
from .plane_rules import check_planes
from .ranges import WRAPPED, ceil_div
from .weights import LARGEST_BITS, SMALLEST_BITS

if TYPE_CHECKING:
    from .engine import EngineSpec
    from .mac import MACSpec
    from .pq import PQSpec

DSP_PORT_BITS = 18
"""Bits of an operand without sign that the widest DSP block takes."""

__all__ = ["check_mixed", "check_pixels", "check_resident", "check_results", "check_sums",
           "check_tree", "check_vectors", "check_weights"]


def check_sums(spec: "EngineSpec") -> None:
    """The sums fit their accumulator, and the shift what it shifts."""
    asked = spec.precision.accumulator_bits
    if spec.wraps:
        _check_wrapped(spec, asked)
        return
    bound = spec.sum_range if spec.folds_bias else spec.sum_range + spec.bias_range
    needed = bound.bits
    if asked is not None and asked < needed:
        raise SpecError(f"precision.accumulator_bits must be at least {needed}, the bound of "
                        f"{spec.terms} terms and the bias, but is {asked}.")
    if spec.accumulator_bits > 48:
        raise SpecError(f"precision.bias_bits must leave accumulators of at most 48 bits, "
                        f"but {spec.bias_width} makes them {spec.accumulator_bits}.")
    if spec.output is None:
        return
    if spec.output.mode == "shift" and spec.bias_width == 0:
        raise SpecError("precision.bias_bits must be at least 1 with a shifted output, whose "
                        "rounding constant it holds, but is 0.")
    if spec.output.shift is not None and spec.output.shift > spec.max_shift:
        raise SpecError(f"precision.output.shift must be at most {spec.max_shift}, as the "
                        f"accumulators have {spec.accumulator_bits} bits, "
                        f"but is {spec.output.shift}.")
    if spec.output.mode == "shift" and (spec.output.shift or 0) >= spec.bias_width:
        raise SpecError(f"precision.output.shift must be at most {spec.bias_width - 1}, so "
                        f"that precision.bias_bits = {spec.bias_width} holds its rounding "
                        f"constant, but is {spec.output.shift}.")


def _check_wrapped(spec: "EngineSpec", accumulator_bits: int | None) -> None:
    if accumulator_bits not in (None, WRAPPED.bits):
        raise SpecError("precision.accumulator_bits must be 16 with precision.compatibility = "
                        f'"wrap16", but is {accumulator_bits}.')
    if spec.bias_width > WRAPPED.bits:
        raise SpecError("precision.bias_bits must be at most 16 with precision.compatibility "
                        f'= "wrap16", but is {spec.bias_width}.')
    if spec.output is not None and (spec.output.shift or 0) > spec.max_shift:
        raise SpecError(f"precision.output.shift must be at most {spec.max_shift} with "
                        f'precision.compatibility = "wrap16", but is {spec.output.shift}.')


def check_resident(spec: "EngineSpec") -> None:
    """What is built in is not loaded in copies, nor chosen among."""
    if not spec.engine.resident:
        return
    if spec.engine.double_buffered:
        raise SpecError("engine.double_buffered must be left out with engine.resident, as nothing "
                        "is loaded, but is true.")
    if getattr(spec.engine, "scheme", "") == "bitplane":
        raise SpecError('engine.resident must be left out with engine.scheme = "bitplane", '
                        "but is true.")


def check_results(spec: "EngineSpec") -> None:
    """The results leave as fast as they come."""
    asked = spec.folding.results_per_cycle
    if asked is None:
        return
    if spec.outputs % min(asked, spec.outputs):
        raise SpecError(f"folding.results_per_cycle must divide the {spec.outputs} outputs "
                        f"per cycle, but is {asked}.")
    if ceil_div(spec.columns, asked) > spec.tile_interval:
        raise SpecError(f"folding.results_per_cycle must be at least "
                        f"{ceil_div(spec.columns, spec.tile_interval)} to keep up with "
                        f"{spec.columns} results every {spec.tile_interval} cycles, "
                        f"but is {asked}.")


def check_vectors(spec: "PQSpec") -> None:
    """Sub-vectors, tables and folding of a PQ engine agree."""
    if spec.engine.subvector_length > spec.vector_inputs:
        what = "layer.in_features"
        if isinstance(spec.layer, Conv2d):
            what = ("the channels of a group" if spec.encodes_pixels
                    else "the inputs of an output")
        raise SpecError(f"engine.subvector_length must be at most {what} = "
                        f"{spec.vector_inputs}, but is {spec.engine.subvector_length}.")
    if spec.output is not None and spec.output.mode == "scale":
        raise SpecError('precision.output.mode must be "shift" for kind = "pq", whose table '
                        'scale makes a shift enough, but is "scale".')
    if spec.subspace_lanes % spec.encoder_lanes and not spec.encodes_pixels:
        raise SpecError(f"folding.encoders_per_cycle must divide the {spec.subspace_lanes} "
                        f"subspaces per cycle, but is {spec.folding.encoders_per_cycle}.")
    if spec.precision.table_bits > 8 and not spec.wraps:
        raise SpecError("precision.table_bits must be an integer from 2 to 8 unless "
                        'precision.compatibility is "wrap16", '
                        f"but is {spec.precision.table_bits}.")
    if (isinstance(spec.layer, Conv2d) and spec.encodes_pixels and spec.folds_bias
            and spec.layer.inner_tap is None):
        raise SpecError('engine.table_storage must not be "rom" for encoded pixels of which no '
                        "tap always lies inside the image, as one must hold the bias, "
                        'but is "rom".')


def check_tree(spec: "PQSpec") -> None:
    """Prototypes and split dimensions are those of a tree where there is one."""
    count, dims = spec.engine.prototypes, spec.engine.split_dims
    if spec.engine.encoder != "tree":
        if dims is not None:
            raise SpecError('engine.split_dims must be left out unless engine.encoder is '
                            f'"tree", but is given with "{spec.engine.encoder}".')
        return
    if count & (count - 1):
        raise SpecError('engine.prototypes must be a power of two with engine.encoder = '
                        f'"tree", but is {count}.')
    if dims is None:
        return
    depth, length = count.bit_length() - 1, spec.engine.subvector_length
    sets = 1 if spec.engine.shared_prototypes else spec.encoded_vectors
    if len(dims) not in (1, sets) or len(dims[0]) != depth:
        wanted = "1 row" if sets == 1 else f"1 row or {sets} rows"
        raise SpecError(f"engine.split_dims must have {wanted} of log2 K = {depth} integers, "
                        f"but has {len(dims)} of {len(dims[0])}.")
    for row, entries in enumerate(dims):
        if max(entries) >= length:
            raise SpecError(f"engine.split_dims must be below engine.subvector_length = "
                            f"{length}, but split_dims[{row}] holds {max(entries)}.")


def check_weights(spec: "MACSpec") -> None:
    """A weight has bits that its scheme can use."""
    scheme, bits = spec.engine.scheme, spec.engine.weight_bits
    least, most = SMALLEST_BITS[scheme], LARGEST_BITS[scheme]
    if not least <= bits <= most:
        raise SpecError(f"engine.weight_bits must be an integer from {least} to {most} with "
                        f'engine.scheme = "{scheme}", but is {bits}.')
    check_planes(spec)
    asked, integers = spec.engine.products_per_dsp or 1, scheme in ("fixed", "mixed")
    if asked > 1 and (not integers or spec.engine.multiplier == "lut"):
        raise SpecError("engine.products_per_dsp must be left out unless DSP blocks multiply, "
                        f"but is {asked}.")
    if asked > spec.most_per_dsp(DSP_PORT_BITS):
        raise SpecError("engine.products_per_dsp must be at most "
                        f"{spec.most_per_dsp(DSP_PORT_BITS)} "
                        f"for products of {spec.field_bits} bits, but is {asked}.")
    if spec.engine.dsp_blocks is not None and (not integers or spec.engine.multiplier != "auto"):
        raise SpecError('engine.dsp_blocks must be left out unless engine.multiplier is "auto" and '
                        f"weights are integers, but is {spec.engine.dsp_blocks}.")
    if scheme != "fixed" and spec.engine.weight_code == "signed":
        raise SpecError('engine.weight_code must be "magnitude" or "auto" with engine.scheme = '
                        f'"{scheme}", but is "signed".')
    if not integers and spec.engine.multiplier == "dsp":
        why = "which counts bits" if scheme == "bitplane" else "whose products are shifts"
        raise SpecError('engine.multiplier must be "lut" or "auto" with engine.scheme = '
                        f'"{scheme}", {why}, but is "dsp".')


def check_pixels(spec: "MACSpec") -> None:
    """Pixels side by side divide an image's, and are gathered while the rows before are computed.
    """
    pixels, layer = spec.pixels, spec.layer
    if every(pixels == 1):
        return
    if not isinstance(layer, Conv2d) or layer.sets > 1:
        raise SpecError("folding.pixels_per_cycle must be left out unless the layer is a "
                        f"convolution without groups, but is {pixels}.")
    if spec.engine.scheme == "bitplane":
        raise SpecError('folding.pixels_per_cycle must be left out with engine.scheme = "bitplane"'
                        f", but is {pixels}.")
    if layer.units_out % pixels:
        raise SpecError(f"folding.pixels_per_cycle must divide the {layer.units_out} pixels of "
                        f"the output, but is {pixels}.")
    most = smallest(spec.tiles, spec.groups)
    if pixels > most:
        raise SpecError(f"folding.pixels_per_cycle must be at most {most}, the fewer of tiles and "
                        f"groups, as windows come one at a time, but is {pixels}.")


def check_mixed(spec: "MACSpec") -> None:
    """A layer of two schemes has lanes for both, and transfers of results of one each."""
    ratio = spec.engine.ratio or "auto"
    if spec.engine.scheme != "mixed":
        if spec.engine.ratio is not None:
            raise SpecError('engine.ratio must be left out unless engine.scheme is "mixed", '
                            f'but is "{ratio}".')
        return
    if (spec.tile_interval < 2) | (spec.outputs < 2):
        raise SpecError('folding must leave at least 2 groups of inputs and 2 outputs per cycle '
                        'with engine.scheme = "mixed", whose rows are put back into their order, '
                        f"but leaves {spec.tile_interval} and {spec.outputs}.")
    if ratio != "auto":
        fixed, other = ratio_parts(ratio)
        if spec.outputs * fixed % (fixed + other):
            raise SpecError(f"engine.ratio must split the {spec.outputs} outputs per cycle into "
                            f'whole ones, but is "{ratio}".')
    if spec.fixed_outputs % spec.lanes_out:
        raise SpecError(f"engine.ratio must give integer weights to a multiple of the "
                        f"{spec.lanes_out} results per cycle, but gives them to "
                        f"{spec.fixed_outputs} of {spec.outputs} outputs.")
    if ceil_div(spec.columns, spec.lanes_out) > spec.tile_interval:
        raise SpecError(f"engine.ratio must let {ceil_div(spec.columns, spec.tile_interval)} or "
                        "more results leave at once, all of one scheme, but is "
                        f'"{ratio}".')
