"""One point of a sweep: what decides its result, its work, and its figures."""

import dataclasses
import functools
import hashlib
import time
from pathlib import Path
from typing import Any

from ...flow.cache import default_cache, digest
from ...flow.measure import Options, measure, unmeasured
from ...flow.pool import follow_parent
from ...flow.tools import tool_version
from ...spec import ChainSpec, SpecError
from ...spec.dataflow import design_from_mapping
from ...spec.devices import device
from ..estimate import estimate

__all__ = ["Done", "Task", "do_task", "expected_seconds", "failure"]

DECIDING = {"measured": ("spec", "emit", "rtl", "golden", "sim", "flow"),
            "estimated": ("spec", "explore")}
"""Packages of pqhw whose code decides the result of a method."""

KEY = 32
"""Characters of a result's name."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """A point's work, as plain values that another machine understands.

    Members
    -------
    code: check sum of the code that decides the result
    """
    name: str
    method: str
    design: dict[str, Any]
    device: str
    seeds: tuple[int, ...]
    toolchain: str
    timeout: float
    code: str

    @functools.cached_property
    def key(self) -> str:
        """Follows from all that decides the result."""
        inputs: dict[str, Any] = {"method": self.method, "design": self.design,
                                  "device": self.device, "code": self.code}
        if self.method == "measured":
            family = device(self.device).family
            inputs |= {"seeds": list(self.seeds), "tools": [
                tool_version(tool, self.toolchain) for tool in ("yosys", f"nextpnr-{family}")]}
        return digest(inputs)[:KEY]


Done = tuple[dict[str, Any], float]
"""A result's document, and the seconds that it took."""


@functools.cache
def code_digest(method: str) -> str:
    """Check sum of the code that decides the results of a method."""
    root, state = Path(__file__).parents[2], hashlib.sha256()
    for package in DECIDING[method]:
        for path in sorted((root / package).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                state.update(path.relative_to(root).as_posix().encode())
                state.update(path.read_bytes())
    return state.hexdigest()


def do_task(task: Task) -> Done:
    """Do a point's work; what goes wrong with it is its result.

    Raises
    ------
    SpecError
        Where this machine has another pqhw than the one that asks.
    OSError, MemoryError
        Where a disk or the memory is full.
    """
    follow_parent()
    if code_digest(task.method) != task.code:
        raise SpecError("every worker must have the same version of pqhw as the program that "
                        "asks it, but one has another.")
    begun = time.monotonic()
    try:
        document = _estimated(task) if task.method == "estimated" else _measured(task)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # One point that cannot be does not end a sweep of hours.
        told = str(error) if isinstance(error, ValueError | RuntimeError) else repr(error)
        document = failure(task, told)
    return document, time.monotonic() - begun


def _measured(task: Task) -> dict[str, Any]:
    design, part = design_from_mapping(task.design), device(task.device)
    options = Options(seeds=task.seeds, jobs=1, toolchain=task.toolchain, timeout=task.timeout)
    found = measure(default_cache(), design, part, name=task.name, options=options)
    return found.model_dump(mode="json")


def _estimated(task: Task) -> dict[str, Any]:
    design = design_from_mapping(task.design)
    if not isinstance(design, ChainSpec):
        raise SpecError("engines alone can be estimated, but this is a whole network.")
    return {"name": task.name, "status": "ok",
            **estimate(design, device(task.device)).to_json()}


def failure(task: Task, reason: str) -> dict[str, Any]:
    """The document of a point without a result."""
    if task.method == "estimated":
        return {"schema_version": 1, "document": "estimate", "name": task.name,
                "status": "failed", "reason": reason}
    empty = unmeasured(design_from_mapping(task.design), device(task.device), name=task.name)
    return empty.model_copy(update={"reason": reason}).model_dump(mode="json")


# -- Time --------------------------------------------------------------------------------------

VERIFYING = 20.0
SYNTHESIS_PER_LUT = 0.008
ROUTING_PER_LUT = {"ecp5": 0.012, "ice40": 0.03}
"""Seconds, of the tools from pip on a core of a few years ago."""

UNKNOWN = 120.0
"""Seconds of a design that cannot be estimated."""


def expected_seconds(task: Task) -> float:
    """What a point takes, about: within a factor of two or three."""
    if task.method == "estimated":
        return 0.01
    try:
        design, part = design_from_mapping(task.design), device(task.device)
        if not isinstance(design, ChainSpec):
            return UNKNOWN
        luts = estimate(design, part).area.lut4
    except SpecError:
        return 1.0
    return (VERIFYING + SYNTHESIS_PER_LUT * luts
            + len(task.seeds) * (2 + ROUTING_PER_LUT[part.family] * luts))
