"""One thing flipped in emitted Verilog makes it differ from Amaranth's simulator."""

import random

import pytest
from amaranth.hdl import unsigned
from icarus import amaranth_outputs, icarus_outputs, needs_icarus, ports
from test_emit_equivalence import EXPRESSIONS, Parts, registers

from pqhw.emit.design import component_verilog

pytestmark = needs_icarus


@pytest.mark.parametrize("name, before, after", [
    ("signed compare", " < ", " <= "), ("signed compare", "$signed(a)", "a"),
    ("sums", " + ", " - "), ("choices", "$signed(a) < $signed(c)", "$signed(a) <= $signed(c)"),
    ("fixed shifts", ">>> 2'b10", ">>> 2'b11"), ("reductions", "&u", "|u"),
    ("registers", "8'h5a", "8'h5b"), ("registers", "if (d)", "if (!d)"),
    ("registers", "else if (", "else if (!")])
def test_a_flip_in_the_text_is_noticed(name, before, after, tmp_path):
    shapes = {"x": unsigned(8), "y": unsigned(6), "z": unsigned(9)}
    build = registers if name == "registers" else (
        lambda m, p: {"x": EXPRESSIONS[name](p), "y": EXPRESSIONS[name](p) >> 6})
    component = Parts(shapes, build)
    rng = random.Random(1)
    vectors = [[rng.getrandbits(len(value)) for _, value in ports(component)[0]]
               for _ in range(200)]
    verilog = component_verilog(component)
    assert before in verilog, verilog
    expected = amaranth_outputs(component, vectors)
    assert icarus_outputs(verilog, component, vectors, tmp_path) == expected
    flipped = verilog.replace(before, after, 1)
    assert icarus_outputs(flipped, component, vectors, tmp_path) != expected
