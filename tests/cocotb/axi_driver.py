"""Compiles generated drivers."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from pqhw.emit.design import TOP

__all__ = ["driver_library"]

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion")


def driver_library(files: Mapping[str, str], folder: Path) -> Path:
    """A library of the driver, which compiles without warnings."""
    for file, text in files.items():
        (folder / file).write_text(text)
    library = folder / "driver.so"
    subprocess.run(["gcc", *WARNINGS, "-shared", "-fPIC", f"{TOP}.c", "-o", library],
                   cwd=folder, check=True)
    return library
