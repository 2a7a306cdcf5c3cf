"""Corrections of the formulas by routed points: fitting, and applying what was fitted.

LUT4: a factor per group of parts, held near one that is common to all; flip-flops: one factor;
clock: the period as a weighted sum of structural features. All by least squares of relative
errors, so held that few points suffice.
"""

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..spec import ChainSpec
from ..spec.devices import DEVICES, Device
from .area import GROUPS, area_of, part_areas
from .timing import FEATURES, features

__all__ = ["FITTED", "apply_fit", "fit_points", "fitted"]

FITTED = Path(__file__).with_name("fitted.json")

STIFFNESS = {"lut4": 0.3, "period": 0.5}
"""How strongly coefficients are held at their plain values: the weight of one such pull, as a
share of the points' weight. Chosen by leaving out one fitted point at a time; the held-out points
had no part in it."""


@functools.cache
def fitted() -> dict[str, Any]:
    """The coefficients and errors that the package was released with."""
    values: dict[str, Any] = json.loads(FITTED.read_text(encoding="utf-8"))
    return values


# -- Applying ----------------------------------------------------------------------------------


def group_luts(chain: ChainSpec, part: Device) -> np.ndarray:
    """LUT4 by formula of every group of parts."""
    sums = dict.fromkeys(GROUPS, 0.0)
    for one in part_areas(chain, part):
        sums[one.group] += one.cells.lut4
    return np.array([sums[group] for group in GROUPS])


def apply_fit(family: dict[str, Any], chain: ChainSpec, part: Device) -> dict[str, float]:
    """LUT4, flip-flops and Fmax (MHz) of a resolved design, corrected."""
    luts = float(group_luts(chain, part) @ np.array(family["lut4"]))
    period = float(features(chain, part) @ np.array(family["period"]))
    return {"lut4": luts, "ff": area_of(chain, part).ff * family["ff"], "fmax": 1000 / period}


# -- Fitting -----------------------------------------------------------------------------------


def fit_points(points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Coefficients per family, with their errors on held-out points."""
    routed = [point for point in points if "area" in point]
    families = {}
    for name in sorted({DEVICES[point["device"]].family for point in routed}):
        own = [point for point in routed if DEVICES[point["device"]].family == name]
        families[name] = _fit_family(own)
    return {"families": families}


def _fit_family(points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    train = [point for point in points if not point["held_out"]]
    held_out = [point for point in points if point["held_out"]]
    designs = [_design(point) for point in train]
    luts = np.array([group_luts(*design) for design in designs])
    measured_luts = np.array([point["area"]["lut4"] for point in train])
    common = float(np.median(measured_luts / luts.sum(axis=1)))
    lut4 = _least_squares(luts, measured_luts, np.full(len(GROUPS), common), STIFFNESS["lut4"])
    plain = np.array([area_of(*design).ff for design in designs])
    measured = np.array([point["area"]["ff"] for point in train])
    period = _fit_period(designs, np.array([1000 / point["fmax_mhz"] for point in train]))
    family = {"lut4": lut4.round(4).tolist(),
              "ff": round(float(np.median(measured / plain)), 4),
              "period": period.round(4).tolist()}
    return {**family, "groups": list(GROUPS), "features": list(FEATURES),
            "points": {"fitted": len(train), "held_out": len(held_out)},
            "errors": _errors(family, held_out), "errors_fitted": _errors(family, train),
            "tools": sorted({tool for point in points for tool in point["tools"].values()})}


def _design(point: dict[str, Any]) -> tuple[ChainSpec, Device]:
    return ChainSpec.from_mapping(point["spec"]), DEVICES[point["device"]]


def _least_squares(columns: np.ndarray, wanted: np.ndarray, plain: np.ndarray,
                   stiffness: float) -> np.ndarray:
    """Coefficients of least relative error, each pulled towards its plain value.

    A pull weighs with the mean share that its column has in the points, so that a part that
    matters is fitted and one that hardly occurs keeps its formula.
    """
    relative = columns / wanted[:, None]
    scale = np.sqrt((relative ** 2).mean(axis=0)) + 1e-9
    pulls = np.diag(np.sqrt(stiffness * len(wanted)) * np.maximum(scale, scale.max() / 10))
    matrix = np.vstack([relative, pulls])
    target = np.concatenate([np.ones(len(wanted)), pulls @ plain])
    return np.linalg.lstsq(matrix, target, rcond=None)[0]


def _fit_period(designs: Sequence[tuple[ChainSpec, Device]], periods: np.ndarray) -> np.ndarray:
    """Weights of the features: that of the longest path is held near 1, that of the size near 0,
    around the means of both, and the constant is free."""
    columns = np.array([features(*design) for design in designs])
    slower = columns[:, 0]
    plain = columns[:, 1:] / slower[:, None]
    means = plain.mean(axis=0)
    centred = np.column_stack([np.ones(len(periods)), plain - means])
    spread = np.maximum(plain.std(axis=0), 0.1)
    pulls = np.diag(np.sqrt(STIFFNESS["period"] * len(periods)) * np.array([0, *spread]))
    wanted = periods / slower
    weights = np.mean(wanted) / wanted
    solved = np.linalg.lstsq(np.vstack([centred * weights[:, None], pulls]),
                             np.concatenate([wanted * weights, pulls @ [0, 1, 0]]), rcond=None)[0]
    return np.array([solved[0] - solved[1:] @ means, *solved[1:]])


def _errors(family: dict[str, Any], points: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Median and 90th percentile of relative errors."""
    errors: dict[str, list[float]] = {"lut4": [], "ff": [], "fmax": []}
    for point in points:
        values = apply_fit(family, *_design(point))
        measured = point["area"] | {"fmax": point["fmax_mhz"]}
        for name, found in errors.items():
            found.append(abs(values[name] / measured[name] - 1))
    return {name: {"median": round(float(np.median(found)), 4),
                   "p90": round(float(np.percentile(found, 90)), 4)} if found else None
            for name, found in errors.items()}
