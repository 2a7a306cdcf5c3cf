"""An overlay accelerator: images in, results out, its program from a memory."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import OverlaySpec
from ...spec.overlay.overlay import ACTIVATION_BITS, COUNTER_BITS
from ...spec.overlay.stages import PORT_WORDS
from ...spec.ranges import ceil_log2
from ..joints import Queue
from ..sums import delayed
from ..target import Target
from .core import Core
from .loader import ProgramLoader, memory_layout, request_layout

__all__ = ["Overlay", "overlay_signature"]


def overlay_signature(spec: OverlaySpec, tells_faults: bool = False) -> wiring.Signature:
    """The ports of an overlay; `image_faults` among them if `tells_faults`."""
    words = data.ArrayLayout(ACTIVATION_BITS, spec.lanes)
    sums = data.ArrayLayout(signed(spec.accumulator_bits), spec.lanes)
    return wiring.Signature({
        "i": In(stream.Signature(data.StructLayout({"data": words, "last": 1}))),
        "o": Out(stream.Signature(data.StructLayout({"data": sums, "last": 1}))),
        "base": In(32), "request": Out(stream.Signature(request_layout())),
        "memory": In(stream.Signature(memory_layout(spec))),
        "status": Out(wiring.Signature({
            "ready": Out(1), "error": Out(3), "error_block": Out(16), "short": Out(1),
            "long": Out(1), "images_in": Out(COUNTER_BITS), "images_out": Out(COUNTER_BITS)})),
        **({"image_faults": Out(2)} if tells_faults else {})})


class Overlay(wiring.Component):
    """Runs the network whose program stands in memory from `base` on.

    Parameters
    ----------
    spec:
        What is built; the network is of no concern.
    tells_faults:
        Whether there is the port `image_faults`.

    Members
    -------
    i: images, pixel after pixel, `lanes` channels to a transfer; `last` with an image's last. An
        image whose `last` comes early is filled up with zeros, one whose `last` comes late is cut
    o: results, `lanes` to a transfer, sums or sign-extended activations; `last` with an image's
        last
    base: address of the program, in words of the port; does not change
    request, memory: words that are asked for, and those that come, in order
    status: ready: a program has begun; error, error_block: the first `ProgramError`, and its block;
        short, long: an image was; images in and out
    image_faults: an image too short, one too long is mended in this cycle

    Latency and cost
    ----------------
    As `pqhw.spec.overlay.cycles` tells of a program.
    """

    def __init__(self, spec: OverlaySpec, *, tells_faults: bool = False):
        self.spec = spec
        self.tells_faults = tells_faults
        super().__init__(overlay_signature(spec, tells_faults))

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        spec = self.spec
        m.submodules.loader = loader = ProgramLoader(spec)
        m.submodules.core = core = Core(spec)
        m.d.comb += [
            loader.base.eq(self.base), core.given.eq(loader.job), core.ready.eq(loader.ready),
            core.half.eq(loader.half), loader.taken.eq(core.taken), loader.ends.eq(core.ends)]
        for name in ("fields", "outputs", "trees", "words", "place", "lane", "filling"):
            m.d.comb += getattr(core, name).eq(getattr(loader, name))
        wiring.connect(m, loader.request, wiring.flipped(self.request))
        wiring.connect(m, loader.memory, wiring.flipped(self.memory))
        m.d.comb += [self.status.ready.eq(loader.boots), self.status.error.eq(loader.error),
                     self.status.error_block.eq(loader.block)]
        self._enter(m, core)
        self._leave(m, core)
        return m

    def _enter(self, m: Module, core: Core) -> None:
        """Images with as many transfers as the program wants, whatever comes."""
        filling, draining = Signal(name="filling"), Signal(name="draining")
        last = self.i.payload.last
        take = Signal(name="take")
        m.d.comb += [
            take.eq(self.i.valid & core.entering & ~filling & ~draining),
            self.i.ready.eq(draining | (core.entering & ~filling)),
            core.enter.eq(take | (core.entering & filling)),
            core.enter_word.eq(Mux(filling, 0, Cat(self.i.payload.data)))]
        with m.If(core.enter & core.entering_last):
            m.d.sync += [filling.eq(0), self.status.images_in.eq(self.status.images_in + 1)]
        with m.If(take):
            with m.If(last & ~core.entering_last):
                m.d.sync += [filling.eq(1), self.status.short.eq(1)]
            with m.If(~last & core.entering_last):
                m.d.sync += [draining.eq(1), self.status.long.eq(1)]
        with m.If(draining & self.i.valid & last):
            m.d.sync += draining.eq(0)
        if self.tells_faults:
            m.d.comb += self.image_faults.eq(Cat(take & last & ~core.entering_last,
                                                 take & ~last & core.entering_last))

    def _leave(self, m: Module, core: Core) -> None:
        """Results wait for the port; where only the index of the largest is asked for, it follows
        the last of them."""
        spec = self.spec
        lanes = spec.lanes
        m.submodules.queue = queue = Queue(self.o.payload.shape(), PORT_WORDS)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        best = Signal(signed(spec.accumulator_bits), name="best", reset_less=True)
        index = Signal(COUNTER_BITS, name="best_index", reset_less=True)
        base = Signal(COUNTER_BITS, name="word_index")
        begun = Signal(name="row_begun")
        word_best, word_place = self._largest(m, core)
        stages = ceil_log2(lanes)
        ones = Const(1, 1)
        # The job may be another one when its last word has been compared.
        asked = core.job.argmax
        came = delayed(m, ones, core.leave & asked, stages, "word_came", control=True)[-1]
        ends = delayed(m, ones, core.last, stages, "word_ends")[-1]
        beats = Signal(name="beats")
        m.d.comb += beats.eq(~begun | (word_best > best))
        largest = Signal(COUNTER_BITS, name="largest")
        m.d.comb += largest.eq(Mux(beats, base + word_place, index))
        with m.If(came):
            m.d.sync += [begun.eq(~ends), base.eq(Mux(ends, 0, base + lanes))]
            with m.If(beats):
                m.d.sync += [best.eq(word_best), index.eq(base + word_place)]
        given = queue.i.payload
        m.d.comb += queue.i.valid.eq((core.leave & ~asked) | (came & ends))
        with m.If(came):
            m.d.comb += [given.last.eq(1), given.data[0].eq(largest)]
        with m.Else():
            m.d.comb += [given.last.eq(core.last),
                         *(mine.eq(value) for mine, value in zip(given.data, core.out))]
        # Words that the index stands for need no room any more.
        m.d.comb += core.left.eq((self.o.valid & self.o.ready) | (came & ~ends))
        with m.If(self.o.valid & self.o.ready & self.o.payload.last):
            m.d.sync += self.status.images_out.eq(self.status.images_out + 1)

    def _largest(self, m: Module, core: Core) -> tuple[Value, Value]:
        """The largest of a word and its lane, the lowest on ties: a register per comparison."""
        count = Mux(core.last, core.job.lanes_last, self.spec.lanes)
        nodes = [(core.out[lane], Const(lane, 4), count > lane)
                 for lane in range(self.spec.lanes)]
        for level in range(ceil_log2(self.spec.lanes)):
            following = []
            for number in range(0, len(nodes), 2):
                (own, place, _), (other, beyond, there) = nodes[number:number + 2]
                name = f"{level}_{number // 2}"
                wins = Signal(name=f"wins{name}")
                value = Signal(core.out[0].shape(), name=f"value{name}", reset_less=True)
                lane, held = Signal(4, name=f"lane{name}", reset_less=True), Signal(
                    name=f"held{name}", reset_less=True)
                m.d.comb += wins.eq((other > own) & there)
                m.d.sync += [value.eq(Mux(wins, other, own)), lane.eq(Mux(wins, beyond, place)),
                             held.eq(nodes[number][2])]
                following.append((value, lane, held))
            nodes = following
        return nodes[0][0], nodes[0][1]
