"""Whole integer networks: their nodes, what each gives, and their files."""

from .files import (dump_network, is_network, load_network, load_network_extras,
                    load_network_parameters, narrow_integers, save_network)
from .network import INPUT, NetworkInput, NetworkNode, NetworkSpec, input_of
from .nodes import (ArgMax, Concat, Engine, Flatten, MaxPool, Mean, NodeOp, PadChannels, Subsample,
                    Sum)
from .schemes import with_rows_as_given

__all__ = ["ArgMax", "Concat", "Engine", "Flatten", "INPUT", "MaxPool", "Mean", "NetworkInput",
           "NetworkNode", "NetworkSpec", "NodeOp", "PadChannels", "Subsample", "Sum",
           "dump_network", "input_of", "is_network", "load_network", "load_network_extras",
           "load_network_parameters", "narrow_integers", "save_network", "with_rows_as_given"]
