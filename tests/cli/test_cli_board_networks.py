"""Whole networks on boards: compiled by build, images through the serial link, also a lossy one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from dataflow_builders import tiny_images, tiny_network
from faulty import FaultyPort

from boards.catalog import board
from pqhw.explore.on_board import balance_on_board, link_area
from pqhw.flow.area import available
from pqhw.golden import network_results
from pqhw.host.folder import BoardFolder
from pqhw.host.ports import SimulatedPort
from pqhw.host.run import run_board, simulated_board
from pqhw.spec import SpecError
from pqhw.spec.dataflow import load_design
from pqhw.spec.network import load_network, load_network_parameters, save_network

DIGITS = Path(__file__).parents[2] / "docs/networks/digits-cnn-tree-9-8.toml"
RUN = ("run", "--design", "b", "--images", "x.npy", "--golden")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


@pytest.fixture
def net(tmp_path, monkeypatch):
    """tiny.toml and tiny.npz, images in x.npy; the classes that are wanted."""
    monkeypatch.chdir(tmp_path)
    spec, parameters = tiny_network()
    named = dict(zip(spec.network.engines, parameters))
    save_network(tmp_path, spec.network, named)
    np.save("x.npy", tiny_images(12))
    return network_results(spec.network, named, tiny_images(12))


@needs_compiler
def test_a_network_is_compiled_built_and_its_images_are_classified(pqhw, net):
    status, out, err = pqhw("build", "tiny.toml", "--board", "sim", "--interval", "900", "-o", "b")
    assert (status, err) == (0, "")
    assert "cycles per image" in out and "rows per second" in out
    design, _ = load_design("b/spec.toml")
    assert design.cycles_per_row <= 900 and not design.image.sections
    assert not Path("b/parameters.bin").exists()
    status, out, err = pqhw(*RUN, "-o", "y.npy", "--json")
    assert (status, err) == (0, "") and json.loads(out)["verdict"] == "equal"
    np.testing.assert_array_equal(np.load("y.npy"), net)
    assert len(np.unique(net)) > 2


@needs_compiler
def test_parameters_that_are_loaded_pass_a_line_that_loses_bytes_and_power(pqhw, net, cache):
    assert pqhw("compile", "tiny.toml", "--interval", "900", "--loaded", "-o", "c")[0] == 0
    assert pqhw("build", "c", "--board", "sim", "--params", "tiny.npz", "-o", "b")[0] == 0
    own = BoardFolder.read(Path("b"))
    assert own.image
    simulated = simulated_board(cache, own)
    try:
        port = FaultyPort(SimulatedPort(simulated), chance=0.2, seed=4, outages=[12])
        report = run_board(own, port, "a line", np.load("x.npy"), golden=True)
    finally:
        simulated.close()
    assert report.wrong == "" and report.run.sessions == 2 and port.done > 5
    np.testing.assert_array_equal(report.run.results, net)


def test_room_is_left_for_the_link_even_where_little_is_left():
    """Beside the link this network fits an iCE40 UP5K only with more than 80 % of its LUT4."""
    network, own = load_network(DIGITS), board("icebreaker")
    found, link, has = balance_on_board(network, own), link_area(own), available(own.part)
    assert found.area.lut4 + link.lut4 <= 0.95 * has.lut4 and found.area.lut4 > 0.8 * has.lut4
    assert found.area.bram == has.bram and link.bram == 0
    with pytest.raises(SpecError) as error:
        balance_on_board(network, board("ice40-hx8k"), budget="bram=30")
    assert str(error.value).endswith("On Lattice iCE40-HX8K breakout the serial link takes 500 "
                                     "LUT4 and 2 block RAMs beside it.")


def test_what_cannot_be_compiled_is_told(refused, net):
    assert refused("build", "tiny.toml", "--board", "tang-nano-9k") == (
        "board must be one of an ECP5 or iCE40 for a network that is not compiled yet, but is "
        "tang-nano-9k; pqhw compile it first.")
    assert refused("build", "tiny.toml", "--board", "sim", "--interval", "3").startswith(
        "interval must leave room for all layers, but 3 cycles ")
    Path("tiny.npz").unlink()
    assert refused("build", "tiny.toml", "--board", "sim", "--interval", "900", "--json") == (
        "tiny.npz: cannot be read (No such file or directory).")


def test_a_design_that_is_folded_already_takes_no_budget(refused, folder):
    assert refused("build", "layer.toml", "--board", "sim", "--budget", "lut=90") == (
        "--budget must be left out for a design whose folding is decided, but is lut=90.")


@pytest.mark.slow
@needs_compiler
def test_the_digits_network_runs_on_a_simulated_board(pqhw, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    from pqhw.data import digits_images
    monkeypatch.chdir(tmp_path)
    images = digits_images().test_images[:100]
    np.save("x.npy", images)
    assert pqhw("build", DIGITS, "--board", "sim", "--interval", "4096", "-o", "b")[0] == 0
    status, out, err = pqhw(*RUN, "-o", "y.npy", "--json")
    assert (status, err) == (0, "") and json.loads(out)["verdict"] == "equal"
    network = load_network(DIGITS)
    wanted = network_results(network, load_network_parameters(
        network, DIGITS.with_suffix(".npz")), images)
    np.testing.assert_array_equal(np.load("y.npy").reshape(wanted.shape), wanted)


@pytest.mark.slow
@needs_compiler
def test_a_network_in_a_bitstream_holds_its_clock(pqhw, net):
    pytest.importorskip("amaranth_boards")
    status, out, err = pqhw("build", "tiny.toml", "--board", "icebreaker", "--freq", "18",
                            "-o", "b", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out)["used"]["ICESTORM_SPRAM"] == 2
    assert pqhw(*RUN, "--simulate")[0] == 0
