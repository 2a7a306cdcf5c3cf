"""The engine on planes of bits against its specification, every row at a precision of its own."""

import numpy as np
import pytest
from amaranth.hdl import Signal, Value
from bitplane_builders import conv_plane_specs, plane_cases, plane_specs, planes
from hypothesis import given, note, settings
from hypothesis import strategies as st
from runner import Sink, Source, exchange, first_difference, load, simulator

from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.rtl import Accelerator
from pqhw.rtl.bitplane import ProductCount
from pqhw.sim.pysim import simulate
from pqhw.sim.stimulus import random_parameters, random_precisions, random_rows
from pqhw.sim.transfers import image_payloads, results_from_payloads, row_payloads
from pqhw.spec import ChainSpec
from pqhw.spec.files import dump_spec
from pqhw.spec.popcount import count_plan, least_depth

CASES = plane_cases()
SEEDS = st.integers(0, 2 ** 32)
STALLS = st.tuples(*2 * [st.sampled_from((1.0, 0.9, 0.5, 0.1))])
DENSE = [name for name, case in CASES.items() if len(case.stages) == 1 and not case.has_window]


def differs(chain, seed, rows=10, **how):
    """What is wrong on random rows, as text; unstalled rows take exactly their own cycles."""
    parameters = random_parameters(chain, seed)
    inputs = random_rows(chain, parameters, rows, seed)
    precisions = random_precisions(chain, rows, seed)
    result = simulate(chain, pack_image(chain, parameters), inputs, precisions=precisions, **how)
    expected = chain_results(chain, parameters, inputs, precisions)
    wrong = first_difference(expected, result.results)
    if wrong or how or len(chain.stages) > 1 or chain.has_window:
        return wrong
    spec = chain.first
    if result.latency != spec.latency_at(int(precisions[0])):
        return f"latency is {result.latency} instead of {spec.latency_at(int(precisions[0]))}"
    taken = np.diff(result.row_ends.astype(np.int64))[3:]
    wanted = np.array([spec.cycles_at(one) for one in precisions.tolist()])[4:]
    if (taken != wanted).any():
        return f"rows take {taken.tolist()} cycles instead of {wanted.tolist()}"
    return ""


def check(chain, seed, **how):
    wrong = differs(chain, seed, **how)
    if wrong:
        note(dump_spec(chain))
        pytest.fail(f"{wrong} (seed {seed}, {how})\n{dump_spec(chain)}")


@pytest.mark.parametrize("name", CASES)
def test_a_named_case_computes_its_golden_results_in_the_cycles_of_each_precision(name):
    check(CASES[name], 1)


@pytest.mark.parametrize("seed", (2, 4, 5))
def test_lanes_beyond_the_row_do_not_reach_the_next_stage(seed):
    check(CASES["lanes beyond the row in front of an encoder"], seed)


@settings(max_examples=15)
@given(plane_specs(), SEEDS)
def test_any_engine_computes_its_golden_results_in_the_cycles_of_each_precision(spec, seed):
    check(ChainSpec((spec,)), seed)


@settings(max_examples=4)
@given(conv_plane_specs(most_pixels=4, most_channels=3), SEEDS)
def test_any_convolution_computes_its_golden_results(spec, seed):
    check(ChainSpec((spec,)), seed, rows=4)


@settings(max_examples=10)
@given(plane_specs(), SEEDS, STALLS)
def test_stalls_change_no_result_of_any_engine(spec, seed, chances):
    check(ChainSpec((spec,)), seed, rows=6, valid=chances[0], ready=chances[1])


@pytest.mark.parametrize("name", [name for name in CASES if name not in DENSE])
@pytest.mark.parametrize("valid, ready", [(0.5, 1.0), (1.0, 0.3)])
def test_stalls_change_no_result_of_chains_and_convolutions(name, valid, ready):
    check(CASES[name], 3, rows=6, valid=valid, ready=ready)


@pytest.mark.slow
@settings(max_examples=400, derandomize=False)
@given(plane_specs(widest=8), SEEDS)
def test_many_engines_compute_their_golden_results_in_the_cycles_of_each_precision(spec, seed):
    check(ChainSpec((spec,)), seed)


@pytest.mark.slow
@settings(max_examples=150, derandomize=False)
@given(st.one_of(plane_specs(widest=8), conv_plane_specs(widest=5)), SEEDS, STALLS)
def test_stalls_change_no_result_of_many_engines(spec, seed, chances):
    check(ChainSpec((spec,)), seed, rows=6, valid=chances[0], ready=chances[1])


def run(dut, body, reset=None):
    sim = simulator(dut, reset=reset)
    sim.add_testbench(body)
    sim.run()


def test_a_precision_beyond_the_last_is_taken_as_the_last():
    chain = ChainSpec((planes(D=6, N=3, precisions=[[1, 1], [2, 2], [3, 3]]),))
    parameters = random_parameters(chain, 2)
    rows = random_rows(chain, parameters, 6, 2)
    dut = Accelerator(chain)
    place = len(Value.cast(dut.i.payload)) - 2
    payloads = [payload & ~(3 << place) | 3 << place for payload in row_payloads(chain, rows)]
    sink = Sink(dut.o)

    async def body(ctx):
        await load(ctx, dut, image_payloads(pack_image(chain, parameters), chain.load_bits), 8)
        await exchange(ctx, Source(dut.i, payloads), sink,
                       len(rows) * chain.last.output_transfers, 4000)
        assert ctx.get(dut.status.precision) == 2

    run(dut, body)
    wanted = chain_results(chain, parameters, rows, np.full(6, 2))
    assert first_difference(wanted, results_from_payloads(chain, sink.payloads)) == ""


@pytest.mark.parametrize("name", ["nothing divides", "one group, tiles", "blocks of two",
                                  "two stages that choose"])
@pytest.mark.parametrize("cycles", (3, 17, 41, 90))
def test_rows_after_a_reset_in_mid_row_are_right(name, cycles):
    chain, reset = CASES[name], Signal()
    parameters = random_parameters(chain, 4)
    rows = random_rows(chain, parameters, 5, 4)
    precisions = random_precisions(chain, 5, 4)
    image = image_payloads(pack_image(chain, parameters), chain.load_bits)
    payloads = row_payloads(chain, rows, precisions)
    dut = Accelerator(chain)
    sink = Sink(dut.o)

    async def body(ctx):
        await load(ctx, dut, image, 8)
        source = Source(dut.i, payloads)
        for cycle in range(cycles):
            source.before(ctx)
            *_, ready = await ctx.tick().sample(dut.i.ready)
            source.after(cycle, ready)
        ctx.set(dut.i.valid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await load(ctx, dut, image, 8)
        await exchange(ctx, Source(dut.i, payloads), sink,
                       len(rows) * chain.last.output_transfers, 8000)

    run(dut, body, reset)
    wanted = chain_results(chain, parameters, rows, precisions)
    assert first_difference(wanted, results_from_payloads(chain, sink.payloads)) == ""


@pytest.mark.parametrize("signed", (False, True))
@pytest.mark.parametrize("equal", (False, True))
@pytest.mark.parametrize("products", (1, 2, 3, 4, 6, 7, 8, 20, 64))
def test_products_are_counted(products, equal, signed):
    unit = ProductCount(products, equal, signed)
    rng = np.random.default_rng(products)
    drawn = [(*(int.from_bytes(rng.bytes(8), "little") % (1 << products) for _ in "wx"), flag)
             for flag in (0, 1) for _ in range(8)]
    drawn += [((1 << products) - 1, value, flag) for value in (0, (1 << products) - 1)
              for flag in (0, 1)]
    depth, seen, wanted = unit.plan.depth, [], []

    async def body(ctx):
        ctx.set(unit.enable, 1)
        for index in range(len(drawn) + depth):
            w, x, negative = drawn[index] if index < len(drawn) else (0, 0, 0)
            ctx.set(unit.w, w)
            ctx.set(unit.x, x)
            if signed:
                ctx.set(unit.negative, negative)
            await ctx.tick()
            seen.append(ctx.get(unit.total))

    run(unit, body)
    for w, x, negative in drawn:
        count = (w ^ x if equal else w & x).bit_count()
        wanted.append(~count % (1 << len(unit.total)) if signed and negative else count)
    assert seen[depth - 1:depth - 1 + len(drawn)] == wanted


def test_counts_take_the_halves_of_their_plan_and_the_least_depth():
    assert [count_plan(n).halves for n in (1, 2, 3, 7, 15, 31, 63)] == [1, 2, 2, 7, 18, 41, 88]
    for products in range(1, 140):
        plan = count_plan(products)
        assert plan.depth == least_depth(products)
        assert plan.halves >= products - plan.bits
