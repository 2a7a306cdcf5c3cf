"""Emitted Verilog in Icarus: precisions that change with every row, under backpressure."""

import numpy as np
import pytest
from bitplane_builders import plane_cases

from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.sim import icarus
from pqhw.sim.stimulus import random_parameters, random_precisions, random_rows

CASES = plane_cases()


@pytest.mark.parametrize("name, target", [
    ("nothing divides", "ecp5"), ("nothing divides, pm1", "generic"), ("blocks of two", "ecp5"),
    ("double-buffered", "ecp5"), ("two stages that choose", "generic"),
    ("convolution, groups, pm1", "ecp5")])
def test_precisions_change_with_every_row_under_backpressure(cache, name, target):
    chain = CASES[name]
    parameters = random_parameters(chain, 5)
    count = 8 if chain.has_window else 16
    rows = random_rows(chain, parameters, count, 5)
    precisions = random_precisions(chain, count, 5)
    expected = chain_results(chain, parameters, rows, precisions)
    result = icarus.simulate(cache, chain, design_verilog(chain, target=target),
                             pack_image(chain, parameters), rows, precisions=precisions,
                             valid=0.6, ready=0.5)
    assert len(np.unique(precisions)) == chain.precision_count
    assert (result.results == expected).all()
