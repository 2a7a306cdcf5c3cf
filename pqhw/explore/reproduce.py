"""PQA's comparison, repeated: its model's figures beside our engines' cycles and routed designs."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..flow.cache import Cache
from ..flow.measure import Options
from ..flow.results import Comparison
from ..network.shapes import NETWORKS, ConvShape, NetworkShape
from ..spec.devices import Device
from .contest import CONTESTS, EngineCycles, engine_cycles, measure_contest
from .pqa import (CLOCK_MHZ, DDR, DLA, HBM, PQA, SETTINGS, Accelerator, PQASetting, best_pqa,
                  pqa_layers, total_cycles)

__all__ = ["ModelFigures", "NOTES", "NetworkResult", "Reproduction", "SettingResult",
           "check_networks", "reproduce_pqa"]

FITTING_LANES = 16
"""Outputs of the conventional accelerator that leave no lane idle on 16 to 64 channels."""

NOTES = (
    "The model counts both accelerators at 300 MHz; 259 and 189 MHz are noted for PQA.",
    "The model's baseline has 48 output lanes. ResNet-20's layers have 16 to 64 outputs: with 16 "
    "lanes, and a third of the area, the same baseline is 2.03× better (HBM).",
    "The model's area is a fit whose constant is negative: below 8 lanes a side it falls to zero, "
    "so such arrays are left out where the best one is chosen.",
    "Our cycles are the spec's, to which simulation holds the RTL exactly, of one double-buffered "
    "engine per layer over the unrolled window, all with the lanes of PQA's 32 × 32 array (not "
    "routed itself). The model adds up, as we do, the larger of loading and computing a layer; "
    "16-bit entries are summed modulo 2^16, as PQA does.",
    "Routed designs do one layer: equal work, input precision, output and device, each bit-exact "
    "by simulation with random parameters. Weights are as wide as table entries. Accuracy is not "
    "claimed. Window buffers and layer control are in no design.",
)
"""What is compared, and what weakens it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFigures:
    """An accelerator of the model over a network.

    Members
    -------
    ddr_cycles, hbm_cycles: per image
    area: in units of 10 ALM
    per_area: images per cycle and area with DDR, the published baseline being 1
    """
    ddr_cycles: int
    hbm_cycles: int
    area: float
    per_area: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettingResult:
    """A setting of the comparison.

    Members
    -------
    array, array_no_dsp: PQA with 32 x 32 lookups, distances on DSP blocks or without any
    best, best_no_dsp: the same with the lookups that suit it best, and how many a side
    ours: our engine with the lanes of `array`
    """
    setting: PQASetting
    array: ModelFigures
    array_no_dsp: ModelFigures
    best: ModelFigures
    best_lanes: tuple[int, int]
    best_no_dsp: ModelFigures
    best_no_dsp_lanes: tuple[int, int]
    ours: EngineCycles


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkResult:
    """A network of the comparison.

    Members
    -------
    dla, dla_fitting: the conventional accelerator with 48 and with 16 outputs side by side
    comparison: routed designs of one layer; None where only the model was asked for
    """
    network: NetworkShape
    layers: int
    dla: ModelFigures
    dla_fitting: ModelFigures
    settings: tuple[SettingResult, ...]
    comparison: Comparison | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reproduction:
    """The whole comparison."""
    networks: tuple[NetworkResult, ...]
    notes: tuple[str, ...] = NOTES

    @property
    def ok(self) -> bool:
        """Whether every routed design was verified and measured."""
        return all(one.status == "ok" and one.verified is not None
                   for result in self.networks if result.comparison is not None
                   for one in result.comparison.measurements)

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain values; routed designs as `pqhw compare` writes them."""
        networks = []
        for result in self.networks:
            comparison = result.comparison
            bare = dataclasses.replace(result, comparison=None)
            entry = dataclasses.asdict(bare)
            entry |= {"network": result.network.name, "title": result.network.title,
                      "comparison": comparison and comparison.model_dump(mode="json")}
            networks.append(entry)
        return {"document": "pqa", "clock_mhz": CLOCK_MHZ, "networks": networks,
                "notes": list(self.notes)}


def _figures(accelerator: Accelerator, layers: Sequence[ConvShape]) -> ModelFigures:
    ddr = total_cycles(accelerator, layers, DDR)
    baseline = DLA()
    return ModelFigures(
        ddr_cycles=ddr, hbm_cycles=total_cycles(accelerator, layers, HBM), area=accelerator.area,
        per_area=baseline.area * total_cycles(baseline, layers, DDR) / (accelerator.area * ddr))


def _setting(setting: PQASetting, layers: Sequence[ConvShape]) -> SettingResult:
    array = PQA(setting=setting)
    best = best_pqa(setting, layers, DDR, dsps=True)
    best_no_dsp = best_pqa(setting, layers, DDR, dsps=False)
    return SettingResult(
        setting=setting, array=_figures(array, layers),
        array_no_dsp=_figures(dataclasses.replace(array, dsps=False), layers),
        best=_figures(best, layers), best_lanes=(best.outputs, best.subspaces),
        best_no_dsp=_figures(best_no_dsp, layers),
        best_no_dsp_lanes=(best_no_dsp.outputs, best_no_dsp.subspaces),
        ours=engine_cycles(array, layers, DDR))


def _model(network: NetworkShape) -> NetworkResult:
    layers = pqa_layers(network)
    return NetworkResult(
        network=network, layers=len(layers), dla=_figures(DLA(), layers),
        dla_fitting=_figures(DLA(lanes=FITTING_LANES), layers),
        settings=tuple(_setting(setting, layers) for setting in SETTINGS[network.name]))


def check_networks(names: Iterable[str]) -> tuple[str, ...]:
    """The names, if all are of networks of the comparison."""
    names = tuple(names)
    for name in names:
        if name not in SETTINGS:
            raise ValueError(f"network must be one of {', '.join(SETTINGS)}, but is {name}.")
    return names


def reproduce_pqa(names: Sequence[str] = tuple(NETWORKS), *, cache: Cache | None = None,
                  part: Device | None = None, options: Options | None = None,
                  progress: Callable[[str], None] = lambda step: None) -> Reproduction:
    """The model's figures of networks and, where a device is given, designs routed on it.

    Parameters
    ----------
    names: of `SETTINGS`
    cache, part, options: where and how to route; nothing is routed without a device
    progress: called with what has just been finished

    Raises
    ------
    ValueError
        If a network has no settings.
    """
    results = [_model(NETWORKS[name]) for name in check_networks(names)]
    if part is not None:
        assert cache is not None
        results = [dataclasses.replace(result, comparison=measure_contest(
            cache, CONTESTS[result.network.name], part, options=options or Options(),
            progress=progress)) for result in results]
    return Reproduction(networks=tuple(results))
