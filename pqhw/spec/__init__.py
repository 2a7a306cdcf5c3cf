"""What to build: frozen, validated specs and all that follows from them. Needs NumPy alone."""

from .bitplane import BitplaneSpec
from .chain import ChainSpec, engine_spec
from .conv import Conv2d
from .encoder import DistanceSpec, EncoderSpec
from .engine import EngineSpec
from .fields import SpecError, SpecTypeError
from .gearbox import GearboxSpec
from .image import ImageLayout, LoadError, Section
from .mac import MACSpec
from .pq import PQSpec
from .tree import TreeSpec
from .tables import (Layer, MACEngine, MACFolding, MACPrecision, PQEngine, PQFolding, PQPrecision,
                     Requantize)
from .window import WindowSpec

__all__ = ["BitplaneSpec", "ChainSpec", "Conv2d", "DistanceSpec", "EncoderSpec", "EngineSpec",
           "GearboxSpec", "ImageLayout", "Layer", "LoadError", "MACEngine", "MACFolding",
           "MACPrecision", "MACSpec", "PQEngine", "PQFolding", "PQPrecision", "PQSpec",
           "Requantize", "Section", "SpecError", "SpecTypeError", "TreeSpec", "WindowSpec",
           "engine_spec"]
