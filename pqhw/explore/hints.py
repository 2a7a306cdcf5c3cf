"""One line each on what looks wrong in a design, found in its spec alone."""

from collections.abc import Iterator, Mapping

from ..spec import ChainSpec, EngineSpec, MACSpec, PQSpec
from ..spec.ranges import ceil_div
from .area import encoding_cycles

__all__ = ["FULL", "UNBALANCED", "hints"]

FULL = 0.85
"""Share of a device above which routing becomes slow or fails."""

RESOURCES = {"lut4": "LUT4", "ff": "flip-flops", "bram": "block RAMs", "dsp": "DSP blocks"}

UNBALANCED = 2.0
"""How many times as long one half may take as the other before it is said."""


def hints(chain: ChainSpec, shares: Mapping[str, float]) -> Iterator[str]:
    """What to look at, most important first."""
    for resource, share in shares.items():
        name = RESOURCES[resource]
        if share > 1:
            yield f"the design does not fit: it takes {_percent(share)} of the device's {name}."
        elif share > FULL:
            yield (f"{_percent(share)} of the device's {name} are used: above {100 * FULL:.0f} % "
                   "routing becomes slow, or fails.")
    for index, spec in enumerate(chain.stages):
        where = f"stage {index}: " if len(chain.stages) > 1 else ""
        for hint in _engine(spec):
            yield where + hint
    yield from _stages(chain)


def _percent(share: float) -> str:
    return "more than all" if share == float("inf") else f"{100 * share:.0f} %"


def _engine(spec: EngineSpec) -> Iterator[str]:
    if _is_unfolded(spec):
        yield ("every folding is 1, the slowest design: raise [folding] until the rate or the "
               "area is what you want.")
        return
    if isinstance(spec, PQSpec):
        yield from _balance(spec)


def _is_unfolded(spec: EngineSpec) -> bool:
    """Whether nothing is done side by side, though there is something to do."""
    if isinstance(spec, MACSpec):
        return spec.multipliers == 1 and spec.groups * spec.tiles > 1
    knobs = (spec.folding.subspaces_per_cycle, spec.folding.outputs_per_cycle,
             spec.folding.prototypes_per_cycle, spec.folding.elements_per_cycle)
    return max(knobs) == 1


def _balance(spec: PQSpec) -> Iterator[str]:
    """The slower half decides; what the other half does faster is area for nothing."""
    rows = spec.layer.units_out
    encode, look_up = encoding_cycles(spec), spec.tiles * spec.groups * rows
    rates = f"the encoder takes {encode} cycles per row and the lookup {look_up}"
    if encode > UNBALANCED * look_up:
        yield (f"{rates}: raise prototypes_per_cycle or elements_per_cycle, or lower "
               f"outputs_per_cycle to {ceil_div(spec.layer.out_features * spec.groups, encode)}.")
    elif look_up > UNBALANCED * encode:
        yield (f"{rates}: raise outputs_per_cycle, or lower prototypes_per_cycle, "
               "elements_per_cycle or encoders_per_cycle.")


def _stages(chain: ChainSpec) -> Iterator[str]:
    if len(chain.stages) == 1:
        return
    cycles = [spec.cycles_per_row for spec in chain.stages]
    slowest = max(cycles)
    idle = [index for index, own in enumerate(cycles) if UNBALANCED * own < slowest]
    if idle:
        names = ", ".join(map(str, idle))
        yield (f"stage {cycles.index(slowest)} takes {slowest} cycles per row and holds up stage "
               f"{names}, which could be folded more.")
    for index, box in enumerate(chain.gearboxes):
        taken = box.cycles_per_row * chain.stages[index + 1].layer.units_in
        if taken > slowest:
            yield (f"the gearbox behind stage {index} takes {taken} cycles per row, "
                   f"more than any stage: choose results_per_cycle and the next stage's lanes so "
                   "that one divides the other.")
