"""Convolution layers: rules by the text of their refusal, shapes, and the line of positions."""

import tomllib

import jsonschema
import numpy as np
import pytest
from builders import chain, mac, pq
from conv_builders import conv_layers, conv_pq_specs
from hypothesis import given

from pqhw.golden import windows
from pqhw.spec import ChainSpec, Conv2d, Layer, Requantize, SpecError, SpecTypeError
from pqhw.spec.files import dump_spec, spec_notes, spec_schema

LAYER = {"in_channels": 4, "out_channels": 6, "kernel": 3, "height": 8, "width": 10}
U4 = Requantize(bits=4)


def layer(**changes):
    return Conv2d(**{**LAYER, **changes})


PAIR = "an integer from {} to {}, or two of them as [y, x]"
RULES = {
    "kernel out of range": (
        lambda: layer(kernel=0), SpecError,
        f"layer.kernel must be {PAIR.format(1, 16)}, but is 0."),
    "kernel too long": (
        lambda: layer(kernel=[3, 3, 3]), SpecError,
        f"layer.kernel must be {PAIR.format(1, 16)}, but is [3, 3, 3]."),
    "kernel of the wrong kind": (
        lambda: layer(kernel=3.0), SpecTypeError,
        f"layer.kernel must be {PAIR.format(1, 16)}, but is 3.0."),
    "stride with a wrong half": (
        lambda: layer(stride=[1, 17]), SpecError,
        f"layer.stride must be {PAIR.format(1, 16)}, but is [1, 17]."),
    "padding of the wrong kind": (
        lambda: layer(padding=[1, True]), SpecTypeError,
        f"layer.padding must be {PAIR.format(0, 15)}, but is [1, True]."),
    "channels": (
        lambda: layer(in_channels=0), SpecError,
        "layer.in_channels must be an integer from 1 to 4096, but is 0."),
    "height": (
        lambda: layer(height="8"), SpecTypeError,
        'layer.height must be an integer from 1 to 4096, but is "8".'),
    "groups and inputs": (
        lambda: layer(groups=3), SpecError,
        "layer.groups must divide layer.in_channels = 4, but is 3."),
    "groups and outputs": (
        lambda: layer(groups=4), SpecError,
        "layer.groups must divide layer.out_channels = 6, but is 4."),
    "padding and kernel": (
        lambda: layer(padding=[1, 3]), SpecError,
        "layer.padding must be less than layer.kernel = [3, 3], but is [1, 3]."),
    "kernel and image": (
        lambda: layer(kernel=[3, 13], padding=[0, 1]), SpecError,
        "layer.kernel must fit the padded image of 8 by 12 pixels, but is [3, 13]."),
    "inputs of an output": (
        lambda: layer(in_channels=4096, kernel=5), SpecError,
        "layer.in_channels must leave at most 65536 inputs of an output, "
        "but 4096 makes them 102400."),
    "kind": (
        lambda: ChainSpec.from_mapping({"layer": {"kind": "conv1d"}, "engine": {"kind": "mac"}}),
        SpecError, 'layer.kind must be one of "dense", "conv2d", but is "conv1d".'),
    "kind of the wrong kind": (
        lambda: ChainSpec.from_mapping({"layer": {"kind": 2}, "engine": {"kind": "mac"}}),
        SpecTypeError, 'layer.kind must be one of "dense", "conv2d", but is 2.'),
    "a field of a dense layer": (
        lambda: ChainSpec.from_mapping({"layer": {"kind": "conv2d", "out_features": 3},
                                        "engine": {"kind": "mac"}}),
        SpecError, "layer.out_features is not a field of [layer]; known are in_channels, "
                   "out_channels, kernel, stride, padding, height, width, groups."),
    "a sub-vector longer than a window": (
        lambda: pq(C=1, N=1, F=2, H=4, W=4, V=5, K=2), SpecError,
        "engine.subvector_length must be at most the inputs of an output = 4, but is 5."),
    "a sub-vector longer than a pixel": (
        lambda: pq(C=4, N=2, F=3, H=4, W=4, V=3, K=2, groups=2, convolution="pixel"), SpecError,
        "engine.subvector_length must be at most the channels of a group = 2, but is 3."),
    "a bias without a place": (
        lambda: pq(C=1, N=1, F=2, H=4, W=4, V=1, K=2, padding=1, convolution="pixel",
                   table_storage="rom"), SpecError,
        'engine.table_storage must not be "rom" for encoded pixels of which no tap always lies '
        'inside the image, as one must hold the bias, but is "rom".'),
    "images that do not follow each other": (
        lambda: chain(mac(C=1, N=2, F=3, H=4, W=4, output=U4),
                      mac(C=2, N=2, F=1, H=4, W=2, activation_bits=4, activation_signed=False)),
        SpecError, "stage[1].layer must take images of 2 by 2 by 2, the results of the stage "
                   "before, but takes 4 by 2 by 2."),
    "an image that does not make a row": (
        lambda: chain(mac(C=1, N=2, F=3, H=4, W=4, output=U4),
                      mac(D=9, N=2, activation_bits=4, activation_signed=False)),
        SpecError, "stage[1].layer.in_features must be 8, the outputs of the stage before, "
                   "but is 9."),
}


@pytest.mark.parametrize("name", RULES)
def test_a_broken_rule_is_refused_in_one_sentence(name):
    build, kind, message = RULES[name]
    with pytest.raises(SpecError) as caught:
        build()
    assert type(caught.value) is kind
    assert str(caught.value) == message


def test_a_number_counts_for_both_directions():
    given = layer(kernel=3, stride=(2, 1), padding=[1, 0])
    assert (given.kernel, given.stride, given.padding) == ((3, 3), (2, 1), (1, 0))
    assert given.output_shape == (4, 8, 6)


@given(conv_pq_specs())
def test_a_spec_is_read_back_from_its_text(spec):
    one = ChainSpec((spec,))
    assert ChainSpec.from_mapping(tomllib.loads(dump_spec(one))) == one


def test_a_dense_layer_needs_no_kind_and_may_give_it():
    mapping = {"layer": {"kind": "dense", "in_features": 3, "out_features": 2},
               "engine": {"kind": "mac"}}
    spec = ChainSpec.from_mapping(mapping).first
    assert spec.layer == Layer(in_features=3, out_features=2)
    assert "kind" not in spec.layer.to_mapping()


def test_fields_of_a_convolution_have_no_effect_on_a_dense_layer(tmp_path):
    text = dump_spec(chain(pq(D=4, N=2, V=2, K=2)))
    assert "convolution" not in text and "line_storage" not in text
    path = tmp_path / "spec.toml"
    path.write_text(text.replace("[engine]", '[engine]\nconvolution = "pixel"'))
    assert spec_notes(path) == ["engine.convolution has no effect with a dense layer."]


CONV_MAPPING = {"layer": {"kind": "conv2d", **LAYER, "padding": [1, 0]},
                "engine": {"kind": "pq", "subvector_length": 2, "prototypes": 4,
                           "convolution": "pixel"}}


def changed(**fields):
    return {**CONV_MAPPING, "layer": {**CONV_MAPPING["layer"], **fields}}


def test_the_schema_accepts_a_convolution():
    jsonschema.validate(CONV_MAPPING, spec_schema())
    layer = ChainSpec.from_mapping(CONV_MAPPING).first.layer
    assert layer.padding == (1, 0)


@pytest.mark.parametrize("broken", [
    changed(kernel=[3]), changed(kernel=17), changed(stride="1"), changed(kind="conv1d"),
    changed(in_features=4), changed(height=0)], ids=str)
def test_the_schema_rejects_what_the_reader_rejects(broken):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, spec_schema())
    with pytest.raises(SpecError):
        ChainSpec.from_mapping(broken)


@given(conv_layers(most_pixels=9))
def test_outputs_lie_on_the_line_of_positions_in_their_order(fields):
    spec = mac(**fields)
    shape = spec.layer
    (sy, sx), (py, px), (fh, fw) = shape.stride, shape.padding, shape.kernel
    places = [(oy * sy - py + fh - 1) * shape.pitch + ox * sx - px + fw - 1
              for oy in range(shape.out_height) for ox in range(shape.out_width)]
    both = places + [place + shape.period for place in places]
    assert both == sorted(set(both)), "one at a time, also where images follow each other"
    assert (places[0], places[-1]) == (shape.first_position, shape.first_position + shape.reach)
    assert shape.first_position < shape.period
    assert shape.period >= shape.height * shape.width
    for axis in (0, 1):
        for tap in range(shape.kernel[axis]):
            inside = [o for o in range(shape.output_shape[axis])
                      if 0 <= o * shape.stride[axis] - shape.padding[axis] + tap
                      < shape.input_shape[axis]]
            low, high = shape.tap_range(axis, tap)
            assert inside == list(range(low, high + 1))
    ones = windows(shape, np.ones((1, *shape.input_shape), np.int64))[0, :, :, 0]
    assert (shape.inner_tap is None) == (not ones.all(axis=(0, 1)).any())
    assert shape.inner_tap is None or ones[(..., *shape.inner_tap)].all()


def test_an_image_padded_to_its_own_size_takes_no_position_more_than_its_pixels():
    shape = layer(padding=1)
    assert (shape.period, shape.pitch, shape.steady) == (80, 10, True)
