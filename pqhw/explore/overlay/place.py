"""Where tensors stand in the banks of an overlay while they are needed."""

from collections.abc import Sequence

from ...spec.conv import Conv2d
from ...spec.fields import SpecError
from ...spec.network import Engine
from ...spec.pq import PQSpec
from .steps import CHANNEL_WORDS, Step, Tensor

__all__ = ["place_tensors"]

MOST_TRIALS = 20_000
"""Placements of single tensors after which none is looked for any more."""


def place_tensors(first: Tensor, steps: Sequence[Step], room: int) -> int:
    """Give every tensor an address; returns the words of a bank that are used.

    Each goes to the lowest place that is free while it is needed, or to the highest, where the
    others would not fit otherwise.

    Raises
    ------
    SpecError
        If there is no way that is found.
    """
    return _Placer(first, steps, room).run()


class _Placer:
    def __init__(self, first: Tensor, steps: Sequence[Step], room: int):
        self.steps, self.room = steps, room
        self.last: dict[Tensor, int] = {first: 0}
        begins: dict[Tensor, int] = {first: -1}
        for index, step in enumerate(steps):
            for tensor in (step.source, step.add.tensor if step.add else None, step.target):
                if tensor is not None:
                    self.last[tensor] = index
            if step.target is not None:
                begins.setdefault(step.target, index)
        self.begins = begins
        self.tensors = sorted(begins, key=lambda tensor: begins[tensor])
        self.trials = 0
        self.deepest = 0

    def run(self) -> int:
        """Place all, or say where it ends."""
        if not self.placed(0, []):
            tensor = self.tensors[self.deepest]
            raise SpecError(f"{tensor.name}: activations that must stand at once must fit "
                            f"overlay.activation_words = {self.room} words of a bank, but with "
                            f"these, {self.needed(self.begins[tensor])}, no way was found.")
        return max(tensor.start + tensor.size for tensor in self.tensors)

    def needed(self, index: int) -> int:
        """Words of all tensors that are read or given by a step, or by steps around it."""
        return sum(one.size for one in self.tensors
                   if self.begins[one] <= index <= self.last[one])

    def replaces(self, tensor: Tensor) -> Tensor | None:
        """What a tensor may stand in place of: every word of it is read before the result that
        replaces it is stored."""
        index = self.begins[tensor]
        if index < 0:
            return None
        add, source = self.steps[index].add, self.steps[index].source
        if (add is None or add.before or self.last[add.tensor] != index or add.tensor is source
                or add.tensor.shape != tensor.shape):
            return None
        return add.tensor

    def placed(self, number: int, held: list[Tensor]) -> bool:
        """Place the tensors from `number` on beside those held."""
        if number == len(self.tensors):
            return True
        self.deepest = max(self.deepest, number)
        tensor = self.tensors[number]
        held = [own for own in held if self.last[own] >= self.begins[tensor]]
        for start, in_place in self.choices(tensor, held):
            self.trials += 1
            if self.trials > MOST_TRIALS:
                return False
            tensor.start = start
            if self.begins[tensor] >= 0:
                self.steps[self.begins[tensor]].in_place = in_place
            if self.placed(number + 1, [*held, tensor]):
                return True
        return False

    def choices(self, tensor: Tensor, held: Sequence[Tensor]) -> list[tuple[int, bool]]:
        """Places that a tensor may have, and whether what it is computed from must be encoded
        before, as it is replaced."""
        replaced = self.replaces(tensor)
        if replaced is not None:
            return [(replaced.start, False)]
        found = [(start, False) for start in self.places(tensor, held)]
        index = self.begins[tensor]
        if index < 0:
            return found
        step = self.steps[index]
        source = step.source
        if source is None or self.last[source] != index or not isinstance(step.op, Engine):
            return found
        others = [own for own in held if own is not source]
        engine = step.op.spec
        if isinstance(engine, PQSpec):
            return found + [(start, True) for start in self.places(tensor, others)]
        if isinstance(engine.layer, Conv2d) and engine.layer.groups > 1:
            # Words are computed in their order, and replace those before.
            start = source.start - CHANNEL_WORDS * tensor.plane
            if start >= 0 and all(start + tensor.size <= own.start or own.start + own.size <= start
                                  for own in others):
                found.append((start, False))
        return found

    def places(self, tensor: Tensor, held: Sequence[Tensor]) -> list[int]:
        """The lowest and the highest free place."""
        taken = sorted((own.start, own.start + own.size) for own in held)
        gaps, at = [], 0
        for start, end in [*taken, (self.room, self.room)]:
            if start - at >= tensor.size:
                gaps.append((at, start))
            at = max(at, end)
        if not gaps:
            return []
        return list(dict.fromkeys((gaps[0][0], gaps[-1][1] - tensor.size)))
