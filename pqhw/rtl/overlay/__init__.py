"""Overlay accelerators in hardware: a program of jobs, and what does them."""

from .overlay import Overlay, overlay_signature

__all__ = ["Overlay", "overlay_signature"]
