"""Overlay accelerators in CXXRTL: the written Verilog, a memory with the program, images."""

import ctypes
import dataclasses
from typing import Any

import numpy as np

from ..emit.overlay import overlay_verilog, pack_program
from ..flow.cache import Cache
from ..spec.overlay import OverlaySpec, Program
from ..spec.overlay.job import BURST_WORDS, ProgramError
from .cxxrtl import compile_library
from .result import SimulationError

__all__ = ["OverlayRun", "simulate_overlay", "simulate_program"]


class _Job(ctypes.Structure):
    _fields_ = [
        ("program", ctypes.c_char_p), ("program_words", ctypes.c_size_t),
        ("transfers", ctypes.c_void_p), ("images", ctypes.c_size_t),
        ("transfers_in", ctypes.c_size_t), ("transfers_out", ctypes.c_size_t),
        ("results", ctypes.c_void_p), ("image_ends", ctypes.c_void_p),
        ("valid_256", ctypes.c_uint32), ("ready_256", ctypes.c_uint32),
        ("memory_256", ctypes.c_uint32), ("latency", ctypes.c_uint32),
        ("memory_open", ctypes.c_uint32), ("memory_closed", ctypes.c_uint32),
        ("stream_open", ctypes.c_uint32), ("stream_closed", ctypes.c_uint32),
        ("unmarked", ctypes.c_uint64),
        ("seed", ctypes.c_uint64), ("cycle_limit", ctypes.c_uint64),
        ("cycles", ctypes.c_uint64), ("first_in", ctypes.c_uint64), ("error", ctypes.c_uint32),
        ("error_block", ctypes.c_uint32), ("misplaced_last", ctypes.c_uint32),
        ("asked_beyond", ctypes.c_uint32)]


@dataclasses.dataclass(frozen=True, eq=False)
class OverlayRun:
    """What came out of a simulated overlay.

    Members
    -------
    results: [R, ...]
    image_ends: cycle of each image's last transfer of results, counted from the reset
    cycles: cycles simulated
    error, error_block: what was wrong with the program, and where, if anything
    asked_beyond: requests for words that the memory does not hold
    """
    results: np.ndarray
    image_ends: np.ndarray
    cycles: int
    error: ProgramError
    error_block: int
    asked_beyond: int


def simulate_overlay(cache: Cache, spec: OverlaySpec, image: bytes, transfers: np.ndarray,
                     transfers_out: int, *, target: str = "generic", valid: float = 1.0,
                     ready: float = 1.0, memory: float = 1.0, latency: int = 0,
                     memory_turns: tuple[int, int] = (1, 0),
                     stream_turns: tuple[int, int] = (1, 0), unmarked: int | None = None,
                     seed: int = 1, cycle_limit: int = 1 << 40) -> OverlayRun:
    """Run transfers [images, transfers_in, lanes] through the compiled model.

    Parameters
    ----------
    image:
        What the memory holds; bursts that go beyond it end early.
    transfers_out:
        Transfers of results of an image.
    valid, ready, memory:
        Chance per cycle that the source offers, the sink takes, and the memory takes a request and
        gives a word.
    latency:
        Cycles from a request until its words may come.
    memory_turns, stream_turns:
        Cycles in which memory, or source and sink, may act, and cycles in which they do not, in
        turns.
    unmarked:
        A request, counted from 0, whose last word comes without `last`.

    Returns
    -------
    Results as they left, [images, transfers_out, lanes]. An overlay that refuses its program ends
    the run with its error.

    Raises
    ------
    SimulationError
        If results do not come, or `last` is misplaced.
    """
    constants: dict[str, int | str] = {
        "PORT_BITS": spec.port_bits, "LANES": spec.lanes, "SUM_BITS": spec.accumulator_bits,
        "BURST_BITS": BURST_WORDS.bit_length()}
    library = ctypes.CDLL(str(compile_library(cache, overlay_verilog(spec, target=target),
                                              "overlay.cc", constants)))
    library.pqhw_run_overlay.argtypes = [ctypes.POINTER(_Job)]
    images, transfers_in, lanes = transfers.shape
    source = np.ascontiguousarray(transfers, np.int16)
    results = np.zeros((images, transfers_out, lanes), np.int64)
    ends = np.zeros(images, np.uint64)
    job = _Job(image, len(image) // (spec.port_bits // 8), source.ctypes.data, images,
               transfers_in, transfers_out, results.ctypes.data, ends.ctypes.data,
               round(valid * 256), round(ready * 256), round(memory * 256), latency,
               *memory_turns, *stream_turns, (1 << 64) - 1 if unmarked is None else unmarked, seed,
               cycle_limit)
    status = library.pqhw_run_overlay(ctypes.byref(job))
    if status == 2:
        raise SimulationError(f"results stopped coming after {job.cycles} cycles.")
    if job.misplaced_last:
        raise SimulationError("`last` did not mark the ends of the results of images.")
    return OverlayRun(results, ends, job.cycles, ProgramError(job.error), job.error_block,
                      job.asked_beyond)


def simulate_program(cache: Cache, program: Program, images: np.ndarray, *,
                     target: str = "generic", **stalls: Any) -> OverlayRun:
    """Run images through an overlay with a program; arguments as of `simulate_overlay`.

    Returns
    -------
    Results [R, ...] as the network gives them.

    Raises
    ------
    SimulationError
        Also if the program is refused.
    """
    spec, rows = program.spec, program.results
    run = simulate_overlay(cache, spec, pack_program(program), image_transfers(program, images),
                           rows.transfers, target=target, **stalls)
    if run.error:
        raise SimulationError(f"the program was refused: {run.error.name.lower()}, in block "
                              f"{run.error_block}.")
    if run.asked_beyond:
        raise SimulationError("words were asked for beyond the program's end.")
    units = run.results.reshape(len(images), rows.units, -1)[:, :, :rows.elements]
    return dataclasses.replace(run, results=units.reshape(len(images), *rows.shape))


def image_transfers(program: Program, images: np.ndarray) -> np.ndarray:
    """Images, or rows, as they enter [R, transfers, lanes]."""
    rows = program.input
    units = np.asarray(images, np.int64).reshape(len(images), rows.units, rows.elements)
    missing = -rows.elements % rows.lanes
    return np.pad(units, ((0, 0), (0, 0), (0, missing))).reshape(len(images), -1, rows.lanes)
