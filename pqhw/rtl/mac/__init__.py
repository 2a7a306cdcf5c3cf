"""Multiply-accumulate cores."""

from .core import MACCore
from .multiplier import Multiplier
from .shifts import ShiftProduct

__all__ = ["MACCore", "Multiplier", "ShiftProduct"]
