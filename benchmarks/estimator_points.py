"""Routed points for the estimator: random specs, synthesized and routed, one JSON file.

    python benchmarks/estimator_points.py --ecp5 40 --ice40 20        # makes what is missing
    python benchmarks/estimator_points.py --ecp5 40 --ice40 20 --fit  # the same, then fits

Point i of a family is drawn from its own seed, so that more points leave the others as they are.
Runs lie in the cache: a killed run goes on where it was, and a point is made again when its RTL,
a tool or an option changed. One placement seed per point.
"""

import argparse
import json
import os
import random
from pathlib import Path
from typing import Any

from pqhw.emit.design import TOP, chain_verilog, rtl_hash
from pqhw.explore.area import area_of
from pqhw.explore.fit import FITTED, fit_points
from pqhw.flow.area import flip_flops, routed_area, subtract
from pqhw.flow.cache import Cache, default_cache
from pqhw.flow.harness import Ports, harness_verilog, module_ports, stub_verilog
from pqhw.flow.routing import route
from pqhw.flow.synthesis import cell_counts, synthesize
from pqhw.flow.tools import ToolError, tool_version
from pqhw.spec import ChainSpec, SpecError
from pqhw.spec.devices import DEVICES, Device, resolve

POINTS = Path(__file__).with_name("estimator_points.json")
SEED = 1
HELD_OUT = 3
"""One point in so many is held out."""

LIMITS = {"ecp5": (500, 6000), "ice40": (400, 3500)}
"""LUT4 between which a point lies, by its formula."""

FULLEST = 0.7
"""Largest share of a device's resource that a point takes."""


# -- Specs -------------------------------------------------------------------------------------


def random_chain(family: str, index: int) -> tuple[ChainSpec, Device]:
    """Point `index` of a family: a spec of realistic shape, resolved for a device."""
    rng = random.Random(f"{family} {index}")
    names = ("lfe5u-25f",) if family == "ecp5" else ("ice40up5k", "ice40hx8k")
    part = DEVICES[names[index % len(names)]]
    while True:
        mapping = _mac(rng, family) if index % 5 == 4 else _pq(rng, family)
        try:
            chain = resolve(ChainSpec.from_mapping(mapping), part)
        except SpecError:
            continue
        if _suits(chain, part):
            return chain, part


def _suits(chain: ChainSpec, part: Device) -> bool:
    cells = area_of(chain, part)
    low, high = LIMITS[part.family]
    return (low <= cells.lut4 <= high and cells.bram <= FULLEST * part.brams
            and cells.dsp <= FULLEST * part.dsps and cells.lut4 <= FULLEST * part.luts)


def _output(rng: random.Random, modes: tuple[str, ...]) -> Any:
    if rng.random() < 0.25:
        return "accumulator"
    output: dict[str, Any] = {"bits": rng.choice((3, 4, 5, 8)), "signed": rng.random() < 0.4,
                              "mode": rng.choice(modes)}
    if rng.random() < 0.5:
        output["shift"] = rng.randrange(1, 6)
    return output


def _pq(rng: random.Random, family: str) -> dict[str, Any]:
    small = family == "ice40"
    length = rng.choice((2, 3, 4, 4, 5, 8, 8, 9, 9, 16))
    prototypes = rng.choice((4, 8, 8, 12, 16, 16, 16, 32))
    subspaces = rng.choice((1, 2, 3, 4, 6, 8, 12, 16))
    inputs = subspaces * length - (rng.randrange(length) if rng.random() < 0.2 else 0)
    bits = rng.choice((2, 3, 4, 4, 5, 6, 8, 8))
    engine: dict[str, Any] = {
        "kind": "pq", "subvector_length": length, "prototypes": prototypes,
        "encoder": rng.choice(("l1", "l2", "chebyshev", "dot", "tree")),
        "shared_prototypes": rng.random() < 0.3,
        "load_bits": rng.choice((8, 8, 8, 16, 32, 64)), "bram_register": rng.random() < 0.8}
    if not small:
        engine["table_storage"] = rng.choice(("auto", "auto", "lutram", "bram"))
        engine["prototype_storage"] = rng.choice(("auto", "auto", "auto", "bram"))
    return {
        "layer": {"in_features": inputs,
                  "out_features": rng.choice((3, 4, 8, 10, 16, 16, 24, 32, 64))},
        "engine": engine,
        "precision": {
            "activation_bits": bits, "activation_signed": rng.random() < 0.5,
            "prototype_bits": bits if rng.random() < 0.8 else rng.choice((2, 4, 8)),
            "table_bits": rng.choice((3, 4, 5, 6, 8, 8)), "output": _output(rng, ("shift",))},
        "folding": {"subspaces_per_cycle": rng.choice((1, 1, 2, 3, 4, 8)),
                    "outputs_per_cycle": rng.choice((1, 2, 4, 5, 8, 16, 32)),
                    "prototypes_per_cycle": rng.choice((1, 2, 3, 4, 8, 16, 32)),
                    "elements_per_cycle": rng.choice((1, 2, 3, 4, 8, 9))}}


def _mac(rng: random.Random, family: str) -> dict[str, Any]:
    engine: dict[str, Any] = {"kind": "mac", "weight_bits": rng.choice((2, 3, 4, 5, 8, 8)),
                              "load_bits": rng.choice((8, 8, 16, 32, 64))}
    if family == "ecp5":
        engine |= {"multiplier": rng.choice(("dsp", "lut")),
                   "weight_storage": rng.choice(("auto", "auto", "lutram"))}
    return {
        "layer": {"in_features": rng.choice((4, 9, 16, 27, 36, 64, 144)),
                  "out_features": rng.choice((3, 4, 8, 10, 16, 32, 64))},
        "engine": engine,
        "precision": {"activation_bits": rng.choice((2, 4, 5, 8, 8)),
                      "activation_signed": rng.random() < 0.5,
                      "output": _output(rng, ("shift", "scale"))},
        "folding": {"inputs_per_cycle": rng.choice((1, 2, 3, 4, 8, 16)),
                    "outputs_per_cycle": rng.choice((1, 2, 4, 5, 8, 16))}}


# -- Routing -----------------------------------------------------------------------------------


def make_point(cache: Cache, family: str, index: int) -> dict[str, Any]:
    """A routed point, or why there is none."""
    chain, part = random_chain(family, index)
    verilog = chain_verilog(chain, target=part.family)
    point: dict[str, Any] = {"name": f"{family} {index}", "device": part.name,
                             "held_out": index % HELD_OUT == HELD_OUT - 1,
                             "spec": chain.to_mapping(), "rtl_sha256": rtl_hash(verilog),
                             "seed": SEED, "tools": {name: tool_version(name) for name in (
                                 "yosys", f"nextpnr-{part.family}")}}
    try:
        return point | _routed(cache, verilog, part)
    except ToolError as error:
        return point | {"reason": str(error)}


def _routed(cache: Cache, verilog: str, part: Device) -> dict[str, Any]:
    ports = module_ports(verilog, TOP)
    synthesis = synthesize(cache, verilog + harness_verilog(ports, TOP), part, module=TOP)
    run = route(cache, synthesis, part, SEED)
    bits = Ports((("stimulus", ports.input_bits),), (("response", ports.output_bits),))
    empty = synthesize(cache, stub_verilog(bits, "stub") + harness_verilog(bits, "stub"), part,
                       module="stub")
    harness_ffs = ports.input_bits + 2 * ports.output_bits
    counts = cell_counts(synthesis, TOP)
    raw = routed_area(part, run.used, flip_flops(counts) + harness_ffs)
    area = subtract(raw, routed_area(part, route(cache, empty, part, SEED).used, harness_ffs))
    return {"area": area.model_dump(), "fmax_mhz": round(run.fmax_mhz, 2),
            "cells": {kind: count for kind, count in sorted(counts.items())
                      if not kind.startswith("$")}}


def write_points(points: list[dict[str, Any]], path: Path) -> None:
    """Write the data set; a reader never sees half of it."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps({"points": points}, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Route the estimator's points, and fit it.")
    parser.add_argument("--ecp5", type=int, default=40, help="points of this family")
    parser.add_argument("--ice40", type=int, default=20, help="points of this family")
    parser.add_argument("--fit", action="store_true", help="fit, and write pqhw's coefficients")
    parser.add_argument("-o", "--output", type=Path, default=POINTS, help="data set to write")
    options = parser.parse_args()
    wanted = [("ecp5", index) for index in range(options.ecp5)]
    wanted += [("ice40", index) for index in range(options.ice40)]
    points = []
    for family, index in wanted:
        points.append(make_point(default_cache(), family, index))
        write_points(points, options.output)
        last = points[-1]
        print(last["name"], last.get("area") or last["reason"], last.get("fmax_mhz"), flush=True)
    if options.fit:
        fitted = fit_points(points)
        FITTED.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
        for family, values in fitted["families"].items():
            print(family, values["points"], values["errors"])


if __name__ == "__main__":
    main()
