"""Two faults in one image, and no pause before the next one: the loader never loses its place."""

import pytest
from builders import chain, tiny
from runner import load, simulator

from pqhw.emit.image import pack_image
from pqhw.rtl import Accelerator
from pqhw.sim.stimulus import random_parameters
from pqhw.sim.transfers import image_payloads
from pqhw.spec.image import LoadError


def cut_after_a_fault(image, bits, header_words):
    """Images wrong in one word of a header and cut from 0 to 4 words later: (place, payloads)."""
    size = bits // 8
    for word in header_words:
        wrong = bytearray(image)
        wrong[word * size] ^= 0x10
        for cut in range(word + 1, min(word + 6, len(image) // size)):
            yield (word, cut), image_payloads(bytes(wrong[:cut * size]), bits)


@pytest.mark.parametrize("bits", (8, 16, 32, 64))
def test_a_good_image_loads_right_behind_a_wrong_one_that_is_cut(bits):
    spec = chain(tiny(load_bits=bits))
    parameters = random_parameters(spec, 1)
    image = pack_image(spec, parameters)
    good = image_payloads(image, bits)
    size = bits // 8
    header = len(spec.image.header()) // size
    section = len(spec.image.sections[0].header()) // size
    dut = Accelerator(spec)
    sim = simulator(dut)
    tried = []

    async def bench(ctx):
        for place, wrong in cut_after_a_fault(image, bits, range(header + section)):
            await load(ctx, dut, wrong, settle=0)
            error = await load(ctx, dut, good, settle=8)
            assert (error, ctx.get(dut.status.ready)) == (LoadError.NONE, 1), place
            await load(ctx, dut, wrong, settle=8)
            assert ctx.get(dut.status.error) not in (LoadError.NONE, LoadError.CRC), place
            assert ctx.get(dut.status.ready) == 0, place
            tried.append(place)

    sim.add_testbench(bench)
    sim.run()
    assert len(tried) == 5 * (header + section)
