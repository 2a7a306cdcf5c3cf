"""How many points a search looks at in a second, beside the estimator's own one by one.

    python benchmarks/search_points.py
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pqhw.explore.estimate import estimate
from pqhw.explore.search.combine import Evaluator
from pqhw.explore.search.costs import OperatorCost
from pqhw.explore.search.grid import Grid, layer_grid
from pqhw.flow.area import available
from pqhw.spec import (Layer, MACEngine, MACFolding, MACPrecision, MACSpec, PQEngine, PQPrecision,
                       PQSpec, Requantize)
from pqhw.spec.devices import device

PART = device("lfe5u-85f")
LAYERS = {"16 channels": (144, 16), "64 channels": (576, 64)}
OUTPUT = Requantize(bits=6, shift=4)
ALONE, COMBINED, WAYS = 100, 200_000, 60
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


def seconds(work: Callable[[], object]) -> float:
    """Processor time."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def main() -> None:
    print(f"{'engine':34} {'points':>8} {'points/s':>10} {'one by one':>11}")
    for title, shape in LAYERS.items():
        for name, spec in engines(*shape).items():
            grids: list[Grid] = []
            layer_grid.cache_clear()
            blocks = BLOCKS if name in ("MAC, constants", "MAC, loaded", "two schemes") else ()
            took = seconds(lambda spec=spec, grids=grids, blocks=blocks: grids.append(
                layer_grid(spec, PART, dsp_blocks=blocks)))
            grid = grids[0]
            chosen = np.random.default_rng(0).integers(0, len(grid), ALONE)
            alone = seconds(lambda grid=grid, chosen=chosen: [
                estimate(grid.chain(int(index)), PART) for index in chosen])
            print(f"{title + ', ' + name:34} {len(grid):8,} {len(grid) / took:10,.0f} "
                  f"{ALONE / alone:11,.0f}")
    random = np.random.default_rng(1)
    ways = [[OperatorCost(operator=str(layer), shape={}, engine="", cycles=int(cycles),
                          fmax_mhz=150, lut4=int(9000 / cycles)) for cycles in
             random.integers(1, 500, WAYS)] for layer in range(20)]
    evaluator = Evaluator(ways, PART, available(PART), ("rate", "lut_equivalents"))
    picks = random.integers(0, WAYS, (COMBINED, 20))
    took = seconds(lambda: evaluator.costs(picks))
    print(f"{'20 layers combined':34} {COMBINED:8,} {COMBINED / took:10,.0f}")


if __name__ == "__main__":
    main()
