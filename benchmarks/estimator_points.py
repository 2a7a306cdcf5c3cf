"""Routed points for the estimator: random specs, synthesized and routed, one JSON file.

    python benchmarks/estimator_points.py --ecp5 44 --ice40 20        # makes what is missing
    python benchmarks/estimator_points.py --ecp5 44 --ice40 20 --fit  # the same, then fits

A point keeps its design once it is in the data set; a new one is drawn from its own seed. Runs lie
in the cache: a killed run goes on where it was, and a point is routed again when its RTL or a tool
changed. One placement seed per point.
"""

import argparse
import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from pqhw.emit.constants import bind_constants
from pqhw.emit.design import TOP, design_verilog, rtl_hash
from pqhw.explore.draws import random_chain
from pqhw.explore.fit import FITTED, fit_points
from pqhw.flow.area import flip_flops, routed_area, subtract
from pqhw.flow.cache import Cache, default_cache
from pqhw.flow.harness import Ports, harness_verilog, module_ports, stub_verilog
from pqhw.flow.routing import route
from pqhw.flow.synthesis import cell_counts, synthesize
from pqhw.flow.tools import ToolError, tool_version
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec
from pqhw.spec.devices import DEVICES, Device, resolve
from pqhw.spec.parameters import Parameters, PQParameters

POINTS = Path(__file__).with_name("estimator_points.json")
SEED = 1
HELD_OUT = 3
"""One point in so many is held out."""


# -- Routing -----------------------------------------------------------------------------------


def _parameters(chain: ChainSpec) -> tuple[Parameters, ...]:
    """Random parameters whose tables are not all extremes, which would shrink in logic."""
    for seed in itertools.count(SEED):
        parameters = random_parameters(chain, seed)
        tables = [one.tables for one in parameters if isinstance(one, PQParameters)]
        if all(np.abs(table).max(initial=0) > np.median(np.abs(table)) for table in tables):
            return parameters
    raise AssertionError


def known_points(path: Path) -> dict[str, dict[str, Any]]:
    """The points of a data set by name."""
    if not path.exists():
        return {}
    points = json.loads(path.read_text(encoding="utf-8"))["points"]
    return {point["name"]: point for point in points}


def design(name: str, known: dict[str, Any] | None) -> tuple[ChainSpec, Device]:
    """The design of a point: the one it has, or for a new point one drawn."""
    if known is not None:
        part = DEVICES[known["device"]]
        return resolve(ChainSpec.from_mapping(known["spec"]), part), part
    family, index = name.split()
    return random_chain(family, int(index))


def make_point(cache: Cache, name: str, known: dict[str, Any] | None = None) -> dict[str, Any]:
    """A routed point, or why there is none."""
    chain, part = design(name, known)
    index = int(name.split()[1])
    bound = bind_constants(chain, _parameters(chain))
    verilog = design_verilog(bound, target=part.family)
    point: dict[str, Any] = {"name": name, "device": part.name,
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
    parser.add_argument("--ecp5", type=int, default=44, help="points of this family")
    parser.add_argument("--ice40", type=int, default=20, help="points of this family")
    parser.add_argument("--fit", action="store_true", help="fit, and write pqhw's coefficients")
    parser.add_argument("-o", "--output", type=Path, default=POINTS, help="data set to write")
    options = parser.parse_args()
    wanted = [f"{family} {index}" for family, count in (
        ("ecp5", options.ecp5), ("ice40", options.ice40)) for index in range(count)]
    points = known_points(options.output)
    for name in wanted:
        point = points[name] = make_point(default_cache(), name, points.get(name))
        write_points(list(points.values()), options.output)
        print(name, point.get("area") or point["reason"], point.get("fmax_mhz"), flush=True)
    if options.fit:
        fitted = fit_points([points[name] for name in wanted])
        FITTED.write_text(json.dumps(fitted, indent=1) + "\n", encoding="utf-8")
        for family, values in fitted["families"].items():
            print(family, values["points"], values["errors"])


if __name__ == "__main__":
    main()
