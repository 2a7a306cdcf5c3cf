"""Multiply-accumulate cores."""

from .fixed import FixedMAC
from .multiplier import Multiplier

__all__ = ["FixedMAC", "Multiplier"]
