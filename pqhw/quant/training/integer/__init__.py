"""Networks that learn in the integers of the hardware."""

from .adapting import AdaptingModule, adapt_network, adapting_recipe
from .layer import Scale
from .mac import MACLayer
from .network import IntegerModule
from .pq import PQLayer
from .tuning import Tuning, tune_network

__all__ = ["AdaptingModule", "IntegerModule", "MACLayer", "PQLayer", "Scale", "Tuning",
           "adapt_network", "adapting_recipe", "tune_network"]
