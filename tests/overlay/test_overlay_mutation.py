"""The comparison of an overlay with its program notices small mistakes in either."""

import dataclasses

import numpy as np
import pytest
from amaranth.hdl import Fragment, Mux, Value
from amaranth.sim import Simulator
from builders import mac, pq
from overlay_builders import SMALL, TREES, images_for, node, with_parameters

from pqhw.emit.overlay import pack_program
from pqhw.explore.overlay import compile_program
from pqhw.golden.overlay import program_results
from pqhw.rtl import TARGETS
from pqhw.rtl.overlay import Overlay, results, sequencer
from pqhw.rtl.target import Target
from pqhw.sim.overlay import image_transfers
from pqhw.spec import Requantize
from pqhw.spec.network import INPUT, ArgMax, Engine, NetworkInput, NetworkSpec

TINY = dataclasses.replace(SMALL, activation_words=64, code_words=16)
CYCLES = 1200


def simulated(program, images):
    """What leaves the portable RTL, transfer by transfer, within `CYCLES`."""
    spec, image = program.spec, pack_program(program)
    size = spec.port_bits // 8
    words = [int.from_bytes(image[at:at + size], "little") for at in range(0, len(image), size)]
    transfers = image_transfers(program, images)
    coming = [sum((int(value) & 255) << 8 * lane for lane, value in enumerate(word))
              | (place == transfers.shape[1] - 1) << 8 * spec.lanes
              for own in transfers for place, word in enumerate(own)]
    dut = Overlay(spec)
    simulator = Simulator(Fragment.get(dut, TARGETS["generic"]))
    simulator.add_clock(1e-6)
    left = []

    async def bench(ctx):
        asked, sent = [], 0
        ctx.set(dut.request.ready, 1)
        ctx.set(dut.o.ready, 1)
        for _ in range(CYCLES):
            ctx.set(dut.memory.valid, bool(asked))
            if asked:
                ctx.set(Value.cast(dut.memory.payload), asked[0])
            ctx.set(dut.i.valid, sent < len(coming))
            if sent < len(coming):
                ctx.set(Value.cast(dut.i.payload), coming[sent])
            request = dut.request
            *_, taken, entered, asks, address, count, leaves, payload = await ctx.tick().sample(
                dut.memory.ready, dut.i.ready, request.valid, request.payload.address,
                request.payload.words, dut.o.valid, dut.o.payload)
            if taken and asked:
                asked.pop(0)
            sent += bool(entered)
            if asks:
                asked += [words[address + at] | (at == count - 1) << spec.port_bits
                          for at in range(count)]
            if leaves:
                left.extend(payload.data)
            if len(left) == len(images) * program.results.transfers * spec.lanes:
                return
    simulator.add_testbench(bench)
    simulator.run()
    return left


def same(program, images):
    """Whether the RTL gives what the program says."""
    left = simulated(program, images)
    count = program.results.transfers * program.spec.lanes
    if len(left) != len(images) * count:
        return False
    found = np.array(left).reshape(len(images), -1)[:, :program.results.features]
    return bool((found == program_results(program, images).reshape(found.shape)).all())




def equal_stays_below(patch):
    """Greater instead of at least, in the trees."""
    patch.setattr(Target, "at_least", lambda self, m, a, b, shape, name: a > b)


def other_copy(patch):
    """The half of the parameters is taken of the wrong job."""
    right = sequencer.Sequencer._tags

    def wrong(self, m, job, steps, moves, half, last_pixel):
        right(self, m, job, steps, moves, ~half, last_pixel)
    patch.setattr(sequencer.Sequencer, "_tags", wrong)


def never_clamped(patch):
    """Results that are too large keep their lower bits."""
    patch.setattr(results.Results, "_clamp", lambda self, value, low, high: value)


def swapped_bounds(patch):
    """The other end of the range where a result is beyond one."""
    patch.setattr(results.Results, "_clamp", lambda self, value, low, high: Mux(
        value < low, high, Mux(value > high, low, value)))


def lookups(spec):
    """A layer whose trees compare the largest input with itself, in the last image."""
    given = NetworkInput(channels=15, bits=4)
    layer = pq(D=15, N=6, V=4, activation_bits=4, activation_signed=False,
               output=Requantize(bits=4, signed=True, shift=0),
               **{**TREES, "K": min(4, spec.prototypes)})
    network, parameters = with_parameters(NetworkSpec("layer", given, (
        node("layer", Engine(layer), INPUT),)))
    first, encodes, *others = (program := compile_program(network, parameters, spec)).blocks
    thresholds = encodes.thresholds.copy()
    thresholds[..., 2:4] = network.input.range.high
    blocks = (first, dataclasses.replace(encodes, thresholds=thresholds), *others)
    return dataclasses.replace(program, blocks=blocks), images_for(network, 2)


def products(spec):
    """Weights alone, and the class."""
    given = NetworkInput(channels=15, bits=8, signed=True)
    layer = mac(D=15, N=7, weight_bits=8)
    network, parameters = with_parameters(NetworkSpec("layer", given, (
        node("layer", Engine(layer), INPUT), node("class", ArgMax(), "layer"))))
    return compile_program(network, parameters, spec), images_for(network, 3)


@pytest.fixture
def work():
    return lookups(TINY)


@pytest.mark.parametrize("make, changes", [
    (lookups, {}), (lookups, {"port_bits": 32, "prototypes": 2, "outputs_per_cycle": 2}),
    (products, {"kind": "fixed", "port_bits": 32}),
    (products, {"kind": "fixed", "lanes": 4, "dsp_blocks": 0})])
def test_the_rtl_as_it_is_does_what_the_program_says(make, changes):
    assert same(*make(dataclasses.replace(TINY, **changes)))


@pytest.mark.parametrize("mistake", [equal_stays_below, other_copy, never_clamped, swapped_bounds])
def test_a_mistake_in_the_hardware_is_noticed(mistake, work, monkeypatch):
    mistake(monkeypatch)
    assert not same(*work)


def test_a_mistake_in_the_program_is_noticed(work):
    program, images = work
    *before, last = program.blocks
    wrong = dataclasses.replace(
        program, blocks=(*before, dataclasses.replace(last, tables=last.tables // 4)))
    assert (program_results(wrong, images) != program_results(program, images)).any()
