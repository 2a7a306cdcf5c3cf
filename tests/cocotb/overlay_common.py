"""Overlays on a bus with programs for them, shared by pytest and the testbenches inside Icarus."""

import dataclasses
import functools

import numpy as np
from builders import mac
from overlay_builders import TINY, images_for, networks, node, with_parameters

from pqhw.emit.overlay import pack_program
from pqhw.explore.overlay import compile_program
from pqhw.golden import network_results
from pqhw.sim.overlay import image_transfers
from pqhw.spec import Requantize
from pqhw.spec.network import INPUT, Engine, Flatten, NetworkInput, NetworkSpec
from pqhw.spec.overlay import OverlaySpec, Program
from pqhw.spec.overlay.registers import result_rows
from pqhw.spec.registers import BusPort

__all__ = ["OVERLAYS", "OverlayMaterial", "material"]

WIDE = dataclasses.replace(TINY, port_bits=64)

OVERLAYS = {"wide": ("layers", WIDE), "narrow": ("layers", TINY), "image": ("pool", WIDE)}
"""Networks and the hardware that they run on: both widths of the port, rows and images."""


def _layers() -> tuple[NetworkSpec, dict]:
    """Rows, two layers of weights, sums; no two rows have the same results."""
    first = mac(D=15, N=9, weight_bits=8, activation_bits=8, activation_signed=False,
                output=Requantize(bits=8, signed=True, shift=8))
    second = mac(D=9, N=5, weight_bits=8, activation_bits=8, activation_signed=True)
    return with_parameters(NetworkSpec("layers", NetworkInput(
        height=3, width=5, channels=1, bits=8), (
        node("row", Flatten(), INPUT), node("first", Engine(first), "row"),
        node("second", Engine(second), "first"))))


@dataclasses.dataclass(frozen=True)
class OverlayMaterial:
    """A program, images, and what must come out.

    Members
    -------
    image: what the memory holds
    packets: the bytes of every image
    results: of the golden network
    """
    program: Program
    image: bytes
    packets: list[bytes]
    images: np.ndarray
    results: np.ndarray

    @property
    def spec(self) -> OverlaySpec:
        return self.program.spec

    def found(self, packets: list[bytes]) -> np.ndarray:
        """Results of packets."""
        rows = self.program.results
        port = BusPort(result_rows(self.spec))
        size = rows.transfers * port.data_bytes
        assert {len(packet) for packet in packets} == {size}, [len(own) for own in packets]
        values = np.frombuffer(b"".join(packets), f"<i{port.lane_bytes}")
        units = values.reshape(len(packets) * rows.units, -1)[:, :rows.elements]
        return units.reshape(len(packets), *rows.shape).astype(np.int64)


@functools.cache
def material(name: str) -> OverlayMaterial:
    """Four images for an overlay of `OVERLAYS`."""
    network_name, spec = OVERLAYS[name]
    network, parameters = _layers() if network_name == "layers" else networks()[network_name]
    program, images = compile_program(network, parameters, spec), images_for(network)
    packets = [own.astype(np.uint8).tobytes() for own in image_transfers(program, images)]
    return OverlayMaterial(program, pack_program(program), packets, images,
                           network_results(network, parameters, images))
