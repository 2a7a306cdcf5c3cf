"""The product-quantized layer: by hand, and against a slow direct definition."""

import dataclasses

import numpy as np
import pytest
from builders import chain, pq, pq_specs, tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from pqhw.golden import encode, lookup, pq_layer
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import Requantize
from pqhw.spec.parameters import PQParameters, check_parameters


def parameters(spec, **arrays):
    return check_parameters(spec, {name: np.array(value) for name, value in arrays.items()})


def no_tables(spec):
    return np.zeros((spec.subspaces, spec.engine.prototypes, spec.layer.out_features), int)


def slow_codes(spec, own, row):
    """argmin_k of the distance to each prototype, one integer at a time."""
    length = spec.engine.subvector_length
    padded = [int(value) for value in row] + [0] * length
    codes = []
    for s in range(spec.subspaces):
        if spec.engine.encoder == "tree":
            codes.append(slow_leaf(spec, own, s, padded[s * length:][:length]))
            continue
        prototypes = own.prototypes[0 if spec.engine.shared_prototypes else s]
        best, code = None, None
        for k in range(spec.engine.prototypes):
            differences = [padded[s * length + v] - int(prototypes[k, v]) for v in range(length)]
            sizes = [abs(d) for d in differences]
            match spec.engine.encoder:
                case "l2":
                    distance = sum(size ** 2 for size in sizes)
                case "l1":
                    distance = sum(sizes)
                case "chebyshev":
                    distance = max(sizes)
                case _:
                    own_elements = [int(value) for value in prototypes[k]]
                    distance = sum(c * c for c in own_elements) - 2 * sum(
                        padded[s * length + v] * own_elements[v] for v in range(length))
            if best is None or distance < best:
                best, code = distance, k
        codes.append(code)
    return codes


def slow_leaf(spec, own, s, vector):
    """Down the tree, one comparison at a time."""
    tree = 0 if spec.engine.shared_prototypes else s
    level, node = 0, 0
    while 1 << level < spec.engine.prototypes:
        element = vector[own.split_dims[tree, level]]
        node = 2 * node + int(element >= own.thresholds[tree, (1 << level) - 1 + node])
        level += 1
    return node


def slow_sums(spec, own, codes):
    sums = [int(own.bias[n]) + sum(int(own.tables[s, code, n]) for s, code in enumerate(codes))
            for n in range(spec.layer.out_features)]
    return [(total + 0x8000 & 0xffff) - 0x8000 for total in sums] if spec.wraps else sums


@settings(max_examples=80)
@given(pq_specs(), st.integers(0, 2 ** 32))
def test_codes_sums_and_results_follow_the_definition(spec, seed):
    own, = random_parameters(chain(spec), seed)
    rows = random_rows(chain(spec), (own,), 8, seed)
    codes = encode(spec, own, rows)
    for row, code in zip(rows, codes.tolist()):
        assert code == slow_codes(spec, own, row), (spec, row)
    sums = lookup(spec, own, codes)
    assert sums.tolist() == [slow_sums(spec, own, code) for code in codes.tolist()], spec
    results = pq_layer(spec, own, rows)
    if spec.output is None:
        assert (results == sums).all()
    else:
        half = 1 << own.shift >> 1
        low, high = spec.output.range.low, spec.output.range.high
        assert (results == np.clip((sums + half) >> own.shift, low, high)).all(), spec


def test_a_whole_row_by_hand():
    """x = (1, 2 | 3, padded 0): codes 1 and 0; sums 10 + 3 + 5 and -4 + 4 - 6."""
    spec = pq(D=3, N=2, V=2, K=2, activation_bits=4, prototype_bits=4, table_bits=4)
    own = parameters(spec, prototypes=[[[0, 0], [1, 1]], [[2, 0], [2, 3]]],
                     tables=[[[1, 2], [3, 4]], [[5, -6], [7, -8]]], bias=[10, -4])
    assert encode(spec, own, np.array([[1, 2, 3]])).tolist() == [[1, 0]]
    assert pq_layer(spec, own, np.array([[1, 2, 3]])).tolist() == [[18, -6]]


def test_a_walk_down_a_tree_by_hand():
    """x = (5, -3, 2): 2 >= 2 goes right, then 5 < 6 left: leaf 2; then -3 >= -3: leaf 5."""
    spec = pq(D=3, N=1, V=3, K=8, encoder="tree")
    own = parameters(spec, split_dims=[[2, 0, 1]], thresholds=[[2, 0, 6, 9, 9, -3, 9]],
                     tables=no_tables(spec))
    rows = np.array([[5, -3, 2], [5, -4, 2], [6, 8, 2], [6, 9, 2], [-1, 8, 1], [0, 9, 1]])
    assert encode(spec, own, rows)[:, 0].tolist() == [5, 4, 6, 7, 0, 3]


def test_distances_choose_differently():
    """From (0, 0) to (3, 0) and (2, 2): 9 > 8 squared, 3 < 4 absolute, 3 > 2 at most."""
    for encoder, code in (("l2", 1), ("dot", 1), ("l1", 0), ("chebyshev", 1)):
        spec = pq(D=2, N=1, V=2, K=2, encoder=encoder)
        own = parameters(spec, prototypes=[[[3, 0], [2, 2]]], tables=no_tables(spec))
        assert encode(spec, own, np.array([[0, 0]])).tolist() == [[code]], encoder


@pytest.mark.parametrize("encoder", ("l2", "l1", "chebyshev", "dot"))
@pytest.mark.parametrize("prototypes, code", [
    ([3, 3, 3, 3], 0), ([7, 3, 5, 3], 1), ([5, 3, 3, 5], 0), ([7, 7, 5, 3], 2), ([0, 9, 4, 4], 2)])
def test_ties_go_to_the_lowest_index(encoder, prototypes, code):
    """x = 4: 3 and 5 lie equally far."""
    spec = pq(D=1, N=1, V=1, K=4, encoder=encoder)
    own = parameters(spec, prototypes=[[[value] for value in prototypes]], tables=no_tables(spec))
    assert encode(spec, own, np.array([[4]])).tolist() == [[code]]


@settings(max_examples=60)
@given(pq_specs(), st.integers(0, 2 ** 32))
def test_the_largest_score_of_dot_is_the_least_distance_of_l2(spec, seed):
    dot, l2 = (dataclasses.replace(spec, engine=dataclasses.replace(spec.engine, encoder=encoder))
               for encoder in ("dot", "l2"))
    own, = random_parameters(chain(l2), seed)
    rows = random_rows(chain(l2), (own,), 20, seed)
    assert (encode(dot, own, rows) == encode(l2, own, rows)).all(), spec


@pytest.mark.parametrize("encoder", ("l2", "l1", "chebyshev", "dot"))
def test_the_widest_differences_do_not_overflow(encoder):
    spec = pq(D=64, N=1, V=64, K=2, encoder=encoder)
    own = parameters(spec, prototypes=[[[127] * 64, [126] * 64]], tables=no_tables(spec))
    assert encode(spec, own, np.full((1, 64), -128)).tolist() == [[1]]


def test_padding_counts_as_zero_and_not_as_nothing():
    """D = 3, V = 2: the last sub-vector is (0, 0), nearer to (0, 0) than to (0, 9)."""
    spec = pq(D=3, N=1, V=2, K=2)
    own = parameters(spec, prototypes=[[[0, 0], [1, 1]], [[0, 9], [0, 0]]], tables=no_tables(spec))
    assert encode(spec, own, np.array([[0, 0, 0]])).tolist() == [[0, 1]]


@settings(max_examples=40)
@given(pq_specs(), st.integers(0, 2 ** 32))
def test_padding_a_row_with_zeros_up_to_whole_subvectors_changes_nothing(spec, seed):
    own, = random_parameters(chain(spec), seed)
    rows = random_rows(chain(spec), (own,), 6, seed)
    whole = spec.subspaces * spec.engine.subvector_length
    filled = np.pad(rows, ((0, 0), (0, whole - rows.shape[1])))
    layer = {"D": whole, "N": spec.layer.out_features}
    wide = type(spec)(layer=pq(V=1, K=2, **layer).layer, engine=spec.engine,
                      precision=spec.precision, folding=spec.folding)
    assert (pq_layer(spec, own, rows) == pq_layer(wide, own, filled)).all()


def test_shared_prototypes_serve_every_subspace():
    shared = tiny(D=6, shared_prototypes=True)
    own, = random_parameters(chain(shared), 4)
    rows = random_rows(chain(shared), (own,), 20, 4)
    each = PQParameters(np.repeat(own.prototypes, 3, axis=0), own.tables, own.bias)
    assert (encode(shared, own, rows) == encode(tiny(D=6), each, rows)).all()


@pytest.mark.parametrize("signed", (True, False))
def test_two_bit_extremes_reach_every_table_entry(signed):
    """With one 2-bit element a sub-vector, each value finds its own prototype and entry."""
    spec = pq(D=1, N=1, V=1, K=4, activation_bits=2, prototype_bits=2, table_bits=2,
              activation_signed=signed)
    values = list(range(spec.activation_range.low, spec.activation_range.high + 1))
    own = parameters(spec, prototypes=[[[value] for value in values]],
                     tables=[[[-2], [-1], [0], [1]]])
    assert pq_layer(spec, own, np.array(values)[:, None]).tolist() == [[-2], [-1], [0], [1]]


def test_requantised_results_round_half_up_and_clamp():
    spec = pq(D=1, N=4, V=1, K=2, output=Requantize(bits=2, signed=True, shift=1))
    own = parameters(spec, prototypes=[[[0], [5]]], tables=[[[1, -1, -3, 100], [0, 0, 0, 0]]])
    assert pq_layer(spec, own, np.array([[0]])).tolist() == [[1, 0, -1, 1]]


@settings(max_examples=20)
@given(pq_specs())
def test_a_row_does_not_depend_on_its_neighbours(spec):
    own, = random_parameters(chain(spec), 9)
    rows = random_rows(chain(spec), (own,), 7, 9)
    one_by_one = np.concatenate([pq_layer(spec, own, rows[i:i + 1]) for i in range(7)])
    assert (pq_layer(spec, own, rows) == one_by_one).all()


def test_many_rows_agree_with_few():
    """More rows than any chunk of an implementation that cuts them up."""
    spec = tiny(D=9, V=3, K=7)
    own, = random_parameters(chain(spec), 2)
    rows = random_rows(chain(spec), (own,), 300, 2)
    many = np.tile(rows, (700, 1))
    assert (pq_layer(spec, own, many) == np.tile(pq_layer(spec, own, rows), (700, 1))).all()
