"""Speed of the simulators on engines of different width, as ratios within one run.

    python benchmarks/simulation.py                         # every case
    python benchmarks/simulation.py encoder --rows 100000 --target ecp5 --json simulation.json

Amaranth's simulator is the unit: it runs the same engine on the same machine a moment before. The
compiled model (level cxxrtl) is timed on one thread, with and without making it; results of both
are compared with the golden model, as everywhere. Seconds are the processor's, so that other work
on the machine does little harm.
"""

import argparse
import dataclasses
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Fragment
from amaranth.sim import Simulator
from rich.console import Console
from rich.table import Table

from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.flow.cache import Cache
from pqhw.golden import chain_results
from pqhw.rtl import TARGETS, Accelerator
from pqhw.sim import cxxrtl, pysim
from pqhw.sim.result import SimulationResult
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import ChainSpec, engine_spec

PQ = {"engine": {"kind": "pq", "subvector_length": 9, "prototypes": 16}}
WIDE = {"subspaces_per_cycle": 8, "outputs_per_cycle": 8, "prototypes_per_cycle": 16,
        "elements_per_cycle": 9}

CASES: dict[str, dict[str, Any]] = {
    "folded": {"layer": {"in_features": 72, "out_features": 32}, **PQ,
               "folding": {"subspaces_per_cycle": 2, "outputs_per_cycle": 4}},
    "lookups": {"layer": {"in_features": 16, "out_features": 8},
                "engine": {"kind": "pq", "subvector_length": 2, "prototypes": 16},
                "folding": WIDE},
    "encoder": {"layer": {"in_features": 72, "out_features": 8}, **PQ, "folding": WIDE},
    "mac": {"layer": {"in_features": 64, "out_features": 32}, "engine": {"kind": "mac"},
            "folding": {"inputs_per_cycle": 8, "outputs_per_cycle": 8}},
}
"""A serial engine; 8 x 8 lookups in each cycle, behind 256 or 1,152 squares;
64 products in each cycle."""


@dataclasses.dataclass(frozen=True)
class Speed:
    """What was measured of a case.

    Members
    -------
    amaranth, cxxrtl: cycles per second of running
    write_seconds, make_seconds: from the spec to Verilog, and from there to the compiled model
    cycles: that the compiled model ran
    """
    name: str
    target: str
    amaranth: float
    cxxrtl: float
    write_seconds: float
    make_seconds: float
    cycles: int

    @property
    def whole(self) -> float:
        """Cycles per second of the compiled model, made for this run alone."""
        return self.cycles / (self.cycles / self.cxxrtl + self.make_seconds)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """A result and the processor seconds it took, those of programs it ran included."""
    begun = sum(os.times()[:4])
    result = work()
    return result, sum(os.times()[:4]) - begun


def checked(result: SimulationResult, expected: np.ndarray) -> int:
    """The cycles of a run whose results are right."""
    if not np.array_equal(result.results, expected):
        raise SystemExit("results differ from the golden model's.")
    return result.cycles


def speed(name: str, target: str, count: int, slow_cycles: int) -> Speed:
    """Measure a case over `count` rows, in Amaranth's simulator over `slow_cycles`."""
    chain = ChainSpec((engine_spec(CASES[name]),))
    parameters = random_parameters(chain, 1)
    rows = random_rows(chain, parameters, count, 1)
    expected = chain_results(chain, parameters, rows)
    image = pack_image(chain, parameters)
    few = max(8, slow_cycles // chain.cycles_per_row)
    _, built = timed(lambda: Simulator(Fragment.get(Accelerator(chain), TARGETS["generic"])))
    result, seconds = timed(lambda: pysim.simulate(chain, image, rows[:few]))
    loading = len(image) * 8 // chain.load_bits
    slow = (loading + checked(result, expected[:few])) / (seconds - built)
    verilog, written = timed(lambda: design_verilog(chain, target=target))
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(folder)
        _, made = timed(lambda: cxxrtl.compile_model(cache, chain, verilog))
        result, ran = timed(lambda: cxxrtl.simulate(cache, chain, verilog, image, rows, threads=1))
    cycles = checked(result, expected)
    return Speed(name, target, slow, cycles / ran, written, made, cycles)


def table(speeds: list[Speed]) -> Table:
    """One row per case."""
    shown = Table("case", "Amaranth, cycles/s", "cxxrtl, cycles/s", "ratio", "Verilog, s",
                  "model, s", "cycles", "with its making, cycles/s", title="Speed of simulation")
    for one in speeds:
        shown.add_row(one.name, f"{one.amaranth:,.0f}", f"{one.cxxrtl:,.0f}",
                      f"{one.cxxrtl / one.amaranth:,.0f}", f"{one.write_seconds:.1f}",
                      f"{one.make_seconds:.1f}", f"{one.cycles:,}", f"{one.whole:,.0f}")
    return shown


def main() -> None:
    """Measure the cases asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the compiled model")
    parser.add_argument("--slow-cycles", type=int, default=1000,
                        help="cycles of Amaranth's simulator, besides loading")
    parser.add_argument("--target", default="generic", help="generic, ecp5 or ice40")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    given = parser.parse_args()
    unknown = [name for name in given.cases if name not in CASES]
    if unknown:
        parser.error(f"CASE must be one of {', '.join(CASES)}, but is {unknown[0]}.")
    speeds = [speed(name, given.target, given.rows, given.slow_cycles)
              for name in given.cases or CASES]
    Console(width=120).print(table(speeds))
    if given.json:
        given.json.write_text(json.dumps([dataclasses.asdict(one) for one in speeds], indent=2))


if __name__ == "__main__":
    main()
