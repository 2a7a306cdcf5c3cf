"""Random networks against hostile neighbours: nothing locks up, nothing is lost, and the pace of
images on end is the schedule's, to the cycle."""

import numpy as np
import pytest
from network_draws import drawn_network

from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.golden import design_results
from pqhw.sim import cxxrtl

FAST, SLOW = (0, 106), (*range(1, 24), 52, 82, 124)
"""Three have streams without a cycle to spare: 82 and 106 in front of what puts zeros before a
pixel, 52 behind an engine whose tiles are uneven. 124 has loops of words, and none of bits."""
SEEDS = [*FAST, *(pytest.param(seed, marks=pytest.mark.slow) for seed in SLOW)]
IMAGES = 30
STEADY = slice(IMAGES // 3, -3)
"""Images between which the pace is taken: all rooms are full by then, and others follow."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_network_survives_hostile_neighbours_and_keeps_its_pace(cache, seed):
    spec, parameters, given = drawn_network(seed, IMAGES)
    wanted = design_results(spec, parameters, given)
    verilog, image = design_verilog(spec), pack_image(spec, parameters)
    told = [node.op.KIND for node in spec.network.nodes], spec.input.shape
    free = cxxrtl.simulate(cache, spec, verilog, image, given)
    assert (free.results == wanted).all(), told
    for index, longest in enumerate((7, spec.cycles_per_row, 5000)):
        found = cxxrtl.simulate(cache, spec, verilog, image, given, longest_stall=longest,
                                seed=seed + 100 * index)
        assert (found.results == wanted).all(), (told, longest)
    ends = np.diff(free.row_ends.astype(np.int64))[STEADY]
    assert set(ends.tolist()) == {spec.cycles_per_row}, (told, ends)
