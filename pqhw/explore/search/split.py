"""A layer split over two engines: the first outputs by one choice, the others by another.

Both engines take the same activations, and their results are put side by side: a network of two
layers and a concatenation, which is built as a dataflow design like any other.
"""

import dataclasses
import fnmatch
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...flow.results import Area
from ...spec import ChainSpec, Conv2d, EngineSpec, SpecError
from ...spec.chain import engine_spec
from ...spec.dataflow import DataflowSpec, Setting
from ...spec.devices import Device
from ...spec.fields import SpecTypeError, hint, show
from ...spec.network import INPUT, Concat, Engine, NetworkInput, NetworkNode, NetworkSpec
from ..area.nodes import other_cells
from ..estimate import estimate
from ..options import BORDER
from .costs import OperatorCost
from .pareto import nondominated

__all__ = ["Split", "part_of", "split_costs", "split_design", "splits_of"]

FIRST, SECOND, JOINED = "first", "second", "joined"
"""Nodes of a split layer."""

FIELDS = (FIRST, SECOND, "outputs", "layers")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Split:
    """Two choices that share a layer.

    Members
    -------
    first, second: names of choices
    outputs: numbers of outputs that the first may have
    layers: patterns of the names of layers that it is for
    """
    first: str
    second: str
    outputs: tuple[int, ...]
    layers: tuple[str, ...] = ("*",)

    def suits(self, layer: str) -> bool:
        """Whether it is for a layer."""
        return any(fnmatch.fnmatchcase(layer, pattern) for pattern in self.layers)


def splits_of(tables: Any, choices: Collection[str]) -> Iterator[Split]:
    """The splits of a search's file.

    Raises
    ------
    SpecError
        One sentence that names the table, the rule and the value.
    """
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise SpecTypeError(f"split must be tables of their own, [[split]], but is {show(tables)}.")
    for index, table in enumerate(tables):
        where = f"split[{index}]"
        for field in table:
            if field not in FIELDS:
                raise SpecError(f"{where}.{field} is not a field of a split; "
                                f"{hint(field, FIELDS)}")
        for field in (FIRST, SECOND):
            if table.get(field) not in choices:
                raise SpecError(f"{where}.{field} must be the name of a choice, of "
                                f"{', '.join(choices)}, but is {show(table.get(field))}.")
        outputs = table.get("outputs")
        if not isinstance(outputs, list) or not outputs or not all(
                type(own) is int and own > 0 for own in outputs):
            raise SpecTypeError(f"{where}.outputs must be a list of integers from 1 on, "
                                f"but is {show(outputs)}.")
        layers = table.get("layers", ["*"])
        if not isinstance(layers, list) or not all(isinstance(own, str) for own in layers):
            raise SpecTypeError(f"{where}.layers must be a list of patterns, "
                                f"but is {show(layers)}.")
        yield Split(first=table[FIRST], second=table[SECOND], outputs=tuple(outputs),
                    layers=tuple(layers))


def part_of(mapping: Mapping[str, Any], outputs: int) -> dict[str, Any]:
    """The tables of a layer's file with so many outputs.

    Raises
    ------
    SpecError
        Where results are raw accumulators, of which each engine has its own range, or the layer
        has groups.
    """
    layer = dict(mapping["layer"])
    if layer.get("groups", 1) != 1:
        raise SpecError(f"split must be of a layer without groups, but it has {layer['groups']}.")
    if mapping.get("precision", {}).get("output", "accumulator") == "accumulator":
        raise SpecError('split must be of a layer whose precision.output is requantised, but it '
                        'is "accumulator".')
    name = "out_channels" if layer.get("kind") == "conv2d" else "out_features"
    if not 1 <= outputs < layer[name]:
        raise SpecError(f"split.outputs must be from 1 to {layer[name] - 1}, one less than the "
                        f"layer's outputs, but is {outputs}.")
    layer[name] = outputs
    return {**mapping, "layer": layer}


def split_design(first: EngineSpec, second: EngineSpec) -> DataflowSpec:
    """Both engines beside each other as a design, whose results are those of the first, then those
    of the second."""
    layer, precision = first.layer, first.precision
    sizes = {"height": layer.height, "width": layer.width} if isinstance(layer, Conv2d) else {}
    channels = layer.in_channels if isinstance(layer, Conv2d) else layer.in_features
    entry = NetworkInput(channels=channels, bits=precision.activation_bits,
                         signed=precision.activation_signed, **sizes)
    network = NetworkSpec("split", entry, (
        NetworkNode(FIRST, Engine(first), (INPUT,)), NetworkNode(SECOND, Engine(second), (INPUT,)),
        NetworkNode(JOINED, Concat(), (FIRST, SECOND))))
    return DataflowSpec(network, (Setting(), Setting(), Setting(1))).with_buffers()


def split_costs(name: str, label: str, shape: Mapping[str, Any], first: Sequence[OperatorCost],
                second: Sequence[OperatorCost], part: Device, budget: Area
                ) -> list[OperatorCost]:
    """Ways to build a split layer from those of its halves, as fast as the slower of them.

    The area is that of both engines without the border of one each, and of what stands around
    them; those that the budget does not hold are left out.
    """
    pairs = np.indices((len(first), len(second))).reshape(2, -1).T
    costs = np.array([_together(first[one], second[other], part) for one, other in pairs])
    found = []
    for index in nondominated(costs):
        one, other = (own[pick] for own, pick in zip((first, second), pairs[index]))
        made = _cost(name, label, shape, one, other, part)
        if all(own <= most for own, most in zip(made.area.model_dump().values(),
                                                budget.model_dump().values())):
            found.append(made)
    return found


def _together(one: OperatorCost, other: OperatorCost, part: Device) -> list[float]:
    """Time of an image, and LUT equivalents."""
    return [max(one.cycles, other.cycles) / min(one.fmax_mhz, other.fmax_mhz),
            one.lut_equivalents(part) + other.lut_equivalents(part)]


def _cost(name: str, label: str, shape: Mapping[str, Any], one: OperatorCost, other: OperatorCost,
          part: Device) -> OperatorCost:
    specs = []
    for own in (one, other):
        assert own.spec is not None
        specs.append(engine_spec(own.spec))
    design = _joined(*specs)
    area = dict.fromkeys(Area.model_fields, 0.0)
    for own, spec in zip((one, other), specs):
        border = [found for found in estimate(ChainSpec((spec,)), part).parts
                  if found.name in BORDER]
        for field in area:
            area[field] += getattr(own, field) - sum(getattr(two, field) for two in border)
    for cells in other_cells(design, part).values():
        for field in area:
            area[field] += getattr(cells, field)
    weights = [own.layer.row_outputs for own in specs]
    error = np.sqrt(np.average([one.error ** 2, other.error ** 2], weights=weights))
    return OperatorCost(
        operator=name, shape=dict(shape), engine=label, device=part.name,
        bits={**other.bits, **one.bits}, cycles=design.cycles_per_row,
        fmax_mhz=min(one.fmax_mhz, other.fmax_mhz),
        **{field: round(amount) for field, amount in area.items()},
        parameter_bits=one.parameter_bits + other.parameter_bits, error=float(error),
        spec=design.to_mapping())


def _joined(first: EngineSpec, second: EngineSpec) -> DataflowSpec:
    """The design with as many lanes where results are joined as keep its halves' pace."""
    design = split_design(first, second)
    pace = max(first.cycles_per_row, second.cycles_per_row)
    while design.cycles_per_row > pace:
        setting = design.settings[-1]
        lanes = 2 * (setting.lanes or 1)
        try:
            wider = dataclasses.replace(design, settings=(
                *design.settings[:-1], Setting(lanes))).with_buffers()
        except SpecError:
            break
        if wider.cycles_per_row >= design.cycles_per_row:
            break
        design = wider
    return design
