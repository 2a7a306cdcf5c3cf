"""Rules of the planes of weights and activations: who may ask for them, and how they are folded."""

from typing import TYPE_CHECKING

from .conv import Conv2d
from .fields import SpecError, show

if TYPE_CHECKING:
    from .bitplane import BitplaneSpec
    from .mac import MACSpec

__all__ = ["check_folded_planes", "check_planes"]


def check_planes(spec: "MACSpec") -> None:
    """Only `bitplane` has fields for planes, and activations of one bit."""
    if spec.engine.scheme == "bitplane":
        return
    scheme = f'engine.scheme = "{spec.engine.scheme}"'
    if spec.precision.activation_bits == 1:
        raise SpecError('precision.activation_bits must be an integer from 2 to 8 unless '
                        'engine.scheme is "bitplane", but is 1.')
    if spec.engine.planes != "twos":
        raise SpecError(f'engine.planes must be left out with {scheme}, but is '
                        f'"{spec.engine.planes}".')
    if spec.engine.precisions is not None:
        raise SpecError(f"engine.precisions must be left out with {scheme}, but is "
                        f"{show(list(map(list, spec.engine.precisions)))}.")
    for name in ("weight_planes_per_cycle", "activation_planes_per_cycle"):
        asked = getattr(spec.folding, name)
        if asked is not None:
            raise SpecError(f"folding.{name} must be left out with {scheme}, but is {asked}.")


def check_folded_planes(spec: "BitplaneSpec") -> None:
    """Precisions use planes that there are, in whole steps, which one accumulator can join."""
    bits, most = spec.engine.weight_bits, spec.precision.activation_bits
    if most == 1 and spec.precision.activation_signed:
        raise SpecError("precision.activation_signed must be false with "
                        "precision.activation_bits = 1, but is true.")
    given = spec.engine.precisions
    if given is not None and len(given[0]) != 2:
        raise SpecError("engine.precisions must hold rows of 2 integers, planes of weights and of "
                        f"activations, but has rows of {len(given[0])}.")
    if given is not None and len(given) > MOST_PRECISIONS:
        raise SpecError(f"engine.precisions must have at most {MOST_PRECISIONS} rows, but has "
                        f"{len(given)}.")
    for index, (weights, activations) in enumerate(spec.precisions):
        name = f"engine.precisions[{index}]"
        if weights > bits or activations > most:
            raise SpecError(f"{name} must be at most [{bits}, {most}], engine.weight_bits and "
                            "precision.activation_bits, but is "
                            f"[{weights}, {activations}].")
        for planes, step, field in (
                (weights, spec.weight_planes, "weight_planes_per_cycle"),
                (activations, spec.activation_planes, "activation_planes_per_cycle")):
            if planes % step:
                raise SpecError(f"folding.{field} must divide the {planes} planes of {name}, "
                                f"but is {step}.")
    if (spec.weight_blocks > 1 and spec.activation_blocks > 1
            and spec.weight_planes != spec.activation_planes):
        raise SpecError("folding.weight_planes_per_cycle must equal "
                        "folding.activation_planes_per_cycle where neither takes all planes, "
                        f"but is {spec.weight_planes} beside {spec.activation_planes}.")
    if spec.two_valued and isinstance(spec.layer, Conv2d) and any(spec.layer.padding):
        raise SpecError('layer.padding must be 0 with engine.planes = "pm1", which has no zero, '
                        f"but is {show(spec.layer.to_mapping()['padding'])}.")


MOST_PRECISIONS = 16
"""Precisions of an engine, whose banks all stand in memory."""
