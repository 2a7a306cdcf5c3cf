"""The input's scale, moved into the first layer and out of it again."""

import numpy as np
import pytest
from training_builders import corners, norm, small_graph, stirred

from pqhw.network import INPUT, GraphBuilder, GraphError
from pqhw.network.ops import Add, Conv2d, Flatten, GlobalAvgPool, Linear, Relu

torch = pytest.importorskip("torch")
training = pytest.importorskip("pqhw.quant.training")
InputScaling = training.InputScaling

RANDOM = np.random.default_rng(2)


def pixels(channels, count=4, size=8):
    return RANDOM.integers(0, 256, (count, size, size, channels)).astype(np.float32)


def starting_with(*ops, channels=4):
    """A graph of these operations one after another."""
    net = GraphBuilder("first", (8, 8, channels))
    for op in ops:
        net.add(op)
    return stirred(net.build())


def conv(groups=1, padding=0, channels=4):
    return Conv2d(weights=RANDOM.normal(size=(8, 3, 3, channels // groups)), groups=groups,
                  padding=padding)


FIRST = {"convolution": (conv(),), "two groups": (conv(groups=2),), "depthwise": (conv(groups=4),),
         "normalisation": (norm(4), conv(padding=1)),
         "dense": (Flatten(), Linear(weights=RANDOM.normal(size=(5, 256))))}


@pytest.mark.parametrize("first", FIRST)
def test_a_scaling_with_means_is_folded_exactly(first):
    graph, images = starting_with(*FIRST[first]), pixels(4)
    scaling = InputScaling(mean=(10, 200, 0, 77.5), step=(50, 60.5, 1, 255))
    wanted = graph.run((images - scaling.mean) / scaling.step)
    folded = training.fold_scaling(graph, scaling)
    np.testing.assert_allclose(folded.run(images), wanted, rtol=1e-4, atol=2e-3)
    back = training.unfold_scaling(folded, scaling)
    np.testing.assert_allclose(back.run((images - scaling.mean) / scaling.step), wanted,
                               rtol=1e-4, atol=2e-3)


def test_a_scaling_without_means_is_folded_exactly_in_spite_of_padding():
    graph, images = stirred(small_graph(channels=3)), pixels(3)
    scaling = InputScaling(mean=(0, 0, 0), step=(255, 255, 100))
    folded = training.fold_scaling(graph, scaling)
    np.testing.assert_allclose(folded.run(images), graph.run(images / np.array(scaling.step)),
                               rtol=1e-4, atol=1e-4)
    assert [node.name for node in folded.nodes] == [node.name for node in graph.nodes]


@pytest.mark.parametrize("scaling", [InputScaling(mean=(0,), step=(16,)),
                                     InputScaling(mean=(5,), step=(3,))])
def test_a_module_with_a_scaling_is_the_same_function_of_raw_pixels(scaling):
    graph = training.fold_scaling(stirred(small_graph(padding=0, size=10)), scaling)
    images = pixels(1, size=10)
    module = training.GraphModule(graph, scaling).eval()
    with torch.no_grad():
        found = module(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(found, graph.run(images), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(module.to_graph().run(images), found, rtol=1e-4, atol=1e-3)


def test_inside_the_first_layer_has_weights_for_the_scaled_input():
    graph = small_graph()
    module = training.GraphModule(graph, InputScaling(mean=(0,), step=(16,)))
    np.testing.assert_allclose(module["conv"].weight.detach().numpy(),
                               16 * graph["conv"].op.weights.transpose(0, 3, 1, 2), rtol=1e-6)


def test_scalings_come_from_the_training_images():
    images = corners(channels=3).train_images
    assert InputScaling.largest(images // 16) == InputScaling(
        mean=(0,) * 3, step=(float((images // 16).max()),) * 3)
    normal = InputScaling.normal(images)
    scaled = (images - np.array(normal.mean)) / np.array(normal.step)
    np.testing.assert_allclose(scaled.mean(axis=(0, 1, 2)), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=(0, 1, 2)), 1, atol=1e-9)
    assert InputScaling.normal(np.full((2, 4, 4, 1), 7)).step == (1,)


def test_a_mean_in_front_of_padding_is_refused():
    with pytest.raises(GraphError, match=r"^conv: a scaling with a mean must meet no padding, but "
                                         r"padding is \(\(1, 1\), \(1, 1\)\).$"):
        training.GraphModule(small_graph(), InputScaling(mean=(1,), step=(1,)))


@pytest.mark.parametrize("first", [Relu(), GlobalAvgPool()])
def test_an_operation_that_takes_no_scaling_in_is_refused(first):
    graph = starting_with(first, channels=1)
    with pytest.raises(GraphError, match="^(relu|globalavgpool)1: a scaling must be in "
                                         "front of Conv2d, Linear or BatchNorm, but .* takes the "
                                         "input.$"):
        training.fold_scaling(graph, InputScaling(mean=(0,), step=(2,)))


@pytest.mark.parametrize("mean, step, sentence", [
    ((0,), (0,), r"InputScaling.step must be positive, but is \[0.0\]."),
    ((0, 0), (1,), "InputScaling.step must have as many values as mean, 2, but has 1."),
    ((0, 0), (1, 1), "InputScaling.step must have a value for each of the input's 1 channels, "
                     "but has 2.")])
def test_a_scaling_that_does_not_fit_is_refused(mean, step, sentence):
    with pytest.raises(GraphError, match=f"^{sentence}$"):
        training.fold_scaling(small_graph(), InputScaling(mean=mean, step=step))


def test_two_layers_that_take_the_input_both_take_the_scaling_in():
    net = GraphBuilder("two", (8, 8, 4))
    left = net.add(conv(padding=1), INPUT)
    right = net.add(conv(padding=1), INPUT)
    net.add(Add(), left, right)
    graph, images = stirred(net.build()), pixels(4)
    scaling = InputScaling(mean=(0,) * 4, step=(9,) * 4)
    np.testing.assert_allclose(training.fold_scaling(graph, scaling).run(images),
                               graph.run(images / 9), rtol=1e-4, atol=1e-4)
