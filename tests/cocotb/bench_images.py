"""Parameter images, good and bad: what is refused, why, and that nothing bad ever computes."""

from collections.abc import Iterator

import cocotb
import numpy as np
from bench_common import Material, material
from bench_setup import check_rows, drain, finish_rows, load, started

from pqhw.emit.checksum import trailer
from pqhw.sim.agents import always, never, pattern
from pqhw.sim.testbench import Bench
from pqhw.sim.transfers import image_payloads, row_payloads
from pqhw.spec import LoadError

Faults = Iterator[tuple[str, bytes, int]]


def _sealed(chain, body: bytes) -> bytes:
    """`body` with the trailer that belongs to it."""
    return body + trailer(body, chain.load_bits)


def _sections(chain, image: bytes) -> list[bytes]:
    parts, at = [], len(chain.image.header())
    for section in chain.image.sections:
        parts.append(image[at:at + len(section.header()) + section.bytes])
        at += len(parts[-1])
    return parts


def _flipped(image: bytes, at: int, bit: int) -> bytes:
    return image[:at] + bytes([image[at] ^ 1 << bit]) + image[at + 1:]


def flips(chain, image: bytes) -> Faults:
    """A bit flipped in every byte of the headers, and in some of the words and the trailer."""
    codes = ([LoadError.MAGIC] * 4 + [LoadError.VERSION] + [LoadError.CONFIGURATION] * 7
             + [LoadError.LENGTH] * 4)
    for at, code in enumerate(codes):
        yield f"header byte {at}", _flipped(image, at, (3 * at) % 8), code
    at = len(chain.image.header())
    for number, section in enumerate(chain.image.sections):
        for byte in range(len(section.header())):
            yield (f"header of section {number}, byte {byte}",
                   _flipped(image, at + byte, (number + byte) % 8),
                   LoadError.SECTION if byte < 8 else LoadError.CRC)
        at += len(section.header())
        for byte in {0, section.bytes // 2, section.bytes - 1}:
            yield (f"words of section {number}, byte {byte}",
                   _flipped(image, at + byte, (number + byte) % 8), LoadError.CRC)
        at += section.bytes
    for byte in range(at if chain.load_bits <= 64 else len(image) - 8, len(image)):
        yield f"trailer byte {byte - at}", _flipped(image, byte, byte % 8), LoadError.CRC


def truncations(chain, image: bytes) -> Faults:
    """Cut after the first word, in every region and one word before the end."""
    size = chain.load_bits // 8
    at = len(chain.image.header())
    cuts = {size, at - size, at, len(image) - size}
    for section in chain.image.sections:
        at += len(section.header())
        cuts |= {at - size, at, at + size * (section.bytes // size // 2), at + section.bytes}
        at += section.bytes
    for cut in sorted(cuts - {0}):
        yield f"cut after {cut} bytes", image[:cut], LoadError.TRUNCATED


def lengthenings(chain, image: bytes) -> Faults:
    """Words after the end."""
    size = chain.load_bits // 8
    for words in (1, 2, 40):
        yield f"{words} words too many", image + bytes(size * words), LoadError.TOO_LONG
    yield "the image twice", image * 2, LoadError.TOO_LONG


def reorderings(chain, image: bytes) -> Faults:
    """Sections swapped, doubled or left out, under a right CRC."""
    header, sections = chain.image.header(), _sections(chain, image)
    for index in range(len(sections) - 1):
        order = [*sections[:index], sections[index + 1], sections[index], *sections[index + 2:]]
        yield (f"section {index} swapped with the next",
               _sealed(chain, header + b"".join(order)), LoadError.SECTION)
        order = [*sections[:index], *sections[index + 1:]]
        yield f"no section {index}", _sealed(chain, header + b"".join(order)), LoadError.SECTION
        order = [*sections[:index + 1], *sections[index:]]
        yield f"section {index} twice", _sealed(chain, header + b"".join(order)), LoadError.SECTION


def strangers(chain, image: bytes) -> Faults:
    """A good image of a configuration that differs in one number alone, with its own CRC."""
    other = bytearray(image[:-chain.image.trailer_bytes])
    other[8:12] = (chain.image.configuration ^ 1 << 31).to_bytes(4, "little")
    yield "another configuration", _sealed(chain, bytes(other)), LoadError.CONFIGURATION
    version = bytearray(other)
    version[4], version[8:12] = 2, image[8:12]
    yield "another version", _sealed(chain, bytes(version)), LoadError.VERSION


async def _refuse_all(bench: Bench, given: Material, faults: Faults) -> None:
    """Every fault is named, opens nothing, and leaves the loader ready for a good image."""
    count = 0
    bench.o.willing = always
    payloads = row_payloads(bench.design, given.rows)
    for number, (what, image, code) in enumerate(faults):
        error = await bench.load_image(image)
        assert error == code, (f"{what}: error is {LoadError.NAMES[error]} instead of "
                               f"{LoadError.NAMES[code]}")
        assert (bench.status("ready"), bench.status("loading")) == (0, 0), what
        bench.i.send(payloads[:1])
        taken = bench.i.taken
        await bench.step(12)
        assert (bench.i.taken, bench.rows_out) == (taken, count), f"{what}: rows were let in"
        bench.i.send(payloads[1:])
        if number % 4 == 3:
            await load(bench, given.image)
        else:
            await _load_under_rows(bench, given.image)
        count += len(given.rows)
        await drain(bench, count, longer=4)
        check_rows(bench, np.concatenate([given.results] * (count // len(given.rows))))


async def _load_under_rows(bench: Bench, image: bytes) -> None:
    """Load while rows wait, without a pause after the image."""
    bench.load.send(image_payloads(image, bench.design.load_bits))
    await bench.until(lambda: bench.load.done, 20_000, "the image was not taken")


FAULTS = {kind.__name__: kind
          for kind in (flips, truncations, lengthenings, reorderings, strangers)}


@cocotb.test()
@cocotb.parametrize(kind=tuple(FAULTS))
async def bad_images_are_refused_by_name(dut, kind):
    """Whatever is wrong with an image, `error` says what, and nothing is computed."""
    bench = await started(dut)
    given = material(bench.design, 1, seed=41)
    await _refuse_all(bench, given, FAULTS[kind](bench.design, given.image))


@cocotb.test()
async def the_first_fault_and_its_section_are_kept(dut):
    """Later faults of the same image do not hide it; the next image clears it."""
    bench = await started(dut)
    image = material(bench.design, 1, seed=42).image
    at, size = len(bench.design.image.header()), bench.design.load_bits // 8
    for number, section in enumerate(bench.design.image.sections):
        broken = _flipped(_flipped(image, at, 0), len(image) - 1, 0) + bytes(size)
        error = await bench.load_image(broken)
        assert (error, bench.status("error_section")) == (LoadError.SECTION, number)
        at += len(section.header()) + section.bytes
    bench.load.send(image_payloads(image, bench.design.load_bits)[:1])
    await bench.step(3)
    assert (bench.status("error"), bench.status("loading")) == (0, 1)


@cocotb.test()
async def rows_wait_for_the_first_image(dut):
    """`i.ready` is low before it and nothing is computed; afterwards all rows are right."""
    bench = await started(dut)
    given = material(bench.design, 5, seed=43)
    bench.o.willing = always
    bench.i.send(row_payloads(bench.design, given.rows))
    await bench.step(100)
    assert (bench.i.taken, bench.o.payloads, bench.status("rows_in")) == (0, [], 0)
    await load(bench, given.image)
    await drain(bench, 5)
    check_rows(bench, given.results)


async def _stream_past(bench, old, new, images, after) -> None:
    """Rows of `old` stream; `images` come `after` so many transfers; the rest goes to `new`."""
    await load(bench, old.image)
    bench.i.send(row_payloads(bench.design, old.rows))
    await bench.until(lambda: bench.i.taken >= after, 5000, "no rows went in")
    for image in images:
        bench.load.send(image_payloads(image, bench.design.load_bits))
    before = bench.load.taken
    await bench.until(lambda: bench.load.taken > before, 5000, "no image was taken")
    begun = bench.i.taken // bench.design.first.input_transfers
    assert bench.rows_out == begun == bench.status("rows_out"), "a row was still inside"
    await drain(bench, len(old.rows))
    check_rows(bench, np.concatenate([old.results[:begun], new.results_of(old.rows[begun:])]))


@cocotb.test()
@cocotb.parametrize(after=(1, 5, 12), pauses=((1,), (1, 0, 0), (0, 1, 1)))
async def an_image_while_streaming_takes_over_between_two_rows(dut, after, pauses):
    """Rows in flight finish with the old parameters, later rows use the new ones."""
    bench = await started(dut)
    old, new = material(bench.design, 16, seed=44), material(bench.design, 0, seed=45)
    bench.i.willing, bench.o.willing = pattern(*reversed(pauses)), pattern(*pauses)
    await _stream_past(bench, old, new, [new.image], after)


@cocotb.test()
@cocotb.parametrize(good_last=(False, True))
async def the_last_of_images_without_a_gap_counts(dut, good_last):
    """`load.valid` stays high from one image to the next, a bad one among them."""
    bench = await started(dut)
    old, one, two = (material(bench.design, 9, seed) for seed in (46, 47, 48))
    bad = _flipped(one.image, 0, 0)
    bench.o.willing = always
    await _stream_past(bench, old, two, [one.image, bad, two.image] if good_last
                       else [bad, one.image, two.image], 3)
    assert bench.status("error") == 0


@cocotb.test()
@cocotb.parametrize(at=(0, -1, None))
async def a_bad_image_while_streaming_stops_rows_until_a_good_one(dut, at):
    """Rows in flight finish with the old parameters, no row after them begins."""
    bench = await started(dut)
    old, new = material(bench.design, 12, seed=49), material(bench.design, 0, seed=50)
    cut = new.image[:-max(8, bench.design.load_bits // 8)]
    bad = cut if at is None else _flipped(new.image, at % len(new.image), 1)
    code = {0: LoadError.MAGIC, -1: LoadError.CRC, None: LoadError.TRUNCATED}[at]
    await load(bench, old.image)
    bench.o.willing = pattern(1, 1, 0)
    bench.i.send(row_payloads(bench.design, old.rows))
    await bench.until(lambda: bench.i.taken >= 2, 5000, "no rows went in")
    assert await bench.load_image(bad) == code
    begun = bench.i.taken // bench.design.first.input_transfers
    assert begun < len(old.rows)
    await bench.step(300)
    assert bench.status("ready") == 0 and bench.i.taken % bench.design.first.input_transfers == 0
    check_rows(bench, old.results[:begun])
    await load(bench, new.image)
    await drain(bench, len(old.rows))
    check_rows(bench, np.concatenate([old.results[:begun], new.results_of(old.rows[begun:])]))


@cocotb.test()
async def an_image_may_pause_anywhere(dut):
    """Pauses between its words change nothing."""
    bench = await started(dut)
    given = material(bench.design, 3, seed=51)
    bench.load.willing = pattern(1, 0, 0, 1, 0)
    await load(bench, given.image)
    bench.o.willing = always
    await finish_rows(bench, given.rows, given.results)


@cocotb.test()
async def the_stall_counter_wraps(dut):
    """It counts modulo 2**counter_bits."""
    bench = await started(dut)
    bits = bench.design.first.engine.counter_bits
    given = material(bench.design, 1, seed=52)
    await load(bench, given.image)
    bench.i.send(row_payloads(bench.design, given.rows))
    bench.o.willing = never
    await bench.step((1 << bits) + 200)
    bench.o.willing = always
    await drain(bench, 1)
    check_rows(bench, given.results)
    assert bench.o.monitor.stalls >> bits == 1
    assert bench.status("stall_cycles") == bench.o.monitor.stalls % (1 << bits)
