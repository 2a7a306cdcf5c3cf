"""On what is mapped: levels of memory, the instances below them, and what each may loop over."""

import dataclasses
from collections.abc import Mapping

from ...spec.fields import SpecError
from .workload import TENSORS, Workload

__all__ = ["AXES", "Architecture", "Compute", "Fanout", "Level", "Rule"]

AXES = ("x", "y")
"""The directions of a grid of instances; each has a rule of its own."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rule:
    """Which loops may stand in one place, and how.

    Parameters
    ----------
    only: dimensions that may have a factor above 1
    whole: dimensions that stand here entirely, and nowhere else
    fixed: a dimension's factor, or all of the dimension where that is smaller
    order: dimensions of `only` from the inner to the outer loop; empty leaves the order open
    """
    only: str
    whole: str = ""
    fixed: Mapping[str, int] = dataclasses.field(default_factory=dict)
    order: str = ""

    def factor(self, dimension: str, size: int) -> int | None:
        """The factor of a dimension of `size` where the rule leaves no choice."""
        if dimension in self.whole:
            return size
        if dimension in self.fixed:
            return min(self.fixed[dimension], size)
        return 1 if dimension not in self.only or size == 1 else None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fanout:
    """Instances of what is inside a level, in one direction.

    Parameters
    ----------
    size: instances at most
    rule: the loops that are unrolled over them
    """
    size: int
    rule: Rule


@dataclasses.dataclass(frozen=True, kw_only=True)
class Level:
    """A memory, and the loops that run over what it holds.

    Parameters
    ----------
    name: unique, a word
    keeps: tensors that are held; others pass by to the next level that holds them
    entries: words of an instance; None is no limit
    word_bits: bits of a word
    block: words that one access reads or writes
    read_energy, write_energy: pJ of such an access
    read_bandwidth, write_bandwidth: words per cycle and instance; None is no limit
    cluster: instances that share one access
    unpack_energy: pJ per element of a register that holds the word being read; None: no register
    temporal: the loops at this level
    x, y: instances below each instance; None is one
    """
    name: str
    keeps: frozenset[str]
    word_bits: int
    entries: int | None = None
    block: int = 1
    read_energy: float = 0.0
    write_energy: float = 0.0
    read_bandwidth: float | None = None
    write_bandwidth: float | None = None
    cluster: int = 1
    unpack_energy: float | None = None
    temporal: Rule
    x: Fanout | None = None
    y: Fanout | None = None

    def fanout(self, axis: str) -> Fanout | None:
        """The instances in one direction."""
        return self.x if axis == "x" else self.y


@dataclasses.dataclass(frozen=True, kw_only=True)
class Compute:
    """The multiplier and adder innermost.

    Parameters
    ----------
    energy: pJ of a multiplication and addition
    bits: of both operands, for which that holds
    """
    energy: float
    bits: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
    """Levels of memory from the outermost to the innermost, and multipliers inside.

    Parameters
    ----------
    name, title: a word, and in full
    levels: at least one; the outermost keeps every tensor
    compute: the multipliers

    Raises
    ------
    SpecError
        One sentence naming field, rule and value.
    """
    name: str
    title: str
    levels: tuple[Level, ...]
    compute: Compute

    def __post_init__(self) -> None:
        names = [level.name for level in self.levels]
        if not names:
            raise SpecError("level must list at least one memory, but lists none.")
        for name in names:
            if names.count(name) > 1:
                raise SpecError(f"level.name must differ between levels, but {name} stands twice.")
        missing = [tensor for tensor in TENSORS if tensor not in self.levels[0].keeps]
        if missing:
            raise SpecError(f"{names[0]}.keeps must hold every tensor, as it is the outermost "
                            f"level, but lacks {', '.join(missing)}.")
        if self.levels[0].entries is not None:
            raise SpecError(f"{names[0]}.entries must be left out, as the outermost level has no "
                            f"limit, but is {self.levels[0].entries}.")
        taken: dict[str, str] = {}
        for number, axis, rule in self.places():
            place = names[number] + ("" if axis == "t" else f".{axis}")
            for dimension in rule.whole:
                if dimension in taken:
                    raise SpecError(f"{place}.whole must not name {dimension}, which stands "
                                    f"entirely in {taken[dimension]}.")
                taken[dimension] = place

    def places(self) -> list[tuple[int, str, Rule]]:
        """Where loops may stand, from the outside in: index of the level; ``t`` for loops in time,
        ``x`` or ``y`` for those unrolled; and the rule."""
        found = []
        for number, level in enumerate(self.levels):
            found.append((number, "t", level.temporal))
            for axis in AXES:
                fanout = level.fanout(axis)
                if fanout is not None:
                    found.append((number, axis, fanout.rule))
        return found

    def level(self, name: str) -> Level:
        """A level by name.

        Raises
        ------
        SpecError
            If there is none.
        """
        for level in self.levels:
            if level.name == name:
                return level
        raise SpecError(f"level must be one of {', '.join(one.name for one in self.levels)}, "
                        f"but is {name}.")

    def instances(self, name: str) -> int:
        """Instances of a level, or of the multipliers where `name` is ``MAC``."""
        total = 1
        for level in self.levels:
            if level.name == name:
                return total
            for axis in AXES:
                fanout = level.fanout(axis)
                total *= 1 if fanout is None else fanout.size
        if name != "MAC":
            self.level(name)
        return total

    def check_admits(self, workload: Workload) -> None:
        """Refuse a workload with a dimension that no place may loop over."""
        for dimension, size in workload.sizes.items():
            if size > 1 and not any(dimension in rule.only
                                    for *_, rule in self.places()):
                raise SpecError(f"{dimension} must be 1, as no level of {self.name} loops over "
                                f"it, but is {size}.")
