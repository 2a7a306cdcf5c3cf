"""The longest path of a design by structure, and the features that its clock depends on.

A path is a register, wires, so many LUT4 and a carry chain. What it takes on ECP5 (speed grade 6)
is known well enough from routed designs to say which path is the longest; how long it becomes is
fitted. The other devices are slower by a factor.
"""

import math

import numpy as np

from ..spec import ChainSpec, DistanceSpec, EncoderSpec, EngineSpec, PQSpec, TreeSpec
from ..spec.devices import Device
from ..spec.ranges import ceil_div, ceil_log2
from .area import area_of

__all__ = ["FEATURES", "features", "longest_path", "paths"]

FEATURES = ("constant", "longest path, ns", "log2 LUT4")

SLOWER = {"lfe5u-25f": 1.0, "lfe5u-85f": 1.0, "ice40hx8k": 1.35, "ice40up5k": 3.4}
"""How much longer a path is than on ECP5."""

WIRE = 0.9
"""A wire between two cells of a path, in ns."""

LUT = WIRE + 0.25
CLOCK_TO_Q = 0.5
CARRY_ENDS = WIRE + 0.85
CARRY_BIT = 0.035

BORDER = CLOCK_TO_Q + 4 * LUT
"""Whether a row is under way: counters compared, guard, loader."""

BLOCK_RAM = {False: 6.8, True: 1.0}
"""From the clock to a word of a block RAM on ECP5 and a long wire from it, without and with its
output register."""

JOIN = 0.9
"""A level of multiplexers between banks of LUT RAM; some are joined within a slice."""


def chain_path(width: int) -> float:
    """A sum, difference or comparison of `width` bits between two registers."""
    return CARRY_ENDS + CARRY_BIT * width


def paths(chain: ChainSpec, part: Device) -> dict[str, float]:
    """The longest path of every kind that a design has, in ns on ECP5."""
    found = {"border": BORDER + 0.1 * ceil_log2(chain.load_bits)}
    for spec in chain.stages:
        for name, delay in _engine_paths(spec, part).items():
            found[name] = max(delay, found.get(name, 0.0))
    return found


def _engine_paths(spec: EngineSpec, part: Device) -> dict[str, float]:
    found = {"sums": CLOCK_TO_Q + chain_path(spec.accumulator_bits)}
    for section in spec.all_sections():
        if section.kind in ("tables", "weights", "prototypes"):
            store = _store(spec, section.kind)
            if section.kind in spec.constant_kinds and store != "bram":
                continue
            width = spec.sum_range.bits if section.kind == "tables" else 10
            found[section.kind] = (_memory_path(spec, part, store, section.words)
                                   + (chain_path(width) if store == "bram" else 0))
    if spec.output is not None and spec.loaded_shift:
        found["shifter"] = CLOCK_TO_Q + WIRE + LUT * (1 + 0.5 * spec.max_shift.bit_length())
    if spec.output is not None and spec.output.mode == "scale":
        found["rounding"] = CLOCK_TO_Q + chain_path(spec.accumulator_bits + 17)
    if isinstance(spec, PQSpec):
        found |= _encoder_paths(spec.encoder)
    elif spec.engine.multiplier == "lut":
        found["product"] = CLOCK_TO_Q + 2 * chain_path(12)
    return found


def _store(spec: EngineSpec, kind: str) -> str:
    if not isinstance(spec, PQSpec):
        return str(getattr(spec, "weight_store", "bram"))
    if kind == "tables":
        return spec.table_store
    return getattr(spec.encoder, "prototype_store", "lutram")


def _memory_path(spec: EngineSpec, part: Device, store: str, words: int) -> float:
    """From an address, or the clock of a block RAM, to a word."""
    if store == "bram":
        registered = spec.engine.bram_register
        return BLOCK_RAM[registered] if part.family == "ecp5" else (0.5 if registered else 2.0)
    if store == "lutram":
        banks = ceil_div(words, 16)
        return CLOCK_TO_Q + 2 * WIRE + (LUT + JOIN * ceil_log2(banks) if banks > 1 else 0)
    if store == "rom":  # A slice joins four LUT4, 64 words, without a wire.
        return CLOCK_TO_Q + WIRE + LUT * max(1, ceil_log2(words) - 5)
    return 0.0


def _encoder_paths(spec: EncoderSpec) -> dict[str, float]:
    if isinstance(spec, TreeSpec):
        return {"comparison": CLOCK_TO_Q + chain_path(spec.compared_range.bits) + WIRE}
    assert isinstance(spec, DistanceSpec)
    width = spec.distance_range.bits
    found = {"comparison": CLOCK_TO_Q + chain_path(width) + WIRE + LUT}
    bits = spec.difference_range.magnitude().bits
    if spec.engine.encoder == "l2" and bits > 6 and spec.engine.multiplier == "lut":
        found["square"] = CLOCK_TO_Q + 2 * LUT + 3.5 * chain_path(bits)
    elif spec.engine.encoder == "l2" and bits <= 6:
        found["square"] = CLOCK_TO_Q + LUT * max(1, bits - 2)
    return found


def longest_path(chain: ChainSpec, part: Device) -> tuple[str, float]:
    """The kind of the path that limits the clock, and what it takes in ns on ECP5."""
    found = paths(chain, part)
    name = max(found, key=found.__getitem__)
    return name, found[name]


def features(chain: ChainSpec, part: Device) -> np.ndarray:
    """The features in the order of `FEATURES`, as long as they are on this device."""
    size = math.log2(max(2, area_of(chain, part).lut4))
    return SLOWER[part.name] * np.array([1.0, longest_path(chain, part)[1], size])
