"""Padding made equal: the same function, windows that engines take."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pqhw.network import GraphBuilder, equal_padding, layer_shape
from pqhw.network.ops import Conv2d, Relu
from pqhw.network.padding import missing_taps

RANDOM = np.random.default_rng(6)


def single(**settings):
    net = GraphBuilder("single", (9, 8, 4))
    groups = settings.get("groups", 1)
    net.add(Conv2d(weights=RANDOM.normal(size=(4, 3, 2, 4 // groups)), bias=np.arange(4.0),
                   **settings), name="conv")
    net.add(Relu())
    return net.build()


@given(st.tuples(st.tuples(st.integers(0, 2), st.integers(0, 2)),
                 st.tuples(st.integers(0, 1), st.integers(0, 1))),
       st.tuples(st.integers(1, 3), st.integers(1, 3)), st.sampled_from([1, 2, 4]))
def test_kernels_grow_and_the_function_stays(padding, stride, groups):
    graph = single(padding=padding, stride=stride, groups=groups)
    equal = equal_padding(graph)
    images = RANDOM.normal(size=(2, 9, 8, 4)).astype(np.float32)
    np.testing.assert_allclose(equal.run(images), graph.run(images), atol=1e-5)
    op = equal["conv"].op
    assert all(first == second for first, second in op.padding)
    layer_shape(equal, "conv")


def test_equal_padding_changes_nothing():
    graph = single(padding=1)
    assert equal_padding(graph)["conv"].op is graph["conv"].op


@pytest.mark.parametrize("padding, taps", [
    (((0, 1), (0, 1)), ((1, 0), (1, 0))), (((2, 1), (1, 1)), ((0, 1), (0, 0)))])
def test_taps_stand_where_windows_begin_as_before(padding, taps):
    assert missing_taps(single(padding=padding)["conv"].op) == taps
