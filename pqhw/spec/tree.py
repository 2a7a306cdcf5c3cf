"""The spec of the tree encoder: log2 K comparisons of single elements with thresholds."""

import dataclasses
import functools
from typing import Any

from .encoder import EncoderSpec
from .storage import read_stages, storage
from .image import Section
from .ranges import Range, ceil_log2

__all__ = ["TreeSpec"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TreeSpec(EncoderSpec):
    """An encoder that walks down a binary tree, one element and one threshold per level.

    Level t has 2**t nodes and compares element `split_dims[s, t]` of sub-vector s. Every level
    works on another sub-vector in the same cycle, hence a group of sub-vectors per cycle.
    """

    @property
    def depth(self) -> int:
        """Levels: log2 K."""
        return self.code_bits

    @property
    def encode_cycles(self) -> int:
        """Cycles spent on one group of sub-vectors."""
        return 1

    @property
    def compared_range(self) -> Range:
        """What holds both an element and a threshold."""
        one, other = self.activation_range, self.prototype_range
        return Range(min(one.low, other.low), max(one.high, other.high))

    # -- Split dimensions ------------------------------------------------------------------

    @property
    def dim_bits(self) -> int:
        """Bits of a split dimension: ceil(log2 V)."""
        return ceil_log2(self.engine.subvector_length)

    @property
    def fixed_dims(self) -> tuple[tuple[int, ...], ...] | None:
        """Split dimensions that the spec fixes: one row for all sub-vectors, or one for each."""
        if self.engine.subvector_length == 1:
            return ((0,) * self.depth,)
        return self.engine.split_dims

    @property
    def loads_dims(self) -> bool:
        """Whether split dimensions come with the parameter image."""
        return self.fixed_dims is None and "split_dims" not in self.constant_kinds

    @functools.cached_property
    def built_dims(self) -> tuple[tuple[int, ...], ...] | None:
        """Split dimensions that the logic is built for, where they are known."""
        if self.fixed_dims is not None or self.constants is None:
            return self.fixed_dims
        if "split_dims" not in self.constants.words:
            return None
        words = self.constants.words["split_dims"].reshape(self.trees, -1, self.depth)
        if self.engine.shared_prototypes:
            return (tuple(words[0, 0].tolist()),)
        whole = words.reshape(self.layer.sets, -1, self.depth)[:, :self.subspaces]
        return tuple(map(tuple, whole.reshape(-1, self.depth).tolist()))

    def dims_of(self, lane: int, level: int) -> list[int]:
        """The built-in split dimension of a lane's level, place by place; else empty.

        A sub-vector that pads the last group is split as the last one.
        """
        rows = self.built_dims
        if rows is None:
            return []
        if len(rows) == 1:
            return [rows[0][level]]
        last = self.subspaces - 1
        return [rows[start * self.subspaces + min(group * self.lanes + lane, last)][level]
                for start in range(self.layer.sets) for group in range(self.groups)]

    def choices_of(self, lane: int, level: int) -> list[int]:
        """The elements among which a lane's level chooses."""
        return sorted(set(self.dims_of(lane, level))) or list(range(self.engine.subvector_length))

    @property
    def dims_store(self) -> str:
        """Where loaded split dimensions stand: register, lutram or bram."""
        return storage(self.engine, self.engine.prototype_storage, self.trees,
                       lutram_words=16)

    @property
    def dims_stages(self) -> int:
        """Cycles from a group to its loaded split dimensions."""
        return read_stages(self.engine, self.dims_store) if self.loads_dims else 0

    @property
    def select_stages(self) -> int:
        """Registers of the multiplexers in front of the comparisons, which choose between two.

        Loaded or constant split dimensions may be any.
        """
        most = self.engine.subvector_length
        if self.fixed_dims is not None:
            most = max(len(self.choices_of(lane, level))
                       for lane in range(self.lanes) for level in range(self.depth))
        return int(most > 2) + int(most > 16)

    # -- Thresholds ------------------------------------------------------------------------

    @property
    def places(self) -> int:
        """Groups of sub-vectors until parameters come round again."""
        return self.layer.sets * self.groups

    @property
    def trees(self) -> int:
        """Trees of a lane: one per place, or one where they are shared."""
        return 1 if self.engine.shared_prototypes else self.places

    def level_words(self, level: int) -> int:
        """Depth of the threshold memory of a level."""
        return self.trees << level

    def level_store(self, level: int) -> str:
        """Where the thresholds of a level stand: register, lutram or bram."""
        return storage(self.engine, self.engine.prototype_storage, self.level_words(level),
                       lutram_words=16)

    def level_stages(self, level: int) -> int:
        """Cycles from a node to its threshold."""
        return read_stages(self.engine, self.level_store(level))

    def compared_at(self, level: int) -> int:
        """Cycles from a group's arrival to the comparisons of a level.

        The root's threshold is read while its element is chosen.
        """
        if level == 0:
            return max(self.dims_stages + self.select_stages, self.level_stages(0))
        return self.compared_at(level - 1) + 1 + self.level_stages(level)

    @property
    def encoder_stages(self) -> int:
        """Registers: split dimensions, multiplexers, then a threshold and a bit per level."""
        return self.compared_at(self.depth - 1) + 1

    # -- Parameters ------------------------------------------------------------------------

    @property
    def arrangement(self) -> list[Any]:
        """The lanes, which the order of the stored parameters follows, and what is built in."""
        return [self.lanes, *map(list, self.engine.split_dims or ())]

    def sections(self, stage: int = 0) -> list[Section]:
        """Thresholds in heap order from 1 on, entry 0 unused; split dimensions if loaded."""
        lanes = 1 if self.engine.shared_prototypes else self.lanes
        make = functools.partial(Section, stage=stage, load_bits=self.engine.load_bits,
                                 copies=self.engine.copies)
        thresholds = make(kind="thresholds", words=self.trees << self.depth, banks=lanes, fields=1,
                          field_bits=self.precision.prototype_bits)
        if self.fixed_dims is not None:
            return [thresholds]
        return [thresholds, make(kind="split_dims", words=self.trees, fields=lanes * self.depth,
                                 field_bits=self.dim_bits)]
