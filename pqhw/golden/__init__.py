"""The specification of the arithmetic: every engine in exact integers. Needs NumPy alone."""

from .bitplane import activations_at, bitplane_layer, weights_at
from .chain import chain_results, layer_results, stage_results
from .design import design_results
from .conv import conv_layer, pixel_codes, windows
from .inside import layer_codes, layer_sums
from .mac import mac_layer
from .network import check_images, network_activations, network_results
from .pq import encode, lookup, pq_layer
from .requantize import requantize, shift_half_up

__all__ = ["activations_at", "bitplane_layer", "chain_results", "check_images", "conv_layer",
           "design_results", "encode", "layer_codes", "layer_results", "layer_sums", "lookup",
           "mac_layer", "network_activations", "network_results", "pixel_codes", "pq_layer",
           "requantize", "shift_half_up", "stage_results", "weights_at", "windows"]
