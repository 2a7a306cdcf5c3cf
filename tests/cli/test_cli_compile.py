"""pqhw compile: what it writes, the table, what the other verbs do with it, what it refuses."""

import json

import numpy as np
import pytest
from builders import mac
from dataflow_builders import GIVEN, images, residual

from pqhw.golden import network_results
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.dataflow import load_design
from pqhw.spec.network import INPUT, Engine, NetworkNode, NetworkSpec, save_network

CHOICE = ("--interval", "600", "--device", "lfe5u-25f")


@pytest.fixture
def net(tmp_path, monkeypatch):
    """A network with a shortcut in residual.toml and residual.npz, images in x.npy."""
    monkeypatch.chdir(tmp_path)
    spec, parameters = residual()
    save_network(tmp_path, spec.network, dict(zip(spec.network.engines, parameters)))
    np.save("x.npy", images(3))
    return spec.network, dict(zip(spec.network.engines, parameters))


def test_a_network_is_folded_written_and_told(pqhw, net, tmp_path):
    status, out, err = pqhw("compile", "residual.toml", *CHOICE)
    assert (status, err) == (0, "")
    rows = {line.split()[1]: line for line in out.splitlines() if "│" in line}
    assert "pq tree" in rows["block.b"] and "subsample" in rows["block.few"]
    assert "design: residual-lfe5u-25f/spec.toml" in out
    folder = tmp_path / "residual-lfe5u-25f"
    assert {path.name for path in folder.iterdir()} >= {"spec.toml", "pqhw_top.v",
                                                        "manifest.json"}
    design, _ = load_design(folder / "spec.toml")
    assert design.cycles_per_row <= 600
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["cycles_per_row"] == design.cycles_per_row
    assert manifest["streams"]["i"]["shape"] == [5, 4, 6]
    again = pqhw("compile", "residual.toml", *CHOICE, "-o", "again")
    assert again[0] == 0
    assert (tmp_path / "again/pqhw_top.v").read_bytes() == (folder / "pqhw_top.v").read_bytes()


def test_machines_are_told_the_same(pqhw, net):
    status, out, err = pqhw("compile", "--json", "residual.toml", *CHOICE, "--loaded")
    document = json.loads(out)
    assert (status, err, document["document"]) == (0, "", "dataflow")
    assert document["image_bytes"] > 0 and document["cycles_per_image"] <= 600
    nodes = {node["node"]: node for node in document["nodes"]}
    assert nodes["stem"]["area"]["lut4"] > 0 and nodes["block.sum"]["area"]["lut4"] > 0
    assert document["area"]["lut4"] == sum(
        own["lut4"] for own in (document["streams"], document["border"],
                                *(node["area"] for node in document["nodes"])))
    assert max(node["utilisation"] for node in document["nodes"]) == 1
    assert sum(nodes["block.sum"]["buffers"]) > 0


def test_a_design_is_simulated_like_an_engine(pqhw, net, tmp_path):
    assert pqhw("compile", "residual.toml", *CHOICE, "-o", "b")[0] == 0
    status, out, err = pqhw("sim", "b/spec.toml", "--params", "residual.npz", "--input", "x.npy",
                            "--level", "cxxrtl", "--device", "lfe5u-25f", "-o", "y.npy")
    assert (status, err) == (0, "") and "equal" in out
    np.testing.assert_array_equal(np.load("y.npy"), network_results(*net, images(3)))


@pytest.mark.parametrize("ratio, outputs, interval",
                         [(None, 2, 360), (None, 2, 100), ("3:5", 8, 360)])
def test_rows_of_two_schemes_fit_every_folding(pqhw, tmp_path, monkeypatch, ratio, outputs,
                                               interval):
    monkeypatch.chdir(tmp_path)
    given = {"scheme": "mixed", "weight_bits": 4, "ratio": ratio, "outputs_per_cycle": outputs,
             "load_bits": 8, "inputs_per_cycle": 2, "output": Requantize(bits=5, mode="scale")}
    engines = [mac(C=6, N=16, F=3, padding=1, H=5, W=4, activation_bits=5, **given),
               mac(C=16, N=8, F=1, H=5, W=4, activation_bits=5, activation_signed=False, **given)]
    network = NetworkSpec("rows", GIVEN, (NetworkNode("first", Engine(engines[0]), (INPUT,)),
                                          NetworkNode("second", Engine(engines[1]), ("first",))))
    parameters = dict(zip(network.engines, (random_parameters(ChainSpec((own,)), 5)[0]
                                            for own in engines)))
    save_network(tmp_path, network, parameters)
    np.save("x.npy", images(3))
    assert pqhw("compile", "rows.toml", "--device", "lfe5u-25f", "--interval", str(interval),
                "-o", "b")[::2] == (0, "")
    design, _ = load_design(tmp_path / "b/spec.toml")
    assert {own.engine.ratio for own in design.stages} == {ratio or "1:1"}
    status, out, err = pqhw("sim", "b/spec.toml", "--params", "rows.npz", "--input", "x.npy",
                            "--level", "cxxrtl", "--device", "lfe5u-25f", "-o", "y.npy")
    assert (status, err) == (0, "") and "equal" in out
    np.testing.assert_array_equal(np.load("y.npy"),
                                  network_results(network, parameters, images(3)))


def test_mistakes_are_told_in_a_sentence(refused, net):
    assert refused("compile", "residual.npz") == (
        "NETWORK must be the .toml file of an integer network, but is residual.npz.")
    assert refused("compile", "residual.toml", "--target", "systolic") == (
        "--target must be dataflow or overlay, but is systolic.")
    assert refused("compile", "residual.toml", "--overlay", "residual.toml") == (
        "--overlay must be left out unless --target is overlay, but is given.")
    assert refused("compile", "residual.toml", "--interval", "2").startswith(
        "interval must leave room for all layers, but 2 cycles are too few for stem, which takes ")
    assert refused("compile", "residual.toml", "--budget", "lut=90").startswith(
        "budget must hold the slowest design, but that takes ")
    assert refused("compile", "residual.toml", "--device", "up9") .startswith("device must be")
