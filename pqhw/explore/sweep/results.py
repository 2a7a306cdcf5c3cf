"""The results of a sweep: a row for every point, which holds nothing of when and where."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pydantic

from ...spec import SpecError

__all__ = ["FIGURES", "PLAN", "RESULT", "RUNS", "Row", "SweepResult", "figures_of",
           "load_document", "load_sweep_result"]

SCHEMA = 1
PLAN, RESULT, RUNS, LOG = "points.json", "sweep.json", "runs", "log.jsonl"
"""Within a sweep's folder: its points, all results, one file for each, and the seconds taken."""


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)


class Row(_Model):
    """A point and what came of it."""
    name: str = pydantic.Field(description="of the point")
    settings: dict[str, Any] = pydantic.Field(
        description="spec, device and the fields that change, a column each")
    status: Literal["ok", "failed", "to do"] = pydantic.Field(
        description="`ok`, `failed`, or `to do` where it has not been measured yet")
    reason: str | None = pydantic.Field(default=None, description="one sentence, if it failed")
    key: str | None = pydantic.Field(
        default=None, description="file in `runs/`, without its ending; null where the spec "
                                  "breaks a rule")
    verified: str | None = pydantic.Field(
        default=None, description="level at which the RTL equalled the golden model")
    lut4: int | None = pydantic.Field(default=None, description="LUT4")
    ff: int | None = pydantic.Field(default=None, description="flip-flops")
    bram: int | None = pydantic.Field(default=None, description="block RAMs")
    dsp: int | None = pydantic.Field(default=None, description="DSP blocks")
    fmax_mhz: float | None = pydantic.Field(
        default=None, description="median over seeds, or estimated")
    fmax_q1: float | None = pydantic.Field(default=None, description="first quartile")
    fmax_q3: float | None = pydantic.Field(default=None, description="third quartile")
    failed_seeds: int | None = pydantic.Field(default=None, description="seeds without a clock")
    cycles_per_row: int | None = pydantic.Field(default=None, description="by the spec's formula")
    latency_cycles: int | None = pydantic.Field(default=None, description="to the first result")
    rows_per_second: float | None = pydantic.Field(default=None, description="clock over cycles")
    device_limited_rows_per_second: float | None = pydantic.Field(
        default=None, description="of a device filled with copies")
    limiting_resource: str | None = pydantic.Field(
        default=None, description="of which the largest share is used")
    lut_equivalents_pqa: float | None = pydantic.Field(
        default=None, description="area as one number, at PQA's prices")
    lut_equivalents_scarcity: float | None = pydantic.Field(
        default=None, description="the same at prices by scarcity")
    memory_bits: int | None = pydantic.Field(default=None, description="of loaded parameters")
    multiply_accumulates_per_row: int | None = pydantic.Field(
        default=None, description="of the layers that the design stands for")


FIGURES = tuple(name for name in Row.model_fields
                if name not in ("name", "settings", "status", "reason", "key"))


class SweepResult(_Model):
    """A whole sweep."""
    schema_version: int = pydantic.Field(default=SCHEMA, description="1")
    document: Literal["sweep"] = pydantic.Field(default="sweep", description='`"sweep"`')
    title: str = pydantic.Field(description="in words")
    method: Literal["measured", "estimated"] = pydantic.Field(
        description="`measured`, or `estimated` from the spec alone")
    columns: list[str] = pydantic.Field(description="names in `settings`, in their order")
    rows: list[Row] = pydantic.Field(description="list of [Row](#row), in the sweep's order")

    @property
    def ok(self) -> bool:
        """Whether every row has its figures."""
        return all(row.status == "ok" for row in self.rows)

    def text(self) -> str:
        """The document as it stands in a file."""
        return json.dumps(self.model_dump(mode="json"), indent=1) + "\n"


def figures_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Status, reason and figures of a row, from the document of its run."""
    found: dict[str, Any] = {
        "status": document["status"], "reason": document.get("reason"),
        **{name: document.get(name) for name in FIGURES if name in document}}
    found |= document.get("area") or {}
    if equivalents := document.get("lut_equivalents"):
        found |= {f"lut_equivalents_{name}": value for name, value in equivalents.items()}
    if over := [name for name, share in document.get("shares", {}).items() if share > 1]:
        found |= {"status": "failed",
                  "reason": f"by the estimate it takes more {', '.join(over)} than there are."}
    clock = document.get("fmax_mhz")
    if isinstance(clock, Mapping):
        found |= {"fmax_mhz": clock["median"], "fmax_q1": clock["q1"], "fmax_q3": clock["q3"]}
    if document["document"] == "measurement":
        seeds = document["seeds"]
        found["failed_seeds"] = sum(seed["fmax_mhz"] is None for seed in seeds)
        if document["status"] == "ok" and document["verified"] is None:
            found |= {"status": "failed", "reason": document.get("reason")
                      or "the design was not simulated, so that it has no performance."}
        if found["status"] == "failed" and not found["reason"]:
            found["reason"] = "the tools gave no reason."
    return found


def load_document(path: Path) -> dict[str, Any] | None:
    """A run's document; None where there is none, or no whole one."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    good = isinstance(values, dict) and values.get("document") in ("measurement", "estimate")
    if not good or values.get("status") not in ("ok", "failed"):
        return None
    try:
        Row(name="", settings={}, **figures_of(values))
    except (KeyError, TypeError, AttributeError, pydantic.ValidationError):
        return None
    return dict(values)


def load_sweep_result(folder: str | os.PathLike[str]) -> SweepResult:
    """What lies in a sweep's folder, complete or not.

    Raises
    ------
    SpecError
        One sentence that begins with the folder's name.
    """
    folder = Path(folder)
    path = folder / PLAN
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise SpecError(f"{folder}: holds no sweep, as there is no {PLAN}.") from None
    except ValueError:
        raise SpecError(f"{path}: is not a JSON file.") from None
    if not isinstance(plan, dict) or plan.get("document") != "sweep-points":
        raise SpecError(f"{path}: does not hold the points of a sweep.")
    if plan.get("schema_version") != SCHEMA:
        raise SpecError(f"{path}: has schema version {plan.get('schema_version')}, "
                        f"but this pqhw reads version {SCHEMA}.")
    try:
        rows = []
        for point in plan["points"]:
            document = load_document(folder / RUNS / f"{point['key']}.json")
            own = {"status": "to do"} if document is None else figures_of(document)
            rows.append(Row(**{**own, **({"status": "failed"} if point["key"] is None else {}),
                               **{name: value for name, value in point.items()
                                  if value is not None}}))
        return SweepResult(title=plan["title"], method=plan["method"], columns=plan["columns"],
                           rows=rows)
    except (KeyError, TypeError, pydantic.ValidationError):
        raise SpecError(f"{path}: is damaged, or of another version of pqhw.") from None
