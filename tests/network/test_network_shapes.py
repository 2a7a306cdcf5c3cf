"""Layer shapes: sizes by hand, published totals, and sentences for mistakes."""

import dataclasses

import pytest

from pqhw.network.shapes import (EMNIST, KWS, NETWORKS, RESNET20, ConvShape, NetworkShape,
                                 dense_shape, pointwise_shape)


def conv(**values):
    return ConvShape(**{"name": "c", "in_channels": 4, "out_channels": 6, "height": 7, "width": 9,
                        "kernel": (3, 3), "padding": (1, 1), **values})


def positions(size, kernel, stride, padding):
    """Starts of windows that lie in the padded line, counted one by one."""
    return sum(start % stride == 0 for start in range(size + 2 * padding - kernel + 1))


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 3), (4, 4)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (3, 5), (7, 2)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 2)])
def test_an_output_pixel_per_window_that_fits(kernel, stride, padding):
    layer = conv(kernel=kernel, stride=stride, padding=padding)
    assert layer.out_height == positions(7, kernel[0], stride[0], padding[0])
    assert layer.out_width == positions(9, kernel[1], stride[1], padding[1])
    assert layer.pixels == layer.out_height * layer.out_width


def test_counts_by_hand():
    layer = conv(stride=(2, 2))
    assert (layer.pixels, layer.window, layer.weights) == (4 * 5, 36, 216)
    assert layer.multiply_accumulates == 20 * 216


def test_groups_see_their_own_channels_only():
    layer = conv(groups=2)
    assert (layer.window, layer.weights) == (18, 108)
    depthwise = conv(out_channels=4, groups=4)
    assert (depthwise.window, depthwise.weights) == (9, 36)


def test_dense_and_pointwise_layers_are_convolutions_of_one_tap():
    assert dense_shape("fc", 64, 10).multiply_accumulates == 640
    layer = pointwise_shape("p", 84, 120, (5, 25))
    assert (layer.pixels, layer.window, layer.multiply_accumulates) == (125, 84, 125 * 84 * 120)


@pytest.mark.parametrize("values, sentence", [
    ({"height": 0}, "c: height must be positive, but is 0."),
    ({"stride": (1, 0)}, "c: stride must be positive, but is (1, 0)."),
    ({"groups": 0}, "c: groups must be positive, but is 0."),
    ({"padding": (0, -1)}, "c: padding must not be negative, but is (0, -1)."),
    ({"groups": 4}, "c: groups must divide out_channels = 6, but is 4."),
    ({"groups": 3}, "c: groups must divide in_channels = 4, but is 3."),
    ({"kernel": (10, 3)}, "c: kernel must fit into the padded map, but is (10, 3).")])
def test_mistakes_are_named(values, sentence):
    with pytest.raises(ValueError) as error:
        conv(**values)
    assert str(error.value) == sentence


def test_a_kernel_may_cover_the_whole_padded_map():
    assert conv(kernel=(9, 11)).pixels == 1


# -- Networks ----------------------------------------------------------------------------------


def test_resnet20_is_as_published():
    """0.27 M parameters; 41 M multiplications with shortcuts that project (option B)."""
    assert len(RESNET20.layers) == 20
    channels = (16,) + (16,) * 6 + (32,) * 6 + (64,) * 6
    normalisation = 2 * sum(channels)
    assert RESNET20.weights + normalisation + 10 == 269_722
    assert RESNET20.multiply_accumulates == 40_551_040
    projections = (pointwise_shape("a", 16, 32, (16, 16)), pointwise_shape("b", 32, 64, (8, 8)))
    total = RESNET20.multiply_accumulates + sum(p.multiply_accumulates for p in projections)
    assert round(total / 1e6, 1) == 40.8


def test_resnet20_halves_its_map_where_it_doubles_its_channels():
    inner = RESNET20.layers[1:-1]
    assert len(inner) == 18 and {layer.kernel for layer in inner} == {(3, 3)}
    sizes = [(layer.in_channels, layer.out_channels, layer.height, layer.out_height)
             for layer in inner]
    assert sizes == ([(16, 16, 32, 32)] * 6 + [(16, 32, 32, 16)] + [(32, 32, 16, 16)] * 5
                     + [(32, 64, 16, 8)] + [(64, 64, 8, 8)] * 5)


@pytest.mark.parametrize("network", [RESNET20, KWS, EMNIST], ids=lambda network: network.name)
def test_a_layer_takes_the_channels_of_the_layer_before(network):
    for before, after in zip(network.layers, network.layers[1:]):
        assert before.out_channels == after.in_channels


def test_pointwise_networks_are_as_published():
    assert [layer.out_channels for layer in KWS.layers] == [120, 84, 84, 84, 196]
    assert KWS.layers[0].in_channels == 84 and {layer.pixels for layer in KWS.layers} == {125}
    assert KWS.multiply_accumulates == 125 * (84 * 120 * 2 + 84 * 84 * 2 + 84 * 196)
    assert [layer.out_channels for layer in EMNIST.layers] == [
        96, 120, 150, 187, 234, 292, 366, 457, 572, 512]
    assert [layer.pixels for layer in EMNIST.layers] == [196] * 3 + [49] * 3 + [16] * 3 + [4]
    assert {layer.kernel for layer in KWS.layers + EMNIST.layers} == {(1, 1)}


def test_networks_and_layers_are_found_by_name():
    assert NETWORKS["resnet20"] is RESNET20 and list(NETWORKS) == ["resnet20", "kws", "emnist"]
    assert RESNET20.layer("stage2.1.a").stride == (2, 2)
    with pytest.raises(ValueError) as error:
        KWS.layer("stem")
    assert str(error.value) == ("layer must be one of kws's pointwise1, pointwise2, pointwise3, "
                                "pointwise4, pointwise5, but is stem.")


def test_names_of_layers_differ():
    layer = dense_shape("fc", 2, 2)
    with pytest.raises(ValueError) as error:
        NetworkShape(name="n", title="", source="", layers=(layer, layer))
    assert str(error.value) == "n: names of layers must differ, but fc stands 2 times."
    other = dataclasses.replace(layer, name="other")
    assert NetworkShape(name="n", title="", source="", layers=(layer, other)).weights == 8
