"""What the inputs of a product-quantized layer are told: the slopes of its codes."""

import numpy as np
import pytest
from training_builders import norm

torch = pytest.importorskip("torch")

from pqhw.network import GraphBuilder  # noqa: E402
from pqhw.network.lowering import lower  # noqa: E402
from pqhw.network.ops import Conv2d, Flatten, Linear, Relu  # noqa: E402
from pqhw.quant.network import convert_network  # noqa: E402
from pqhw.quant.plan import Plan, plan_settings  # noqa: E402
from pqhw.quant.training.integer import AdaptingModule  # noqa: E402
from pqhw.quant.training.integer.product import CodeStatistics  # noqa: E402
from pqhw.quant.training.module import GraphModule  # noqa: E402


def random_codes(rows, subspaces, length, count):
    """Correlated vectors [R, S, V, P] and the codes [R, S, P] of random half-spaces."""
    random = np.random.default_rng(7)
    mixed = random.normal(size=(subspaces, length, length))
    vectors = np.einsum("swv,rsvp->rswp", mixed, random.normal(size=(rows, subspaces, length, 3)))
    scores = np.einsum("skv,rsvp->rskp", random.normal(size=(subspaces, count, length)), vectors)
    return vectors, scores.argmax(axis=2)


def test_slopes_are_those_of_a_regression_whatever_the_parts():
    vectors, codes = random_codes(40, 3, 4, 5)
    seen = CodeStatistics(squared=True)
    for part in (slice(0, 7), slice(7, 40)):
        seen.add(torch.tensor(vectors[part]).float(), torch.tensor(codes[part]), 5)
    found = seen.slopes().numpy()
    for s in range(3):
        rows = vectors[:, s].transpose(0, 2, 1).reshape(-1, 4)
        # The ridge as further rows, which want nothing.
        ridge = np.sqrt(CodeStatistics.RIDGE * rows.var(axis=0).mean() * len(rows)) * np.eye(4)
        design = np.vstack([rows - rows.mean(axis=0), ridge])
        shares = np.eye(5)[codes[:, s].ravel()]
        shares = np.vstack([shares - shares.mean(axis=0), np.zeros((4, 5))])
        wanted = np.linalg.lstsq(design, shares, rcond=None)[0]
        np.testing.assert_allclose(found[s], wanted.T, atol=1e-5)
    # Shares of all codes make 1, whatever the vector.
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-6)


def test_what_never_changes_has_no_slope():
    vectors, codes = np.full((4, 2, 3, 5), 7.0), np.ones((4, 2, 5), np.int64)
    seen = CodeStatistics(squared=True)
    seen.add(torch.tensor(vectors).float(), torch.tensor(codes), 4)
    assert float(seen.slopes().abs().max()) < 1e-6


def deep(layers):
    random = np.random.default_rng(3)
    net = GraphBuilder("deep", (6, 6, 4))
    for number in range(layers):
        net.add(Conv2d(weights=random.normal(0, 0.2, (4, 3, 3, 4)).astype(np.float32), padding=1),
                name=f"conv{number}")
        net.add(norm(4), name=f"norm{number}")
        net.add(Relu())
    net.add(Flatten())
    net.add(Linear(weights=random.normal(0, 0.1, (4, 144)).astype(np.float32)), name="last")
    return net.build()


def size_of_gradients(module, images):
    module.train()
    module(images).square().mean().backward()
    return float(torch.stack([own.grad.square().sum() for own in module.parameters()
                              if own.grad is not None]).sum().sqrt())


def test_gradients_of_deep_networks_stay_as_small_as_those_of_floats():
    graph = deep(8)
    images = np.random.default_rng(4).integers(0, 17, (64, 6, 6, 4))
    settings = plan_settings(graph, Plan(prototypes=4, table_bits=6))
    network = convert_network(graph, images, settings, input_bits=5)
    bits = {name: one.activation_bits for name, one in settings.items()}
    sizes = {}
    for gradient in ("linear", "straight"):
        module = AdaptingModule(graph, lower(graph, bits, input_bits=5), network, settings)
        for layer in module.layers.values():
            layer.gradient = gradient
        sizes[gradient] = size_of_gradients(module, torch.tensor(images).float())
    sizes["float"] = size_of_gradients(GraphModule(graph), torch.tensor(images).float())
    assert sizes["linear"] < 3 * sizes["float"] and sizes["straight"] > 5 * sizes["linear"], sizes
