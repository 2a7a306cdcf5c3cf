"""Icarus Verilog under cocotb: the emitted Verilog at its ports, with X, cycle by cycle.

About a thousand cycles per second; whole data sets are for `pqhw.sim.cxxrtl`.
"""

import functools
import importlib.resources
import json
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..emit.design import TOP
from ..flow.cache import Cache
from ..flow.tools import ToolError, ToolMissing
from ..spec.design import Design
from ..spec.parameters import check_precisions
from .result import SimulationError, SimulationResult
from .substitutes import PRIMITIVES

__all__ = ["compile_design", "require_tools", "run_testbench", "simulate"]

FLAGS = ("-g2001",)


def require_tools() -> None:
    """Raise `ToolMissing`, with how to get it, if Icarus Verilog or cocotb is not installed."""
    for tool in ("iverilog", "vvp"):
        if shutil.which(tool) is None:
            raise ToolMissing(f"{tool} is not installed; run: apt install iverilog")
    try:
        import cocotb_tools.runner  # noqa: F401
    except ModuleNotFoundError:
        raise ToolMissing("cocotb is not installed; run: pip install pqhw[cocotb]") from None
    if _python_library() is None:
        version = ".".join(map(str, sys.version_info[:2]))
        raise ToolMissing("Python's shared library, which the simulator loads, is not installed; "
                          f"run: apt install libpython{version}")


@functools.cache
def _python_library() -> str | None:
    """Where the shared library of this Python is; found as cocotb does."""
    import find_libpython
    path: str | None = find_libpython.find_libpython()
    return path


@functools.cache
def _version() -> str:
    """What Icarus Verilog says of itself."""
    result = subprocess.run(["iverilog", "-V"], capture_output=True, text=True, check=False)
    return (result.stdout.splitlines() or ["iverilog"])[0]


def _runner() -> Any:
    from cocotb_tools.runner import get_runner
    runner = get_runner("icarus")
    runner.log.setLevel(logging.CRITICAL)
    return runner


def _last_words(log: Path) -> str:
    """The lines that say what went wrong, else the last ones."""
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "error" in line.lower()]
    return " | ".join((telling or lines or ["it said nothing"])[-3:])


def compile_design(cache: Cache, verilog: str) -> Path:
    """The folder with the compiled design, for `run_testbench`; compiled once.

    Raises
    ------
    ToolMissing
        If Icarus Verilog or cocotb is not installed.
    ToolError
        If Icarus Verilog does not accept the text as Verilog-2001.
    """
    require_tools()
    models = ""
    if any(name in verilog for name in PRIMITIVES):
        files = importlib.resources.files("pqhw.sim")
        models = (files / "models" / "ecp5.v").read_text()
    inputs = {"verilog": verilog, "models": models, "flags": FLAGS, "icarus": _version()}

    def make(folder: Path) -> None:
        (folder / "design.v").write_text(verilog)
        (folder / "models.v").write_text(models)
        log = folder / "iverilog.log"
        try:
            _runner().build(sources=[folder / "design.v", folder / "models.v"], hdl_toplevel=TOP,
                            build_args=FLAGS, build_dir=folder, log_file=log)
        except (RuntimeError, ValueError) as error:
            words = _last_words(log) if log.exists() else error
            raise ToolError(f"iverilog failed: {words}") from None

    return cache.get("icarus", inputs, make)


def run_testbench(build: Path, module: str, folder: Path, plusargs: Mapping[str, Any]) -> None:
    """Run the cocotb tests of a Python module on a compiled design.

    Leaves `results.xml` and `vvp.log` in `folder`. Whether anything passed is for the caller to
    find out from what the tests wrote: the simulator's exit status says nothing.

    Parameters
    ----------
    build:
        From `compile_design`.
    module:
        Name of a module that this interpreter can import.
    plusargs:
        What the tests find in `cocotb.plusargs`.
    """
    try:
        _runner().test(
            test_module=module, hdl_toplevel=TOP, hdl_toplevel_lang="verilog", build_dir=build,
            test_dir=folder, plusargs=[f"+{name}={value}" for name, value in plusargs.items()],
            results_xml=str(folder / "results.xml"), log_file=folder / "vvp.log",
            extra_env={"COCOTB_REWRITE_ASSERTION_FILES": ""})
    except (RuntimeError, SystemExit):
        pass


def simulate(cache: Cache, design: Design, verilog: str, image: bytes, rows: np.ndarray, *,
             precisions: np.ndarray | None = None, valid: float = 1.0, ready: float = 1.0,
             seed: int = 1) -> SimulationResult:
    """Run rows [R, D] through the Verilog.

    For equal arguments the outcome is that of `pqhw.sim.cxxrtl.simulate` with one thread, to the
    cycle.

    Parameters
    ----------
    precisions:
        The precision [R] of every row; 0 where left out.
    valid, ready:
        Chance per cycle that the source offers and the sink takes.

    Raises
    ------
    SimulationError
        If the image is refused, `last` is misplaced, results do not come, a transfer that waits
        changes, a port is X where it matters, or the simulator dies.
    ToolMissing
        If Icarus Verilog or cocotb is not installed.
    """
    build = compile_design(cache, verilog)
    job: dict[str, Any] = {
        "design": json.dumps(design.to_mapping()), "image": np.frombuffer(image, np.uint8),
        "rows": np.asarray(rows, np.int16),
        "precisions": check_precisions(design, precisions, len(rows)),
        "valid": valid, "ready": ready, "seed": seed,
        "limit": _cycle_limit(design, len(rows), valid * ready)}
    with tempfile.TemporaryDirectory(prefix="pqhw-") as name:
        folder = Path(name).resolve()
        np.savez(folder / "job.npz", **job)
        run_testbench(build, "pqhw.sim.testbench", folder, {"pqhw_job": folder / "job.npz"})
        outcome = folder / "outcome.npz"
        if not outcome.exists():
            raise SimulationError(f"the simulator ended early: {_last_words(folder / 'vvp.log')}")
        with np.load(outcome) as written:
            values = dict(written)
    if "error" in values:
        raise SimulationError(str(values["error"]))
    range_ = design.results.range
    wide = range_.bits > 32 or range_.high >= 1 << 31
    return SimulationResult(
        results=values["results"].astype(np.int64 if wide else np.int32),
        latency=int(values["latency"]), cycles=int(values["cycles"]),
        row_ends=values["row_ends"].astype(np.uint64), flushes=design.has_window)


def _cycle_limit(design: Design, rows: int, pace: float) -> int:
    """Four times what the slowest part needs, with room for the latency of every stage."""
    slowest = max(design.cycles_per_row, design.input.transfers, design.results.transfers)
    return int(((rows + 64) * slowest + 100 * len(design.stages)) / max(1e-3, pace) * 4)
