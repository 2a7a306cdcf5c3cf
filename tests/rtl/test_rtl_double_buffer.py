"""Images that load while rows stream: rows switch over in order, once, and never wait."""

import dataclasses

import numpy as np
import pytest
from amaranth.hdl import Value
from builders import chain, chain_cases, chains, mac, odd_cases, pq, small_mac, tiny
from conv_builders import conv_mac_specs, conv_pq_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from image_streaming import FAULTS, KEPT, SETTLED, doubled, streamed
from runner import Sink, simulator

from pqhw.golden import chain_results
from pqhw.rtl import Accelerator
from pqhw.rtl.checksum import Checksum
from pqhw.rtl.engine import EngineCore
from pqhw.rtl.guard import RowGuard
from pqhw.rtl.loader import Loader
from pqhw.rtl.results import Results
from pqhw.sim.stimulus import random_rows
from pqhw.sim.transfers import results_from_payloads, row_payloads
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.files import dump_spec
from pqhw.spec.image import LoadError

U4 = Requantize(bits=4)
BITS = {"activation_bits": 4, "prototype_bits": 4, "table_bits": 4}
CASES = {
    "pq": chain(tiny(D=7, load_bits=64, subspaces_per_cycle=2, outputs_per_cycle=2, output=U4)),
    "pq, codes replayed, bram": chain(tiny(
        D=12, N=9, load_bits=32, table_storage="bram", prototype_storage="bram",
        subspaces_per_cycle=2, outputs_per_cycle=2, prototypes_per_cycle=2, output=U4)),
    "pq, all at once": chain(tiny(load_bits=128, subspaces_per_cycle=2, outputs_per_cycle=3,
                                  prototypes_per_cycle=4, elements_per_cycle=2, output=U4)),
    "pq, split results": chain(tiny(D=12, N=6, load_bits=64, outputs_per_cycle=6, output=U4,
                                    results_per_cycle=2, prototypes_per_cycle=2)),
    "pq, codes collected": chain(tiny(D=12, N=6, load_bits=64, subspaces_per_cycle=4,
                                      encoders_per_cycle=2, outputs_per_cycle=1)),
    "mac, scale": chain(small_mac(N=5, load_bits=64, inputs_per_cycle=2, outputs_per_cycle=2,
                                  output=Requantize(bits=8, signed=True, mode="scale"))),
    "mac, wide scale, weights in registers": chain(mac(
        D=40, N=4, load_bits=256, inputs_per_cycle=40, outputs_per_cycle=4, results_per_cycle=4,
        output=Requantize(bits=8, signed=True, mode="scale"))),
    "convolution, im2col": chain(pq(
        C=2, F=3, H=4, W=5, N=3, V=3, K=4, padding=1, load_bits=64, output=U4, **BITS)),
    "convolution, pixels, groups": chain(pq(
        C=4, F=2, H=4, W=3, N=4, V=2, K=4, groups=2, stride=2, convolution="pixel", load_bits=64,
        output=U4, **BITS)),
    "convolution, mac": chain(mac(C=3, F=3, H=5, W=4, N=3, load_bits=64, output=U4,
                                   activation_bits=4, weight_bits=4)),
    **{name: ChainSpec(tuple(dataclasses.replace(spec, engine=dataclasses.replace(
        spec.engine, load_bits=64)) for spec in cases.stages))
       for name, cases in chain_cases().items()},
}


def check(streaming):
    wrong = streaming.run().wrong()
    if wrong:
        pytest.fail(f"{wrong} (seed {streaming.seed}, {streaming.chances})\n"
                    f"{dump_spec(streaming.spec)}")


@pytest.mark.parametrize("chances", [(1.0, 1.0, 1.0), (0.7, 0.6, 0.5)], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_rows_switch_once_to_every_image_that_comes(name, chances):
    check(streamed(doubled(CASES[name]), ("good",) * 4, chances, seed=2))


@pytest.mark.parametrize("bits", (16, 64, 256))
def test_a_faulty_image_leaves_the_one_in_use(bits):
    spec = doubled(CASES["pq"], load_bits=bits)
    check(streamed(spec, ("good", *FAULTS, "good", *FAULTS), (0.9, 0.8, 1.0)))


@pytest.mark.parametrize("name", ["pq", "pq, codes replayed, bram", "pq, all at once",
                                  "pq, split results", "mac, scale"])
def test_no_row_waits_for_an_image(name):
    spec = doubled(CASES[name])
    streaming = streamed(spec, ("good", "good", "check", "good"), rows=40).run()
    assert streaming.wrong() == ""
    transfers = spec.last.output_transfers
    ends = np.diff(streaming.sink.times[transfers - 1::transfers])
    steady = ends[2:]
    assert len(steady) > 10 and set(steady.tolist()) == {spec.cycles_per_row}


@settings(max_examples=12)
@given(chains(most=2), st.integers(0, 2 ** 32), st.sampled_from((64, 128, 512)),
       st.tuples(*3 * [st.sampled_from((1.0, 0.9, 0.5, 0.2))]),
       st.lists(st.sampled_from(("good", "good", *FAULTS)), min_size=1, max_size=3))
def test_any_chain_switches_over_in_order(spec, seed, bits, chances, kinds):
    check_any(spec, seed, bits, chances, kinds)


@settings(max_examples=4)
@given(st.one_of(conv_pq_specs(most_pixels=4), conv_mac_specs(most_pixels=4)),
       st.integers(0, 2 ** 32),
       st.tuples(*3 * [st.sampled_from((1.0, 0.5))]),
       st.lists(st.sampled_from(("good", "good", *FAULTS)), min_size=1, max_size=2))
def test_any_convolution_switches_over_between_images(spec, seed, chances, kinds):
    check_any(chain(spec), seed, 128, chances, kinds)


@pytest.mark.slow
@settings(max_examples=250, derandomize=False)
@given(chains(most=3), st.integers(0, 2 ** 32), st.sampled_from((32, 64, 128, 512)),
       st.tuples(*3 * [st.sampled_from((1.0, 0.9, 0.5, 0.2))]),
       st.lists(st.sampled_from(("good", "good", *FAULTS)), min_size=1, max_size=4))
def test_many_chains_switch_over_in_order(spec, seed, bits, chances, kinds):
    check_any(spec, seed, bits, chances, kinds)


def check_any(spec, seed, bits, chances, kinds):
    spec = doubled(spec, load_bits=bits)
    if spec.image.sections:
        check(streamed(spec, ("good", *kinds), chances, seed))


def test_a_row_begun_before_an_image_is_complete_is_of_the_old_one_even_if_stalled_half_way():
    spec = doubled(CASES["pq"])
    images = streamed(spec, ("good", "good")).images
    rows = random_rows(spec, images[0][1], KEPT, 1)
    payloads = row_payloads(spec, rows)
    per_row = spec.first.input_transfers
    assert per_row > 1
    dut = Accelerator(spec)

    async def bench(ctx):
        async def send(port, words):
            for word in words:
                ctx.set(port.valid, 1)
                ctx.set(Value.cast(port.payload), word)
                taken = False
                while not taken:
                    *_, taken = await ctx.tick().sample(port.ready)
            ctx.set(port.valid, 0)
            await ctx.tick().repeat(SETTLED)

        await send(dut.load, images[0][0])
        await send(dut.i, payloads[:1])
        await send(dut.load, images[1][0])
        assert not ctx.get(dut.status.loading) and ctx.get(dut.status.error) == LoadError.NONE
        ctx.set(dut.load.valid, 1)
        await ctx.tick().repeat(20)
        assert not ctx.get(dut.load.ready), "the bank of a row under way was given away"
        await send(dut.i, payloads[1:2 * per_row])
        sink = Sink(dut.o)
        free = False
        for cycle in range(200):
            sink.before(ctx)
            *_, valid, payload, took = await ctx.tick().sample(
                dut.o.valid, Value.cast(dut.o.payload), dut.load.ready)
            sink.after(cycle, valid, payload)
            free |= bool(took)
        results = results_from_payloads(spec, sink.payloads)
        expected = [chain_results(spec, images[number][1], rows)[number] for number in (0, 1)]
        assert np.array_equal(results, expected)
        assert free, "the bank was not given away after the row"

    sim = simulator(dut)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("name", odd_cases())
def test_an_image_fits_whether_memories_hold_one_or_two(name):
    assert doubled(odd_cases()[name]).image.configuration == odd_cases()[name].image.configuration


def test_memories_hold_two_images():
    spec = pq(D=16, N=8, V=2, K=16, subspaces_per_cycle=8, outputs_per_cycle=8)
    twice = doubled(chain(spec)).first
    assert twice.memory_bits == {kind: 2 * bits for kind, bits in spec.memory_bits.items()}


# -- Mistakes that must be noticed --------------------------------------------------------------

def bank_of_each_transfer(patch):
    """A row takes the bank in use at each of its transfers instead of at its first."""
    def guarded(self, platform):
        m = elaborate(self, platform)
        m.d.sync += self.o_bank.eq(self.bank)
        return m
    elaborate = RowGuard.elaborate
    patch.setattr(RowGuard, "elaborate", guarded)


def bank_of_the_row_behind(patch):
    """Codes look their entries up in the bank of the row that the encoder takes meanwhile."""
    def replayed(self, m, source, bank, compute):
        replay(self, m, source, bank, compute)
        m.d.comb += compute.i_bank.eq(self.bank)
    replay = EngineCore._replay
    patch.setattr(EngineCore, "_replay", replayed)


def always_free(patch):
    """The next image is taken while rows still use its bank."""
    def swapped(self, m, guard, loader, idle, results):
        swap(self, m, guard, loader, idle, results)
        m.d.comb += loader.free.eq(1)
    swap = Accelerator._swap
    patch.setattr(Accelerator, "_swap", swapped)


def written_in_use(patch):
    """The image is written to the bank in use."""
    def elaborated(self, platform):
        m = elaborate(self, platform)
        for index in range(len(self.layout.sections)):
            m.d.comb += getattr(self, f"load_{index}").address[-1].eq(self.bank)
        return m
    elaborate = Loader.elaborate
    patch.setattr(Loader, "elaborate", elaborated)


def biases_late(patch):
    """The bank of the bias is not looked up a cycle ahead."""
    patch.setattr(Results, "_banks", lambda self, m: (self.bank, self.bank))


def swapped_by_faults(patch):
    """An image with a wrong check is used."""
    def checked(self, platform):
        m = elaborate(self, platform)
        m.d.sync += self.good.eq(1)
        return m
    elaborate = Checksum.elaborate
    patch.setattr(Checksum, "elaborate", checked)


@pytest.mark.parametrize("mutate", [bank_of_each_transfer, bank_of_the_row_behind, always_free,
                                    biases_late, written_in_use, swapped_by_faults])
def test_a_mistake_is_noticed(mutate, monkeypatch):
    kinds = ("good", "good", "check", "good", "good")

    def wrong():
        return [streamed(doubled(CASES[name], load_bits=256), kinds, chances, seed).run().wrong()
                for name, chances, seed in (("pq, all at once", (1.0, 1.0, 1.0), 1),
                                            ("pq", (1.0, 0.1, 1.0), 2))]
    assert not any(wrong())
    mutate(monkeypatch)
    assert any(wrong()), mutate.__doc__
