"""Dataflow accelerators give the integers of the golden network, in the cycles that are told."""

import numpy as np
import pytest
from dataflow_builders import OPERATIONS, around, images, regrouped, residual, rows, strided

from pqhw.emit.constants import bind_constants
from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.flow.cache import Cache
from pqhw.golden import design_results
from pqhw.sim import cxxrtl
from pqhw.sim.result import SimulationError
from pqhw.spec.dataflow import DataflowSpec

STALLS = ({}, {"valid": 0.5, "ready": 0.5}, {"valid": 1.0, "ready": 0.1},
          {"valid": 0.1, "ready": 1.0})


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


def check(cache, spec, parameters, given):
    """Every stall pattern gives the golden results; unstalled in the predicted cycles."""
    wanted = design_results(spec, parameters, given)
    bound = bind_constants(spec, parameters)
    verilog, image = design_verilog(bound), pack_image(bound, parameters)
    for stalls in STALLS:
        found = cxxrtl.simulate(cache, bound, verilog, image, given, **stalls)
        assert (found.results == wanted).all()
        if not stalls:
            assert found.cycles_per_row == spec.cycles_per_row


@pytest.mark.parametrize(("name", "lanes"), [
    (name, lanes) for lanes, names in {
        1: ("pool", "mean-whole", "concat"), 2: ("sum", "subsample", "pad"),
        4: ("pool-padded", "mean", "mean-whole")}.items() for name in names])
def test_every_node_gives_what_the_golden_network_does(cache, name, lanes):
    assert name in OPERATIONS
    check(cache, *around(name, lanes), images())


@pytest.mark.parametrize("folding", [
    {}, {"subspaces_per_cycle": 4, "outputs_per_cycle": 3, "table_storage": "rom",
         "prototype_storage": "rom"}])
def test_a_block_with_a_shortcut_never_locks_up(cache, folding):
    check(cache, *residual(**folding), images(9))


@pytest.mark.parametrize("folding", [{}, {"subspaces_per_cycle": 15, "outputs_per_cycle": 4}])
def test_pixels_and_rows_meet_at_the_pace_of_the_slower(cache, folding):
    check(cache, *regrouped(**folding), images(9))


@pytest.mark.parametrize(("outputs", "inputs"), [
    (4, 8), pytest.param(1, 2, marks=pytest.mark.slow)])
def test_a_stride_behind_narrower_transfers_keeps_the_pace(cache, outputs, inputs):
    spec, parameters = strided(outputs, inputs)
    check(cache, spec, parameters, np.random.default_rng(4).integers(-16, 16, (24, 8, 8, 6)))


@pytest.mark.parametrize("lanes", [1, 7, 24])
def test_images_that_are_but_flattened_enter_as_rows(cache, lanes):
    spec, parameters = rows(lanes)
    assert (spec.input.elements, spec.input.lanes) == (120, lanes)
    assert spec.cycles_per_row == -(-120 // lanes)
    check(cache, spec, parameters, images(9))


def test_without_room_the_shortcut_locks_up(cache):
    spec, parameters = residual()
    bare = DataflowSpec(spec.network)
    with pytest.raises(SimulationError, match="results stopped coming"):
        cxxrtl.simulate(cache, bare, design_verilog(bare), pack_image(bare, parameters), images(2))


def test_results_are_given_though_no_image_follows(cache):
    spec, parameters = residual()
    given = images(1)
    found = cxxrtl.simulate(cache, spec, design_verilog(spec), pack_image(spec, parameters), given)
    assert (found.results == design_results(spec, parameters, given)).all()


def test_largest_values_of_equal_rank_give_the_lowest_index(cache):
    spec, parameters = around("sum", 1)
    given = np.broadcast_to(images()[:, :1, :1], (6, 5, 4, 6))
    results = design_results(spec, parameters, given)
    assert (results < 3).all()
    check(cache, spec, parameters, given)
