"""The overlay's Verilog does what its programs say, in exactly the model's cycles, whatever stalls;
programs that are damaged are refused."""

import dataclasses

import numpy as np
import pytest
from overlay_builders import SMALL, images_for, networks

from pqhw.emit.overlay import pack_program
from pqhw.explore.overlay import compile_program
from pqhw.golden import network_results
from pqhw.sim.overlay import image_transfers, simulate_overlay, simulate_program
from pqhw.spec.overlay.cycles import program_cycles, program_timeline
from pqhw.spec.overlay.job import BURST_WORDS, ProgramError, boot_beats

NAMES = tuple(networks())
LIMIT = 400_000
WORD = SMALL.port_bits // 8


def program_of(name):
    network, parameters = networks()[name]
    return network, parameters, compile_program(network, parameters, SMALL)


@pytest.mark.parametrize("name", NAMES)
def test_results_and_cycles_are_those_of_the_model(name, cache):
    network, parameters, program = program_of(name)
    images = images_for(network)
    run = simulate_program(cache, program, images, cycle_limit=LIMIT)
    np.testing.assert_array_equal(run.results, network_results(network, parameters, images))
    assert run.image_ends.tolist() == list(program_timeline(program, len(images)).image_ends)
    assert np.diff(run.image_ends.astype(int))[1:].tolist() == [program_cycles(program)] * 2


@pytest.mark.parametrize("valid, ready, memory, latency", [
    (1, 0.1, 1, 0), (0.1, 1, 0.5, 3), (0.5, 0.5, 0.1, 40), (1, 0.3, 0.9, 200)])
@pytest.mark.parametrize("name", NAMES)
def test_stalls_change_nothing_but_time(name, valid, ready, memory, latency, cache):
    network, parameters, program = program_of(name)
    images = images_for(network, 3)
    run = simulate_program(cache, program, images, valid=valid, ready=ready, memory=memory,
                           latency=latency, seed=7, cycle_limit=20 * LIMIT)
    np.testing.assert_array_equal(run.results, network_results(network, parameters, images))


@pytest.mark.parametrize("turns", [
    {"memory_turns": (1, 49)},
    {"memory_turns": (40, 700), "latency": 150},
    {"stream_turns": (1, 60)},
    {"memory_turns": (3, 11), "stream_turns": (70, 400), "latency": 33}],
    ids=["a word every 50 cycles", "memory in bursts", "a transfer every 61 cycles", "all"])
@pytest.mark.parametrize("name", ["rows", "residual", "pictures"])
def test_ports_that_stand_still_for_long_change_nothing_but_time(name, turns, cache):
    network, parameters, program = program_of(name)
    images = images_for(network, 3)
    run = simulate_program(cache, program, images, cycle_limit=60 * LIMIT, **turns)
    np.testing.assert_array_equal(run.results, network_results(network, parameters, images))
    assert run.image_ends[-1] > program_timeline(program, len(images)).image_ends[-1]


def run_image(cache, program, image, network):
    transfers = image_transfers(program, images_for(network, 1))
    return simulate_overlay(cache, SMALL, image, transfers, program.results.transfers,
                            cycle_limit=LIMIT)


@pytest.mark.parametrize("where, error", [
    (0, ProgramError.MAGIC), (4, ProgramError.CONFIGURATION), (8, ProgramError.CHECKSUM),
    (12, ProgramError.VERSION), (16 + WORD - 1, ProgramError.CHECKSUM)])
def test_a_beginning_that_is_wrong_is_refused(where, error, cache):
    network, _, program = program_of("rows")
    image = bytearray(pack_program(program))
    image[where] ^= 0x10
    run = run_image(cache, program, bytes(image), network)
    assert (run.error, run.error_block, run.image_ends.any()) == (error, 0, False)


def test_every_damaged_block_is_refused_before_anything_is_computed_with_it(cache):
    network, _, program = program_of("rows")
    whole = pack_program(program)
    starts = np.cumsum([boot_beats(SMALL), *(block.beats(SMALL) for block in program.blocks)])
    rng = np.random.default_rng(2)
    for number, (start, end) in enumerate(zip(starts[:-1], starts[1:])):
        # The header's lengths are left alone: what they make of the rest is another error's case.
        for place in (*rng.integers(WORD * start + WORD, WORD * end, 4), WORD * end - 1):
            image = bytearray(whole)
            image[place] ^= 1 << int(rng.integers(8))
            run = run_image(cache, program, bytes(image), network)
            assert (run.error, run.error_block) == (ProgramError.CHECKSUM, number), place
            assert not run.image_ends.any()


def test_a_memory_that_ends_early_is_noticed_and_nothing_is_computed(cache):
    """Cut within the beginning, within blocks, at the end of a burst and before the last word."""
    network, _, program = program_of("rows")
    whole, boot = pack_program(program), boot_beats(SMALL)
    words = len(whole) // WORD
    for kept in (0, 1, boot - 1, boot, boot + 1, boot + BURST_WORDS, boot + BURST_WORDS + 5,
                 words - 1):
        run = run_image(cache, program, whole[:kept * WORD], network)
        assert run.asked_beyond and not run.image_ends.any(), kept
        assert run.error is ProgramError.LENGTH, kept


@pytest.mark.parametrize("request_number", [0, 1, 2])
def test_a_burst_without_its_end_is_refused(request_number, cache):
    network, _, program = program_of("rows")
    transfers = image_transfers(program, images_for(network, 1))
    run = simulate_overlay(cache, SMALL, pack_program(program), transfers,
                           program.results.transfers, unmarked=request_number, cycle_limit=LIMIT)
    assert run.error is ProgramError.LENGTH and not run.image_ends.any()


def test_lengths_that_are_wrong_end_in_an_error(cache):
    network, _, program = program_of("rows")
    whole, start = pack_program(program), WORD * boot_beats(SMALL)
    for bit in range(32, 64):
        image = bytearray(whole)
        image[start + bit // 8] ^= 1 << bit % 8
        run = run_image(cache, program, bytes(image), network)
        assert run.error in (ProgramError.CHECKSUM, ProgramError.ORDER) and not (
            run.image_ends.any()), bit


def test_blocks_in_another_order_are_refused(cache):
    network, _, program = program_of("rows")
    image = pack_program(program)
    starts = WORD * np.cumsum([boot_beats(SMALL), *(block.beats(SMALL)
                                                   for block in program.blocks)])
    first, second, third = (image[starts[at]:starts[at + 1]] for at in range(3))
    swapped = image[:starts[0]] + second + first + third + image[starts[3]:]
    run = run_image(cache, program, swapped, network)
    assert (run.error, run.error_block) == (ProgramError.ORDER, 0)


def test_a_program_of_other_hardware_is_refused(cache):
    network, parameters = networks()["rows"]
    other = compile_program(network, parameters, dataclasses.replace(SMALL, code_words=128))
    run = run_image(cache, other, pack_program(other), network)
    assert run.error is ProgramError.CONFIGURATION


@pytest.mark.parametrize("name", ["rows", "pictures"])
def test_images_too_short_or_long_are_mended(name, cache):
    """`last` comes where the transfers end: what is missing counts as zeros."""
    network, parameters, program = program_of(name)
    images = images_for(network, 2)
    transfers = image_transfers(program, images)
    count = transfers.shape[1]
    short = transfers[:, :count - 3]
    run = simulate_overlay(cache, SMALL, pack_program(program), short, program.results.transfers,
                           cycle_limit=LIMIT)
    # A transfer holds a word of one pixel, which for an image of six channels is a third of it.
    filled = transfers.copy()
    filled[:, count - 3:] = 0
    elements, units = program.input.elements, program.input.units
    filled = filled.reshape(len(images), units, -1)[:, :, :elements]
    expected = simulate_program(cache, program, filled.reshape(images.shape), cycle_limit=LIMIT)
    flat = run.results.reshape(len(images), program.results.units, -1)
    np.testing.assert_array_equal(
        flat[:, :, :program.results.elements].reshape(expected.results.shape), expected.results)
    long = np.concatenate([transfers, transfers[:, :5]], axis=1)
    run = simulate_overlay(cache, SMALL, pack_program(program), long, program.results.transfers,
                           cycle_limit=LIMIT)
    flat = run.results.reshape(len(images), program.results.units, -1)
    np.testing.assert_array_equal(
        flat[:, :, :program.results.elements].reshape(expected.results.shape),
        network_results(network, parameters, images))
