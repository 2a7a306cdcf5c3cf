"""A chain of engines joined by streams, and the single spec as a chain of one."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from .conv import Conv2d
from .design import Design
from .engine import EngineSpec
from .fields import SpecError, SpecTypeError, show
from .gearbox import GearboxSpec
from .mac import MACSpec
from .ports import RowPort
from .pq import PQSpec

__all__ = ["ChainSpec", "GearboxSpec", "engine_spec"]

KINDS: dict[str, type[EngineSpec]] = {"pq": PQSpec, "mac": MACSpec}


def engine_spec(mapping: Mapping[str, Any]) -> EngineSpec:
    """One engine's spec from a parsed file, its kind chosen by `engine.kind`."""
    for table in mapping:
        if table not in ("layer", "engine", "precision", "folding"):
            raise SpecError(f"[{table}] is not a table of a spec; "
                            "known are layer, engine, precision, folding.")
    engine = mapping.get("engine")
    if not isinstance(engine, Mapping):
        raise SpecError('engine.kind must be one of "pq", "mac", but [engine] is missing.')
    if "kind" not in engine:
        raise SpecError('engine.kind must be one of "pq", "mac", but [engine] does not give it.')
    kind = engine["kind"]
    if not isinstance(kind, str):
        raise SpecTypeError(f'engine.kind must be one of "pq", "mac", but is {show(kind)}.')
    if kind not in KINDS:
        raise SpecError(f'engine.kind must be one of "pq", "mac", but is {show(kind)}.')
    return KINDS[kind].from_mapping(mapping)


@dataclasses.dataclass(frozen=True)
class ChainSpec(Design):
    """Engines in a row, each fed with the results of the one before; one image loads them all.

    Raises
    ------
    SpecError
        If a stage's results do not fit the next stage's inputs.
    """
    stages: tuple[EngineSpec, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.stages) <= 64:
            raise SpecError(f"stage must be given 1 to 64 times, but is given {len(self.stages)}.")
        for index, (before, after) in enumerate(zip(self.stages, self.stages[1:]), start=1):
            if (isinstance(before.layer, Conv2d) and isinstance(after.layer, Conv2d)
                    and before.layer.output_shape != after.layer.input_shape):
                results, inputs = (" by ".join(map(str, shape)) for shape in (
                    before.layer.output_shape, after.layer.input_shape))
                raise SpecError(f"stage[{index}].layer must take images of {results}, the results "
                                f"of the stage before, but takes {inputs}.")
            if before.layer.out_features != after.layer.in_features:
                raise SpecError(f"stage[{index}].layer.in_features must be "
                                f"{before.layer.out_features}, the outputs of the stage before, "
                                f"but is {after.layer.in_features}.")
            if before.output is None:
                raise SpecError(f"stage[{index - 1}].precision.output must be requantised for the "
                                'next stage, but is "accumulator".')
            wanted = (before.output.bits, before.output.signed)
            given = (after.precision.activation_bits, after.precision.activation_signed)
            if wanted != given:
                raise SpecError(f"stage[{index}].precision must take {_describe(*wanted)} "
                                f"activations, the results of the stage before, but takes "
                                f"{_describe(*given)} ones.")
        widths = {spec.engine.load_bits for spec in self.stages}
        if len(widths) > 1:
            raise SpecError("engine.load_bits must be equal in all stages, but is "
                            f"{', '.join(map(str, sorted(widths)))}.")
        counts = {spec.precision_count for spec in self.stages} - {1}
        if len(counts) > 1:
            raise SpecError("engine.precisions must have as many rows in all stages that have "
                            f"several, but has {', '.join(map(str, sorted(counts)))}.")
        if len({spec.engine.double_buffered for spec in self.stages}) > 1:
            raise SpecError("engine.double_buffered must be equal in all stages, but is true in "
                            "some and false in others.")

    @property
    def first(self) -> EngineSpec:
        """The stage that rows enter."""
        return self.stages[0]

    @property
    def last(self) -> EngineSpec:
        """The stage that results leave."""
        return self.stages[-1]

    @property
    def input(self) -> RowPort:
        return self.first.input

    @property
    def results(self) -> RowPort:
        return self.last.results

    @property
    def gearboxes(self) -> tuple[GearboxSpec, ...]:
        """What stands between the stages."""
        return tuple(GearboxSpec(before.layer.row_outputs, before.lanes_out, after.lanes_in,
                                 after.layer.unit_inputs, after.transfer_cycles)
                     for before, after in zip(self.stages, self.stages[1:]))

    def cycles_at(self, precision: int) -> int:
        between = (gearbox.cycles_per_row * after.layer.units_in
                   for gearbox, after in zip(self.gearboxes, self.stages[1:]))
        own = (spec.cycles_at(min(precision, spec.precision_count - 1)) for spec in self.stages)
        return max(*own, *between, 1)

    @property
    def latency(self) -> int | None:
        return self.first.latency if len(self.stages) == 1 else None

    def with_stages(self, stages: Sequence[EngineSpec]) -> "ChainSpec":
        return ChainSpec(tuple(stages))

    def to_mapping(self) -> dict[str, Any]:
        if len(self.stages) == 1:
            return self.first.to_mapping()
        return {"stage": [spec.to_mapping() for spec in self.stages]}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> "ChainSpec":
        """Build from a parsed file: either one spec, or a `stage` array of specs."""
        if "stage" not in mapping:
            return cls((engine_spec(mapping),))
        if not isinstance(mapping["stage"], list):
            raise SpecTypeError("stage must be an array of tables, each with layer, engine, "
                                f"precision and folding, but is {show(mapping['stage'])}.")
        if len(mapping) > 1:
            other = next(name for name in mapping if name != "stage")
            raise SpecError(f"[{other}] must stand inside a stage, as the file has stages.")
        stages = []
        for index, stage in enumerate(mapping["stage"]):
            if not isinstance(stage, Mapping):
                raise SpecTypeError(f"stage[{index}] must be a table with layer, engine, "
                                    f"precision and folding, but is {show(stage)}.")
            try:
                stages.append(engine_spec(stage))
            except SpecError as error:
                raise type(error)(f"stage[{index}].{error}") from None
        return cls(tuple(stages))


def _describe(bits: int, signed: bool) -> str:
    return f"{'signed' if signed else 'unsigned'} {bits}-bit"
