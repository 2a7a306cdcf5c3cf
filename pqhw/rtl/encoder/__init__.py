"""Encoders: from sub-vectors of activations to codes."""

from .distance import DistanceEncoder, DistanceLane

__all__ = ["DistanceEncoder", "DistanceLane"]
