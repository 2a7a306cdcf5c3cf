"""Networks that learn in the integers of the hardware."""

from .layers import MACLayer, PQLayer, Scale
from .network import IntegerModule

__all__ = ["IntegerModule", "MACLayer", "PQLayer", "Scale"]
