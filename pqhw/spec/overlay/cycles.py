"""The cycles of a program, exactly, as long as nothing stalls."""

import dataclasses
from collections import deque

from ..ranges import ceil_log2
from .job import Job, Kind, boot_beats
from .program import Program
from .stages import PORT_WORDS, QUEUE_STAGES, RESULT_STAGES, word_stages

__all__ = ["SETTLING", "Timeline", "program_cycles", "program_timeline"]

SETTLING = 5
"""Cycles from a block's last word until its job may begin: its checksum is compared."""

BEGINNING = 2
"""Cycles from a job's beginning to its first step."""


@dataclasses.dataclass(frozen=True)
class Timeline:
    """When what happens to the blocks of some images in a row, in cycles after the reset.

    Members
    -------
    loads: of every block, from its first word to its last
    steps: of every job, from its first step to its last
    begins: of every job, when it could begin if its block were there
    image_ends: of every image, its last transfer of results
    """
    loads: tuple[tuple[int, int], ...]
    steps: tuple[tuple[int, int], ...]
    begins: tuple[int, ...]
    image_ends: tuple[int, ...]


def program_cycles(program: Program) -> int:
    """Cycles from an image to the next, of images that wait and results that are taken at once.

    The memory takes a request and gives a word in every cycle, from the cycle after on.
    """
    ends = program_timeline(program, 3).image_ends
    return ends[2] - ends[1]


def program_timeline(program: Program, images: int) -> Timeline:
    """What `program_cycles` follows from.

    A block is loaded when the one before has begun and the one before that has ended; a job begins
    when its block is there, the job before has done its last step and its results have begun; where
    it waits, when these have ended.
    """
    spec = program.spec
    loads: list[tuple[int, int]] = []
    steps: list[tuple[int, int]] = []
    begins: list[int] = []
    image_ends: list[int] = []
    start = boot_beats(spec) + SETTLING + 1
    port = _Port(ceil_log2(spec.lanes))
    # Of the last two jobs: their beginning, last step, last word of results, and end.
    began, stepped, taken, given, ended, ended_before = -1, -1, -1, -1, -1, -1
    for _ in range(images):
        for block in program.blocks:
            job = block.job
            if loads:
                start = max(began + 1, ended_before + 1)
            loaded = start + block.beats(spec) - 1
            free = max(stepped + 1, taken + 1, ended + 1 if job.wait else 0)
            begin = max(loaded + SETTLING, free)
            first = begin + BEGINNING
            last = port.last_step(job, first, word_stages(spec, job.kind))
            taken = max(begin + 1, given)
            extra = job.out_words - 1 if job.kind in (Kind.ENCODE, Kind.REPLAY) else 0
            given = last - job.pad + word_stages(spec, job.kind) + extra
            ended_before, ended = ended, given + RESULT_STAGES + 1
            loads.append((start, loaded))
            steps.append((first, last))
            begins.append(free)
            began, stepped = begin, last
        image_ends.append(given + RESULT_STAGES + QUEUE_STAGES
                          + job.argmax * ceil_log2(spec.lanes))
    return Timeline(tuple(loads), tuple(steps), tuple(begins), tuple(image_ends))


class _Port:
    """Words of results on their way to the port, for which there must be room."""

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.owed: deque[tuple[int, int]] = deque()

    def last_step(self, job: Job, first: int, stages: int) -> int:
        """The last step of a job that begins with `first`."""
        if not job.stream or job.across:
            last = first + job.windows * job.steps - 1
            if job.stream:
                self.owe(job, last, stages)
            return last
        at = first
        for _ in range(job.windows):
            while 2 * job.out_words + self.waiting(at - 1) > PORT_WORDS:
                at += 1
            at += job.steps
            self.owe(job, at - 1, stages)
        return at - 1

    def owe(self, job: Job, last: int, stages: int) -> None:
        """The words of a pixel, whose last step is `last`, and when each has left."""
        at = last - job.pad + stages + RESULT_STAGES + (
            self.largest if job.argmax else QUEUE_STAGES)
        spread = job.kind in (Kind.ENCODE, Kind.REPLAY)
        self.owed.append((last, job.out_words))
        for word in range(job.out_words):
            early = 0 if spread else (job.out_words - 1 - word) * (
                job.steps // max(1, job.out_words))
            self.owed.append((at + (word if spread else -early), -1))

    def waiting(self, cycle: int) -> int:
        """Words that are owed in a cycle."""
        return sum(words for when, words in self.owed if when < cycle)
