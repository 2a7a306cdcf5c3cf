"""Area and clock of the engines' parts, beside what they are to reach.

    python benchmarks/area.py                         # every case, seeds 1 to 5
    python benchmarks/area.py lookup-lutram-8 --seeds 1 --json area.json

A case is a spec in `specs/` and the part of its engine that is looked at. Parts are mapped and
routed alone, in the register harness, whose area is subtracted; constants are random. `layer`
cases go through the whole measured protocol, simulation included. What was routed before comes
from the cache.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich.box
from amaranth.lib import wiring
from rich.console import Console
from rich.table import Table

from pqhw.console import parse_seeds
from pqhw.emit.constants import bind_constants
from pqhw.flow.cache import Cache, default_cache
from pqhw.flow.component import RoutedComponent, route_component
from pqhw.flow.measure import Options, measure
from pqhw.flow.tools import ToolError, tool_version
from pqhw.report.numbers import count, quantity
from pqhw.rtl.bitplane import BitplaneCore
from pqhw.rtl.encoder import DistanceEncoder, TreeEncoder
from pqhw.rtl.lookup import TableLookup
from pqhw.rtl.mac import MACCore
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, PQSpec, TreeSpec
from pqhw.spec.devices import DEVICES, Device, device, resolve
from pqhw.spec.files import load_spec

SPECS = Path(__file__).with_name("specs")

CELLS = ("LUT4", "CCU2C", "TRELLIS_FF", "TRELLIS_DPR16X4", "DP16KD", "MULT18X18D")
"""Columns of mapped cells, on ECP5."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """A part of an engine and what it is to reach.

    Members
    -------
    spec: name of a file in `specs/`
    part: lookup, encoder, lanes, planes or layer
    device: where it is measured instead of where the others are
    most_lut4: routed LUT4 at most
    least_mhz: median clock at least
    least_rows_per_lut: rows per second and LUT equivalent at PQA's prices at least
    """
    spec: str
    part: str
    device: str | None = None
    most_lut4: int | None = None
    least_mhz: int | None = None
    least_rows_per_lut: int | None = None


CASES = {case.spec: case for case in (
    Case(spec="lookup-lutram-8", part="lookup", most_lut4=1550, least_mhz=220),
    Case(spec="lookup-lutram-5", part="lookup", most_lut4=1050),
    Case(spec="lookup-rom-8", part="lookup", most_lut4=1200),
    Case(spec="lookup-rom-5", part="lookup", most_lut4=780),
    Case(spec="lookup-bram-8", part="lookup", most_lut4=1050, least_mhz=200),
    Case(spec="encoder-tree-8", part="encoder", most_lut4=280),
    Case(spec="encoder-tree-8-fixed", part="encoder", most_lut4=110),
    Case(spec="encoder-l1-8", part="encoder", most_lut4=3600),
    Case(spec="encoder-l1-4", part="encoder", most_lut4=2150),
    Case(spec="encoder-l2-4", part="encoder"),
    Case(spec="lanes-logic-8x8", part="lanes", most_lut4=24 * 110),
    Case(spec="lanes-logic-8x4", part="lanes", most_lut4=24 * 50),
    Case(spec="lanes-logic-4x4", part="lanes", most_lut4=24 * 34),
    Case(spec="lanes-sp2-8x4", part="lanes"),
    Case(spec="lanes-pot-8x4", part="lanes"),
    Case(spec="lanes-dsp-8x8", part="lanes"),
    Case(spec="lanes-dsp-8x4", part="lanes"),
    Case(spec="lanes-dsp-4x4", part="lanes"),
    Case(spec="lanes-dsp-array", part="lanes", most_lut4=1450, least_mhz=175, device="lfe5u-85f"),
    Case(spec="lanes-mixed-4x4", part="lanes"),
    Case(spec="planes-twos-4x4", part="planes"),
    Case(spec="planes-twos-4x4-joined", part="planes"),
    Case(spec="planes-pm1-4x4", part="planes"),
    Case(spec="planes-pm1-1x1", part="planes"),
    Case(spec="layer-dsp-4x4", part="layer"),
    Case(spec="layer-mixed-4x4", part="layer"),
    Case(spec="layer-tree-8-bram", part="layer", least_rows_per_lut=3320),
    Case(spec="layer-tree-8-lutram", part="layer", least_rows_per_lut=996),
)}


def _encoder(spec: PQSpec) -> wiring.Component:
    own = spec.encoder
    return TreeEncoder(own) if isinstance(own, TreeSpec) else DistanceEncoder(own)


PARTS: dict[str, Callable[[Any], wiring.Component]] = {
    "lookup": TableLookup, "encoder": _encoder, "lanes": MACCore, "planes": BitplaneCore}


def measure_case(cache: Cache, case: Case, part: Device, options: Options) -> dict[str, Any]:
    """The case's figures as plain values, or the reason why there are none."""
    part = part if case.device is None else device(case.device)
    chain = resolve(load_spec(SPECS / f"{case.spec}.toml"), part)
    entry: dict[str, Any] = {"case": case.spec, "part": case.part, "device": part.name,
                             "seeds": list(options.seeds), "spec": chain.to_mapping(),
                             "most_lut4": case.most_lut4, "least_mhz": case.least_mhz,
                             "least_rows_per_lut": case.least_rows_per_lut}
    try:
        entry |= (_layer(cache, case, chain, part, options) if case.part == "layer"
                  else _component(cache, case, chain, part, options))
    except ToolError as error:
        return entry | {"reason": str(error)}
    entry["met"] = _met(case, entry)
    return entry


def _component(cache: Cache, case: Case, chain: ChainSpec, part: Device,
               options: Options) -> dict[str, Any]:
    spec = bind_constants(chain, random_parameters(chain, 1)).first
    routed: RoutedComponent = route_component(cache, PARTS[case.part](spec), part, options.seeds)
    return {"cells": dict(sorted(routed.cells.items())), "rtl_sha256": routed.rtl_sha256,
            "area": [area.model_dump() for area in routed.areas], "clocks_mhz": routed.clocks,
            "lut4": routed.lut4, "fmax_mhz": round(routed.fmax_mhz, 2)}


def _layer(cache: Cache, case: Case, chain: ChainSpec, part: Device,
           options: Options) -> dict[str, Any]:
    result = measure(cache, chain, part, name=case.spec, options=options)
    if result.area is None or result.fmax_mhz is None:
        raise ToolError(result.reason or "was not measured")
    per_lut = (result.rows_per_second / result.lut_equivalents.pqa
               if result.rows_per_second and result.lut_equivalents else None)
    return {"measurement": result.model_dump(mode="json"), "lut4": result.area.lut4,
            "fmax_mhz": result.fmax_mhz.median, "rows_per_lut_pqa": per_lut}


def _met(case: Case, entry: dict[str, Any]) -> bool:
    return ((case.most_lut4 is None or entry["lut4"] <= case.most_lut4)
            and (case.least_mhz is None or entry["fmax_mhz"] >= case.least_mhz)
            and (case.least_rows_per_lut is None
                 or (entry["rows_per_lut_pqa"] or 0) >= case.least_rows_per_lut))


def table_of(entries: list[dict[str, Any]]) -> Table:
    """The routed cases as text: mapped cells, then routed figures beside what they should be."""
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("case", no_wrap=True)
    for name in ("LUT4", "CCU2C", "FF", "DPR16X4", "DP16KD", "DSP", "routed LUT4", "at most",
                 "MHz", "at least", "rows/s/LUT", "at least", "met"):
        table.add_column(name, justify="right")
    for entry in entries:
        if "reason" in entry:
            continue
        cells = entry.get("cells")
        mapped = [count(cells.get(kind, 0)) if cells else "" for kind in CELLS]
        table.add_row(entry["case"], *mapped, count(entry["lut4"]), count(entry["most_lut4"]),
                      f"{entry['fmax_mhz']:.0f}", count(entry["least_mhz"]),
                      quantity(entry.get("rows_per_lut_pqa")),
                      quantity(entry["least_rows_per_lut"]), "yes" if entry["met"] else "no")
    return table


def main(arguments: list[str] | None = None) -> int:
    """Measure the cases named; the exit status is 1 where one failed or missed its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--seeds", default="1..5", help="placement seeds: 1..5, or 1,2,7")
    parser.add_argument("-d", "--device", default="lfe5u-25f",
                        choices=[name for name in DEVICES if name.startswith("lfe5u")])
    parser.add_argument("-j", "--jobs", type=int, default=1, help="tools run side by side")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.cases if name not in CASES]
    if unknown:
        parser.error(f"CASE must be one of {', '.join(CASES)}, but is {unknown[0]}.")
    options = Options(seeds=parse_seeds(given.seeds), jobs=given.jobs)
    part, cache, entries = device(given.device), default_cache(), []
    for name in given.cases or CASES:
        entries.append(measure_case(cache, CASES[name], part, options))
        print(f"{name}: done", file=sys.stderr)
    if given.json:
        document = {"tools": {name: tool_version(name) for name in ("yosys", "nextpnr-ecp5")},
                    "cases": entries}
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    Console(width=None if sys.stdout.isatty() else 140).print(table_of(entries))
    for entry in entries:
        if "reason" in entry:
            print(f"{entry['case']}: {entry['reason']}")
    return int(any(not entry.get("met") for entry in entries))


if __name__ == "__main__":
    sys.exit(main())
