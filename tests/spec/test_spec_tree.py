"""Specs and parameters of the tree encoder: rules, layouts, cycles and latency."""

import numpy as np
import pytest
from builders import chain, pq, pq_specs
from hypothesis import given, settings

from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, SpecError, SpecTypeError, TreeSpec
from pqhw.spec.files import dump_spec, load_parameters, load_spec, save_parameters
from pqhw.spec.parameters import check_parameters

SHAPE = {"D": 9, "N": 3, "V": 3, "K": 4, "encoder": "tree", "activation_bits": 4,
         "prototype_bits": 4, "table_bits": 4}


def tree(**values):
    return pq(**{**SHAPE, **values})


RULES = {
    "prototypes that are no power of two": (
        lambda: tree(K=12),
        'engine.prototypes must be a power of two with engine.encoder = "tree", but is 12.'),
    "split dimensions of another encoder": (
        lambda: tree(encoder="l1", split_dims=[[0, 1]]),
        'engine.split_dims must be left out unless engine.encoder is "tree", but is given with '
        '"l1".'),
    "too few levels": (
        lambda: tree(split_dims=[[0]]),
        "engine.split_dims must have 1 row or 3 rows of log2 K = 2 integers, but has 1 of 1."),
    "too few rows": (
        lambda: tree(split_dims=[[0, 1], [1, 2]]),
        "engine.split_dims must have 1 row or 3 rows of log2 K = 2 integers, but has 2 of 2."),
    "several rows where trees are shared": (
        lambda: tree(split_dims=[[0, 1]] * 3, shared_prototypes=True),
        "engine.split_dims must have 1 row of log2 K = 2 integers, but has 3 of 2."),
    "an element that a sub-vector does not have": (
        lambda: tree(split_dims=[[0, 1], [0, 3], [0, 0]]),
        "engine.split_dims must be below engine.subvector_length = 3, but split_dims[1] holds 3."),
    "rows of different length": (
        lambda: tree(split_dims=[[0, 1], [0], [0, 0]]),
        "engine.split_dims must be an array of equally long rows of integers from 0 to 63, "
        "but has rows of 2, 1, 2."),
    "no rows": (
        lambda: tree(split_dims=[]),
        "engine.split_dims must be an array of equally long rows of integers from 0 to 63, "
        "but has rows of nothing."),
    "a negative element": (
        lambda: tree(split_dims=[[0, -1]]),
        "engine.split_dims[0] must be an integer from 0 to 63, but is -1."),
}


@pytest.mark.parametrize("name", RULES)
def test_a_broken_rule_is_refused_in_one_sentence(name):
    build, message = RULES[name]
    with pytest.raises(SpecError) as caught:
        build()
    assert str(caught.value) == message


def test_an_element_that_is_no_integer_is_of_the_wrong_kind():
    with pytest.raises(SpecTypeError, match=r"^engine\.split_dims\[1\] must be an integer from 0"):
        tree(split_dims=[[0, 1], [0, 1.0]])


@pytest.mark.parametrize("dims", [None, [[2, 0]], [[2, 0], [1, 1], [0, 2]]])
def test_split_dimensions_come_back_from_a_file(dims, tmp_path):
    made = chain(tree(split_dims=dims))
    (tmp_path / "spec.toml").write_text(dump_spec(made))
    again = load_spec(tmp_path / "spec.toml")
    assert again == made and hash(again) == hash(made)
    assert (f"split_dims = {dims}" in dump_spec(made)) == (dims is not None)


def values(**changes):
    """Good parameters of a tree (S=3, V=3, K=4, N=3) with some changed; None drops one."""
    arrays = {"split_dims": np.zeros((3, 2), int), "thresholds": np.zeros((3, 3), int),
              "tables": np.zeros((3, 4, 3), int), **changes}
    return {name: value for name, value in arrays.items() if value is not None}


FIXED = {"split_dims": [[0, 1], [1, 2], [2, 0]]}
REFUSED = {
    "no thresholds": (
        {}, values(thresholds=None),
        "thresholds is required, but the parameters hold split_dims, tables."),
    "no split dimensions": (
        {}, values(split_dims=None),
        "split_dims is required, but the parameters hold tables, thresholds."),
    "prototypes": (
        {}, values(prototypes=np.zeros((3, 4, 3), int)),
        "prototypes is not a parameter of this engine; known are split_dims, thresholds, tables, "
        "bias, shift."),
    "a threshold too many": (
        {}, values(thresholds=np.zeros((3, 4), int)),
        "thresholds must have shape [S, K - 1] = [3, 3], but has [3, 4]."),
    "own trees where they are shared": (
        {"shared_prototypes": True}, values(split_dims=np.zeros((1, 2), int)),
        "thresholds must have shape [1, K - 1] = [1, 3], but has [3, 3]."),
    "a threshold too high": (
        {}, values(thresholds=np.full((3, 3), 8)),
        "thresholds must lie in -8…7 (precision.prototype_bits = 4), but thresholds[0, 0] is 8."),
    "an element beyond the sub-vector": (
        {}, values(split_dims=np.array([[0, 1], [2, 3], [0, 0]])),
        "split_dims must lie in 0…2 (engine.subvector_length = 3), but split_dims[1, 1] is 3."),
    "other split dimensions than those built in": (
        FIXED, values(split_dims=np.array([[0, 1], [1, 2], [2, 1]])),
        "split_dims must equal engine.split_dims, which is built into the engine, but "
        "split_dims[2, 1] is 1 instead of 0."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_broken_parameters_are_refused_in_one_sentence(name):
    changes, arrays, message = REFUSED[name]
    with pytest.raises(SpecError) as caught:
        check_parameters(tree(**changes), arrays)
    assert str(caught.value) == message


@pytest.mark.parametrize("given_dims", [None, [[0, 1], [1, 2], [2, 0]]])
def test_parameters_may_leave_out_split_dimensions_that_are_built_in(given_dims):
    arrays = values(split_dims=given_dims and np.array(given_dims))
    assert check_parameters(tree(**FIXED), arrays).split_dims.tolist() == FIXED["split_dims"]
    one = check_parameters(tree(split_dims=[[2, 1]]), values(split_dims=None))
    assert one.split_dims.tolist() == [[2, 1]] * 3


@pytest.mark.parametrize("changes", [{}, FIXED, {"shared_prototypes": True}], ids=str)
def test_parameters_come_back_from_their_file(changes, tmp_path):
    spec = chain(tree(**changes))
    own, = random_parameters(spec, 3)
    save_parameters(tmp_path / "p.npz", spec, [own])
    again, = load_parameters(spec, tmp_path / "p.npz")
    for name in ("split_dims", "thresholds", "tables", "bias"):
        assert np.array_equal(getattr(own, name), getattr(again, name)), name


@settings(max_examples=60)
@given(pq_specs().filter(lambda spec: spec.engine.encoder == "tree"))
def test_a_group_of_sub_vectors_is_encoded_every_cycle(spec):
    assert isinstance(spec.encoder, TreeSpec)
    assert spec.cycles_per_row == max(spec.encoder_groups, spec.tiles * spec.groups)
    assert spec.lanes_in == spec.encoder_lanes * spec.engine.subvector_length
    assert spec.multipliers == 0


@pytest.mark.parametrize("changes, stages", [
    # One group: the root's threshold and the split dimensions in registers, then LUT RAM.
    ({"D": 9, "V": 9, "K": 16}, 1 + 1 + 3 * 2),
    ({"D": 9, "V": 2, "K": 16, "subspaces_per_cycle": 5}, 0 + 1 + 3 * 2),
    ({"D": 9, "V": 9, "K": 16, "split_dims": [[0, 3, 5, 8]]}, 0 + 1 + 3 * 2),
    ({"D": 17, "V": 17, "K": 2}, 2 + 1),
    ({"D": 64, "V": 64, "K": 2}, 2 + 1),
    # Sixteen groups: LUT RAM for split dimensions and root, block RAM below.
    ({"D": 144, "V": 9, "K": 16}, 1 + 1 + 1 + 3 * 3),
    ({"D": 144, "V": 9, "K": 16, "prototype_storage": "lutram"}, 1 + 1 + 1 + 3 * 2),
    ({"D": 144, "V": 9, "K": 16, "prototype_storage": "bram"}, 2 + 1 + 1 + 3 * 3),
    ({"D": 144, "V": 9, "K": 16, "shared_prototypes": True}, 1 + 1 + 3 * 2),
    ({"D": 144, "V": 9, "K": 16, "split_dims": [[0, 3, 5, 8]]}, 1 + 1 + 3 * 3)], ids=str)
def test_stages_by_hand(changes, stages):
    assert tree(**changes).encoder.encoder_stages == stages


def test_sections_by_hand():
    """S=3 in lanes of 2: two groups; thresholds are heaps of 4, split dimensions of 2 bits."""
    kinds = [(s.kind, s.words, s.banks, s.fields, s.field_bits)
             for s in tree(subspaces_per_cycle=2).sections()]
    assert kinds[:2] == [("thresholds", 8, 2, 1, 4), ("split_dims", 2, 1, 4, 2)]
    assert [s.kind for s in tree(**FIXED).sections()] == ["thresholds", "tables", "bias"]
    assert [s.kind for s in tree(D=3, V=1).sections()] == ["thresholds", "tables", "bias"]


def test_a_level_chooses_only_among_the_split_dimensions_of_its_lane():
    spec = tree(D=12, split_dims=[[0, 1], [2, 1], [0, 0], [2, 2]], subspaces_per_cycle=2).encoder
    assert [[spec.choices_of(lane, level) for level in range(2)] for lane in range(2)] == [
        [[0], [0, 1]], [[2], [1, 2]]]
    assert spec.select_stages == 0


def test_chains_of_trees_are_told_apart_by_their_split_dimensions():
    one, other = (ChainSpec((tree(split_dims=[dims]),)) for dims in ([0, 1], [1, 0]))
    assert one.image.configuration != other.image.configuration
