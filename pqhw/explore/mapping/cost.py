"""Energy, cycles and fit of mappings: what accesses cost under a model."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from ...spec.fields import SpecError, SpecTypeError, check_fields, integer, show
from .architecture import Architecture, Level
from .counts import Counts, count_accesses
from .nest import Nest, Values
from .packing import Packing
from .workload import TENSORS, Workload

__all__ = ["COMPAT", "OUTPUT_RULES", "Batch", "Bits", "CostModel", "Costs", "Part",
           "moving_cycles"]

COMPAT = ("timeloop-q", "exact")
OUTPUT_RULES = ("v0.3", "v0.4")


@dataclasses.dataclass(frozen=True)
class Bits:
    """Bits of an element of each tensor."""
    inputs: int = integer(1, 64, "bits of an input", default=8)
    weights: int = integer(1, 64, "bits of a weight", default=8)
    outputs: int = integer(1, 64, "bits of an output", default=8)

    def __post_init__(self) -> None:
        check_fields("bits", self)

    def of(self, tensor: str) -> int:
        """Bits of an element of a tensor."""
        return int(getattr(self, tensor))

    def accumulator(self, workload: Workload) -> int:
        """Bits that hold every partial sum."""
        return self.inputs + self.weights + math.ceil(math.log2(workload.reduction))


@dataclasses.dataclass(frozen=True)
class Part:
    """What one level does for one tensor, over all instances.

    Members
    -------
    words_held: of an instance
    words_read, words_written: of an instance, over the whole layer
    energy: pJ of all instances
    """
    words_held: Values
    words_read: Values
    words_written: Values
    energy: Values


@dataclasses.dataclass(frozen=True)
class Costs:
    """What a batch of mappings costs.

    Members
    -------
    energy: pJ
    cycles: with the slowest bandwidth
    valid: where everything fits
    parts: by level, the outermost 0, and tensor
    counts: accesses in elements
    compute_energy: pJ of the multipliers, part of `energy`
    """
    energy: Values
    cycles: Values
    valid: Values
    parts: dict[tuple[int, str], Part]
    counts: Counts
    compute_energy: float

    @property
    def edp(self) -> Values:
        """Energy-delay product in J·cycles."""
        return self.energy * 1e-12 * self.cycles


@dataclasses.dataclass(frozen=True, kw_only=True)
class CostModel:
    """How accesses are counted and what they cost.

    Parameters
    ----------
    compat: ``timeloop-q`` counts as the published search over bit-widths did, on Timeloop:
        groups computed densely, partial sums packed as outputs, words at the innermost memory read
        once for all elements in them, multiplications equally dear whatever their bits, shared
        inputs saved by the innermost loop alone. ``exact`` has none of these.
    output_rule: whether outputs touched for the first time count as fills: ``v0.3`` counts them,
        ``v0.4`` does not; None is ``v0.3`` for timeloop-q and ``v0.4`` for exact
    straddle: with ``exact``, elements may lie across the border of two words

    Raises
    ------
    SpecError
        One sentence naming field, rule and value.
    """
    compat: str = "timeloop-q"
    output_rule: str | None = None
    straddle: bool = False

    def __post_init__(self) -> None:
        for field, words in (("compat", COMPAT), ("output_rule", (*OUTPUT_RULES, None))):
            value = getattr(self, field)
            if value not in words:
                known = " or ".join(word for word in words if word)
                raise SpecError(f"{field} must be {known}, but is {show(value)}.")
        if not isinstance(self.straddle, bool):
            raise SpecTypeError(f"straddle must be true or false, but is {show(self.straddle)}.")
        if self.straddle and not self.exact:
            raise SpecError("straddle must be false with compat = timeloop-q, but is true.")
        if self.output_rule is None:
            object.__setattr__(self, "output_rule", "v0.4" if self.exact else "v0.3")

    @property
    def exact(self) -> bool:
        """Whether none of the reference's simplifications is made."""
        return self.compat == "exact"

    def workload(self, workload: Workload) -> Workload:
        """The workload as the model sees it."""
        return workload if self.exact else workload.dense()

    def check_bits(self, architecture: Architecture, bits: Bits) -> None:
        """Refuse elements that the model cannot pack.

        Raises
        ------
        SpecError
            With timeloop-q, if an element is wider than a word.
        """
        for level in architecture.levels:
            for tensor in TENSORS:
                if not self.exact and bits.of(tensor) > level.word_bits and tensor in level.keeps:
                    raise SpecError(f"bits.{tensor} must be at most {level.word_bits}, the word of "
                                    f"{level.name}, with timeloop-q, but is {bits.of(tensor)}.")

    def multiplication(self, architecture: Architecture, bits: Bits) -> float:
        """pJ of a multiplication: in `exact`, proportional to the product of both widths."""
        compute = architecture.compute
        if not self.exact:
            return compute.energy
        return compute.energy * bits.inputs * bits.weights / compute.bits ** 2

    def count(self, nest: Nest) -> Counts:
        """Accesses in elements."""
        return count_accesses(nest, stepwise_halo=not self.exact,
                              first_fill=self.output_rule == "v0.3")

    def narrowest(self, workload: Workload, tensor: str, bits: Bits) -> int:
        """The fewest bits in which an element of a tensor is held anywhere."""
        if self.exact and tensor == "outputs":
            return min(bits.outputs, bits.accumulator(workload))
        return bits.of(tensor)

    def batch(self, nest: Nest) -> "Batch":
        """The mappings of a nest, whose workload is as the model sees it, ready to be costed."""
        return Batch(self, nest)

    def bound(self, architecture: Architecture, workload: Workload, bits: Bits) -> float:
        """pJ that every mapping costs at least.

        Every element passes every level that keeps its tensor at least once, and the innermost of
        these serves every multiplication, at most as many at a time as it has multipliers below.
        """
        products = workload.multiply_accumulates
        total = products * self.multiplication(architecture, bits)
        for tensor in TENSORS:
            width = self.narrowest(workload, tensor, bits)
            elements = workload.elements(tensor)
            keepers = [index for index, level in enumerate(architecture.levels)
                       if tensor in level.keeps]
            for index in keepers:
                level = architecture.levels[index]
                below = architecture.instances("MAC") // architecture.instances(level.name)
                served = max(elements, products / below) if index == keepers[-1] else elements
                filled = elements if index else 0
                if tensor == "outputs":
                    again = filled if self.output_rule == "v0.3" else 0
                    energy = (served + again) * level.write_energy
                else:
                    energy = served * level.read_energy + filled * level.write_energy
                density = Packing(width, level.word_bits, self.straddle).density
                total += energy / density / level.block / level.cluster
        return total


class Batch:
    """Mappings whose accesses are counted once and costed for any bits."""

    def __init__(self, model: CostModel, nest: Nest):
        self.model, self.nest = model, nest
        self.counts = model.count(nest)
        self._parts: dict[tuple[int, str, int], Part] = {}

    def of(self, bits: Bits) -> Costs:
        """Energy, cycles and fit for some bits."""
        parts = {key: self._part(*key, bits) for key in self.counts.accesses}
        compute = (self.nest.workload.multiply_accumulates
                   * self.model.multiplication(self.nest.architecture, bits))
        energy: Values = compute
        for part in parts.values():
            energy = energy + part.energy
        cycles, valid = self._limits(parts)
        return Costs(energy, cycles, valid, parts, self.counts, compute)

    def _part(self, level: int, tensor: str, bits: Bits) -> Part:
        own = self._packed(level, tensor, bits.of(tensor))
        if not self.model.exact or tensor != "outputs":
            return own
        wide = self._packed(level, tensor, bits.accumulator(self.nest.workload))
        partial = self.counts.accesses[level, tensor].partial
        return Part(*(np.where(partial, getattr(wide, field.name), getattr(own, field.name))
                      for field in dataclasses.fields(Part)))

    def _packed(self, level: int, tensor: str, width: int) -> Part:
        memory = self.nest.architecture.levels[level]
        packing = Packing(width, memory.word_bits, self.model.straddle)
        same = packing.per_word if not self.model.exact else -width
        key = level, tensor, same
        if key not in self._parts:
            self._parts[key] = self._cost(level, tensor, packing)
        return self._parts[key]

    def _cost(self, level: int, tensor: str, packing: Packing) -> Part:
        memory, access = self.nest.architecture.levels[level], self.counts.accesses[level, tensor]
        read = updated = packing.words
        unpacked = 0.0
        if self.model.exact and access.innermost:
            if memory.unpack_energy is None or tensor == "outputs":
                read = updated = packing.words_one_by_one
            else:
                unpacked = memory.unpack_energy
        words = read(access.reads), packing.words(access.fills), updated(access.updates)
        reads, fills, updates = (-(-count // memory.block) for count in words)
        used = self.counts.instances[level]
        energy = -(-used // memory.cluster) * (reads * memory.read_energy
                                               + (fills + updates) * memory.write_energy)
        if unpacked:
            energy = energy + used * access.reads * unpacked
        return Part(packing.words(access.tile), words[0], words[1] + words[2], energy)

    def _limits(self, parts: dict[tuple[int, str], Part]) -> tuple[Values, Values]:
        """Cycles with the slowest bandwidth, and where everything fits."""
        cycles, valid = self.counts.cycles, np.True_
        for index, level in enumerate(self.nest.architecture.levels):
            own = [part for (where, _), part in parts.items() if where == index]
            if level.entries is not None and own:
                valid = valid & (sum(part.words_held for part in own) <= level.entries)
            for moving in moving_cycles(level, own):
                cycles = np.maximum(cycles, moving)
        return cycles, valid


def moving_cycles(level: Level, parts: Sequence[Part]) -> Iterator[Values]:
    """Cycles in which a level's words are read, and those in which they are written, as far as its
    bandwidths have a limit."""
    for bandwidth, field in ((level.read_bandwidth, "words_read"),
                             (level.write_bandwidth, "words_written")):
        if bandwidth is not None and parts:
            moved = sum(getattr(part, field) for part in parts)
            yield np.ceil(moved / bandwidth).astype(np.int64)
