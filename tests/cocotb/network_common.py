"""Whole networks with material for them, shared by pytest and the testbenches inside Icarus."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from dataflow_builders import tiny_images, tiny_network

from pqhw.emit.constants import bind_constants
from pqhw.emit.image import pack_image
from pqhw.explore.balance import balance
from pqhw.explore.size import parse_budget
from pqhw.golden import design_results
from pqhw.spec.dataflow import DataflowSpec
from pqhw.spec.devices import device
from pqhw.spec.network import load_network, load_network_parameters
from pqhw.spec.parameters import Parameters

__all__ = ["NETWORKS", "NetworkMaterial", "network_material"]

DIGITS = Path(__file__).parents[2] / "docs/networks/digits-cnn-tree-9-8.toml"


@dataclasses.dataclass(frozen=True)
class NetworkMaterial:
    """A network as an accelerator, images for it, and what must come out.

    Members
    -------
    image: the parameter image; empty where there is none
    """
    design: DataflowSpec
    parameters: tuple[Parameters, ...]
    rows: np.ndarray

    @functools.cached_property
    def image(self) -> bytes:
        return pack_image(self.design, self.parameters) if self.design.image.sections else b""

    @functools.cached_property
    def results(self) -> np.ndarray:
        """Of the golden network."""
        return design_results(self.design, self.parameters, self.rows)


def _loaded() -> NetworkMaterial:
    return NetworkMaterial(*tiny_network(), tiny_images(12))


def _resident() -> NetworkMaterial:
    """The same with all parameters built in."""
    design, parameters = tiny_network()
    stages = [dataclasses.replace(own, engine=dataclasses.replace(own.engine, resident=True))
              for own in design.stages]
    bound = bind_constants(design.with_stages(stages).with_buffers(), parameters)
    return NetworkMaterial(bound, parameters, tiny_images(12))


def _digits() -> NetworkMaterial:
    """The network of handwritten digits, parameters built in."""
    from pqhw.data import digits_images
    part, network = device("lfe5u-25f"), load_network(DIGITS)
    parameters = tuple(load_network_parameters(network, DIGITS.with_suffix(".npz")).values())
    found = balance(network, part, parse_budget(None, part), interval=1024)
    return NetworkMaterial(bind_constants(found.design, parameters), parameters,
                           digits_images().test_images[:12])


NETWORKS = {"loaded": _loaded, "resident": _resident, "digits": _digits}
"""A block around a shortcut, pooling, a dense layer and the class; and the digits network."""


@functools.cache
def network_material(name: str) -> NetworkMaterial:
    """A network by name."""
    return NETWORKS[name]()
