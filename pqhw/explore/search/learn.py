"""What routed engines say of the estimator: factors by kind of engine and device, kept in a file.

A file holds the engines themselves, each once, with what was estimated and what was routed; the
factors follow from them whenever it is read. A factor is the median of routed over estimated,
drawn towards one where engines are few: its logarithm counts n / (n + 4) for n of them.
"""

import hashlib
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from math import exp, log
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydantic

from ...flow.folders import write_whole
from ...spec import ChainSpec, SpecError
from ...spec.devices import device
from ..estimate import estimate

__all__ = ["Correction", "LearnedEngine", "corrections", "corrected", "engine_kind", "learn",
           "load_learned"]

SHRINKAGE = 4
"""Engines at which a factor counts half."""


class _Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class LearnedEngine(_Model):
    """An engine that was routed, and the plain estimate of it."""
    key: str = pydantic.Field(min_length=1, description="hash of device and spec")
    device: str = pydantic.Field(description="name of the device")
    kind: str = pydantic.Field(description="as a choice's kind")
    lut4_estimated: int = pydantic.Field(gt=0, description="LUT4 by the estimator alone")
    lut4: int = pydantic.Field(gt=0, description="LUT4, routed")
    fmax_mhz_estimated: float = pydantic.Field(gt=0, description="clock by the estimator alone")
    fmax_mhz: float = pydantic.Field(gt=0, description="clock, routed")


class Correction(_Model):
    """What estimates of a kind of engine are multiplied by on a device."""
    kind: str = pydantic.Field(description="as a choice's kind")
    engines: int = pydantic.Field(ge=1, description="routed ones that it was learned from")
    lut4: float = pydantic.Field(gt=0, description="factor of LUT4")
    fmax: float = pydantic.Field(gt=0, description="factor of the clock")


class _Document(_Model):
    schema_version: Literal[1] = 1
    document: Literal["learned-engines"] = "learned-engines"
    engines: list[LearnedEngine]


def load_learned(path: Path) -> list[LearnedEngine]:
    """Read such a file.

    Raises
    ------
    SpecError
        One sentence that begins with the file's name.
    """
    try:
        return _Document.model_validate_json(path.read_bytes()).engines
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from None
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise SpecError(f"{path}: does not hold engines that were routed"
                        f"{f' ({field})' * bool(field)}: {first['msg']}.") from None


def learn(path: Path, part: str, routed: Iterable[tuple[Mapping[str, Any], int, float]]
          ) -> list[LearnedEngine]:
    """Add engines to a file, which is made if it is not there; one that it holds is replaced.

    Parameters
    ----------
    part: name of the device
    routed: spec, LUT4 and clock in MHz of every engine
    """
    known = {own.key: own for own in load_learned(path)} if path.exists() else {}
    for spec, lut4, clock in routed:
        if "engine" not in spec:  # Two engines that share a layer are of no one kind.
            continue
        made = estimate(ChainSpec.from_mapping(spec), device(part))
        text = json.dumps([part, spec], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        known[key] = LearnedEngine(
            key=key, device=part, kind=engine_kind(spec), lut4=lut4, fmax_mhz=round(clock, 2),
            lut4_estimated=made.area.lut4, fmax_mhz_estimated=round(made.fmax_mhz, 2))
    engines = [known[key] for key in sorted(known)]
    document = _Document(engines=engines).model_dump(mode="json")
    write_whole(path, json.dumps(document, indent=1) + "\n")
    return engines


def engine_kind(spec: Mapping[str, Any]) -> str:
    """The kind of choice that makes such an engine: ``pq`` or a weight code."""
    engine = spec["engine"]
    return "pq" if engine["kind"] == "pq" else str(engine.get("scheme", "fixed"))


def corrections(engines: Sequence[LearnedEngine], part: str) -> dict[str, Correction]:
    """Factors on a device, by kind of engine; kinds of which none was routed have none."""
    found = {}
    here = [own for own in engines if own.device == part]
    for kind in sorted({own.kind for own in here}):
        alike = [own for own in here if own.kind == kind]
        found[kind] = Correction(
            kind=kind, engines=len(alike),
            lut4=_factor([own.lut4 / own.lut4_estimated for own in alike]),
            fmax=_factor([own.fmax_mhz / own.fmax_mhz_estimated for own in alike]))
    return found


def _factor(ratios: Sequence[float]) -> float:
    share = len(ratios) / (len(ratios) + SHRINKAGE)
    return round(exp(share * statistics.median(map(log, ratios))), 4)


def corrected(figures: Mapping[str, np.ndarray], correction: Correction | None
              ) -> dict[str, np.ndarray]:
    """Figures of a grid with a correction's factors; as they are without one."""
    if correction is None:
        return dict(figures)
    return {**figures, "fmax_mhz": figures["fmax_mhz"] * correction.fmax,
            "lut4": np.rint(figures["lut4"] * correction.lut4).astype(np.int64)}
