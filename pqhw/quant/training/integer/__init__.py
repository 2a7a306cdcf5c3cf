"""Networks that learn in the integers of the hardware."""

from .layers import MACLayer, PQLayer, Scale
from .network import IntegerModule
from .tuning import Tuning, tune_network

__all__ = ["IntegerModule", "MACLayer", "PQLayer", "Scale", "Tuning", "tune_network"]
