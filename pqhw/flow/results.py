"""The measured result of one design on one device, as JSON: a public, versioned schema."""

import json
import os
from pathlib import Path
from typing import Any, Literal, TypeVar

import pydantic

__all__ = ["Area", "Bound", "Comparison", "Fmax", "Layer", "LutEquivalents", "Measurement",
           "Network", "Provenance", "SCHEMA", "Seed", "Verification", "load_results",
           "read_document", "results_schema", "validated"]

SCHEMA = 1
"""Version of the JSON documents; a change that breaks readers increments it."""


Document = TypeVar("Document", bound=pydantic.BaseModel)


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)


class Area(_Model):
    """Units used, by kind."""
    lut4: int = pydantic.Field(description="4-input LUTs; on ECP5 TRELLIS_COMB plus 2 per "
                                           "TRELLIS_RAMW, on iCE40 ICESTORM_LC")
    ff: int = pydantic.Field(description="flip-flops")
    bram: int = pydantic.Field(description="block RAMs")
    dsp: int = pydantic.Field(description="DSP blocks")


class Fmax(_Model):
    """Routed clock over the seeds that were routed, in MHz."""
    median: float
    q1: float
    q3: float
    all: list[float]


class Seed(_Model):
    """One place-and-route run; a failed one has a reason instead of a clock."""
    seed: int
    fmax_mhz: float | None
    reason: str | None = None
    area_raw: Area | None = None


class LutEquivalents(_Model):
    """Area as one number, at two stated sets of prices."""
    pqa: float = pydantic.Field(description="LUT4 with a DSP at 80 and a block RAM at 95 per "
                                            "18 kbit")
    scarcity: float = pydantic.Field(description="LUT4 with a DSP and a block RAM at the device's "
                                                 "LUT4 per unit of each")


class Verification(_Model):
    """One level of simulation against the integer golden model."""
    level: Literal["amaranth", "cxxrtl", "cocotb"]
    status: Literal["equal", "different", "failed", "not run"]
    rows: int = pydantic.Field(default=0, description="rows compared")
    reason: str | None = pydantic.Field(default=None, description="why it was not run, or what "
                                                                  "differed")


class Provenance(_Model):
    """Where the numbers come from."""
    pqhw: str
    rtl_sha256: str = pydantic.Field(description="hash of the Verilog, comments left out")
    tools: dict[str, str]
    host: str
    time: str = pydantic.Field(description="when the design was measured, UTC")
    constraint_mhz: float = pydantic.Field(description="clock the router was asked for")
    placer: str = pydantic.Field(default="heap",
                                 description="of the router: heap, heap-router2 or static")
    target: str = pydantic.Field(description="RTL target: generic, ecp5 or ice40")
    parameters: str = pydantic.Field(description="parameters of the simulation: given or random")


class Layer(_Model):
    """A node of a network as it was routed; or what is no node: streams, border, harness."""
    name: str
    kind: str = pydantic.Field(description="what computes it; empty for what is no node")
    cycles: int | None = pydantic.Field(description="cycles of work per image; null for what is "
                                                    "no node")
    utilisation: float | None = pydantic.Field(description="share of the time that it works")
    area: Area = pydantic.Field(description="cells that carry its name")
    tiles: str = pydantic.Field(description="where they stand: x:y:cells of every tile")


class Bound(_Model):
    """What a device could do, were one of its resources always at work."""
    resource: str = pydantic.Field(description="lut4, ff, bram, dsp, or ports: bits of tables and "
                                               "weights read from block RAM")
    busy: float = pydantic.Field(description="share of the device's that layers keep at work, on "
                                             "average over time")
    rows_per_second: float | None = pydantic.Field(description="the rate divided by that share")


class Network(_Model):
    """A dataflow network layer by layer, of the seed nearest to the median."""
    seed: int
    interval: float = pydantic.Field(description="cycles from an image to the next, as simulated "
                                                 "where that was done")
    slowest: list[str] = pydantic.Field(description="the layers that set the rate")
    columns: int = pydantic.Field(description="tiles side by side, as far as cells stand")
    rows: int = pydantic.Field(description="tiles one above the other")
    layers: list[Layer]
    bounds: list[Bound]


class Measurement(_Model):
    """A design on a device: verified, synthesized and routed; or the reason why not."""
    schema_version: int = SCHEMA
    document: Literal["measurement"] = "measurement"
    name: str
    kind: str = pydantic.Field(description="pq, mac, or a chain of both; overlay; da4ml for a "
                                           "generator of others")
    device: str
    package: str
    speed_grade: int
    spec: dict
    status: Literal["ok", "failed"]
    reason: str | None = None
    verified: str | None = pydantic.Field(
        default=None, description="the strongest level at which the RTL equalled the golden model: "
        "cxxrtl, cocotb, amaranth, or null")
    verification: list[Verification] = []
    accuracy: float | None = pydantic.Field(
        default=None, description="share of test rows classified correctly by the integer network")
    area: Area | None = pydantic.Field(
        default=None, description="of the design; harness subtracted")
    area_raw: Area | None = pydantic.Field(
        default=None, description="with the register harness")
    area_available: Area | None = None
    cells: dict[str, int] = pydantic.Field(
        default={}, description="units as the router names them, harness subtracted")
    fmax_mhz: Fmax | None = None
    seeds: list[Seed] = []
    cycles_per_row: int | None = None
    cycles_per_row_measured: float | None = None
    latency_cycles: int | None = None
    rows_per_second: float | None = pydantic.Field(
        default=None, description="median Fmax / cycles per row, as simulated")
    device_limited_rows_per_second: float | None = pydantic.Field(
        default=None, description="rows per second of a device filled with copies: throughput "
        "divided by the largest used share of any resource")
    limiting_resource: str | None = None
    lut_equivalents: LutEquivalents | None = None
    multiply_accumulates_per_row: int | None = pydantic.Field(
        default=None, description="of the layers that the design computes or approximates")
    memory_bits: int | None = None
    network: Network | None = pydantic.Field(
        default=None, description="of a dataflow network, its layers")
    provenance: Provenance | None = None

    @property
    def failed_seeds(self) -> int:
        """Seeds without a routed result."""
        return sum(seed.fmax_mhz is None for seed in self.seeds)


class Comparison(_Model):
    """Designs that do the same work, measured in one run."""
    schema_version: int = SCHEMA
    document: Literal["comparison"] = "comparison"
    title: str
    task: str | None = pydantic.Field(default=None, description="what the designs compute")
    float_accuracy: float | None = None
    test_rows: int | None = None
    notes: list[str] = []
    measurements: list[Measurement]


def load_results(path: str | os.PathLike[str]) -> Comparison:
    """Read a measurement or a comparison; a measurement becomes a comparison of one.

    Raises `ValueError` with one sentence if the file is not such a document.
    """
    path = Path(path)
    values = read_document(path)
    kind = values.get("document")
    if kind not in ("measurement", "comparison"):
        raise ValueError(f"{path}: is not a result of pqhw synth, compare or demo.")
    if kind == "measurement":
        measurement = validated(path, Measurement, values)
        return Comparison(title=measurement.name, measurements=[measurement])
    return validated(path, Comparison, values)


def read_document(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is something else.

    Raises `ValueError` with one sentence if the file cannot be read or is not JSON.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise ValueError(f"{path}: is not a JSON file.") from None
    return values if isinstance(values, dict) else {}


def validated(path: Path, model: type[Document], values: Any) -> Document:
    """A document of a version that is known, with every field as it has to be.

    Raises `ValueError` with one sentence that names the first field that is not.
    """
    version = values.get("schema_version") if isinstance(values, dict) else None
    if version != SCHEMA:
        raise ValueError(f"{path}: has schema version {version}, "
                         f"but this pqhw reads version {SCHEMA}.")
    try:
        return model.model_validate(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        told = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{path}: {f'{where}: ' if where else ''}{told}.") from None


def results_schema() -> dict:
    """The JSON Schema of both documents."""
    return pydantic.TypeAdapter(Measurement | Comparison).json_schema()
