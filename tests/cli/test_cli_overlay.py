"""pqhw compile --target overlay: what it writes and tells, its simulation, what it refuses."""

import dataclasses
import json

import numpy as np
import pytest
from overlay_builders import SMALL, TINY, images_for, networks

from pqhw.golden import network_results
from pqhw.spec.files import toml_tables
from pqhw.spec.network import save_network
from pqhw.spec.overlay.cycles import program_cycles
from pqhw.spec.overlay.files import dump_overlay, load_overlay, overlay_for
from pqhw.explore.overlay import compile_program
from pqhw.spec import SpecError
from pqhw.spec.devices import device

HARDWARE = ("--target", "overlay", "--overlay", "hardware.toml")


@pytest.fixture
def net(tmp_path, monkeypatch):
    """Two networks in files, hardware in hardware.toml, images in x.npy."""
    monkeypatch.chdir(tmp_path)
    for name in ("rows", "pictures"):
        save_network(tmp_path, *networks()[name])
    (tmp_path / "hardware.toml").write_text("\n".join(
        toml_tables("", {"overlay": SMALL.to_mapping()})))
    np.save("x.npy", images_for(networks()["rows"][0], 5))
    return networks()["rows"]


def test_the_hardware_is_the_same_for_all_networks_and_the_program_is_not(pqhw, net, tmp_path):
    status, out, err = pqhw("compile", "rows.toml", *HARDWARE, "-o", "a")
    assert (status, err) == (0, "") and "design: a/spec.toml" in out
    assert "encode, replay" in out and "lookups, of what a cycle can" in out
    assert pqhw("compile", "pictures.toml", *HARDWARE, "-o", "b")[0] == 0
    files = {path.name for path in (tmp_path / "a").iterdir()}
    assert files == {"pqhw_top.v", "pqhw_top.core", "program.bin", "manifest.json", "spec.toml"}
    for name in ("pqhw_top.v", "pqhw_top.core"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a/program.bin").read_bytes() != (tmp_path / "b/program.bin").read_bytes()
    manifest = json.loads((tmp_path / "a/manifest.json").read_text())
    assert manifest["program"]["bytes"] == (tmp_path / "a/program.bin").stat().st_size
    names = {port["name"]: port["bits"] for port in manifest["ports"]}
    assert names["memory__payload"] == 65 and names["i__payload"] == 17
    assert load_overlay(tmp_path / "a/spec.toml") == (SMALL, net[0])


def test_machines_are_told_the_same(pqhw, net):
    status, out, err = pqhw("compile", "--json", "rows.toml", *HARDWARE, "-o", "a")
    document = json.loads(out)
    program = compile_program(*net, SMALL)
    assert (status, err, document["document"]) == (0, "", "overlay")
    assert document["cycles_per_image"] == program_cycles(program)
    assert document["port_words"] == sum(own["port_words"] for own in document["nodes"])
    assert sum(own["jobs"] for own in document["nodes"]) == len(program.blocks)
    spent = sum(own["cycles"] + own["waiting"] for own in document["nodes"])
    assert 0 < spent <= document["cycles_per_image"]


def test_an_overlay_is_simulated_at_every_level(pqhw, net):
    assert pqhw("compile", "rows.toml", *HARDWARE, "-o", "a")[0] == 0
    given = ("sim", "a/spec.toml", "--params", "rows.npz", "--input", "x.npy")
    status, out, err = pqhw(*given, "-o", "y.npy")
    assert (status, err) == (0, "") and out.count("equal") == 2
    np.testing.assert_array_equal(np.load("y.npy"), network_results(
        *net, images_for(net[0], 5)))
    status, out, _ = pqhw(*given, "--level", "cxxrtl", "--rows", "2", "--json")
    document = json.loads(out)
    assert document["levels"] == [{"level": "cxxrtl", "status": "equal", "images": 2,
                                   "cycles": document["cycles_per_image"], "reason": None}]


def test_mistakes_are_told_in_a_sentence(refused, pqhw, net, tmp_path):
    assert refused("compile", "rows.toml", *HARDWARE, "--interval", "9") == (
        "--interval must be left out with --target overlay, whose size --overlay tells, "
        "but is given.")
    assert refused("compile", "rows.toml", "--target", "overlay", "--device", "ice40up5k") == (
        "--device must be lfe5u-25f or lfe5u-85f for an overlay, unless --overlay tells what is "
        "built, but is ice40up5k.")
    assert refused("compile", "rows.toml", "--target", "overlay", "--overlay", "rows.toml") == (
        "rows.toml: must have a table [overlay], but has none.")
    (tmp_path / "odd.toml").write_text("[overlay]\nlanes = 5\n")
    assert refused("compile", "rows.toml", "--target", "overlay", "--overlay", "odd.toml") == (
        "odd.toml: overlay.lanes must be one of 2, 4, 8, 16, but is 5.")
    small = dataclasses.replace(SMALL, code_words=16, activation_words=16)
    (tmp_path / "spec.toml").write_text(dump_overlay(small, net[0]))
    given = ("sim", "spec.toml", "--params", "rows.npz", "--input", "x.npy", "--level", "golden")
    assert refused(*given[:-1], "icarus") == (
        "--level must be one of golden, program, cxxrtl, all for an overlay, but is icarus.")
    np.save("x.npy", np.zeros((2, 3, 3, 1), int))
    assert refused(*given).startswith("images must be [R, 3, 5, 1] with at least one, but are ")
    (tmp_path / "x.npy").write_bytes(b"no array")
    assert refused(*given).startswith("x.npy: ")


def test_only_devices_with_room_have_an_overlay():
    assert overlay_for(device("lfe5u-25f")).lookups_per_cycle == 32
    with pytest.raises(SpecError):
        overlay_for(device("ice40hx8k"))


@pytest.mark.slow
def test_an_overlay_is_verified_synthesized_and_routed(pqhw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network, parameters = networks()["rows"]
    save_network(tmp_path, network, parameters)
    images = images_for(network)
    np.save("x.npy", images)
    (tmp_path / "spec.toml").write_text(dump_overlay(TINY, network))
    status, _, err = pqhw("synth", "spec.toml", "--params", "rows.npz", "--input", "x.npy",
                          "--device", "lfe5u-25f", "--seeds", "1", "--json", "r.json")
    result = json.loads((tmp_path / "r.json").read_text())["result"]
    assert (status, result["status"], result["verified"]) == (0, "ok", "cxxrtl"), err
    cycles = program_cycles(compile_program(network, parameters, TINY))
    assert result["cycles_per_row"] == result["cycles_per_row_measured"] == cycles
    assert result["fmax_mhz"]["median"] > 30 and result["provenance"]["placer"] == "heap-router2"
    assert result["rows_per_second"] == pytest.approx(
        1e6 * result["fmax_mhz"]["median"] / cycles, rel=1e-3)
    assert result["area"]["dsp"] == TINY.lanes + TINY.dsp_products
    assert 0 < result["area"]["bram"] <= 56 and 0 < result["area"]["lut4"] < 24288
