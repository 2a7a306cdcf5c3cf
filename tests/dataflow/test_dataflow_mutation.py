"""The comparison with the golden network notices small mistakes in nodes, joints and buffers."""

import pytest
from amaranth.hdl import Mux
from dataflow_builders import around, images, residual

import pqhw.rtl.joints as joints
import pqhw.rtl.nodes.means as means
import pqhw.rtl.nodes.pools as pools
import pqhw.rtl.nodes.routes as routes
import pqhw.rtl.nodes.sums as sums
from pqhw.emit.constants import bind_constants
from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.flow.cache import Cache
from pqhw.golden import design_results
from pqhw.sim import cxxrtl
from pqhw.sim.result import SimulationError


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def emitted_anew():
    """What was emitted with a mistake must not outlive it, nor what was emitted without."""
    design_verilog.cache_clear()
    yield
    design_verilog.cache_clear()


def wrong(cache, design):
    """Whether a design's simulation differs from its golden network, stalled and not."""
    spec, parameters = design
    given = images(5)
    wanted = design_results(spec, parameters, given)
    bound = bind_constants(spec, parameters)
    verilog, image = design_verilog(bound), pack_image(bound, parameters)
    for stalls in ({}, {"valid": 0.6, "ready": 0.4}):
        try:
            found = cxxrtl.simulate(cache, bound, verilog, image, given, **stalls)
        except SimulationError:
            return True
        if (found.results != wanted).any():
            return True
    return False


def no_clamp(patch):
    """Sums that wrap instead of being held to their range."""
    patch.setattr(sums, "clamped", lambda value, range_: value)


def zeros_outside(patch):
    """Zeros around an image whose largest value may be negative."""
    right = pools.windows
    patch.setattr(pools, "windows", lambda m, node, outside: right(m, node, 0))


def half_up_is_lost(patch):
    """A mean that is cut off instead of rounded, at the upper end as well."""
    patch.setattr(means, "clamped", lambda value, range_: Mux(value > 0, value - 1, value))


def every_pixel(patch):
    """Columns of which none is dropped."""
    right = routes.SubsampleNode._axis
    patch.setattr(routes.SubsampleNode, "_axis", staticmethod(
        lambda m, size, stride, step, name: right(
            m, size, 1 if name == "column" else stride, step, name)))


@pytest.mark.parametrize(("mistake", "make"), [
    (no_clamp, lambda: around("sum", 2)), (zeros_outside, lambda: around("pool-padded", 2)),
    (half_up_is_lost, lambda: around("mean-whole", 2)),
    (every_pixel, lambda: around("subsample", 2))],
    ids=lambda value: getattr(value, "__name__", "design"))
def test_a_mistake_in_a_node_is_noticed(monkeypatch, cache, mistake, make):
    mistake(monkeypatch)
    assert wrong(cache, make())


def test_a_room_too_small_is_noticed(monkeypatch, cache):
    right = joints.Queue.__init__
    monkeypatch.setattr(joints.Queue, "__init__", lambda self, shape, words: right(
        self, shape, max(1, words // 8)))
    assert wrong(cache, residual())


def test_without_a_mistake_nothing_is_noticed(cache):
    assert not wrong(cache, around("subsample", 2))
