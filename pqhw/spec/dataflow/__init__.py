"""Whole networks as hardware: a part for every node, joined by streams."""

from .dataflow import DataflowSpec, Edge, Setting
from .files import (design_from_mapping, dump_design, load_design,
                    load_design_parameters)
from .parts import Part

__all__ = ["DataflowSpec", "Edge", "Part", "Setting", "design_from_mapping", "dump_design",
           "load_design", "load_design_parameters"]
