"""Foldings of MAC engines, of whatever weight code, all at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...spec import ChainSpec, EngineSpec, MACSpec, SpecError
from ...spec.devices import Device
from ...spec.many import largest
from ..area import PART_KINDS
from ..timing import paths
from .knobs import mac_knobs
from .points import Designs, Points

__all__ = ["mac_points"]


def mac_points(spec: EngineSpec, part: Device, most: int, dsp_blocks: tuple[int, ...]) -> Points:
    """Every folding with up to `most` products, and every number of DSP blocks.

    Raises
    ------
    SpecError
        Where none can be built on the device.
    """
    designs = Designs(spec, part, mac_knobs(spec, most, dsp_blocks))
    if not designs.groups:
        raise designs.reason or SpecError(f"no folding can be built on {part.name}.")
    path, cycles, blocks = designs.figures(lambda chain: _measures(chain, part)).T
    good = ~np.isnan(cycles)
    if dsp_blocks:
        before = np.array([0, *dsp_blocks[:-1]])
        fewer = before[np.searchsorted(dsp_blocks, designs.knobs["dsp_blocks"])]
        good &= (fewer == 0) | (blocks > fewer)
    cells = designs.cells(PART_KINDS)
    return Points(spec, {name: own[good] for name, own in designs.knobs.items()}, cells[good],
                  path[good], cycles[good])


def _measures(chain: ChainSpec, part: Device) -> Sequence[Any]:
    """The longest path, cycles, and DSP blocks that form products."""
    assert isinstance(chain.first, MACSpec)
    return largest(*paths(chain, part).values()), chain.cycles_per_row, chain.first.dsp_units
