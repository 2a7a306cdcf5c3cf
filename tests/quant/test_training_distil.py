"""Distillation: the loss is the formula, and a learner becomes its teacher's like."""

import dataclasses

import numpy as np
import pytest
from test_training_loop import QUICK, module_for
from training_builders import corners

from pqhw.network import LearningError

torch = pytest.importorskip("torch")
training = pytest.importorskip("pqhw.quant.training")
Distillation, fit = training.Distillation, training.fit


def a_batch(count=5, classes=3, seed=0):
    """Logits, the teacher's logits and a batch, all random."""
    random = torch.Generator().manual_seed(seed)
    logits, wanted = (torch.randn(count, classes, generator=random) for _ in range(2))
    labels = torch.randint(0, classes, (count,), generator=random)
    return logits, wanted, training.Batch(torch.zeros(count, 8, 8, 1), labels,
                                          torch.randperm(count, generator=random))


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("temperature, share", [(1, 1), (4, 0.9), (2, 0.25), (3, 0)])
def test_the_loss_is_the_formula(temperature, share):
    logits, wanted, batch = a_batch()
    own, teacher = logits.double().numpy(), wanted.double().numpy()[batch.indices.numpy()]
    soft, hard = log_softmax(teacher / temperature), log_softmax(own)
    divergence = (np.exp(soft) * (soft - log_softmax(own / temperature))).sum(axis=1).mean()
    labels = -hard[np.arange(len(own)), batch.labels.numpy()].mean()
    found = Distillation(teacher=wanted, temperature=temperature, share=share)(logits, batch)
    assert float(found) == pytest.approx(
        share * temperature ** 2 * divergence + (1 - share) * labels, rel=1e-5, abs=1e-7)


def test_a_teacher_that_is_a_module_sees_the_images_of_the_batch():
    data = corners()
    teacher, chosen = module_for(data), torch.arange(7, 17)
    logits = training.logits_of(teacher, data.train_images)
    inputs = torch.from_numpy(data.train_images).float()[chosen]
    batch = training.Batch(inputs, torch.from_numpy(data.train_labels)[chosen], chosen)
    own = torch.randn(10, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    found = [Distillation(teacher=one)(own, batch) for one in (teacher, logits, logits.numpy())]
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[1], found[2])
    found[0].backward()
    assert not teacher.training and all(own.grad is None for own in teacher.parameters())


def test_a_learner_follows_its_teacher_where_labels_are_wrong():
    data = corners()
    teacher = module_for(data)
    recipe = dataclasses.replace(QUICK, epochs=6)
    assert fit(teacher, data, recipe).test_accuracy == 1
    wrong = dataclasses.replace(data, train_labels=(data.train_labels + 1) % 3)
    learner, misled = module_for(data, seed=5), module_for(data, seed=5)
    followed = fit(learner, wrong, recipe, loss=Distillation(teacher=teacher, share=1))
    assert followed.test_accuracy > 0.9
    assert fit(misled, wrong, recipe).test_accuracy < 0.2


@pytest.mark.parametrize("change, sentence", [
    ({"temperature": 0}, "Distillation.temperature must be positive and finite, but is 0."),
    ({"share": 1.1}, "Distillation.share must be from 0 to 1, but is 1.1.")])
def test_numbers_out_of_range_are_refused(change, sentence):
    with pytest.raises(LearningError) as error:
        Distillation(**{"teacher": np.zeros((2, 3)), **change})
    assert str(error.value) == sentence


@pytest.mark.parametrize("shape, sentence", [
    ((5, 4), r"Distillation.teacher must give logits \[5, 3\] for this batch, but gives "
             r"\[5, 4\]."),
    ((4, 3), "Distillation.teacher must hold logits of all training images, but holds 4.")])
def test_logits_that_do_not_fit_are_refused(shape, sentence):
    logits, _, batch = a_batch()
    with pytest.raises(LearningError, match=f"^{sentence}$"):
        Distillation(teacher=np.zeros(shape))(logits, batch)
