"""Forks and queues: every branch gets every transfer, in order, and nothing waits without need."""

import random

import pytest
from amaranth.hdl import Value
from runner import Sink, Source, exchange, simulator
from test_rtl_streams import CHANCES, run

from pqhw.emit.design import component_verilog
from pqhw.rtl.joints import SMALL_WORDS, Fork, Queue
from pqhw.rtl.streams import row_layout
from pqhw.sim.result import SimulationError
from pqhw.spec.ranges import signed_range

SHAPE = row_layout(signed_range(4), 2)
PAYLOADS = [random.Random(5).randrange(1 << 9) for _ in range(150)]


@pytest.mark.parametrize("valid, ready", CHANCES)
@pytest.mark.parametrize("words", [1, 2, 3, 8, SMALL_WORDS + 6])
def test_a_queue_gives_back_what_came_in_its_order(words, valid, ready):
    _, sink = run(Queue(SHAPE, words), PAYLOADS, len(PAYLOADS), valid, ready)
    assert sink.payloads == PAYLOADS


@pytest.mark.parametrize("words", [2, 3, 8])
def test_a_queue_passes_a_transfer_a_cycle_after_two(words):
    source, sink = run(Queue(SHAPE, words), PAYLOADS, len(PAYLOADS))
    assert sink.times[0] - source.times[0] == 2
    assert sink.times[-1] - sink.times[0] == len(PAYLOADS) - 1


@pytest.mark.parametrize("words", [1, 3, SMALL_WORDS + 6])
def test_a_queue_holds_its_words_and_one_at_the_output(words):
    rng = random.Random(1)
    queue = Queue(SHAPE, words)
    source, sink = Source(queue.i, PAYLOADS, 1.0, rng), Sink(queue.o, 0.0, rng)
    sim = simulator(queue)

    async def bench(ctx):
        with pytest.raises(SimulationError):
            await exchange(ctx, source, sink, 1, 2 * words + 20)

    sim.add_testbench(bench)
    sim.run()
    assert len(source.times) == words + 1


@pytest.mark.parametrize("words", [1, 5, SMALL_WORDS + 6])
@pytest.mark.parametrize("target", ["generic", "ecp5", "ice40"])
def test_a_queue_is_written_for_every_family(words, target):
    text = component_verilog(Queue(SHAPE, words), target=target)
    assert ("DP16KD" in text) == (target == "ecp5" and words > SMALL_WORDS)


@pytest.mark.parametrize("chances", [(1.0, 1.0), (1.0, 0.3), (0.2, 1.0), (0.5, 0.5)])
def test_every_branch_of_a_fork_gets_every_transfer(chances):
    rng = random.Random(3)
    fork = Fork(SHAPE, 2)
    source = Source(fork.i, PAYLOADS, 0.7, rng)
    first, second = (Sink(getattr(fork, f"o{index}"), chance, rng)
                     for index, chance in enumerate(chances))
    sim = simulator(fork)

    async def bench(ctx):
        for cycle in range(4000):
            if len(first.payloads) == len(second.payloads) == len(PAYLOADS):
                break
            for agent in (source, first, second):
                agent.before(ctx)
            *_, ready, valid, payload, other, second_payload = await ctx.tick().sample(
                fork.i.ready, fork.o0.valid, Value.cast(fork.o0.payload), fork.o1.valid,
                Value.cast(fork.o1.payload))
            source.after(cycle, ready)
            first.after(cycle, valid, payload)
            second.after(cycle, other, second_payload)
            # No branch runs ahead by more than the transfer that is offered.
            assert abs(len(first.payloads) - len(second.payloads)) <= 1

    sim.add_testbench(bench)
    sim.run()
    assert first.payloads == second.payloads == PAYLOADS
