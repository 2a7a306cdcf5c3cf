"""Encoders: from sub-vectors of activations to codes."""

from .collector import CodeCollector
from .distance import DistanceEncoder, DistanceLane
from .tree import TreeEncoder

__all__ = ["CodeCollector", "DistanceEncoder", "DistanceLane", "TreeEncoder"]
