"""How many points a search looks at in a second, beside the estimator's own one by one.

    python benchmarks/search_points.py

Processor time, the best of several runs. Whole searches are of all kinds of engines, with every
memory and number of DSP blocks, up to the front.
"""

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from pqhw.explore.estimate import estimate
from pqhw.explore.search.combine import Evaluator
from pqhw.explore.search.costs import OperatorCost
from pqhw.explore.search.grid import layer_grid
from pqhw.explore.search.plan import Choice, Search
from pqhw.explore.search.run import SearchResult, run_search
from pqhw.explore.size import KINDS, parse_budget
from pqhw.flow.area import available
from pqhw.spec import (Layer, MACEngine, MACFolding, MACPrecision, MACSpec, PQEngine, PQPrecision,
                       PQSpec, Requantize)
from pqhw.spec.devices import device

PART = device("lfe5u-85f")
LAYERS = {"16 channels": (144, 16), "64 channels": (576, 64)}
OUTPUT = Requantize(bits=6, shift=4)
ALONE, COMBINED, WAYS = 100, 200_000, 60
RUNS = 5
Made = TypeVar("Made")
BLOCKS = (1, 2, 4, 8, 16, 32, 64, 128, 156)


def engines(inputs: int, outputs: int) -> dict[str, PQSpec | MACSpec]:
    """A 3x3 convolution's rows, by product quantization and by multiplication."""
    layer = Layer(in_features=inputs, out_features=outputs)
    pq = PQSpec(layer=layer,
                engine=PQEngine(subvector_length=9, prototypes=16, encoder="l1", resident=True,
                                table_storage="bram", prototype_storage="lutram"),
                precision=PQPrecision(activation_bits=6, activation_signed=False,
                                      prototype_bits=6, table_bits=5, output=OUTPUT))

    def mac(**engine: Any) -> MACSpec:
        folding = MACFolding(outputs_per_cycle=2)
        return MACSpec(layer=layer, engine=MACEngine(weight_bits=4, **engine), folding=folding,
                       precision=MACPrecision(activation_bits=6, output=OUTPUT))

    return {"PQ, constants": pq,
            "PQ, loaded": dataclasses.replace(pq, engine=dataclasses.replace(
                pq.engine, resident=False)),
            "MAC, constants": mac(resident=True), "MAC, loaded": mac(),
            "sums of two powers": mac(resident=True, scheme="sp2"),
            "two schemes": mac(resident=True, scheme="mixed"),
            "planes of bits": mac(scheme="bitplane")}


def timed(work: Callable[[], Made], runs: int = RUNS) -> tuple[Made, float]:
    """What some work makes, and the least processor time that it took."""
    took = []
    for _ in range(runs):
        layer_grid.cache_clear()
        begun = time.process_time()
        made = work()
        took.append(time.process_time() - begun)
    return made, min(took)


def whole_search(channels: int, side: int, constant: bool) -> SearchResult:
    """A search over all kinds of engines for a convolution of ResNet-20."""
    layer = {"layer": {"kind": "conv2d", "in_channels": channels, "out_channels": channels,
                       "kernel": 3, "height": side, "width": side, "padding": 1},
             "engine": {"kind": "pq", "subvector_length": 9, "prototypes": 16, "encoder": "l1",
                        "weight_bits": 4},
             "precision": {"activation_bits": 4, "activation_signed": False, "prototype_bits": 4,
                           "table_bits": 6, "output": {"bits": 4, "shift": 4}}}
    choices = tuple(Choice(name=kind, kind=kind, changes={}) for kind in KINDS)
    return run_search(Search(
        title="", layers={"layer": layer}, part=PART, budget=parse_budget(None, PART), costs=None,
        constant=constant, objectives=("rate", "lut_equivalents"), choices=choices, seed=0))[0]


def main() -> None:
    print(f"{'engine':34} {'points':>8} {'points/s':>10} {'one by one':>11}")
    for title, shape in LAYERS.items():
        for name, spec in engines(*shape).items():
            blocks = BLOCKS if name in ("MAC, constants", "MAC, loaded", "two schemes") else ()
            grid, took = timed(functools.partial(layer_grid, spec, PART, dsp_blocks=blocks))
            chosen = np.random.default_rng(0).integers(0, len(grid), ALONE)
            _, alone = timed(lambda grid=grid, chosen=chosen: [
                estimate(grid.chain(int(index)), PART) for index in chosen], 1)
            print(f"{title + ', ' + name:34} {len(grid):8,} {len(grid) / took:10,.0f} "
                  f"{ALONE / alone:11,.0f}")
    for channels, side in ((16, 32), (64, 8)):
        for constant in (True, False):
            found, took = timed(functools.partial(whole_search, channels, side, constant))
            title = f"whole search, {channels} channels, {'constants' if constant else 'loaded'}"
            print(f"{title:34} {found.points:8,} {found.points / took:10,.0f}")
    random = np.random.default_rng(1)
    ways = [[OperatorCost(operator=str(layer), shape={}, engine="", cycles=int(cycles),
                          fmax_mhz=150, lut4=int(9000 / cycles)) for cycles in
             random.integers(1, 500, WAYS)] for layer in range(20)]
    evaluator = Evaluator(ways, PART, available(PART), ("rate", "lut_equivalents"))
    picks = random.integers(0, WAYS, (COMBINED, 20))
    _, took = timed(lambda: evaluator.costs(picks))
    print(f"{'20 layers combined':34} {COMBINED:8,} {COMBINED / took:10,.0f}")


if __name__ == "__main__":
    main()
