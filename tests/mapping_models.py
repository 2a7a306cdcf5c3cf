"""Loop nests walked step by step, in sets of elements: what closed forms must equal."""

import itertools
import random

from pqhw.explore.mapping.architecture import Architecture, Compute, Fanout, Level, Rule
from pqhw.explore.mapping.mapping import Mapping
from pqhw.explore.mapping.workload import DIMENSIONS, RELEVANT, Workload

FREE = Rule(only=DIMENSIONS)


def random_case(seed, *, most=5):
    """An architecture of odd structure, a small workload and a mapping of one on the other."""
    rng = random.Random(seed)
    tensors = ("weights", "inputs", "outputs")
    levels = []
    for index in range(rng.randint(1, most)):
        keeps = frozenset(tensors if index == 0 else
                          [tensor for tensor in tensors if rng.random() < 0.6])
        fans = {axis: Fanout(size=12, rule=FREE) for axis in "xy" if rng.random() < 0.5}
        levels.append(Level(name=f"L{index}", keeps=keeps, word_bits=16, temporal=FREE, **fans))
    architecture = Architecture(name="odd", title="odd", levels=tuple(levels),
                                compute=Compute(energy=1.0, bits=16))
    places = [(level.name, axis) for level in levels for axis in ("", *(
        axis for axis in "xy" if level.fanout(axis)))]
    loops = {place: [] for place in places}
    sizes = dict.fromkeys(DIMENSIONS, 1)
    budget = 400
    for dimension in rng.choices(DIMENSIONS, k=8):
        factor, place = rng.choice((2, 2, 2, 3, 4)), rng.choice(places)
        used = 1
        for _, own in loops[place]:
            used *= own
        if (any(name == dimension for name, _ in loops[place]) or factor > budget
                or (place[1] and used * factor > 12)):
            continue
        loops[place].append((dimension, factor))
        sizes[dimension] *= factor
        budget //= factor
    workload = Workload(stride=(rng.randint(1, 3), rng.randint(1, 3)), **sizes)
    mapping = Mapping({name + (f".{axis}" if axis else ""): tuple(own)
                       for (name, axis), own in loops.items()})
    return architecture, workload, mapping


def element(workload, tensor, point):
    """The element of a tensor that one multiplication uses."""
    if tensor != "inputs":
        return tuple(point[name] for name in RELEVANT[tensor])
    return (point["N"], point["G"], point["C"], point["P"] * workload.stride[0] + point["R"],
            point["Q"] * workload.stride[1] + point["S"])


def box(workload, tensor, base, extent):
    """The tile of a tensor that loops of some extent touch: inputs as a full rectangle."""
    if tensor != "inputs":
        return frozenset(itertools.product(*(range(base[name], base[name] + extent[name])
                                             for name in RELEVANT[tensor])))
    top = {name: base[name] + extent[name] - 1 for name in DIMENSIONS}
    low, high = element(workload, tensor, base), element(workload, tensor, top)
    return frozenset(itertools.product(*(range(a, b + 1) for a, b in zip(low, high))))


class Walk:
    """All loops of a nest, walked one iteration after another."""

    def __init__(self, architecture, workload, mapping):
        self.workload, self.levels = workload, len(architecture.levels)
        self.loops = mapping.nest(architecture, workload).loops

    def extent(self, level):
        extent = dict.fromkeys(DIMENSIONS, 1)
        for loop in self.loops:
            if loop.slot.level >= level:
                extent[loop.slot.dimension] *= loop.factor
        return extent

    def bases(self, loops):
        """Where each iteration of some loops begins, the outermost the slowest."""
        outward = list(reversed(loops))
        for index in itertools.product(*(range(loop.factor) for loop in outward)):
            base = dict.fromkeys(DIMENSIONS, 0)
            for loop, step in zip(outward, index):
                base[loop.slot.dimension] += step * loop.step
            yield base

    def time(self, level):
        return [loop for loop in self.loops if loop.slot.level < level and loop.slot.axis == "t"]

    def space(self, outer, inner):
        return [loop for loop in self.loops
                if outer <= loop.slot.level < inner and loop.slot.axis != "t"]

    def tiles(self, tensor, level):
        """The tile of the first instance of a level, step by step."""
        extent = self.extent(level)
        for base in self.bases(self.time(level)):
            yield box(self.workload, tensor, base, extent)

    def fills(self, tensor, level):
        """Elements that come in where what consecutive tiles share stays."""
        total, before = 0, frozenset()
        for tile in self.tiles(tensor, level):
            total += len(tile - before)
            before = tile
        return total

    def distinct(self, tensor, level):
        return len(frozenset().union(*self.tiles(tensor, level)))

    def sent(self, tensor, outer, inner):
        """Elements that an instance of a level exchanges with all below it: once for instances
        of one place in the tensor's own loops."""
        extent = self.extent(inner)
        offsets = [{name: base[name] if name in RELEVANT[tensor] else 0 for name in DIMENSIONS}
                   for base in self.bases(self.space(outer, inner))]
        offsets = [dict(own) for own in sorted({tuple(one.items()) for one in offsets})]
        total, before = 0, [frozenset()] * len(offsets)
        for step in self.bases(self.time(inner)):
            tiles = [box(self.workload, tensor, {name: step[name] + offset[name]
                                                 for name in DIMENSIONS}, extent)
                     for offset in offsets]
            total += sum(len(tile - last) for tile, last in zip(tiles, before))
            if inner < self.levels:       # multipliers hold nothing
                before = tiles
        return total


def reference_fills(walk, tensor, level):
    """Elements that come in as the reference follows them: iterations 0 and 1 of each loop, the
    latter standing for all that follow; what tiles share is saved while they move evenly."""
    extent = walk.extent(level)
    loops = walk.time(level)
    last = {"tile": None, "base": None, "move": None}

    def visit(base):
        tile = box(walk.workload, tensor, base, extent)
        place = element(walk.workload, tensor, base)
        move = None
        if last["tile"] is not None:
            move = tuple(a - b for a, b in zip(place, last["base"]))
        if last["move"] is None or move == last["move"]:
            fresh = len(tile - (last["tile"] or frozenset()))
            last["move"] = move
        else:
            fresh = len(tile)
            last["move"] = None
        last["tile"], last["base"] = tile, place
        return fresh

    def run(depth, base):
        if depth < 0:
            return visit(base)
        loop = loops[depth]
        total = run(depth - 1, base)
        if loop.factor > 1:
            moved = dict(base)
            moved[loop.slot.dimension] += loop.step
            total += (loop.factor - 1) * run(depth - 1, moved)
        return total

    return run(len(loops) - 1, dict.fromkeys(DIMENSIONS, 0))
