"""Rules that span several tables of a spec, each one sentence naming field, rule and value."""

from typing import TYPE_CHECKING

from .fields import SpecError
from .ranges import WRAPPED, ceil_div

if TYPE_CHECKING:
    from .engine import EngineSpec

__all__ = ["check_results", "check_sums"]


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


def check_results(spec: "EngineSpec") -> None:
    """The results leave as fast as they come."""
    asked = spec.folding.results_per_cycle
    if asked is None:
        return
    if spec.outputs % min(asked, spec.outputs):
        raise SpecError(f"folding.results_per_cycle must divide the {spec.outputs} outputs "
                        f"per cycle, but is {asked}.")
    if ceil_div(spec.outputs, asked) > spec.tile_interval:
        raise SpecError(f"folding.results_per_cycle must be at least "
                        f"{ceil_div(spec.outputs, spec.tile_interval)} to keep up with "
                        f"{spec.outputs} results every {spec.tile_interval} cycles, "
                        f"but is {asked}.")
