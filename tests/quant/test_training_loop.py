"""The loop: it learns, repeats itself, and leaves the process as it was."""

import dataclasses
import math

import numpy as np
import pytest
from training_builders import corners, small_graph

from pqhw.network import LearningError, zoo_network

torch = pytest.importorskip("torch")
training = pytest.importorskip("pqhw.quant.training")
Augmentation, Group, Recipe, fit = (training.Augmentation, training.Group, training.Recipe,
                                    training.fit)

QUICK = Recipe(epochs=2, batch=16, rate=0.05)


def module_for(data, seed=0):
    """A small network for the data, trained by nobody yet."""
    channels = data.train_images.shape[-1]
    scaling = training.InputScaling.largest(data.train_images)
    return training.GraphModule(
        training.fold_scaling(small_graph(channels=channels, seed=seed), scaling), scaling)


def equal(first, second):
    """Whether two modules hold the same numbers, bit for bit."""
    one, other = first.state_dict(), second.state_dict()
    return one.keys() == other.keys() and all((one[name] == other[name]).all() for name in one)


def losses(history):
    return [epoch.loss for epoch in history.epochs]


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("sklearn")
    from pqhw.data import load
    return load("digits")


@pytest.mark.parametrize("name, crop, least", [("digits-cnn", 1, 0.97), ("digits-mlp", 0, 0.95)])
def test_networks_learn_the_digits_in_a_few_epochs(digits, name, crop, least):
    graph = training.network_for(name, digits)
    recipe = Recipe(epochs=8, batch=64, augmentation=Augmentation(crop=crop))
    trained, history = training.train_network(graph, digits, recipe)
    assert history.test_accuracy > least
    # The graph takes the pixels as they are, and says what the module said.
    found = trained.run(digits.test_images).argmax(axis=1)
    assert (found == digits.test_labels).mean() == pytest.approx(history.test_accuracy, abs=0.003)


@pytest.mark.parametrize("change", [{}, {"optimiser": "adam", "rate": 0.01},
                                    {"schedule": "step", "precision": "bfloat16"},
                                    {"smoothing": 0.1, "augmentation": Augmentation(
                                        flip=True, jitter=0.1, erase=0.2)}])
def test_every_kind_of_recipe_lowers_the_loss(change):
    data = corners()
    history = fit(module_for(data), data, dataclasses.replace(QUICK, epochs=4, **change))
    assert losses(history)[-1] < losses(history)[0]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_equal_recipes_give_equal_weights_and_another_seed_others(precision):
    data = corners()
    recipe = dataclasses.replace(QUICK, precision=precision, augmentation=Augmentation(erase=0.5))
    first, same, other = (module_for(data) for _ in range(3))
    told, again = fit(first, data, recipe), fit(same, data, recipe)
    fit(other, data, dataclasses.replace(recipe, seed=1))
    assert equal(first, same) and not equal(first, other)
    assert losses(told) == losses(again)


def test_the_process_is_left_as_it_was():
    data = corners()
    torch.manual_seed(7)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    seen = []
    fit(module_for(data), data, dataclasses.replace(QUICK, threads=threads + 1),
        progress=lambda step: seen.append((torch.get_num_threads(),
                                           torch.are_deterministic_algorithms_enabled())))
    assert set(seen) == {(threads + 1, True)}
    assert torch.get_num_threads() == threads
    assert (torch.get_rng_state() == state).all()
    assert not torch.are_deterministic_algorithms_enabled()


def test_progress_tells_how_far_it_is():
    data, steps = corners(), []
    history = fit(module_for(data), data, dataclasses.replace(QUICK, batch=4),
                  progress=steps.append)
    assert [(step.epoch, step.step) for step in steps] == [
        (1, 10), (1, 20), (1, 23), (2, 10), (2, 20), (2, 23)]
    assert [step.done for step in steps] == [10, 20, 23, 33, 43, 46]
    assert {(step.steps, step.total, step.epochs) for step in steps} == {(23, 46, 2)}
    assert (steps[2].loss, steps[2].accuracy) == (history.epochs[0].loss,
                                                  history.epochs[0].train_accuracy)
    assert steps[0].text.startswith("epoch 1/2 loss ")


def test_the_history_says_what_happened():
    data = corners()
    history = fit(module_for(data), data, QUICK)
    assert [epoch.epoch for epoch in history.epochs] == [1, 2]
    assert history.epochs[-1].rate < history.epochs[0].rate < QUICK.rate
    assert history.data.startswith("corners: 90 images, check sum ")
    assert history.recipe == QUICK.to_mapping()
    assert history.device == "cpu" or torch.cuda.is_available()
    assert history.versions["torch"] == torch.__version__
    assert history.seconds > 0


def test_every_image_is_seen_once_an_epoch_in_steps_that_differ_by_one_at_most():
    data, seen = corners(train=83), []

    def loss(logits, batch):
        seen.append(batch.indices)
        np.testing.assert_array_equal(batch.labels, data.train_labels[batch.indices])
        np.testing.assert_array_equal(batch.inputs, data.train_images[batch.indices])
        return training.LabelLoss()(logits, batch)

    fit(module_for(data), data, QUICK, loss=loss, device="cpu")
    assert {len(own) for own in seen} == {13, 14}
    for epoch in (seen[:6], seen[6:]):
        assert sorted(torch.cat(epoch).tolist()) == list(range(83))
    assert (torch.cat(seen[:6]) != torch.cat(seen[6:])).any()


def test_another_evaluation_is_what_is_logged():
    data, seen = corners(), []

    def evaluate(module):
        seen.append(module.training)
        return 0.25

    history = fit(module_for(data), data, QUICK, evaluate=evaluate)
    assert [epoch.test_accuracy for epoch in history.epochs] == [0.25, 0.25]
    assert seen == [False, False]


def test_what_is_called_after_an_epoch_may_change_the_module():
    data, module = corners(), None

    def clear(epoch, own):
        called.append(epoch)
        with torch.no_grad():
            own["classifier"].weight.zero_()
            own["classifier"].bias.zero_()

    called, module = [], module_for(data)
    history = fit(module, data, QUICK, on_epoch=clear)
    assert called == [1, 2]
    assert (module["classifier"].weight == 0).all()
    assert history.test_accuracy == pytest.approx(1 / 3)


def test_groups_choose_what_learns_and_how_fast():
    data = corners()
    start, module, slow = (module_for(data) for _ in range(3))
    recipe = dataclasses.replace(QUICK, epochs=1, batch=90, warmup=0, decay=0)
    fit(module, data, recipe, groups=[Group(list(module["classifier"].parameters()))])
    fit(slow, data, recipe, groups=[Group(list(slow["classifier"].parameters()), rate=0.5)])
    assert (module["wide"].weight == start["wide"].weight).all()
    moved, half = ((own["classifier"].weight - start["classifier"].weight).detach()
                   for own in (module, slow))
    assert (moved != 0).any()
    np.testing.assert_allclose(half, moved / 2, rtol=1e-3, atol=1e-7)


def test_weights_decay_and_normalisations_and_biases_do_not():
    module = module_for(corners())
    weights, others = training.parameter_groups(module)
    assert {own.ndim for own in weights.parameters} == {2, 4}
    assert {own.ndim for own in others.parameters} == {1}
    assert (weights.decay, others.decay) == (None, 0)
    from pqhw.quant.training.groups import optimiser_of
    for kind in ("sgd", "adam"):
        optimiser = optimiser_of((weights, others, Group([torch.nn.Parameter(torch.ones(1))])),
                                 Recipe(decay=0.25, optimiser=kind))
        assert [own["weight_decay"] for own in optimiser.param_groups] == [0.25, 0, 0.25]
    count = sum(own.numel() for group in (weights, others) for own in group.parameters)
    assert count == module.graph.parameter_count


def test_any_module_that_gives_logits_is_trained():
    data = corners()
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3))
    history = fit(module, data, Recipe(epochs=6, rate=1e-5, batch=16))
    assert history.test_accuracy > 0.9


def test_smoothing_is_that_of_the_loss():
    data, module, other = corners(), module_for(corners()), module_for(corners())
    fit(module, data, dataclasses.replace(QUICK, smoothing=0.3))
    fit(other, data, QUICK, loss=training.LabelLoss(smoothing=0.3))
    assert equal(module, other)


def test_arrays_that_pytorch_would_not_take_are_copied():
    data, backwards = corners(), {}
    for field in ("train_images", "train_labels", "test_images", "test_labels"):
        backwards[field] = getattr(data, field)[::-1].copy()
        backwards[field].flags.writeable = False
        backwards[field] = backwards[field][::-1]
    module, other = module_for(data), module_for(data)
    fit(module, data, QUICK)
    fit(other, dataclasses.replace(data, **backwards), QUICK)
    assert equal(module, other)


def test_a_loss_that_is_not_finite_ends_training():
    data = corners()
    with pytest.raises(LearningError, match=r"^the loss must be finite, but is (nan|inf) by step "
                                            r"\d+ of epoch \d; a rate below 1000 may help\.$"):
        fit(module_for(data), data, dataclasses.replace(QUICK, rate=1000, warmup=0, epochs=9))


def test_data_that_does_not_fit_the_module_is_refused():
    data = corners()
    with pytest.raises(LearningError, match="^data.train_labels must be below the 2 logits of the "
                                            "module, but 2 is among them.$"):
        fit(training.GraphModule(small_graph(classes=2)), data, QUICK)
    image = torch.nn.Conv2d(8, 3, 1)
    with pytest.raises(LearningError, match=r"^the module's result must be \[R, classes\], but has "
                                            r"shape \[2, 3, 8, 1\].$"):
        fit(image, data, QUICK)


@pytest.mark.parametrize("device, sentence", [
    ("tpu", "device must be one of auto, cpu, cuda, but is tpu."),
    ("cuda", "device must be cpu where PyTorch finds no GPU, but is cuda.")])
def test_a_device_that_is_not_there_is_refused(device, sentence, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(LearningError, match=f"^{sentence}$"):
        fit(module_for(corners()), corners(), QUICK, device=device)


def test_nothing_to_train_is_refused():
    data = corners()
    with pytest.raises(LearningError, match="^groups must hold parameters, but hold none.$"):
        fit(module_for(data), data, QUICK, groups=[])


def test_a_network_is_found_for_the_data_or_refused(tmp_path):
    from pqhw.network import GraphError, save_graph
    data = corners()
    graph = training.network_for("digits-cnn", data)
    assert graph.output_shape == (3,)
    assert not math.isclose(graph["conv1"].op.weights[0, 0, 0, 0],
                            zoo_network("digits-cnn")["conv1"].op.weights[0, 0, 0, 0])
    save_graph(tmp_path / "own.npz", graph)
    np.testing.assert_array_equal(
        training.network_for(tmp_path / "own.npz", data)["conv1"].op.weights,
        graph["conv1"].op.weights)
    for name, sentence in [
            ("resnet", r"network must be one of digits-mlp, .*, or a .npz file of a graph, "
                       r"but is resnet\."),
            ("resnet20", r"resnet20 takes inputs \[32, 32, 3\], but images of corners are "
                         r"\[8, 8, 1\]\.")]:
        with pytest.raises(GraphError, match=f"^{sentence}$"):
            training.network_for(name, data)
    other = dataclasses.replace(data, classes=("a", "b"))
    with pytest.raises(GraphError, match=r"^digits-cnn gives results \[3\], but corners has "
                                         r"2 classes\.$"):
        training.network_for(tmp_path / "own.npz", other)
