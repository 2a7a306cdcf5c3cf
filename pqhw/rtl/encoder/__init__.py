"""Encoders: from sub-vectors of activations to codes."""

from .collector import CodeCollector
from .distance import DistanceEncoder, DistanceLane

__all__ = ["CodeCollector", "DistanceEncoder", "DistanceLane"]
