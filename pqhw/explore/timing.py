"""Structural features of a design that its clock depends on."""

import math

import numpy as np

from ..spec import ChainSpec
from ..spec.devices import Device
from .area import area_of

__all__ = ["FEATURES", "features"]

FEATURES = ("constant", "log2 LUT4")


def features(chain: ChainSpec, part: Device) -> np.ndarray:
    """The features in the order of `FEATURES`."""
    return np.array([1.0, math.log2(max(2, area_of(chain, part).lut4))])
