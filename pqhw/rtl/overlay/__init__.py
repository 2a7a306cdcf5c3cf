"""Overlay accelerators in hardware: a program of jobs, and what does them."""

from .core import core_latency
from .overlay import Overlay, overlay_signature

__all__ = ["Overlay", "core_latency", "overlay_signature"]
