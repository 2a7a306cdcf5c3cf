"""The folding with the best rate that a budget holds, engine kind by engine kind."""

import dataclasses
import itertools
from math import ceil
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..flow.area import available
from ..flow.results import Area
from ..spec import BitplaneSpec, ChainSpec, Conv2d, EngineSpec, MACSpec, PQSpec, SpecError
from ..spec.devices import Device, resolve
from ..spec.ranges import ceil_div
from .estimate import Estimate, estimate

__all__ = ["KINDS", "Sized", "as_kind", "foldings", "parse_budget", "resized", "size",
           "size_kinds", "useful"]

KINDS = ("pq", "fixed", "pot", "sp2", "mixed", "bitplane")
"""Engine kinds: product quantization, and the weight codes of the MAC engine."""

ROUTABLE = 0.8
"""Share of a device's LUT4 and flip-flops that is spent unless a budget says otherwise."""

RESOURCES = {"lut": "lut4", "ff": "ff", "bram": "bram", "dsp": "dsp"}

CLOCK_GAIN = 1.2
"""How much faster than the best design's a clock may turn out, at most, for the search to end."""

MOST_PIXELS = 8
"""Pixels side by side that are tried."""

SHAPES = 4
"""Foldings of equal cycles that are estimated."""


@dataclasses.dataclass(frozen=True)
class Sized:
    """The best folding of an engine kind, or why there is none.

    Members
    -------
    kind: one of `KINDS`
    chain: the layer with its folding
    estimate: what it will take and give
    reason: why there is none
    """
    kind: str
    chain: ChainSpec | None = None
    estimate: Estimate | None = None
    reason: str = ""


def parse_budget(text: str | None, part: Device) -> Area:
    """``lut=5000,dsp=10,bram=20,ff=8000`` as an area; what is left out is all of the device, or
    80 % of its LUT4 and flip-flops.

    Raises `SpecError` for an unknown resource, no number, or more than the device has.
    """
    has = available(part).model_dump()
    budget = {"lut4": int(ROUTABLE * has["lut4"]), "ff": int(ROUTABLE * has["ff"]),
              "bram": has["bram"], "dsp": has["dsp"]}
    for item in text.split(",") if text else []:
        name, _, amount = item.strip().partition("=")
        if name not in RESOURCES or not amount.isdigit():
            raise SpecError("budget must be like lut=5000,dsp=10,bram=20,ff=8000, "
                            f"but holds {item}.")
        if int(amount) > has[RESOURCES[name]]:
            raise SpecError(f"budget must give at most {has[RESOURCES[name]]} {name} on "
                            f"{part.name}, but gives {amount}.")
        budget[RESOURCES[name]] = int(amount)
    return Area(**budget)


def as_kind(mapping: Mapping[str, Any], kind: str) -> EngineSpec:
    """A parsed spec file as an engine of a kind; fields that the kind has no use for are left."""
    engine = {name: value for name, value in mapping.get("engine", {}).items() if name != "kind"}
    if kind == "pq":
        return PQSpec.from_mapping({**mapping, "engine": {**engine, "kind": "pq"}, "folding": {}})
    if kind != "fixed" and engine.get("multiplier") == "dsp":
        engine["multiplier"] = "auto"
    if kind != "mixed":
        engine.pop("ratio", None)
    if kind != "bitplane":
        engine.pop("planes", None)
        engine.pop("precisions", None)
    if kind not in ("fixed", "mixed"):
        engine.pop("dsp_blocks", None)
        engine.pop("products_per_dsp", None)
    engine |= {"kind": "mac", "scheme": kind}
    folding = {"outputs_per_cycle": 2} if kind == "mixed" else {}
    return MACSpec.from_mapping({**mapping, "engine": engine, "folding": folding,
                                 "precision": _without(mapping.get("precision", {}))})


def _without(precision: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in precision.items()
            if name not in ("prototype_bits", "table_bits", "compatibility")}


def useful(total: int, most: int = 4096) -> list[int]:
    """Lanes worth having over `total` elements: one fewer would take another cycle."""
    return [lanes for lanes in range(1, min(total, most) + 1)
            if lanes == 1 or ceil_div(total, lanes) < ceil_div(total, lanes - 1)]


def size(spec: EngineSpec, part: Device, budget: Area) -> tuple[ChainSpec, Estimate] | None:
    """The folding of the best estimated rate that stays within the budget, or None.

    Foldings are tried from the fewest cycles on, of equal cycles those with the fewest lanes, each
    with every choice that the spec leaves to us: block RAM or LUT RAM, in an encoder DSP blocks or
    logic. A MAC engine's products are formed on the DSP blocks of the budget first, then in logic.
    The search ends where no clock could make up for the cycles.

    Raises `SpecError` where no folding can be built at all, such as for a memory that is not there.
    """
    best: tuple[ChainSpec, Estimate] | None = None
    refused: SpecError | None = None
    tried = False
    variants = _variants(spec, part, budget)
    limited = dataclasses.replace(part, dsps=min(part.dsps, budget.dsp))
    for cycles, folding in foldings(spec, budget):
        if best and cycles * best[1].rows_per_second > CLOCK_GAIN * 1e6 * best[1].fmax_mhz:
            break
        for variant in variants:
            try:
                chain = resolve(ChainSpec((dataclasses.replace(variant, folding=folding),)),
                                limited)
                found = estimate(chain, part)
            except SpecError as error:
                refused = error
                continue
            tried = True
            if _within(found.area, budget) and (
                    best is None or found.rows_per_second > best[1].rows_per_second):
                best = chain, found
    if not tried and refused is not None:
        raise refused
    return best


def _variants(spec: EngineSpec, part: Device, budget: Area) -> list[EngineSpec]:
    """The spec with each of the choices that it leaves open, those first that a device has for
    nothing."""
    choices: dict[str, list[str]] = {}
    if isinstance(spec, PQSpec) and spec.engine.multiplier == "auto" and spec.engine.encoder in (
            "dot", "l2"):
        choices["multiplier"] = ["dsp", "lut"] if budget.dsp else ["lut"]
    for field in ("table_storage", "weight_storage"):
        if getattr(spec.engine, field, "") == "auto":
            choices[field] = ["bram", "lutram"] if part.lutram else ["bram"]
    return [dataclasses.replace(spec, engine=dataclasses.replace(spec.engine, **dict(
        zip(choices, chosen)))) for chosen in itertools.product(*choices.values())]


def resized(chain: ChainSpec, part: Device, budget: Area) -> ChainSpec:
    """One layer with the folding of the best rate within a budget.

    Raises `SpecError` for a chain of several engines, and where nothing fits.
    """
    if len(chain.stages) != 1:
        raise SpecError("designs that are sized must have one engine, but one has "
                        f"{len(chain.stages)}.")
    found = size(chain.first, part, budget)
    if found is None:
        raise SpecError(f"no folding of the {chain.first.KIND} engine fits the budget.")
    return found[0]


def size_kinds(mapping: Mapping[str, Any], kinds: Iterable[str], part: Device, budget: Area
               ) -> list[Sized]:
    """The best design of every kind, the best rate first; a kind that cannot be says why.

    Raises `SpecError` where the kinds that are asked for are none, or none can be built.
    """
    if "stage" in mapping:
        raise SpecError("--layer must be a spec file of one layer, but holds a chain.")
    found = []
    for kind in kinds:
        if kind not in KINDS:
            raise SpecError(f"kind must be one of {', '.join(KINDS)}, but is {kind}.")
        try:
            best = size(as_kind(mapping, kind), part, budget)
        except SpecError as error:
            found.append(Sized(kind, reason=str(error)))
            continue
        found.append(Sized(kind, reason="nothing fits the budget.") if best is None
                     else Sized(kind, *best))
    if all(one.chain is None for one in found):
        raise SpecError("; ".join(f"{one.kind}: {one.reason}" for one in found))
    return sorted(found, key=lambda one: -one.estimate.rows_per_second if one.estimate else 0.0)


def _within(area: Area, budget: Area) -> bool:
    return all(used <= most for used, most in zip(area.model_dump().values(),
                                                  budget.model_dump().values()))


def foldings(spec: EngineSpec, budget: Area) -> Iterator[tuple[int, Any]]:
    """Cycles of a row at the ports, at the least, and foldings, from the fewest cycles on."""
    rows = spec.layer.units_out
    if isinstance(spec, PQSpec):
        for cycles, folding in _pq_foldings(spec, budget):
            yield cycles * rows, folding
        return
    most = budget.lut4 // (1 if isinstance(spec, BitplaneSpec) else 4) + 9 * budget.dsp
    found: dict[int, list[dict[str, int]]] = {}
    for at_once, folding in [*_planes(spec), *_pixels(spec)]:
        for cycles, shapes in _shapes(spec.layer.row_inputs, spec.layer.row_outputs,
                                      int(most // at_once)).items():
            found.setdefault(ceil(cycles * rows / at_once), []).extend(
                {"inputs_per_cycle": inputs, "outputs_per_cycle": outputs, **folding}
                for inputs, outputs in shapes)
    for cycles in sorted(found):
        for knobs in found[cycles]:
            yield cycles, dataclasses.replace(spec.folding, **knobs)


def _pixels(spec: EngineSpec) -> list[tuple[float, dict[str, int]]]:
    """Pixels of a convolution that can be computed side by side, and how that is asked for."""
    if isinstance(spec, BitplaneSpec):
        return []
    found: list[tuple[float, dict[str, int]]] = [(1, {})]
    if isinstance(spec.layer, Conv2d) and spec.layer.sets == 1:
        found += [(count, {"pixels_per_cycle": count}) for count in range(2, MOST_PIXELS + 1)
                  if spec.layer.units_out % count == 0]
    return found


def _planes(spec: EngineSpec) -> list[tuple[float, dict[str, int]]]:
    """Planes that can be joined in a cycle, as a share of a whole product's, and how that is asked
    for."""
    if not isinstance(spec, BitplaneSpec):
        return []
    bits, activations = spec.engine.weight_bits, spec.precision.activation_bits
    pairs = {(own, own) for own in range(1, min(bits, activations) + 1)}
    pairs |= {(bits, own) for own in range(1, activations + 1)}
    pairs |= {(own, activations) for own in range(1, bits + 1)}
    return [(own * other / (bits * activations),
             {"weight_planes_per_cycle": own, "activation_planes_per_cycle": other})
            for own, other in sorted(pairs)
            if all(weights % own == 0 and used % other == 0 for weights, used in spec.precisions)]


def _shapes(inputs: int, outputs: int, most: int) -> dict[int, list[tuple[int, int]]]:
    """By cycles, the pairs of lanes with the fewest products, the most outputs first."""
    found: dict[int, list[tuple[int, int]]] = {}
    for wide in useful(inputs):
        for high in useful(outputs, most // wide):
            cycles = ceil_div(inputs, wide) * ceil_div(outputs, high)
            found.setdefault(cycles, []).append((wide, high))
    for pairs in found.values():
        pairs.sort(key=lambda pair: (pair[0] * pair[1], -pair[1]))
        del pairs[SHAPES:]
    return found


def _pq_foldings(spec: PQSpec, budget: Area) -> Iterator[tuple[int, Any]]:
    """Lookups first; then the smallest encoder that keeps up with them."""
    most = max(1, budget.lut4 // 2 + 8 * budget.bram)
    found = _shapes(spec.subspaces, spec.layer.row_outputs, most)
    for cycles in sorted(found):
        for lanes, outputs in found[cycles]:
            encoder = _encoder(spec, lanes, cycles)
            if encoder is not None:
                yield cycles, dataclasses.replace(
                    spec.folding, subspaces_per_cycle=lanes, outputs_per_cycle=outputs, **encoder)


def _encoder(spec: PQSpec, lanes: int, cycles: int) -> dict[str, int] | None:
    """The fewest elements compared side by side with which a row is encoded in `cycles`."""
    engine, best = spec.engine, None
    simple = engine.encoder == "tree"
    for own in (own for own in range(1, lanes + 1) if lanes % own == 0):
        rounds = ceil_div(spec.subspaces, own)
        for prototypes in [1] if simple else useful(engine.prototypes):
            left = cycles // (rounds * (1 if simple else ceil_div(engine.prototypes, prototypes)))
            if left == 0:
                continue
            elements = 1 if simple else ceil_div(engine.subvector_length, left)
            cost = own * prototypes * elements
            if best is None or cost < best[0]:
                best = cost, {"encoders_per_cycle": own, "prototypes_per_cycle": prototypes,
                              "elements_per_cycle": elements}
    return None if best is None else best[1]
