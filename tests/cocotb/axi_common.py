"""Designs on a bus with material for them, shared by pytest and the testbenches inside Icarus."""

import dataclasses
import functools

import numpy as np
from bench_common import DESIGNS, DOUBLE, SMALL, material
from bitplane_builders import plane_cases
from builders import chain, mac
from dataflow_builders import around, images

from pqhw.emit.constants import bind_constants
from pqhw.emit.image import pack_image
from pqhw.golden import design_results
from pqhw.sim.stimulus import random_parameters, random_precisions, random_rows
from pqhw.spec.dataflow import DataflowSpec
from pqhw.spec.design import Design
from pqhw.spec.registers import BusPort

__all__ = ["AXI", "AxiMaterial", "axi_material", "bytes_of_rows", "rows_of_bytes"]


def _network() -> tuple[Design, tuple]:
    return around("mean", 3)


def _resident() -> tuple[Design, tuple]:
    """A network whose parameters are all constants."""
    spec, parameters = around("pool", 2)
    stages = [dataclasses.replace(own, engine=dataclasses.replace(
        own.engine, resident=True, table_storage="rom", prototype_storage="rom"))
        for own in spec.stages]
    assert isinstance(spec, DataflowSpec)
    return bind_constants(spec.with_stages(stages).with_buffers(), parameters), parameters


AXI = {
    "rows": lambda: SMALL["pq64"],
    "bytes": lambda: SMALL["pq8"],
    "odd": lambda: DESIGNS["mac"],
    "wide": lambda: chain(mac(D=9, N=5, inputs_per_cycle=4, outputs_per_cycle=3, load_bits=32)),
    "image": lambda: chain(mac(C=3, N=5, F=2, H=3, W=3, activation_bits=5, weight_bits=4,
                               channels_per_cycle=2, inputs_per_cycle=8, outputs_per_cycle=3)),
    "planes": lambda: plane_cases()["blocks of two"],
    "double": lambda: DOUBLE["chain2"],
    "network": lambda: _network()[0],
    "resident": lambda: _resident()[0],
}
"""Every kind of design: lanes of one, two and four bytes, rows with remainders, images of units
with remainders, rows that choose, two images, networks, and no image at all."""


@dataclasses.dataclass(frozen=True)
class AxiMaterial:
    """Rows of a seed, and what must come out.

    Members
    -------
    rows, precisions, results: [R, D], [R] and [R, N], the first and last perhaps of images
    image: the parameter image; empty where there is none
    """
    rows: np.ndarray
    precisions: np.ndarray
    results: np.ndarray
    image: bytes


@functools.cache
def axi_material(name: str, count: int, seed: int) -> AxiMaterial:
    """Material for a design of `AXI`."""
    design = AXI[name]()
    precisions = np.zeros(count, int)
    if name in ("network", "resident"):
        parameters = (_network() if name == "network" else _resident())[1]
        rows = np.roll(images(max(6, count)), seed, axis=0)[:count]
        results = design_results(design, parameters, rows)
    elif name in ("image", "planes"):
        parameters = random_parameters(design, seed)
        rows = random_rows(design, parameters, count, seed)
        if design.precision_bits:
            precisions = random_precisions(design, count, seed)
        results = design_results(design, parameters, rows, precisions)
    else:
        given = material(design, count, seed)
        return AxiMaterial(given.rows, precisions, given.results, given.image)
    image = pack_image(design, parameters) if design.image.sections else b""
    return AxiMaterial(rows, precisions, results, image)


def bytes_of_rows(design: Design, rows: np.ndarray, *, cut: bool = False) -> list[bytes]:
    """The bytes of every row, each unit filled up to whole transfers; with `cut` the last unit
    ends with its last integer."""
    port, given = BusPort(design.input), design.input
    units = rows.reshape(len(rows), given.units, given.elements)
    filled = np.zeros((len(rows), given.units, given.unit_transfers * given.lanes),
                      f"<i{port.lane_bytes}")
    filled[..., :given.elements] = units
    spare = (given.unit_transfers * given.lanes - given.elements) * port.lane_bytes
    return [row.tobytes()[:-spare if cut and spare else None] for row in filled]


def rows_of_bytes(design: Design, packets: list[bytes]) -> np.ndarray:
    """Results [R, N] of packets whose null bytes were left out."""
    port, made = BusPort(design.results), design.results
    kind = f"<{'i' if made.range.signed else 'u'}{port.lane_bytes}"
    width = made.unit_transfers * made.lanes
    size = (made.units * width - (width - made.elements)) * port.lane_bytes
    rows = []
    for packet in packets:
        assert len(packet) == size, f"a packet has {len(packet)} bytes instead of {size}"
        row = np.frombuffer(packet.ljust(made.units * width * port.lane_bytes, b"\0"), kind)
        rows.append(row.reshape(made.units, width)[:, :made.elements].reshape(made.shape))
    return np.array(rows).astype(np.int64)
