"""One mapping: the loops of a layer on an architecture; printed, written down and read back."""

import dataclasses
import re
from collections.abc import Mapping as MappingType
from typing import Any

import numpy as np

from ...spec.fields import SpecError, SpecTypeError, show
from .architecture import AXES, Architecture
from .nest import Nest, Slot
from .workload import DIMENSIONS, Workload

__all__ = ["Mapping"]

LOOP = re.compile(rf"([{DIMENSIONS}])(\d+)")


@dataclasses.dataclass(frozen=True)
class Mapping:
    """The loops at every level, from the outer to the inner; loops of factor 1 are left out.

    Parameters
    ----------
    loops: by place, such as ``GLB`` for loops in time and ``GLB.x`` for those unrolled over the
        instances below: pairs of dimension and factor

    Raises
    ------
    SpecError
        If a dimension stands twice in one place.
    """
    loops: MappingType[str, tuple[tuple[str, int], ...]]

    def __post_init__(self) -> None:
        kept = {}
        for place, loops in self.loops.items():
            named = [dimension for dimension, _ in loops]
            for dimension, factor in loops:
                if dimension not in DIMENSIONS or named.count(dimension) > 1:
                    raise SpecError(f"{place} must loop over different dimensions of {DIMENSIONS}, "
                                    f"but over {' '.join(named)}.")
                if isinstance(factor, bool) or not isinstance(factor, int) or factor < 1:
                    raise SpecError(f"{place}.{dimension} must be a factor of 1 or more, "
                                    f"but is {show(factor)}.")
            loops = tuple((dimension, factor) for dimension, factor in loops if factor > 1)
            if loops:
                kept[place] = loops
        object.__setattr__(self, "loops", kept)

    @classmethod
    def parse(cls, text: str) -> "Mapping":
        """A mapping from one line such as ``DRAM C4 M2 | GLB P8 | GLB.x Q14 | psum M8``.

        Raises
        ------
        SpecError
            One sentence naming the part that is not understood.
        """
        loops: dict[str, tuple[tuple[str, int], ...]] = {}
        for part in text.split("|"):
            place, *words = part.split() or [""]
            found = [LOOP.fullmatch(word) for word in words]
            if not place or place in loops or None in found:
                raise SpecError(f"a mapping must be places with their loops, such as DRAM C4 M2 | "
                                f"GLB P8, each place once, but a part is {show(part.strip())}.")
            loops[place] = tuple((match[1], int(match[2])) for match in found if match)
        return cls(loops)

    @property
    def text(self) -> str:
        """The mapping in one line, which `parse` reads."""
        return " | ".join(f"{place} {' '.join(f'{name}{factor}' for name, factor in loops)}"
                          for place, loops in self.loops.items())

    def to_json(self) -> dict[str, list[list[Any]]]:
        """By place, pairs of dimension and factor."""
        return {place: [[name, factor] for name, factor in loops]
                for place, loops in self.loops.items()}

    @classmethod
    def from_json(cls, document: Any) -> "Mapping":
        """A mapping from what `to_json` gives.

        Raises
        ------
        SpecError, SpecTypeError
            If it is anything else.
        """
        try:
            return cls({str(place): tuple((str(name), factor) for name, factor in loops)
                        for place, loops in document.items()})
        except (AttributeError, TypeError, ValueError) as error:
            if isinstance(error, SpecError):
                raise
            raise SpecTypeError(f"a mapping must be places with pairs of dimension and factor, "
                                f"but is {show(document)}.") from None

    def nest(self, architecture: Architecture, workload: Workload) -> Nest:
        """The loops as they are costed.

        Raises
        ------
        SpecError
            If a place is not one of the architecture, the factors of a dimension do not multiply
            to its size, or more instances are used than there are.
        """
        index = {level.name: number for number, level in enumerate(architecture.levels)}
        orders = [""] * len(index)
        factors: dict[Slot, int] = {}
        for place, loops in self.loops.items():
            name, _, axis = place.partition(".")
            if name not in index or axis not in ("", *AXES):
                raise SpecError(f"a place must be one of {', '.join(index)} of {architecture.name}"
                                f", or one of these with .x or .y, but is {place}.")
            for dimension, factor in loops:
                factors[Slot(index[name], axis or "t", dimension)] = factor
            if axis:
                self._check_fanout(architecture, name, axis)
            else:
                orders[index[name]] = "".join(dimension for dimension, _ in reversed(loops))
        for dimension, size in workload.sizes.items():
            product = 1
            for slot, factor in factors.items():
                product *= factor if slot.dimension == dimension else 1
            if product != size:
                raise SpecError(f"factors of {dimension} must multiply to {size}, "
                                f"but multiply to {product}.")
        return Nest.of(architecture, workload, orders, factors)

    def _check_fanout(self, architecture: Architecture, name: str, axis: str) -> None:
        fanout = architecture.level(name).fanout(axis)
        used = int(np.prod([factor for _, factor in self.loops[f"{name}.{axis}"]]))
        most = fanout.size if fanout else 1
        if used > most:
            raise SpecError(f"{name}.{axis} must use at most {most} instances, but uses {used}.")

    @classmethod
    def of(cls, architecture: Architecture, orders: MappingType[int, str] | list[str],
           factors: MappingType[Slot, int]) -> "Mapping":
        """A mapping from factors by slot and orders from the inner to the outer loop."""
        loops: dict[str, tuple[tuple[str, int], ...]] = {}
        for number, level in enumerate(architecture.levels):
            loops[level.name] = tuple(
                (dimension, int(factors.get(Slot(number, "t", dimension), 1)))
                for dimension in reversed(orders[number]))
            for axis in AXES:
                loops[f"{level.name}.{axis}"] = tuple(
                    (dimension, int(factors.get(Slot(number, axis, dimension), 1)))
                    for dimension in DIMENSIONS)
        return cls(loops)

    def lines(self, architecture: Architecture) -> list[str]:
        """The mapping as a loop nest, a line per loop, deeper loops further in."""
        lines: list[str] = []
        for level in architecture.levels:
            tensors = ", ".join(sorted(level.keeps)) or "nothing"
            indent = "  " * sum("for" in line for line in lines)
            lines.append(f"{indent}{level.name} holds {tensors}")
            for place, word in ((level.name, "for"), (f"{level.name}.x", "parallel-for"),
                                (f"{level.name}.y", "parallel-for")):
                axis = place[len(level.name) + 1:]
                for dimension, factor in self.loops.get(place, ()):
                    indent = "  " * sum("for " in line for line in lines)
                    tail = f"  # along {axis}" if axis else ""
                    lines.append(f"{indent}{word} {dimension.lower()} in 0..{factor}{tail}")
        indent = "  " * sum("for " in line for line in lines)
        return [*lines, f"{indent}multiply, add"]
