"""The ladder of simulations: each level's results are compared with the golden model's."""

import dataclasses
import importlib.metadata
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import __version__
from ..emit.constants import bind_constants
from ..emit.image import pack_image
from ..flow.cache import Cache, digest
from ..flow.results import Verification
from ..flow.tools import ToolError, ToolMissing, tool_version
from ..golden import design_results, encode, stage_results
from ..spec import ChainSpec, Layer, PQSpec
from ..spec.dataflow import DataflowSpec
from ..spec.design import Design
from ..spec.parameters import LookupParameters, Parameters
from . import cxxrtl, icarus, pysim
from .result import SimulationError, SimulationResult
from .stimulus import random_precisions
from .taps import first_wrong_node

__all__ = ["LEVELS", "Level", "LevelName", "Mismatch", "meets_cycles", "row_budget",
           "simulate_level"]

LevelName = Literal["amaranth", "cxxrtl", "cocotb"]
Status = Literal["equal", "different", "failed", "not run"]

LEVELS: tuple[LevelName, ...] = ("amaranth", "cxxrtl", "cocotb")
"""Levels that simulate RTL, weakest first."""

CYCLE_BUDGET = {"amaranth": 20_000, "cocotb": 20_000}
"""Cycles after which a slow level takes no more rows by default."""

LARGE_IMAGE = 4096
"""Bytes of an image above which the slow levels load it once, and cocotb only with stalls."""

STALLED_ROWS = 2000
"""Rows that are run once more against a source and a sink that stall at random."""


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """The first result that differs from the golden model.

    Members
    -------
    output: of an image its row, column and channel
    codes: the golden codes of the row, per PQ stage; empty lists for other stages and images
    """
    row: int
    output: int | tuple[int, ...]
    expected: int
    got: int
    codes: list[list[int]]

    def __str__(self) -> str:
        text = f"row {self.row}, output {self.output} is {self.got} instead of {self.expected}"
        for stage, codes in enumerate(self.codes):
            if codes:
                where = f" of stage {stage}" if len(self.codes) > 1 else ""
                text += f"; codes{where}: {' '.join(map(str, codes))}"
        return text


@dataclasses.dataclass(frozen=True)
class Level:
    """What a level's simulation found.

    Members
    -------
    status: equal, different, failed, or not run
    reason: why not equal, in one sentence
    rows: rows compared
    latency, cycles_per_row: measured with nothing stalling; None if not run or too few rows
    results: [R, N] what the level computed; None if not run
    expected_latency, expected_cycles: what the rows' precisions make of the spec's; None where rows
        do not choose
    """
    level: LevelName
    status: Status
    rows: int = 0
    reason: str | None = None
    latency: int | None = None
    cycles_per_row: float | None = None
    results: np.ndarray | None = dataclasses.field(default=None, repr=False, compare=False)
    expected_latency: int | None = None
    expected_cycles: float | None = None

    def summary(self) -> dict[str, Any]:
        """Everything but the results, as plain JSON values."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)
                  if field.name != "results"}
        return {name: value for name, value in values.items()
                if value is not None or not name.startswith("expected")}

    def is_timely(self, design: Design) -> bool:
        """Whether rows took the cycles of the spec, and the first result its latency, where both
        were measured and are known."""
        wanted = self.wanted_latency(design)
        return (meets_cycles(design, self.cycles_per_row, self.expected_cycles)
                and (wanted is None or self.latency in (None, wanted)))

    def wanted_latency(self, design: Design) -> int | None:
        """The latency of the first row's precision."""
        return design.latency if self.expected_latency is None else self.expected_latency

    def verification(self) -> Verification:
        """The part that goes into a measurement."""
        return Verification(level=self.level, status=self.status, rows=self.rows,
                            reason=self.reason)


def meets_cycles(design: Design, measured: float | None, wanted: float | None = None) -> bool:
    """Whether measured cycles per row are those of the spec, or `wanted`, or no fewer where the
    spec can only give a bound; True where nothing was measured. Networks may be faster than their
    schedule, not than their slowest part."""
    fewest = design.fewest_cycles if wanted is None else wanted
    bound = wanted is not None and (design.has_window or len(design.stages) > 1)
    wanted = design.cycles_per_row if wanted is None else wanted
    if measured is None or (bound or not design.cycles_exact) and measured > wanted:
        return True
    return fewest - 1e-6 < measured < wanted + 1e-6


def expected_cycles(design: Design, precisions: np.ndarray) -> float | None:
    """Cycles per row over those rows that `SimulationResult.cycles_per_row` looks at; of
    convolutions and chains, where rows overlap, those of the fastest of them."""
    if design.precision_count == 1 or len(precisions) < 4:
        return None
    own = np.array([design.cycles_at(precision) for precision in precisions.tolist()])
    if design.has_window or len(design.stages) > 1:
        return float(own.min())
    return float(own[len(own) // 2:].mean())


def row_budget(design: Design, level: str) -> int | None:
    """How many rows a level takes by default; None for all."""
    if level not in CYCLE_BUDGET:
        return None
    least = 4 if design.input.is_image else 8
    return max(least, CYCLE_BUDGET[level] // design.cycles_per_row // 4)


def simulate_level(cache: Cache, design: Design, parameters: Sequence[Parameters],
                   rows: np.ndarray, level: LevelName, *, verilog: str,
                   precisions: np.ndarray | None = None, limit: int | None = None,
                   progress: Callable[[int], None] | None = None) -> Level:
    """Simulate rows [R, D] at a level and compare every result.

    The rows run once unstalled; some of them run again with random stalls on both sides (not in
    Amaranth's simulator; in cocotb, a large image is loaded for the stalled run alone).

    Parameters
    ----------
    verilog:
        The emitted accelerator; level ``amaranth`` elaborates the portable RTL itself.
    precisions:
        The precision [R] of every row; where left out, drawn at random.
    limit:
        Rows taken; by default `row_budget`.
    """
    limit = row_budget(design, level) if limit is None else limit
    if precisions is None:
        precisions = random_precisions(design, len(rows), 1)
    rows, precisions = rows[:limit], precisions[:limit]
    design = bind_constants(design, parameters)
    image = pack_image(design, parameters)

    def make(folder: Path) -> None:
        run = _runner(cache, design, level, verilog, image, progress)

        def explain(wrong: np.ndarray, **stalls: float) -> str:
            if level != "cxxrtl" or not isinstance(design, DataflowSpec):
                return ""
            node = first_wrong_node(cache, design, parameters, verilog, image, wrong, **stalls)
            return "; no node inside is seen to differ" if node is None else f"; {node}"

        found = _compare(design, parameters, rows, precisions, level, run, explain)
        (folder / "level.json").write_text(json.dumps(found.summary()))
        np.save(folder / "results.npy", np.asarray(found.results))

    try:
        inputs = {"level": level, "spec": design.to_mapping(), "verilog": digest(verilog),
                  "image": digest(image.hex()), "rows": digest(rows.tobytes().hex()),
                  **({"precisions": precisions.tolist()} if design.precision_bits else {}),
                  "tools": _tools(level)}
        folder = cache.get("simulation", inputs, make)
    except ToolMissing as error:
        return Level(level, "not run", reason=str(error))
    except (SimulationError, ToolError) as error:
        return Level(level, "failed", reason=str(error))
    return Level(**json.loads((folder / "level.json").read_text()),
                 results=np.load(folder / "results.npy"))


def _tools(level: LevelName) -> list[str]:
    """What simulates, with versions; raises `ToolMissing` if it is not installed."""
    tools = [f"pqhw {__version__}"]
    match level:
        case "amaranth":
            tools.append(f"amaranth {importlib.metadata.version('amaranth')}")
        case "cxxrtl":
            tools += [tool_version("yosys"), cxxrtl.compiler_version()]
        case "cocotb":
            icarus.require_tools()
            tools += [icarus._version(), f"cocotb {importlib.metadata.version('cocotb')}"]
    return tools


Runner = Callable[..., SimulationResult]


def _runner(cache: Cache, design: Design, level: str, verilog: str, image: bytes,
            progress: Callable[[int], None] | None) -> Runner:
    """The level's simulator as a function of rows and stalls."""
    def run(rows: np.ndarray, **stalls: Any) -> SimulationResult:
        match level:
            case "amaranth":
                return pysim.simulate(design, image, rows, progress=progress, **stalls)
            case "cxxrtl":
                return cxxrtl.simulate(cache, design, verilog, image, rows, **stalls)
            case "cocotb":
                return icarus.simulate(cache, design, verilog, image, rows, **stalls)
        raise ValueError(f"level must be one of {', '.join(LEVELS)}, but is {level}.")
    return run


def _compare(design: Design, parameters: Sequence[Parameters], rows: np.ndarray,
             precisions: np.ndarray, level: LevelName, run: Runner,
             explain: Callable[..., str]) -> Level:
    expected = design_results(design, parameters, rows, precisions)
    # Where loading the image would take most of the time, the protocol's level runs once.
    once = level == "cocotb" and design.image.body_bytes > LARGE_IMAGE
    stalls = {"valid": 0.6, "ready": 0.6}
    first = stalls if once else {}
    result = run(rows, precisions=precisions, **first)
    mismatch = _first_mismatch(design, parameters, rows, expected, result.results)
    why = "" if mismatch is None else explain(rows[:mismatch.row + 1], **first)
    if mismatch is None and not once and level != "amaranth":
        stalled = min(len(rows), STALLED_ROWS)
        again = run(rows[:stalled], precisions=precisions[:stalled], **stalls)
        mismatch = _first_mismatch(design, parameters, rows[:stalled], expected[:stalled],
                                   again.results)
        why = "" if mismatch is None else explain(rows[:mismatch.row + 1], **stalls)
    return Level(level, "equal" if mismatch is None else "different", len(rows),
                 None if mismatch is None else f"{mismatch}{why}.",
                 None if once else result.latency, None if once else result.cycles_per_row,
                 result.results, _expected_latency(design, precisions),
                 expected_cycles(design, precisions))


def _expected_latency(design: Design, precisions: np.ndarray) -> int | None:
    """The latency of the first row, where rows choose and it is known."""
    if design.precision_count == 1 or len(design.stages) > 1:
        return None
    return design.stages[0].latency_at(int(precisions[0]))


def _first_mismatch(design: Design, parameters: Sequence[Parameters], rows: np.ndarray,
                    expected: np.ndarray, got: np.ndarray) -> Mismatch | None:
    differs = expected != got
    if not differs.any():
        return None
    at = tuple(int(place) for place in np.argwhere(differs)[0])
    row, output = at[0], at[1] if len(at) == 2 else at[1:]
    return Mismatch(row, output, int(expected[at]), int(got[at]),
                    _codes(design, parameters, rows[row:row + 1]))


def _codes(design: Design, parameters: Sequence[Parameters],
           row: np.ndarray) -> list[list[int]]:
    if not isinstance(design, ChainSpec):
        return []
    inputs = [row, *stage_results(design, parameters, row)[:-1]]
    codes = []
    for spec, own, given in zip(design.stages, parameters, inputs):
        if (isinstance(spec, PQSpec) and isinstance(own, LookupParameters)
                and isinstance(spec.layer, Layer)):
            codes.append([int(code) for code in encode(spec, own, given.reshape(1, -1))[0]])
        else:
            codes.append([])
    return codes
