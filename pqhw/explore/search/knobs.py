"""Foldings as knobs, an array each, and what follows from which of them."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from ...spec import BitplaneSpec, Conv2d, EngineSpec, PQSpec
from ...spec.ranges import ceil_div
from ..size import useful

__all__ = ["ENCODER", "FRONT", "MOST_PRODUCTS", "PQ_KNOBS", "PQ_PATHS", "folded", "mac_knobs",
           "pq_knobs", "with_results"]

MOST_LANES = 512
"""Lanes side by side, beyond which no device of ours holds an engine."""

MOST_PRODUCTS = 2048
"""Products side by side, beyond which none holds a MAC engine."""

ENCODER = ("encoders", "prototypes", "elements")

PQ_KNOBS = {
    "guard": ENCODER,
    "prototypes": ENCODER,
    "encoder": ENCODER,
    "encoder lanes": ENCODER,
    "collector": ("subspaces", "encoders"),
    "tables": ("subspaces", "outputs"),
    "replay": ("subspaces", "outputs", "encodes at once"),
    "sums": ("subspaces", "outputs"),
    "results": ("outputs", "results"),
    "counters": ("outputs", "results"),
}
"""What the parts of a PQ engine follow from, loader and window aside. Codes that wait for several
tiles are held where the next come at once."""

FRONT = ("subspaces", "encoders", "row cycles", "encode cycles", "row lanes")
"""The same of what stands in front of the rows of a convolution."""

PQ_PATHS = {"tables": ("subspaces", "outputs"), "prototypes": ENCODER, "square": ENCODER}
"""The same of the longest paths; all others are those of any point."""


def folded(spec: EngineSpec, knobs: Mapping[str, int]) -> EngineSpec:
    """The engine with the folding, and the DSP blocks, that knobs in short stand for."""
    names = {name: f"{name}_per_cycle" for name in knobs}
    values = {names[name]: value for name, value in knobs.items()
              if hasattr(spec.folding, names[name]) and value}
    engine = spec.engine
    if "dsp_blocks" in knobs:
        engine = dataclasses.replace(engine, dsp_blocks=knobs["dsp_blocks"])
    made: EngineSpec = dataclasses.replace(spec, engine=engine,
                                           folding=type(spec.folding)(**values))
    return made


def pq_knobs(spec: PQSpec) -> dict[str, np.ndarray]:
    """Lookups and encoders side by side, and how much of a distance; encoders divide subspaces."""
    engine, tree = spec.engine, spec.engine.encoder == "tree"
    own = []
    for subspaces in useful(spec.subspaces, MOST_LANES):
        most = spec.encoder_subspaces if spec.encodes_pixels else subspaces
        for encoders in range(1, most + 1):
            if (_useful_encoders(spec, encoders) if spec.encodes_pixels
                    else subspaces % encoders == 0):
                own.append((subspaces, encoders))
    lanes = np.array(own)
    others = [np.array(useful(spec.layer.row_outputs, MOST_LANES)),
              np.array([1] if tree else useful(engine.prototypes)),
              np.array([1] if tree else useful(engine.subvector_length))]
    place, outputs, prototypes, elements = (axis.reshape(-1) for axis in np.meshgrid(
        np.arange(len(lanes)), *others, indexing="ij"))
    return {"subspaces": lanes[place, 0], "encoders": lanes[place, 1], "outputs": outputs,
            "prototypes": prototypes, "elements": elements}


def _useful_encoders(spec: PQSpec, encoders: int) -> bool:
    """Whether so many encoders of a pixel's sub-vectors take fewer rounds than one fewer."""
    count = spec.encoder_subspaces
    return encoders == 1 or ceil_div(count, encoders) < ceil_div(count, encoders - 1)


def mac_knobs(spec: EngineSpec, most: int, dsp_blocks: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Inputs, outputs and pixels side by side, or planes; DSP blocks, if they are to be chosen;
    and all numbers of results that divide the outputs."""
    axes = {"inputs": useful(spec.layer.row_inputs, MOST_LANES),
            "outputs": useful(spec.layer.row_outputs, MOST_LANES)}
    if isinstance(spec, BitplaneSpec):
        bits, used = spec.engine.weight_bits, spec.precision.activation_bits
        axes["weight_planes"] = [own for own in range(1, bits + 1) if bits % own == 0]
        axes["activation_planes"] = [own for own in range(1, used + 1) if used % own == 0]
    elif isinstance(spec.layer, Conv2d) and spec.layer.sets == 1:
        axes["pixels"] = [own for own in (1, 2, 4, 8) if spec.layer.units_out % own == 0]
    if dsp_blocks:
        axes["dsp_blocks"] = list(dsp_blocks)
    flat = np.meshgrid(*axes.values(), indexing="ij")
    found = {name: own.reshape(-1) for name, own in zip(axes, flat)}
    within = found["inputs"] * found["outputs"] * found.get("pixels", 1) <= most
    return with_results({name: own[within] for name, own in found.items()})


def with_results(knobs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Knobs with every number of results side by side that divides the outputs."""
    outputs = knobs["outputs"]
    lanes = np.arange(1, outputs.max() + 1)
    places, results = np.nonzero(outputs[:, None] % lanes == 0)
    return {**{name: own[places] for name, own in knobs.items()}, "results": lanes[results]}
