"""Accelerators behind AXI4-Stream and AXI4-Lite ports."""

from .accelerator import BUS_LATENCY, AxiAccelerator, AxiTop, axi_members

__all__ = ["BUS_LATENCY", "AxiAccelerator", "AxiTop", "axi_members"]
