"""Images that load while rows stream: rows switch over in order, once, and never wait."""

import dataclasses
import random

import numpy as np
import pytest
from amaranth.hdl import Value
from builders import chain, chain_cases, chains, mac, odd_cases, pq, small_mac, tiny
from conv_builders import conv_mac_specs, conv_pq_specs
from hypothesis import given, settings
from hypothesis import strategies as st
from runner import Sink, Source, simulator, telling_parameters

from pqhw.emit.constants import bind_constants
from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.rtl import Accelerator
from pqhw.rtl.checksum import Checksum
from pqhw.rtl.engine import EngineCore
from pqhw.rtl.guard import RowGuard
from pqhw.rtl.loader import Loader
from pqhw.rtl.results import Results
from pqhw.sim.stimulus import random_rows
from pqhw.sim.transfers import image_payloads, results_from_payloads, row_payloads
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.files import dump_spec
from pqhw.spec.image import LoadError

KEPT = 24
"""Rows that are sent over and over."""

SETTLED = 8
"""Cycles after an image's last word within which it is used."""


def doubled(spec: ChainSpec, **changes) -> ChainSpec:
    """The same chain with two banks."""
    return ChainSpec(tuple(dataclasses.replace(stage, engine=dataclasses.replace(
        stage.engine, double_buffered=True, **changes)) for stage in spec.stages))


def wrong_bit(image: bytes, at: int) -> bytes:
    return image[:at] + bytes([image[at] ^ 4]) + image[at + 1:]


class Streaming:
    """An accelerator under rows without end, while images come one after another.

    Each image is (payloads, parameters, the error it must give).
    """

    def __init__(self, spec, images, chances=(1.0, 1.0, 1.0), seed=0, rows=12):
        self.spec, self.images, self.chances, self.seed = spec, images, chances, seed
        self.after = rows
        self.rows = random_rows(spec, images[0][1], KEPT, seed)
        self.ready_lows = 0
        self.loaded = []

    def run(self):
        rng = random.Random(self.seed)
        dut, (rows, results, load) = Accelerator(self.spec), self.chances
        per_row = self.spec.first.input_transfers
        self.source = Source(dut.i, row_payloads(self.spec, self.rows) * 2000, rows, rng)
        self.sink = Sink(dut.o, results, rng)
        words = [payload for payloads, *_ in self.images for payload in payloads]
        ends = np.cumsum([len(payloads) for payloads, *_ in self.images])
        self.errors = [LoadError.NONE] * len(self.images)
        self.loader = Source(dut.load, words, load, rng)

        async def bench(ctx):
            stop = None
            for cycle in range(60_000):
                self.source.before(ctx)
                self.sink.before(ctx)
                self.loader.before(ctx)
                *_, taken, valid, payload, took, error, ready = await ctx.tick().sample(
                    dut.i.ready, dut.o.valid, Value.cast(dut.o.payload), dut.load.ready,
                    dut.status.error, dut.status.ready)
                if error:
                    self.errors[int(np.searchsorted(ends, len(self.loader.times)))] = error
                self.source.after(cycle, taken)
                self.sink.after(cycle, valid, payload)
                self.loader.after(cycle, took)
                self.ready_lows += bool(self.loaded) and not ready
                if ready and not self.loaded:
                    self.loaded.append(cycle)
                if stop is None and len(self.loader.times) == len(words):
                    stop = len(self.source.times) // per_row + self.after
                if stop is not None and len(self.sink.payloads) >= stop * (
                        self.spec.last.output_transfers):
                    return
            raise AssertionError("results stopped coming")

        sim = simulator(dut)
        sim.add_testbench(bench)
        sim.run()
        return self

    def wrong(self):
        """What is wrong, as text; empty where nothing is."""
        expected = [error for _, _, error in self.images]
        if self.errors != expected:
            return f"errors are {self.errors} instead of {expected}"
        if self.ready_lows:
            return f"ready was low for {self.ready_lows} cycles after the first image"
        per_row, transfers = self.spec.first.input_transfers, self.spec.last.output_transfers
        count = len(self.sink.payloads) // transfers
        results = results_from_payloads(self.spec, self.sink.payloads[:count * transfers])
        good = [(number, parameters) for number, (_, parameters, error) in enumerate(self.images)
                if error == LoadError.NONE]
        golden = {number: chain_results(self.spec, parameters, self.rows)
                  for number, parameters in good}
        last_words = np.cumsum([len(payloads) for payloads, *_ in self.images]) - 1
        used = good[0][0]
        for row in range(count):
            begun = self.source.times[row * per_row]
            complete = [number for number, _ in good
                        if self.loader.times[last_words[number]] < begun]
            settled = [number for number, _ in good
                       if self.loader.times[last_words[number]] + SETTLED < begun]
            used = max([used, *settled])
            fits = [number for number in complete if number >= used
                    and np.array_equal(golden[number][row % KEPT], results[row])]
            if not fits:
                return (f"row {row}, begun in cycle {begun} when image {used} was in use, is "
                        f"{results[row]} instead of {golden[used][row % KEPT]}")
            used = fits[0]
        return ""


def drawn(spec, count, seed):
    """Parameters of so many images, and the chain with its constants, which all have in common."""
    sets = [telling_parameters(spec, 100 * seed + number) for number in range(count)]
    for number, own in enumerate(sets):
        sets[number] = tuple(dataclasses.replace(mine, **{
            name: getattr(first, name) for name in vars(first)
            if name in stage.constant_kinds
            or "tables" in stage.constant_kinds and name in ("bias", "shift")})
            for stage, mine, first in zip(spec.stages, own, sets[0]))
    return bind_constants(spec, sets[0]), sets


def streamed(spec, kinds, chances=(1.0, 1.0, 1.0), seed=1, **how):
    """The chain under images of the kinds: good, or what is wrong with them."""
    spec, sets = drawn(spec, len(kinds), seed)
    made = []
    for parameters, kind in zip(sets, kinds):
        image = pack_image(spec, parameters)
        size = spec.load_bits // 8
        words = len(image) // size
        image, error = {
            "good": (image, LoadError.NONE),
            "magic": (wrong_bit(image, 1), LoadError.MAGIC),
            "configuration": (wrong_bit(image, 9), LoadError.CONFIGURATION),
            "length": (wrong_bit(image, 12), LoadError.LENGTH),
            "section": (wrong_bit(image, len(spec.image.header()) + 1), LoadError.SECTION),
            "word": (wrong_bit(image, len(image) - spec.image.trailer_bytes - 1), LoadError.CRC),
            "check": (wrong_bit(image, len(image) - 1), LoadError.CRC),
            "short": (image[:size * (words - 1)], LoadError.TRUNCATED),
            "shorter": (image[:size * (words // 2)], LoadError.TRUNCATED),
            "long": (image + bytes(3 * size), LoadError.TOO_LONG),
        }[kind]
        made.append((image_payloads(image, spec.load_bits), parameters, error))
    return Streaming(spec, made, chances, seed, **how)


FAULTS = ("magic", "configuration", "length", "section", "word", "check", "short", "shorter",
          "long")
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
