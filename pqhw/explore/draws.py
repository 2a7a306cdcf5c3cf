"""Random designs of realistic shape: what the estimator is fitted on and tested with."""

import random
from typing import Any

from ..spec import ChainSpec, SpecError
from ..spec.devices import DEVICES, Device, resolve
from .area import area_of

__all__ = ["random_chain"]

LIMITS = {"ecp5": (500, 3500), "ice40": (400, 2500)}
"""LUT4 between which a design lies, by its formula."""

FULLEST = 0.7
"""Largest share of a device's resource that a design takes."""

PARTS = {"ecp5": ("lfe5u-25f",), "ice40": ("ice40up5k", "ice40hx8k")}


def random_chain(family: str, index: int,
                 most: int | None = None) -> tuple[ChainSpec, Device]:
    """Design `index` of a family, and the device that it is resolved for.

    Every index has a seed of its own: more designs leave the others as they are. `most` LUT4 may
    be asked for instead of the family's.
    """
    rng = random.Random(f"{family} {index}")
    names = PARTS[family]
    part = DEVICES[names[index % len(names)]]
    while True:
        mapping = _mac(rng, family) if index % 5 == 4 else _pq(rng, family)
        try:
            chain = resolve(ChainSpec.from_mapping(mapping), part)
        except SpecError:
            continue
        if _suits(chain, part, most or LIMITS[family][1]):
            return chain, part


def _suits(chain: ChainSpec, part: Device, most: int) -> bool:
    cells = area_of(chain, part)
    return (LIMITS[part.family][0] <= cells.lut4 <= most and cells.bram <= FULLEST * part.brams
            and cells.dsp <= FULLEST * part.dsps and cells.lut4 <= FULLEST * part.luts)


def _output(rng: random.Random, modes: tuple[str, ...]) -> Any:
    if rng.random() < 0.25:
        return "accumulator"
    output: dict[str, Any] = {"bits": rng.choice((3, 4, 5, 8)), "signed": rng.random() < 0.4,
                              "mode": rng.choice(modes)}
    if rng.random() < 0.5:
        output["shift"] = rng.randrange(1, 6)
    return output


def _pq(rng: random.Random, family: str) -> dict[str, Any]:
    small = family == "ice40"
    length = rng.choice((2, 3, 4, 4, 5, 8, 8, 9, 9, 16))
    prototypes = rng.choice((4, 8, 8, 12, 16, 16, 16, 32))
    subspaces = rng.choice((1, 2, 3, 4, 6, 8, 12, 16))
    inputs = subspaces * length - (rng.randrange(length) if rng.random() < 0.2 else 0)
    bits = rng.choice((2, 3, 4, 4, 5, 6, 8, 8))
    engine: dict[str, Any] = {
        "kind": "pq", "subvector_length": length, "prototypes": prototypes,
        "encoder": rng.choice(("l1", "l2", "chebyshev", "dot", "tree")),
        "shared_prototypes": rng.random() < 0.3,
        "load_bits": rng.choice((8, 8, 8, 16, 32, 64, 128, 256)),
        "bram_register": rng.random() < 0.8}
    if not small:
        engine["table_storage"] = rng.choice(("auto", "auto", "lutram", "bram", "rom"))
        engine["prototype_storage"] = rng.choice(("auto", "auto", "auto", "bram", "rom"))
    elif rng.random() < 0.2:
        engine["table_storage"] = "rom"
    outputs = rng.choice((3, 4, 8, 10, 16, 16, 24, 32, 64))
    layer: dict[str, Any] = {"in_features": inputs, "out_features": outputs}
    if rng.random() < 0.2:
        engine["convolution"] = rng.choice(("im2col", "pixel"))
        layer = _convolution(rng)
    return {
        "layer": layer, "engine": engine,
        "precision": {
            "activation_bits": bits, "activation_signed": rng.random() < 0.5,
            "prototype_bits": bits if rng.random() < 0.8 else rng.choice((2, 4, 8)),
            "table_bits": rng.choice((3, 4, 5, 6, 8, 8)), "output": _output(rng, ("shift",))},
        "folding": {"subspaces_per_cycle": rng.choice((1, 1, 2, 3, 4, 8)),
                    "outputs_per_cycle": rng.choice((1, 2, 4, 5, 8, 16, 32)),
                    "prototypes_per_cycle": rng.choice((1, 2, 3, 4, 8, 16, 32)),
                    "elements_per_cycle": rng.choice((1, 2, 3, 4, 8, 9)),
                    **({"encoders_per_cycle": rng.choice((1, 2))} if rng.random() < 0.3 else {})}}


def _convolution(rng: random.Random) -> dict[str, Any]:
    kernel, size = rng.choice((1, 2, 3, 3, 3)), rng.choice((4, 5, 8, 12, 16))
    return {"kind": "conv2d", "in_channels": rng.choice((1, 3, 4, 8, 16)),
            "out_channels": rng.choice((4, 8, 16)), "kernel": kernel, "height": size,
            "width": size, "padding": rng.choice((0, kernel // 2)), "stride": rng.choice((1, 1, 2))}


def _mac(rng: random.Random, family: str) -> dict[str, Any]:
    engine: dict[str, Any] = {"kind": "mac", "weight_bits": rng.choice((2, 3, 4, 5, 8, 8)),
                              "load_bits": rng.choice((8, 8, 16, 32, 64))}
    if family == "ecp5":
        engine |= {"multiplier": rng.choice(("dsp", "lut")),
                   "weight_storage": rng.choice(("auto", "auto", "lutram"))}
        if rng.random() < 0.3:
            engine |= {"scheme": rng.choice(("pot", "sp2")), "multiplier": "lut",
                       "weight_bits": rng.choice((3, 4, 4, 5))}
    return {
        "layer": {"in_features": rng.choice((4, 9, 16, 27, 36, 64, 144)),
                  "out_features": rng.choice((3, 4, 8, 10, 16, 32, 64))},
        "engine": engine,
        "precision": {"activation_bits": rng.choice((2, 4, 5, 8, 8)),
                      "activation_signed": rng.random() < 0.5,
                      "output": _output(rng, ("shift", "scale"))},
        "folding": {"inputs_per_cycle": rng.choice((1, 2, 3, 4, 8, 16)),
                    "outputs_per_cycle": rng.choice((1, 2, 4, 5, 8, 16))}}
