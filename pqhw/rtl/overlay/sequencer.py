"""What is read in which cycle: pixels of a job, and of each its words and outputs."""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ...spec.overlay import Kind, OverlaySpec
from ...spec.overlay.job import ADDRESS_BITS, FIELDS, SIGNED_FIELDS
from ...spec.overlay.overlay import TAPS, WINDOW
from ...spec.overlay.stages import PORT_WORDS
from ..sums import delayed
from ..target import Target
from .results import result_job
from .walker import Countdown, Walker

__all__ = ["Sequencer", "job_layout", "step_layout"]


def job_layout() -> data.StructLayout:
    """A descriptor."""
    return data.StructLayout({name: signed(bits) if name in SIGNED_FIELDS else bits
                              for name, bits in FIELDS.items()})


def step_layout(spec: OverlaySpec) -> data.StructLayout:
    """What goes down the pipeline with a step.

    main: something is read for results; last: it is the last of its sums; ends: of its pixel;
    final: of the job; add: a word to be added is read; replay: codes kept are used; half: copy of
    the parameters; part, complete, lane, emit: as in `TreeLanes`; wanted: words of results
    """
    return data.StructLayout({
        "main": 1, "last": 1, "ends": 1, "final": 1, "add": 1, "replay": 1, "half": 1, "part": 3,
        "complete": 1, "lane": range(spec.lanes), "emit": 1,
        "wanted": range(spec.result_words + 1)})


class Sequencer(wiring.Component):
    """Does one job after another, a step a cycle.

    Parameters
    ----------
    spec:
        Lanes and outputs.

    Members
    -------
    given, ready, half: the next job, whether its block is complete, and where its parameters
        stand; `taken` when it begins
    job: the one that is done
    results_wait, results_idle: as `Results` tells
    start, result: the next job of `Results`
    step: what is done in this cycle
    row, column, word, row_step, ...: the banks' ports for it a cycle later, `inside` two
    entering, entered: words of an image are taken, and one is
    entering_last_word, entering_last: the next is a pixel's last, an image's last
    left: a word of results has left the port, or needs not
    """

    def __init__(self, spec: OverlaySpec):
        self.spec = spec
        axes: dict[str, Any] = {}
        for name in ("row", "column"):
            axes |= {name: Out(ADDRESS_BITS), f"{name}_phase": Out(2)}
        super().__init__({
            "given": In(job_layout()), "ready": In(1), "half": In(1), "taken": Out(1),
            "job": Out(job_layout()), "results_wait": In(1), "results_idle": In(1),
            "start": Out(1), "result": Out(result_job(spec)), "step": Out(step_layout(spec)),
            **axes, "row_step": Out(ADDRESS_BITS), "word": Out(ADDRESS_BITS), "inside": Out(TAPS),
            "entering": Out(1), "entered": In(1), "entering_last_word": Out(1),
            "entering_last": Out(1), "left": In(1)})

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        job, given = self.job, self.given
        runs, begins = Signal(name="runs"), Signal(name="begins")
        half = Signal(name="job_half", reset_less=True)
        prepares = Signal(name="prepares")
        m.d.comb += [
            begins.eq(~runs & ~prepares & self.ready & ~self.results_wait
                      & (~given.wait | self.results_idle)),
            self.taken.eq(begins), self.start.eq(begins)]
        m.d.comb += [getattr(self.result, name).eq(value) for name, value in (
            ("half", self.half), ("last_word", given.out_words - 1), ("out_start", given.out_start),
            ("pixels", given.pixels), ("adds", given.add_words != 0), ("last", given.last),
            ("drop", given.drop))]
        m.d.sync += prepares.eq(begins)
        with m.If(begins):
            m.d.sync += [self.job.eq(given), half.eq(self.half)]
        with m.If(prepares):
            m.d.sync += runs.eq(1)
        moves, pixel_ends, last_pixel = (Signal(name=name) for name in (
            "moves", "pixel_ends", "last_pixel"))
        self.adds_now = Signal(name="adds_now")
        self._pixels(m, job, prepares, moves & pixel_ends, last_pixel)
        with m.If(moves & pixel_ends & last_pixel):
            m.d.sync += runs.eq(0)
        steps = self._steps(m, job, prepares, moves, pixel_ends)
        enters = Signal(name="enters")
        m.d.sync += enters.eq(job.kind == Kind.INPUT)
        m.d.comb += [self.entering.eq(runs & enters),
                     moves.eq(Mux(enters, self.entered, runs & steps.allowed))]
        self._tags(m, job, steps, moves & ~enters, half, last_pixel)
        m.d.comb += [self.entering_last_word.eq(pixel_ends),
                     self.entering_last.eq(pixel_ends & last_pixel)]
        self._credits(m, job, steps, moves & pixel_ends, last_pixel)
        return m

    def _pixels(self, m: Module, job, start: Signal, step, last_pixel: Signal) -> None:
        """The window's place, its taps inside the image, and the place of what is added."""
        m.submodules.windows = windows = Walker()
        m.submodules.added = added = Walker()
        m.submodules.rows = rows_left = Countdown(len(job.out_height))
        top, left = (Signal(signed(12), name=name, reset_less=True) for name in ("top", "left"))
        m.d.comb += [
            windows.start.eq(start), windows.step.eq(step), windows.width.eq(job.out_width),
            windows.stride_y.eq(job.stride_y), windows.stride_x.eq(job.stride_x),
            added.start.eq(start), added.step.eq(step), added.width.eq(job.out_width),
            added.stride_y.eq(1), added.stride_x.eq(1), added.row_start.eq(job.add_start),
            added.row_step.eq(job.add_row_step), windows.row_step.eq(job.row_step)]
        for name in ("row", "column"):
            m.d.comb += [getattr(windows, f"{name}_{part}").eq(getattr(job, f"{name}_{part}"))
                         for part in ("start", "phase")]
        m.d.comb += [rows_left.start.eq(start), rows_left.count.eq(job.out_height),
                     rows_left.step.eq(step & windows.ends_row),
                     last_pixel.eq(windows.ends_row & rows_left.last)]
        moved, turned, began = (Signal(name=name) for name in ("moved", "turned", "began"))
        m.d.sync += [moved.eq(step), turned.eq(step & windows.ends_row), began.eq(start)]
        with m.If(moved):
            m.d.sync += left.eq(left + job.stride_x)
        with m.If(turned):
            m.d.sync += [left.eq(job.left), top.eq(top + job.stride_y)]
        with m.If(began):
            m.d.sync += [top.eq(job.top), left.eq(job.left)]
        rows, columns = (Signal(WINDOW, name=f"{name}_inside", reset_less=True)
                         for name in ("rows", "columns"))
        m.d.sync += [
            rows.eq(Cat((top + dy >= 0) & (top + dy < job.height) & (job.kernel_y > dy)
                        for dy in range(WINDOW))),
            columns.eq(Cat((left + dx >= 0) & (left + dx < job.width) & (job.kernel_x > dx)
                           for dx in range(WINDOW)))]
        _, adds, adds_inside = delayed(m, Const(1, 1), self.adds_now, 2, "adds")
        m.d.comb += self.inside.eq(Cat(Mux(adds_inside, int(dy == dx == 0), rows[dy] & columns[dx])
                                       for dy in range(WINDOW) for dx in range(WINDOW)))
        for name in ("row", "column"):
            m.d.comb += [
                getattr(self, name).eq(Mux(adds, getattr(added, name), getattr(windows, name))),
                getattr(self, f"{name}_phase").eq(Mux(
                    adds, getattr(added, f"{name}_phase_now"),
                    getattr(windows, f"{name}_phase_now")))]
        m.d.comb += self.row_step.eq(Mux(adds, job.add_row_step, job.row_step))

    def _steps(self, m: Module, job, start: Signal, moves: Signal, pixel_ends: Signal):
        """Counters within a pixel: words to be added, then outputs and words, then nothing."""
        steps = _Steps()
        for name, count in (("group", job.groups), ("output", job.outputs),
                            ("add", job.add_words), ("pad", job.pad)):
            m.submodules[name] = own = Countdown(len(count))
            m.d.comb += [own.start.eq(start), own.count.eq(count)]
        group, output, add, pad = (m.submodules[name] for name in ("group", "output", "add", "pad"))
        word, add_at = (Signal(ADDRESS_BITS, name=name) for name in ("word_place", "add_place"))
        adding, padding = Signal(name="adding"), Signal(name="padding")
        leads, main = Signal(name="leads"), Signal(name="main")
        main_ends, pads = Signal(name="main_ends"), Signal(name="pads")
        # The job is there for a cycle before its first step.
        m.d.sync += pads.eq(job.pad != 0)
        m.d.comb += [
            leads.eq(adding & job.serial), main.eq(~leads & ~padding),
            main_ends.eq(main & group.last & output.last),
            pixel_ends.eq(Mux(padding, pad.last, main_ends & ~pads)),
            add.step.eq(moves & adding), group.step.eq(moves & main),
            output.step.eq(moves & main & group.last), pad.step.eq(moves & padding)]
        steps.first = Signal(name="pixel_begins")
        with m.If(moves):
            m.d.sync += steps.first.eq(0)
            with m.If(adding):
                m.d.sync += [adding.eq(~add.last), add_at.eq(add_at + job.add_plane)]
            with m.If(main):
                m.d.sync += word.eq(Mux(group.last, 0, word + job.plane))
            with m.If(main_ends):
                m.d.sync += padding.eq(pads)
        with m.If(start | (moves & pixel_ends)):
            m.d.sync += [steps.first.eq(1), adding.eq(job.add_words != 0), add_at.eq(0),
                         padding.eq(0)]
        with m.If(start):
            m.d.sync += word.eq(0)
        steps.adding, steps.main = adding, main
        steps.group_ends, steps.main_ends = group.last, main_ends
        steps.allowed = Signal(name="allowed")
        m.d.comb += self.adds_now.eq(adding)
        m.d.sync += self.word.eq(Mux(adding, add_at, word))
        return steps

    def _tags(self, m: Module, job, steps, moves, half: Signal, last_pixel: Signal) -> None:
        """What the stages further down need to know of a step."""
        step, kind = self.step, job.kind
        replays = kind == Kind.REPLAY
        lane = Signal(range(self.spec.lanes), name="lane")
        part = Signal(3, name="part")
        complete = Signal(name="complete")
        gathers = job.by_channels & ~replays
        m.d.comb += complete.eq(~gathers | (part == job.vector_words - 1) | steps.group_ends)
        with m.If(moves & steps.main & gathers):
            m.d.sync += part.eq(Mux(complete, 0, part + 1))
            with m.If(complete):
                m.d.sync += lane.eq(Mux(steps.group_ends, 0, lane + 1))
        last = Signal(name="last_of_sums")
        with m.Switch(kind):
            with m.Case(Kind.LANES):
                m.d.comb += last.eq(~job.across | last_pixel)
            with m.Default():
                m.d.comb += last.eq(steps.group_ends)
        emit = complete & (~gathers | (lane == self.spec.lanes - 1) | steps.group_ends)
        m.d.comb += [
            step.main.eq(moves & steps.main), step.last.eq(last), step.ends.eq(steps.main_ends),
            step.final.eq(steps.main_ends & last_pixel),
            step.add.eq(moves & steps.adding), step.replay.eq(replays), step.half.eq(half),
            step.part.eq(part), step.complete.eq(complete), step.lane.eq(lane),
            step.emit.eq(emit), step.wanted.eq(job.out_words[:len(step.wanted)])]

    def _credits(self, m: Module, job, steps, pixel_done, last_pixel: Signal) -> None:
        """A pixel whose results leave begins only when the port has room for them."""
        owed = Signal(range(2 * PORT_WORDS), name="owed")
        room = Signal(name="port_room", init=1)
        # What the pixel before gives is owed only when this one has begun.
        full = 2 * job.out_words + owed > PORT_WORDS
        m.d.sync += room.eq(~full)
        m.d.comb += steps.allowed.eq(~(job.stream & steps.first) | room)
        gives = pixel_done & job.stream & (~job.across | last_pixel)
        m.d.sync += owed.eq(owed + Mux(gives, job.out_words, 0) - self.left)


class _Steps:
    """Signals of the counters within a pixel."""
    adding: Signal
    main: Signal
    group_ends: Signal
    main_ends: Signal
    first: Signal
    allowed: Signal
