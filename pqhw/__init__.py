"""Product-quantized neural-network layers as FPGA accelerators, bit-exact and measured."""

__version__ = "0.1.0"
