"""An accelerator under rows without end while images come: what switches over, and when."""

import dataclasses
import random

import numpy as np
from amaranth.hdl import Value
from runner import Sink, Source, simulator, telling_parameters

from pqhw.emit.constants import bind_constants
from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.rtl import Accelerator
from pqhw.sim.stimulus import random_rows
from pqhw.sim.transfers import image_payloads, results_from_payloads, row_payloads
from pqhw.spec import ChainSpec
from pqhw.spec.image import LoadError

KEPT = 24
"""Rows that are sent over and over."""

SETTLED = 8
"""Cycles after an image's last word within which it is used."""

FAULTS = ("magic", "configuration", "length", "section", "word", "check", "short", "shorter",
          "long")
"""What an image may have wrong."""


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
