"""Overlay accelerators: the hardware, the jobs that it does, and programs of them."""

from .job import Job, Kind
from .overlay import OverlaySpec
from .program import Block, Program

__all__ = ["Block", "Job", "Kind", "OverlaySpec", "Program"]
