"""Programs of overlays compute what the golden network does, and fit or are refused."""

import dataclasses

import numpy as np
import pytest
from builders import mac, pq
from overlay_builders import (GIVEN, SMALL, images_for, networks, node, separable,
                              with_parameters)

from pqhw.explore.overlay import compile_program
from pqhw.golden import network_results
from pqhw.golden.overlay import program_results
from pqhw.spec import Requantize, SpecError
from pqhw.spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, NetworkSpec,
                               Subsample, Sum)
from pqhw.spec.overlay import Job, Kind, OverlaySpec
from pqhw.spec.overlay.job import FIELDS, SIGNED_FIELDS

NAMES = tuple(networks())


WIDE = OverlaySpec()
NARROW = OverlaySpec(lanes=2, outputs_per_cycle=2, prototypes=32, table_bits=8, port_bits=32)
CASES = [*((name, spec) for name in NAMES for spec in (SMALL, NARROW)),
         *((name, WIDE) for name in ("separable", "rows", "mean-whole"))]


@pytest.mark.parametrize("name", tuple(networks()))
def test_networks_of_these_tests_tell_images_apart(name):
    """Where all images give the same, a test of results sees little."""
    network, parameters = networks()[name]
    results = network_results(network, parameters, images_for(network))
    assert len(np.unique(results.reshape(len(results), -1), axis=0)) > 1



@pytest.mark.parametrize("name, spec", CASES, ids=lambda own: own if isinstance(own, str) else
                         f"{own.lanes}x{own.outputs_per_cycle}")
def test_a_program_gives_the_golden_networks_results(name, spec):
    network, parameters = networks()[name]
    images = images_for(network)
    program = compile_program(network, parameters, spec)
    np.testing.assert_array_equal(program_results(program, images),
                                  network_results(network, parameters, images))


def test_flattened_pixels_are_whole_words():
    with pytest.raises(SpecError) as refusal:
        compile_program(*networks()["pool"], WIDE)
    assert str(refusal.value) == ("row: channels of what is flattened must be a multiple of "
                                  "overlay.lanes = 4, but are 6.")


def test_layers_take_the_place_of_what_they_read_where_memory_is_short():
    network, parameters = networks()["separable"]
    images = images_for(network)
    whole = compile_program(network, parameters, SMALL)
    tight = compile_program(network, parameters, dataclasses.replace(SMALL, activation_words=128))
    assert not any(block.job.drop for block in whole.blocks)
    assert any(block.job.drop for block in tight.blocks)
    np.testing.assert_array_equal(program_results(tight, images),
                                  program_results(whole, images))


def test_a_descriptor_keeps_every_field():
    values = {name: -1 if name in SIGNED_FIELDS else (1 << bits) - 1
              for name, bits in FIELDS.items()}
    job = Job(**{**values, "kind": Kind.LARGEST})
    assert Job.unpack(job.pack()) == job
    assert Job.unpack(Job(kind=Kind.INPUT, top=-2, low=-128, high=127).pack()).low == -128


def small(**values):
    return mac(C=6, N=4, H=5, W=4, activation_bits=5, activation_signed=True,
               output=Requantize(bits=5, signed=True, mode="scale"), **values)


def lookups(**values):
    return pq(**{"C": 6, "N": 4, "F": 3, "padding": 1, "H": 5, "W": 4, "V": 9, "K": 4,
                 "encoder": "tree", "activation_bits": 5, "activation_signed": True,
                 "output": Requantize(bits=5, signed=True), "table_bits": 5, **values})


REFUSED = {
    "kernel": (small(F=4), {}, "layer.kernel must be at most 3 in an overlay, but is [4, 4]."),
    "stride": (small(F=3, stride=4), {},
               "layer.stride must be at most 3 in an overlay, but is [4, 4]."),
    "groups": (small(F=1, groups=2), {}, "layer.groups must be 1, or the channels of both input "
               "and output, in an overlay, but is 2."),
    "encoder": (lookups(encoder="l1"), {},
                'engine.encoder must be "tree" in an overlay, but is "l1".'),
    "pixels": (lookups(convolution="pixel", V=6), {}, 'engine.convolution must be "im2col" for '
               'windows of more than a pixel in an overlay, but is "pixel".'),
    "length": (lookups(V=3), {}, "engine.subvector_length must be the taps of the window, 9, in an "
               "overlay, but is 3."),
    "along": (lookups(F=1, padding=0, V=3), {}, "engine.subvector_length must be a multiple of "
              "overlay.lanes = 2 up to 8 along channels, but is 3."),
    "prototypes": (lookups(K=16), {}, "engine.prototypes must be at most overlay.prototypes = 8, "
                   "but is 16."),
    "entries": (lookups(table_bits=6), {}, "precision.table_bits must be at most "
                "overlay.table_bits = 5, but is 6."),
    "fixed": (lookups(), {"kind": "fixed"},
              'engine.kind must be "mac" with overlay.kind = "fixed", but is "pq".'),
    "codes": (lookups(), {"code_words": 32}, "codes must take at most overlay.code_words = 32 "
              "words, but take 60."),
    "trees": (lookups(), {"tree_words": 2}, "layer must have at most 4 sub-vectors for "
              "overlay.tree_words = 2 and overlay.table_words = 256, but has 6."),
    "weights": (small(F=1), {"table_words": 32, "kind": "fixed", "lanes": 16,
                             "outputs_per_cycle": 16}, None),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_an_overlay_cannot_do_is_refused_by_node_rule_and_value(name):
    engine, changes, told = REFUSED[name]
    network, parameters = with_parameters(NetworkSpec("net", GIVEN, (
        node("layer", Engine(engine), INPUT),)))
    spec = dataclasses.replace(SMALL, **changes)
    if told is None:
        compile_program(network, parameters, spec)
        return
    with pytest.raises(SpecError) as refusal:
        compile_program(network, parameters, spec)
    assert str(refusal.value) == f"layer: {told}"


def test_what_does_not_fit_the_activation_memory_is_refused():
    network, parameters = with_parameters(separable())
    with pytest.raises(SpecError, match=r"^\w+: activations that must stand at once must fit "
                       r"overlay\.activation_words = 32 words of a bank, but with these, \d+, no "
                       r"way was found\.$"):
        compile_program(network, parameters, dataclasses.replace(SMALL, activation_words=32))


def test_networks_that_end_otherwise_are_refused():
    def refused(*nodes):
        with pytest.raises(SpecError) as refusal:
            compile_program(*with_parameters(NetworkSpec("net", GIVEN, nodes)), SMALL)
        return str(refusal.value)

    layer = node("layer", Engine(small(F=1)), INPUT)
    pool = node("pool", MaxPool(kernel=2), "layer")
    assert refused(layer, pool, node("end", Subsample(stride=1), "layer")) == (
        "pool: results must be taken by another node, but are not, and it is not the last.")
    assert refused(node("row", Flatten(), INPUT), node("class", ArgMax(), "row")) == (
        "row: what it takes must come from a layer and go nowhere else in an overlay, "
        "but input does not.")
    assert refused(layer, node("more", Sum(bits=4), "layer", "layer", "layer")) == (
        "more: inputs of a sum must be at most two in an overlay, but are 3.")


def test_joined_channels_fit_a_word_together():
    given = dataclasses.replace(GIVEN, bits=8, signed=False)
    low = node("low", Engine(mac(C=6, N=4, F=1, H=5, W=4, activation_bits=8,
                                 activation_signed=False, output=Requantize(
                                     bits=5, signed=True, mode="scale"))), INPUT)
    ends = (node("both", Concat(), INPUT, "low"), node("pool", MaxPool(kernel=2), "both"))
    network, parameters = with_parameters(NetworkSpec("net", given, (low, *ends)))
    with pytest.raises(SpecError) as refusal:
        compile_program(network, parameters, SMALL)
    assert str(refusal.value) == ("both: results must fit 8 bits in an overlay, but reach from "
                                  "-16 to 255.")


def test_hardware_that_contradicts_itself_is_refused():
    for changes, told in (
            ({"outputs_per_cycle": 3}, "overlay.outputs_per_cycle must be a multiple of "
             "overlay.lanes = 2, but is 3."),
            ({"code_words": 100}, "overlay.code_words must be a power of two, but is 100."),
            ({"lanes": 3}, "overlay.lanes must be one of 2, 4, 8, 16, but is 3."),
            ({"output_words": 1}, "overlay.output_words must be at least 2, the words of 4 "
             "outputs, but is 1.")):
        with pytest.raises(SpecError) as refusal:
            dataclasses.replace(SMALL, **changes)
        assert str(refusal.value) == told
