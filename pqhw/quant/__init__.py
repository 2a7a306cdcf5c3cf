"""From a trained network to integers: prototypes, tables, weights and scales. NumPy alone."""

from .accuracy import accuracy, classify
from .convert import mac_network, pq_network
from .levels import (mixed_weights, nearest_levels, nearest_plane_levels, plane_weights,
                     scheme_weights)
from .presets import MAC_PRESETS, PQ_PRESETS, mac_preset, pq_preset
from .settings import Learning, MACSettings, PQSettings

__all__ = ["Learning", "MACSettings", "MAC_PRESETS", "PQSettings", "PQ_PRESETS", "accuracy",
           "classify", "mac_network", "mac_preset", "mixed_weights", "nearest_levels",
           "nearest_plane_levels", "plane_weights", "pq_network", "pq_preset", "scheme_weights"]
