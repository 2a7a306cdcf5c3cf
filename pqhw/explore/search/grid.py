"""All foldings of a layer at once: the estimator's figures as arrays.

What the arrays say is what the estimator says of each point: they come from its own formulas.
"""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from ...spec import ChainSpec, EngineSpec, PQSpec, SpecError
from ...spec.devices import Device
from ..fit import fitted
from ..timing import SLOWER
from .knobs import MOST_PRODUCTS, folded
from .mac_points import mac_points
from .points import Points
from .pq_points import pq_points

__all__ = ["FIGURES", "Grid", "layer_grid"]

FIGURES = ("cycles", "lut4", "ff", "bram", "dsp", "fmax_mhz")
"""What a point has of its own: cycles of a row at the ports, or of an image, area and clock."""


@dataclasses.dataclass(frozen=True, eq=False)
class Grid:
    """Foldings of an engine, a place in each array for every one.

    Members
    -------
    spec: the engine, with whatever folding
    knobs: [points] each, by their names in short
    figures: [points] each, by the names of `FIGURES`
    path, luts: [points]: the longest path in ns, and LUT4 by formula, from which clocks follow
    """
    spec: EngineSpec
    part: Device
    knobs: Mapping[str, np.ndarray]
    figures: Mapping[str, np.ndarray]
    path: np.ndarray
    luts: np.ndarray

    def __len__(self) -> int:
        return len(self.path)

    def chain(self, index: int) -> ChainSpec:
        """The design of a point."""
        return ChainSpec((folded(self.spec, {
            name: int(values[index]) for name, values in self.knobs.items()}),))


@functools.lru_cache(maxsize=64)
def layer_grid(spec: EngineSpec, part: Device, most: int = MOST_PRODUCTS,
               dsp_blocks: tuple[int, ...] = ()) -> Grid:
    """Every folding of an engine whose lanes are worth having.

    Memories and multipliers are those of the spec, as the device resolves it.

    Parameters
    ----------
    most: products that a MAC engine forms side by side
    dsp_blocks: numbers of DSP blocks, ascending, with each of which a MAC engine is to be folded;
        those beyond what it can use are left out

    Raises
    ------
    SpecError
        Where no folding can be built on the device, or an engine with constants leaves open where
        its tables stand.
    """
    if spec.engine.resident and getattr(spec.engine, "table_storage", "") == "auto":
        raise SpecError('engine.table_storage must be "bram" or "lutram" for all foldings of an '
                        'engine with constants, but is "auto".')
    found = (pq_points(spec, part) if isinstance(spec, PQSpec)
             else mac_points(spec, part, most, dsp_blocks))
    return _grid(found, part)


def _grid(points: Points, part: Device) -> Grid:
    """Fitted figures of points."""
    family = fitted()["families"][part.family]
    lut4, ff, bram, dsp, luts = points.cells.T
    size = np.log2(np.maximum(2, luts))
    period = SLOWER[part.name] * (np.stack([np.ones(len(size)), points.path, size], axis=1)
                                  @ np.array(family["period"]))
    figures = {"cycles": points.cycles.astype(np.int64), "lut4": np.rint(lut4).astype(np.int64),
               "ff": np.rint(ff * family["ff"]).astype(np.int64),
               "bram": bram.astype(np.int64), "dsp": dsp.astype(np.int64),
               "fmax_mhz": 1000 / period}
    return Grid(points.spec, part, points.knobs, figures, points.path, luts)
