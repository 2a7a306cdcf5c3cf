"""Accelerators behind AXI4-Stream and AXI4-Lite ports."""

from .accelerator import BUS_LATENCY, AxiAccelerator, axi_members
from .overlay import AxiOverlay, overlay_members
from .reads import BYTE_ADDRESS_BITS, READ_LATENCY
from .top import AxiTop

__all__ = ["BUS_LATENCY", "BYTE_ADDRESS_BITS", "READ_LATENCY", "AxiAccelerator", "AxiOverlay",
           "AxiTop", "axi_members", "overlay_members"]
