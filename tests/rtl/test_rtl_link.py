"""The serial link's parts, each against its counterpart on the host."""

import random
import zlib

import numpy as np
import pytest
from amaranth.hdl import Value
from bitplane_builders import planes
from builders import chain, mac, pq, tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from runner import simulator

from boards.top import BoardTop
from pqhw.emit.constants import bind_constants
from pqhw.golden import design_results
from pqhw.host.frames import FrameDecoder, encode_frame
from pqhw.host.packing import pack_rows, results_per_row, unpack_results
from pqhw.rtl.checksum import SerialChecksum
from pqhw.rtl.frames import FrameReceiver, FrameSender
from pqhw.rtl.uart import UartReceiver, UartTransmitter
from pqhw.rtl.words import BytesToTransfers, TransfersToBytes
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.sim.transfers import image_payloads, row_payloads
from pqhw.spec import SpecError
from pqhw.spec.link import Code, Kind, LinkSpec

BYTES = bytes([0x00, 0xFF, 0x55, 0xAA, 0x7E, 0x7D, 0x01, 0x80, 0xC3])


def run(dut, bench):
    """Run a test bench to its end."""
    sim = simulator(dut)
    sim.add_testbench(bench)
    sim.run()


def levels(data, bit_time, idle=3):
    """The line's level in every cycle, for bytes sent one after another."""
    bits = [1] * idle
    for byte in data:
        bits += [0, *(byte >> place & 1 for place in range(8)), 1]
    bits += [1] * idle
    return [bits[int(cycle / bit_time)] for cycle in range(int(len(bits) * bit_time))]


def received(divider, line):
    """What a receiver makes of a line."""
    dut, got = UartReceiver(divider), []

    async def bench(ctx):
        for level in [*line, *[1] * (2 * divider)]:
            ctx.set(dut.rx, level)
            *_, valid, byte = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                got.append(byte)
    run(dut, bench)
    return bytes(got)


@pytest.mark.parametrize("divider", [8, 9, 12, 104])
@pytest.mark.parametrize("off", [-0.03, 0, 0.03])
def test_bytes_are_received_at_any_divider_though_the_sender_is_off(divider, off):
    assert received(divider, levels(BYTES, divider * (1 + off))) == BYTES


def test_a_byte_without_its_stop_bit_is_dropped_and_the_next_one_received():
    line = levels(b"\x55", 10)
    line[3 * 10 + 9 * 10:3 * 10 + 10 * 10] = [0] * 10
    assert received(10, [*line, *[1] * 200, *levels(b"\x42", 10)]) == b"\x42"


def test_a_spike_is_no_start_bit():
    assert received(16, [*[1] * 40, *[0] * 6, *[1] * 200, *levels(b"\x42", 16)]) == b"\x42"


def test_a_line_that_is_held_low_gives_no_byte_but_what_its_end_may_look_like():
    assert len(received(8, [0] * 10_000)) <= 1


@pytest.mark.parametrize("divider", [8, 13])
def test_what_is_transmitted_is_received_at_full_rate(divider):
    dut, line = UartTransmitter(divider), []

    async def bench(ctx):
        waiting = list(BYTES)
        for _ in range((len(BYTES) + 1) * (10 * divider + 1) + 20):
            ctx.set(dut.i.valid, bool(waiting))
            ctx.set(dut.i.payload, waiting[0] if waiting else 0)
            *_, ready, level = await ctx.tick().sample(dut.i.ready, dut.tx)
            line.append(level)
            if waiting and ready:
                waiting.pop(0)
    run(dut, bench)
    assert received(divider, line) == BYTES
    assert line[len(BYTES) * (10 * divider + 1):] == [1] * (len(line) - len(BYTES)
                                                           * (10 * divider + 1))


@given(st.binary(max_size=40))
@settings(max_examples=20)
def test_a_crc_bit_by_bit_is_that_of_zlib(data):
    dut, check = SerialChecksum(), []

    async def bench(ctx):
        async def step(byte, gives=0):
            ctx.set(dut.byte, byte)
            ctx.set(dut.gives, gives)
            ctx.set(dut.step, 1)
            await ctx.tick()
            ctx.set(dut.step, 0)
            await ctx.tick().repeat(SerialChecksum.CYCLES - 1)

        for byte in data:
            await step(byte)
        for _ in range(4):
            check.append(ctx.get(dut.low) ^ 0xFF)
            await step(check[-1], gives=1)
        ctx.set(dut.restart, 1)
        await ctx.tick()
        ctx.set(dut.restart, 0)
        for byte in [*data, *check]:
            await step(byte)
        assert ctx.get(dut.good)
    run(dut, bench)
    assert bytes(check) == zlib.crc32(data).to_bytes(4, "little")


def frames_of(line):
    """Contents and verdicts that a receiver finds in the bytes of a line."""
    dut, found, content = FrameReceiver(), [], bytearray()

    async def bench(ctx):
        for byte in line:
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            *_, valid, plain, end, good = await ctx.tick().sample(
                dut.o.valid, dut.o.payload, dut.end, dut.good)
            if valid:
                content.append(plain)
            if end and content:
                found.append((bytes(content), bool(good)))
                content.clear()
            ctx.set(dut.i.valid, 0)
            await ctx.tick().repeat(SerialChecksum.CYCLES)
    run(dut, bench)
    return found


@given(st.lists(st.binary(min_size=1, max_size=12), max_size=3), st.data())
@settings(max_examples=25)
def test_the_receiver_judges_frames_as_the_host_does(contents, data):
    """Whole ones, and with some bytes replaced."""
    line = bytearray(b"".join(encode_frame(content) for content in contents))
    for _ in range(data.draw(st.integers(0, 2)) if line else 0):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(
            st.sampled_from([0x7E, 0x7D, 0x00, 0x41]))
    good = [content[:-4] for content, right in frames_of(bytes(line)) if right]
    assert good == FrameDecoder().feed(bytes(line))


def test_a_frame_that_ends_within_an_escape_is_damaged():
    assert frames_of(b"\x7e" + encode_frame(b"abc")[1:-1] + b"\x7d\x7e") == [
        (b"abc" + zlib.crc32(b"abc").to_bytes(4, "little"), False)]


@pytest.mark.parametrize("payload", [b"", b"\x7e", b"\x7d\x5e", bytes(range(0x78, 0x84))])
@pytest.mark.parametrize("stalls", [12, 40])
def test_the_sender_sends_what_the_host_understands(payload, stalls):
    dut, line = FrameSender(), bytearray()
    header = b"\x7e\x01\x7d"

    async def bench(ctx):
        rest = list(payload)
        ctx.set(dut.header, int.from_bytes(header, "little"))
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        while ctx.get(dut.busy):
            ctx.set(dut.more, bool(rest))
            ctx.set(dut.data, rest[0] if rest else 0xEE)
            await ctx.tick().repeat(stalls)
            ctx.set(dut.o.ready, 1)
            *_, valid, byte, take = await ctx.tick().sample(dut.o.valid, dut.o.payload, dut.take)
            ctx.set(dut.o.ready, 0)
            if valid:
                line.append(byte)
            if take:
                rest.pop(0)
    run(dut, bench)
    assert bytes(line) == encode_frame(header + payload)


ODD = {
    "row of many transfers": chain(tiny(D=7, elements_per_cycle=2)),
    "wide": chain(pq(D=16, N=8, V=4, K=4, outputs_per_cycle=8, subspaces_per_cycle=4)),
    "one bit": chain(planes(weight_bits=1, activation_bits=1, activation_signed=False)),
    "precisions": chain(planes(D=7, N=5, precisions=[[1, 3], [3, 3], [2, 2]],
                               activation_bits=3, inputs_per_cycle=3)),
    "signed, 7 bits": chain(mac(D=5, N=3, activation_bits=7, inputs_per_cycle=3, load_bits=32)),
    "image": chain(pq(C=3, N=2, F=2, H=3, W=2, V=2, K=3, convolution="pixel", activation_bits=3)),
}


@pytest.mark.parametrize("name", ODD)
def test_bytes_become_the_transfers_that_they_stand_for(name):
    design = ODD[name]
    rng = np.random.default_rng(1)
    range_ = design.input.range
    rows = rng.integers(range_.low, range_.high, (3, *design.input.shape), endpoint=True)
    precisions = np.arange(3) % design.precision_count
    image = bytes(range(4 * design.load_bits // 8))
    wanted = row_payloads(design, rows, precisions)
    places = design.input.lanes * range_.bits + 1
    mask = (1 << places) - 1
    dut, got, words = BytesToTransfers(design), [], []
    stall = random.Random(1)

    async def bench(ctx):
        waiting = [(byte, 1) for byte in image] + [(byte, 0) for byte in
                                                   pack_rows(design, rows, precisions)]
        while len(got) < len(wanted):
            offers = bool(waiting) and stall.random() < 0.7
            byte, to_load = waiting[0] if waiting else (0, 0)
            ctx.set(dut.i.valid, offers)
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.to_load, to_load)
            ctx.set(dut.final, not to_load)
            ctx.set(dut.rows.ready, rows_ready := stall.random() < 0.5)
            ctx.set(dut.load.ready, load_ready := stall.random() < 0.5)
            *_, taken, row, row_payload, word, word_payload = await ctx.tick().sample(
                dut.i.ready, dut.rows.valid, Value.cast(dut.rows.payload), dut.load.valid,
                Value.cast(dut.load.payload))
            if offers and taken:
                waiting.pop(0)
            if row and rows_ready:
                got.append(row_payload)
            if word and load_ready:
                words.append(word_payload)
    run(dut, bench)
    assert [one & mask for one in got] == [one & mask for one in wanted]
    starts = slice(0, None, design.input.transfers)  # Only there the precision counts.
    assert got[starts] == wanted[starts]
    assert words == image_payloads(image, design.load_bits)


@pytest.mark.parametrize("name", ODD)
def test_transfers_of_results_become_bytes_that_the_host_understands(name):
    design = ODD[name]
    made = design.results
    rng = np.random.default_rng(2)
    results = rng.integers(made.range.low, made.range.high, (3, *made.shape), endpoint=True)
    payloads = row_payloads_of_results(design, results)
    dut, got = TransfersToBytes(design), bytearray()
    stall = random.Random(2)

    async def bench(ctx):
        waiting = list(payloads)
        while len(got) < 3 * results_per_row(design):
            offers = bool(waiting) and stall.random() < 0.7
            ctx.set(dut.i.valid, offers)
            if waiting:
                ctx.set(Value.cast(dut.i.payload), waiting[0])
            ctx.set(dut.o.ready, ready := stall.random() < 0.5)
            *_, taken, valid, byte = await ctx.tick().sample(dut.i.ready, dut.o.valid,
                                                             dut.o.payload)
            if offers and taken:
                waiting.pop(0)
            if valid and ready:
                got.append(byte)
    run(dut, bench)
    assert (unpack_results(design, bytes(got)) == results).all()


def row_payloads_of_results(design, results):
    """Results as payloads at `o`."""
    made = design.results
    units = results.reshape(-1, made.elements)
    payloads = []
    for index, unit in enumerate(units):
        for start in range(0, made.elements, made.lanes):
            lanes = unit[start:start + made.lanes]
            word = sum((int(value) & (1 << made.range.bits) - 1) << made.range.bits * lane
                       for lane, value in enumerate(lanes))
            last = start + made.lanes >= made.elements and (index + 1) % made.units == 0
            payloads.append(word | last << made.lanes * made.range.bits)
    return payloads


@pytest.mark.parametrize("fields, sentence", [
    ({"baud": 0}, "baud must be at least 1, but is 0."),
    ({"buffer_bytes": 100}, "buffer_bytes must be a power of two from 64 to 4096, but is 100."),
    ({"buffer_bytes": 8192}, "buffer_bytes must be a power of two from 64 to 4096, but is 8192."),
    ({"baud": 2_000_000}, "baud must be from 184 to 1500000 with a clock of 12 MHz, "
                          "but is 2000000."),
    ({"baud": 100}, "baud must be from 184 to 1500000 with a clock of 12 MHz, but is 100."),
    ({"baud": 1_400_000}, "baud must divide the clock of 12 MHz within 2 %, but 1400000 misses it "
                          "by 4.8 %.")])
def test_a_line_that_cannot_be_is_refused(fields, sentence):
    with pytest.raises(SpecError) as error:
        LinkSpec(clock_hz=12_000_000, **fields)
    assert str(error.value) == sentence


def test_kinds_and_codes_fit_their_bits():
    assert max(Kind) < 8 and max(Code) < 8


def test_a_board_in_amaranths_own_simulator_answers_with_golden_results():
    design = chain(tiny(table_storage="rom", prototype_storage="rom", D=4))
    parameters = random_parameters(design, 1)
    rows = random_rows(design, parameters, 3, 1)
    design = bind_constants(design, parameters)
    dut, line = BoardTop(design, LinkSpec(clock_hz=8_000_000, buffer_bytes=64), bytes(16)), []
    requests = [bytes([7, Kind.OPEN]), bytes([8, Kind.ROWS]) + pack_rows(design, rows),
                bytes([9, Kind.ROWS])]

    async def bench(ctx):
        for request, wait in zip(requests, (2500, 1200, 4000)):
            for level in [*levels(encode_frame(request), 8), *[1] * wait]:
                ctx.set(dut.rx, level)
                *_, tx = await ctx.tick().sample(dut.tx)
                line.append(tx)
    run(dut, bench)
    opened, sent, given = FrameDecoder().feed(received(8, line))
    assert opened[3:] == bytes(16) and (opened[0], sent[0], given[0]) == (7, 8, 9)
    got = unpack_results(design, sent[3:] + given[3:])
    assert (got == design_results(design, parameters, rows)).all()
