"""Fine-tuning that was stopped goes on as if nothing had happened, whatever changes by epoch."""

import numpy as np
import pytest
from training_builders import corners, small_graph

pytest.importorskip("torch")

from pqhw.data import Dataset  # noqa: E402
from pqhw.quant.plan import Plan, plan_settings  # noqa: E402
from pqhw.quant.training import Recipe  # noqa: E402
from pqhw.quant.training.integer import Tuning, tune_network  # noqa: E402

RECIPE = Recipe(epochs=5, batch=30, rate=0.05, optimiser="adam", decay=0.0, warmup=0)


class Stop(Exception):
    """Power is lost."""


def stop_in_fifth(step):
    if step.epoch == 5:
        raise Stop


def arrays(network):
    return {f"{name}/{field}": np.asarray(value)
            for name, own in network.parameters.items() for field, value in vars(own).items()
            if isinstance(value, np.ndarray | int)}


@pytest.mark.parametrize("change", [
    {"following": 0.5, "settled": 0.5}, {"following": 0.0, "gradient": "soft"}])
def test_stopped_tuning_goes_on_at_its_own_epoch(tmp_path, change):
    own = corners()
    data = Dataset(own.train_images, own.train_labels, own.test_images, own.test_labels,
                   name="corners", classes=own.classes)
    graph = small_graph()
    settings = plan_settings(graph, Plan(keep=(), length=3, prototypes=4))
    tuning = Tuning(recipe=RECIPE, **change)
    whole, _ = tune_network(graph, data, settings, tuning)
    with pytest.raises(Stop):
        tune_network(graph, data, settings, tuning, folder=tmp_path, progress=stop_in_fifth)
    rest, history = tune_network(graph, data, settings, tuning, folder=tmp_path, resume=True)
    assert [epoch.epoch for epoch in history.epochs] == [1, 2, 3, 4, 5]
    wanted, found = arrays(whole), arrays(rest)
    assert wanted.keys() == found.keys() and any("prototypes" in name for name in wanted)
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
