"""Networks that learn in the integers of the hardware."""

from .adapting import AdaptingModule, adapt_network, adapting_recipe
from .held import Differences, compare_training, held_network
from .layer import Scale
from .mac import MACLayer
from .network import IntegerModule
from .pq import PQLayer
from .tuning import Tuning, tune_network

__all__ = ["AdaptingModule", "Differences", "IntegerModule", "MACLayer", "PQLayer", "Scale",
           "Tuning", "adapt_network", "adapting_recipe", "compare_training", "held_network",
           "tune_network"]
