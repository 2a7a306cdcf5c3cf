"""Accelerators behind AXI4-Stream and AXI4-Lite ports."""

from .accelerator import BUS_LATENCY, AxiAccelerator, axi_members
from .overlay import AxiOverlay
from .top import AxiTop

__all__ = ["BUS_LATENCY", "AxiAccelerator", "AxiOverlay", "AxiTop", "axi_members"]
