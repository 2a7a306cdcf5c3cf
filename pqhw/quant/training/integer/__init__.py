"""Networks that learn in the integers of the hardware."""

from .layer import Scale
from .mac import MACLayer
from .network import IntegerModule
from .pq import PQLayer
from .tuning import Tuning, tune_network

__all__ = ["IntegerModule", "MACLayer", "PQLayer", "Scale", "Tuning", "tune_network"]
