"""`pqhw.sim.icarus.simulate`: right on good Verilog, and never satisfied with broken Verilog."""

import re
import sys

import numpy as np
import pytest
from bench_common import Material, material
from builders import chain, small_mac, tiny

from pqhw.emit.design import TOP, design_verilog
from pqhw.flow.tools import ToolError, ToolMissing
from pqhw.sim import cxxrtl, icarus
from pqhw.sim.result import SimulationError
from pqhw.spec import Requantize

TINY = {"pq": chain(tiny(D=5, N=5, outputs_per_cycle=2, load_bits=32,
                         output=Requantize(bits=4, signed=True))),
        "mac": chain(small_mac(load_bits=32, outputs_per_cycle=2, inputs_per_cycle=2))}


def _simulate(cache, given: Material, verilog: str, **options):
    return icarus.simulate(cache, given.chain, verilog, given.image, given.rows, **options)


@pytest.fixture(scope="module")
def given() -> Material:
    return material(TINY["pq"], 12, seed=61)


@pytest.fixture(scope="module")
def verilog(given: Material) -> str:
    return design_verilog(given.chain)


@pytest.mark.parametrize("target", ["generic", "ecp5", "ice40"])
@pytest.mark.parametrize("kind", TINY)
def test_results_and_cycles_are_those_of_the_spec(cache, kind, target):
    given = material(TINY[kind], 8, seed=62)
    found = _simulate(cache, given, design_verilog(given.chain, target=target))
    np.testing.assert_array_equal(found.results, given.results)
    assert found.latency == given.chain.latency
    assert found.cycles_per_row == given.chain.cycles_per_row


@pytest.mark.parametrize("valid,ready,seed", [(1.0, 1.0, 1), (0.5, 0.3, 7), (0.2, 0.9, 12345)])
def test_the_outcome_is_that_of_cxxrtl_to_the_cycle(cache, given, verilog, valid, ready, seed):
    options = {"valid": valid, "ready": ready, "seed": seed}
    try:
        cxxrtl.compiler()
        theirs = cxxrtl.simulate(cache, given.chain, verilog, given.image, given.rows, **options)
    except ToolMissing as error:
        pytest.skip(str(error))
    ours = _simulate(cache, given, verilog, **options)
    np.testing.assert_array_equal(ours.results, theirs.results)
    np.testing.assert_array_equal(ours.row_ends, theirs.row_ends)
    assert (ours.latency, ours.cycles) == (theirs.latency, theirs.cycles)
    assert (ours.results.dtype, ours.row_ends.dtype) == (theirs.results.dtype,
                                                         theirs.row_ends.dtype)


def test_no_rows_take_no_cycles(cache, given, verilog):
    found = icarus.simulate(cache, given.chain, verilog, given.image, given.rows[:0])
    assert found.results.shape == (0, given.chain.last.layer.out_features)
    assert (found.cycles, len(found.row_ends)) == (0, 0)


def test_a_design_is_compiled_once_and_nothing_is_printed(cache, given, verilog, capfd):
    _simulate(cache, given, verilog)
    fresh = cache.fresh
    _simulate(cache, given, verilog)
    assert cache.fresh == fresh
    assert capfd.readouterr() == ("", "")


def test_a_flipped_operator_changes_the_results(cache, given, verilog):
    start = verilog.index(f"module {TOP}_stage0_lookup_columns")
    end = verilog.index("endmodule", start)
    columns = verilog[start:end]
    broken = re.sub(r"\$signed\((\w+)\) \+ ", r"$signed(\1) - ", columns, count=1)
    assert broken != columns
    found = _simulate(cache, given, verilog[:start] + broken + verilog[end:])
    assert (found.results != given.results).any()


def _wrapped(verilog: str, *, tapped: dict[str, str]) -> str:
    """The design inside a top of the same ports, with some outputs passed through expressions.

    In an expression, `own` stands for the design's own output; `odd` is high in every other
    cycle, `n` counts cycles since the reset.
    """
    ports = re.search(rf"module {TOP} \((.*?)\);", verilog, re.DOTALL).group(1)
    ports = re.sub(r" = [^,\n]*", "", ports.replace("output reg", "output wire"))
    widths = {name: width for width, name in re.findall(r"wire (\[\d+:0\] )?(\w+)", ports)}
    lines = [f"  wire {widths[name]}{name}_own;\n  assign {name} = "
             f"{expression.replace('own', f'{name}_own')};" for name, expression in tapped.items()]
    pins = ", ".join(f".{name}({name}{'_own' if name in tapped else ''})" for name in widths)
    body = "\n".join([
        f"module {TOP} ({ports});", *lines, "  reg [15:0] n = 0;", "  wire odd = n[0];",
        "  always @(posedge clk) n <= rst ? 16'h0 : n + 16'h1;",
        f"  {TOP}_inner inner ({pins});", "endmodule"])
    return verilog.replace(f"module {TOP} (", f"module {TOP}_inner (") + body


@pytest.mark.parametrize("tapped,sentence", [
    ({"o__valid": "own & odd"}, r"o: valid fell before ready, in cycle \d+"),
    ({"o__payload": "own ^ odd"}, r"o: payload changed before ready, in cycle \d+"),
    ({"i__ready": "n > 200 ? 1'bx : own"}, "i__ready is X in cycle 201"),
    ({"o__valid": "n == 9 ? 1'bz : own"}, "o__valid is Z in cycle 9"),
    ({"o__payload": "{own[4:2], 1'bx, own[0]}"}, r"o__payload is [01]+X[01] in cycle \d+"),
    ({"o__payload": "own ^ 16"}, "`last` did not mark the ends of the result rows"),
    ({"o__valid": "1'b0"}, r"results stopped coming after \d+ cycles"),
    ({"load__ready": "1'b0"}, r"the parameter image was not taken after \d+ cycles"),
    ({"status__ready": "1'b0"}, "the parameter image was refused with error 0"),
])
def test_a_broken_port_is_named(cache, given, verilog, tapped, sentence):
    assert given.chain.last.lanes_out * given.chain.last.result_range.bits == 4
    with pytest.raises(SimulationError, match=sentence):
        _simulate(cache, given, _wrapped(verilog, tapped=tapped), ready=0.5)


def test_an_untouched_wrapper_breaks_nothing(cache, given, verilog):
    found = _simulate(cache, given, _wrapped(verilog, tapped={"o__valid": "own"}), ready=0.5)
    np.testing.assert_array_equal(found.results, given.results)


def test_a_bad_image_is_refused(cache, given, verilog):
    with pytest.raises(SimulationError, match="^the parameter image was refused with error 1$"):
        icarus.simulate(cache, given.chain, verilog, b"X" + given.image[1:], given.rows)


def test_a_simulator_that_dies_is_an_error_with_its_last_words(cache, given, verilog):
    dying = _wrapped(verilog, tapped={}).removesuffix("endmodule")
    dying += "  initial #40 $finish;\nendmodule\n"
    with pytest.raises(SimulationError, match="^the simulator ended early: .+"):
        _simulate(cache, given, dying)


@pytest.mark.parametrize("text", [f"module {TOP}; always_comb ; endmodule",
                                  "module other; endmodule"])
def test_what_is_not_verilog_2001_does_not_compile(cache, given, text):
    with pytest.raises(ToolError, match="^iverilog failed: "):
        _simulate(cache, given, text)


def test_a_missing_simulator_says_how_to_get_it(cache, given, verilog, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ToolMissing, match="^iverilog is not installed; run: apt install iverilog$"):
        _simulate(cache, given, verilog)


def test_missing_cocotb_says_how_to_get_it(cache, given, verilog, monkeypatch):
    monkeypatch.setitem(sys.modules, "cocotb_tools.runner", None)
    with pytest.raises(ToolMissing, match=r"^cocotb is not installed; run: pip install pqhw\[coc"):
        _simulate(cache, given, verilog)
