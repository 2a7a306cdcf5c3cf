"""Weights are levels of their scheme, and rows of two schemes as many as an engine computes."""

from typing import Any

import numpy as np

from .arrays import array_of, first_true
from .bitplane import BitplaneSpec
from .fields import SpecError
from .mac import MACSpec
from .order import row_capacity
from .products import SCHEMES_OF_MIXED
from .ranges import Range

__all__ = ["check_levels", "row_schemes"]


def check_levels(spec: MACSpec, weights: np.ndarray, scheme: np.ndarray | None = None) -> None:
    """Every weight [N, …] is a level of the engine's scheme, or of its row's, `scheme` [N].

    Raises `SpecError` naming the first that is none.
    """
    if isinstance(spec, BitplaneSpec):
        _check_odd(spec, weights)
        return
    for number, name in enumerate(spec.schemes):
        levels = spec.levels_of(name)
        wrong = ~np.isin(np.abs(weights), levels)
        if scheme is not None:
            wrong[scheme != number] = False
        if not wrong.any():
            continue
        where = tuple(np.argwhere(wrong)[0].tolist())
        known = ", ".join(map(str, levels[:8].tolist())) + (", …" if len(levels) > 8 else "")
        of = f'scheme "{name}" in row {where[0]}'
        if scheme is None:
            of = f'engine.scheme = "{name}"'
        raise SpecError(f"weights must be levels of {of} with {spec.engine.weight_bits} bits, "
                        f"0 or ±: {known}, but weights{list(where)} is {weights[where]}.")


def _check_odd(spec: BitplaneSpec, weights: np.ndarray) -> None:
    even = weights % 2 == 0
    if spec.two_valued and even.any():
        where = np.argwhere(even)[0].tolist()
        raise SpecError('weights must be odd with engine.planes = "pm1", whose digits are -1 and '
                        f"1, but weights{where} is {weights[tuple(where)]}.")


def row_schemes(spec: MACSpec, given: Any) -> np.ndarray:
    """The weight code of every row of a mixed layer, given by number or by name; [N].

    Raises `SpecError` where there is no such code, or where a set has more rows of one than the
    engine computes.
    """
    array = np.asarray(given)
    if array.dtype.kind in "US":
        unknown = ~np.isin(array.astype(str), SCHEMES_OF_MIXED)
        if unknown.any():
            raise SpecError(f"scheme must hold {' or '.join(SCHEMES_OF_MIXED)}, but scheme"
                            f"{first_true(unknown)} is {array[tuple(np.argwhere(unknown)[0])]}.")
        array = (array.astype(str) == SCHEMES_OF_MIXED[1]).astype(np.int64)
    array = array_of("scheme", array, [("[N]", (spec.layer.out_channels,))], Range(0, 1),
                     "0 fixed, 1 sp2")
    most = row_capacity(spec)
    for index, own in enumerate(np.split(array, spec.sets)):
        for number, name in enumerate(SCHEMES_OF_MIXED):
            count = int((own == number).sum())
            if count > most[number]:
                of_set = f" of group {index}" if spec.sets > 1 else ""
                raise SpecError(
                    f"scheme must name {name} in at most {most[number]} rows{of_set} with "
                    f"{spec.fixed_outputs} of {spec.outputs} outputs per cycle on the fixed core "
                    f"(engine.ratio), but names it in {count}.")
    return array
