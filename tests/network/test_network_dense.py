"""The float network: shapes, arithmetic by hand, and sentences for mistakes."""

import numpy as np
import pytest

from pqhw.network import DenseNetwork


def two_layers():
    return DenseNetwork((np.array([[1, -1], [2, 0]]), np.array([[1, 1], [0, 2]])),
                        (np.array([0, -1]), np.array([0.5, 0])))


def test_forward_by_hand():
    network = two_layers()
    rows = np.array([[1, 3], [3, 1]])
    hidden = np.array([[0, 1], [2, 5]])
    np.testing.assert_array_equal(network.activations(rows)[1], hidden)
    np.testing.assert_array_equal(network.forward(rows), [[1.5, 2], [7.5, 10]])
    assert network.sizes == (2, 2, 2) and network.layers == 2


def test_ties_go_to_the_lowest_class():
    network = DenseNetwork((np.zeros((3, 2)),), (np.zeros(3),))
    assert network.classify(np.ones((4, 2))).tolist() == [0, 0, 0, 0]
    assert network.accuracy(np.ones((4, 2)), np.array([0, 0, 0, 1])) == 0.75


@pytest.mark.parametrize("weights, biases, sentence", [
    ((), (), "at least one layer"),
    ((np.ones(3),), (np.ones(3),), r"weights\[0\] must have shape \[N, D\]"),
    ((np.ones((3, 2)), np.ones((2, 2))), (np.ones(3), np.ones(2)), "the 3 outputs"),
    ((np.ones((3, 2)),), (np.ones(2),), r"biases\[0\] must have shape \[3\]"),
    ((np.full((3, 2), np.nan),), (np.ones(3),), "must be finite"),
])
def test_mistakes_are_named(weights, biases, sentence):
    with pytest.raises(ValueError, match=sentence):
        DenseNetwork(weights, biases)
