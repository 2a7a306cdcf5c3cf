"""Multiply-accumulate on planes of bits."""

from .core import BitplaneCore
from .counts import ProductCount
from .planes import PlaneReplay

__all__ = ["BitplaneCore", "PlaneReplay", "ProductCount"]
