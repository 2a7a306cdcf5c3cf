"""Amaranth components: streams, memories, encoders, lookup, MAC cores, and the accelerator."""

from .accelerator import Accelerator
from .target import TARGETS, Target

__all__ = ["Accelerator", "TARGETS", "Target"]
