"""Pixels of a convolution side by side: the same results, weights read once for several."""

import random

import pytest
from builders import mac
from hypothesis import given, settings
from hypothesis import strategies as st
from runner import Sink, Source, differs, exchange, simulator

from pqhw.rtl.buffers import Replay
from pqhw.spec import ChainSpec, MACSpec, Requantize, SpecError
from pqhw.spec.files import dump_spec

LAYER = {"C": 3, "N": 6, "F": 2, "H": 4, "W": 5, "activation_bits": 4, "weight_bits": 4}


@st.composite
def specs(draw) -> MACSpec:
    """Any small convolution with pixels side by side."""
    pixels = draw(st.integers(2, 4))
    groups, tiles = draw(st.integers(pixels, 5)), draw(st.integers(pixels, 4))
    inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    scheme = draw(st.sampled_from(("fixed", "sp2", "mixed" if outputs > 1 else "fixed")))
    fields = {
        "C": groups * inputs - draw(st.integers(0, inputs - 1)), "F": 1,
        "N": tiles * outputs - draw(st.integers(0, outputs - 1)),
        "H": draw(st.integers(1, 3)), "W": pixels * draw(st.integers(1, 2)),
        "inputs_per_cycle": inputs, "outputs_per_cycle": outputs, "pixels_per_cycle": pixels,
        "scheme": scheme, "weight_bits": 4, "activation_bits": draw(st.integers(2, 5)),
        "activation_signed": draw(st.booleans()), "double_buffered": draw(st.booleans()),
        "load_bits": 64, "output": draw(st.sampled_from((
            None, Requantize(bits=4, mode="scale"), Requantize(bits=5, signed=True, shift=2))))}
    if scheme == "fixed":
        fields["dsp_blocks"] = draw(st.sampled_from((None, 1, 5)))
    return mac(**fields)


@settings(max_examples=20)
@given(specs(), st.integers(0, 2 ** 32), st.sampled_from((1.0, 0.6, 0.2)))
def test_any_number_of_pixels_gives_the_golden_results(spec, seed, ready):
    how = {} if ready == 1.0 else {"valid": 0.8, "ready": ready}
    wrong = differs(ChainSpec((spec,)), seed=seed, rows=6, **how)
    assert not wrong, f"{wrong}\n{dump_spec(ChainSpec((spec,)))}"


def test_pixels_side_by_side_divide_the_cycles_and_share_the_weights():
    one = mac(**LAYER, inputs_per_cycle=2, outputs_per_cycle=2)
    three = mac(**LAYER, inputs_per_cycle=2, outputs_per_cycle=2, pixels_per_cycle=3)
    assert three.cycles_per_row == one.cycles_per_row // 3
    assert three.section("weights") == one.section("weights")
    assert three.columns == 3 * one.columns and three.multipliers == 3 * one.multipliers


@pytest.mark.parametrize("changes, message", [
    ({"pixels_per_cycle": 5}, "folding.pixels_per_cycle must divide the 12 pixels of the output, "
     "but is 5."),
    ({"pixels_per_cycle": 4}, "folding.pixels_per_cycle must be at most 3, the fewer of tiles and "
     "groups, as windows come one at a time, but is 4."),
    ({"pixels_per_cycle": 2, "C": 2, "groups": 2}, "folding.pixels_per_cycle must be left out "
     "unless the layer is a convolution without groups, but is 2."),
    ({"pixels_per_cycle": 2, "scheme": "bitplane"}, "folding.pixels_per_cycle must be left out "
     'with engine.scheme = "bitplane", but is 2.')])
def test_what_cannot_be_built_is_refused(changes, message):
    with pytest.raises(SpecError) as caught:
        mac(**{**LAYER, "inputs_per_cycle": 2, "outputs_per_cycle": 2, **changes})
    assert str(caught.value) == message


def test_a_dense_layer_has_no_pixels():
    with pytest.raises(SpecError, match="pixels_per_cycle must be left out unless"):
        mac(D=4, N=4, pixels_per_cycle=2)


@pytest.mark.parametrize("valid, ready", [(1.0, 1.0), (0.5, 1.0), (1.0, 0.4), (0.6, 0.6)])
@pytest.mark.parametrize("groups, repeats, rows", [(1, 2, 2), (3, 2, 2), (4, 3, 3), (2, 5, 4)])
def test_rows_are_gathered_and_played_at_once(groups, repeats, rows, valid, ready):
    dut = Replay(6, groups, repeats, rows=rows)
    sent = [number % 64 for number in range(5 * rows * groups)]
    wanted = []
    for start in range(0, len(sent), rows * groups):
        block = [sent[start + row * groups:][:groups] for row in range(rows)]
        wanted += [[block[row][group] for row in range(rows)]
                   for _ in range(repeats) for group in range(groups)]
    rng = random.Random(1)
    taken = []

    async def bench(ctx):
        source, sink = Source(dut.i, sent, valid, rng), Sink(dut.o, ready, rng)
        await exchange(ctx, source, sink, len(wanted), 2000)
        taken.extend(sink.payloads)

    sim = simulator(dut)
    sim.add_testbench(bench)
    sim.run()
    assert [[one >> 6 * row & 63 for row in range(rows)] for one in taken] == wanted
