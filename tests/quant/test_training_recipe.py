"""What a recipe says: the rate epoch by epoch, and every rule."""

import dataclasses

import pytest

pytest.importorskip("torch")
training = pytest.importorskip("pqhw.quant.training")
Recipe = training.Recipe


def test_a_cosine_rises_then_falls_to_nothing():
    recipe = Recipe(epochs=10, rate=0.4, warmup=2)
    rates = [recipe.rate_at(epoch) for epoch in (1, 2, 6, 10)]
    assert rates == pytest.approx([0.2, 0.4, 0.2, 0], abs=1e-12)
    assert 0 < recipe.rate_at(0) < 0.01


def test_steps_divide_by_ten_after_a_half_and_three_quarters():
    recipe = Recipe(epochs=8, rate=0.5, schedule="step", warmup=0)
    assert [recipe.rate_at(epoch) for epoch in (0, 3.9, 4, 5.9, 6, 8)] == pytest.approx(
        [0.5, 0.5, 0.05, 0.05, 0.005, 0.005])


def test_a_recipe_is_plain_values_for_json():
    recipe = Recipe(augmentation=training.Augmentation(flip=True))
    mapping = recipe.to_mapping()
    assert mapping["augmentation"] == {"crop": None, "flip": True, "jitter": 0.0, "erase": 0.0}
    assert set(mapping) == {field.name for field in dataclasses.fields(Recipe)}


@pytest.mark.parametrize("field, value, sentence", [
    ("epochs", 0, "epochs must be an integer from 1 to 100000, but is 0."),
    ("batch", 0, "batch must be an integer from 1 to 1000000, but is 0."),
    ("rate", -1, "rate must be a number from 0 to 1000, but is -1."),
    ("rate", 0, "rate must be positive, but is 0."),
    ("rate", float("nan"), "rate must be a number from 0 to 1000, but is nan."),
    ("warmup", -0.5, "warmup must be a number from 0 to 100000, but is -0.5."),
    ("decay", 2, "decay must be a number from 0 to 1, but is 2."),
    ("smoothing", 1, "smoothing must be a number from 0 to 0.9, but is 1."),
    ("seed", -1, "seed must be an integer from 0 to 9223372036854775807, but is -1."),
    ("threads", 0, "threads must be an integer from 1 to 1024, but is 0."),
    ("schedule", "linear", "schedule must be one of cosine, step, but is linear."),
    ("optimiser", "lamb", "optimiser must be one of sgd, adam, but is lamb."),
    ("precision", "int8", "precision must be one of float32, bfloat16, but is int8.")])
def test_a_value_out_of_range_is_refused(field, value, sentence):
    with pytest.raises(training.RecipeError) as error:
        Recipe(**{field: value})
    assert str(error.value) == sentence


@pytest.mark.parametrize("field, value, sentence", [
    ("epochs", 2.0, "epochs must be an integer from 1 to 100000, but is 2.0."),
    ("batch", True, "batch must be an integer from 1 to 1000000, but is True."),
    ("rate", "fast", "rate must be a number from 0 to 1000, but is 'fast'."),
    ("augmentation", True, "augmentation must be an Augmentation or None, but is True.")])
def test_a_value_of_another_kind_is_refused(field, value, sentence):
    with pytest.raises(training.RecipeTypeError) as error:
        Recipe(**{field: value})
    assert str(error.value) == sentence


@pytest.mark.parametrize("field, value, sentence", [
    ("crop", -1, "Augmentation.crop must be a number of pixels, 0 or more, but is -1."),
    ("crop", 1.5, "Augmentation.crop must be a number of pixels, 0 or more, but is 1.5."),
    ("jitter", 1, "Augmentation.jitter must be from 0 to below 1, but is 1."),
    ("erase", 1.5, "Augmentation.erase must be from 0 to 1, but is 1.5.")])
def test_an_augmentation_out_of_range_is_refused(field, value, sentence):
    with pytest.raises(ValueError) as error:
        training.Augmentation(**{field: value})
    assert str(error.value) == sentence
