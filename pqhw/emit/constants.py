"""Binds a design to the parameters that its logic is built from."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..spec import Conv2d, EngineSpec, PQSpec
from ..spec.design import Design
from ..spec.constants import Constants
from ..spec.parameters import LookupParameters, Parameters, rounding_constant
from .image import arrange

__all__ = ["bind_constants"]


def bind_constants(design: Design, parameters: Sequence[Parameters]) -> Design:
    """The design with the constants of every engine that has any (``rom`` storage).

    A design without constants comes back as it is, so that binding is always right.
    """
    return design.with_stages([_bound(spec, own) for spec, own in zip(design.stages, parameters,
                                                                     strict=True)])


def _bound(spec: EngineSpec, parameters: Parameters) -> EngineSpec:
    if not spec.constant_kinds:
        return spec
    if isinstance(spec, PQSpec) and isinstance(parameters, LookupParameters) and spec.folds_bias:
        parameters = dataclasses.replace(parameters, tables=_with_bias(spec, parameters))
    words = {kind: arrange(spec.section(kind), spec, parameters)
             for kind in sorted(spec.constant_kinds)}
    if "tables" in words and isinstance(spec, PQSpec):
        _fill_unused(spec, words["tables"])
    assert isinstance(parameters.shift, int), "engines with precisions have no constants"
    return spec.bind(Constants(words, parameters.shift))


def _fill_unused(spec: PQSpec, words: np.ndarray) -> None:
    """Codes from K on never occur: as if their top bit were not read, they cost no logic.

    Where taps lie outside the image, code K stands for them, and its entries stay zero.
    """
    if spec.encodes_pixels and spec.window.masks:
        return
    count, whole = spec.engine.prototypes, 1 << spec.code_bits
    codes = words.reshape(-1, whole, *words.shape[1:])
    codes[:, count:] = codes[:, count - whole // 2:whole // 2]


def _with_bias(spec: PQSpec, parameters: LookupParameters) -> np.ndarray:
    """Tables whose first subspace holds the bias and the rounding constant as well; that of a
    tap that always lies inside the image.

    Exactly one of its entries enters every sum.
    """
    tables = parameters.tables.copy()
    first = tables[0]
    if spec.encodes_pixels:
        assert isinstance(spec.layer, Conv2d) and spec.layer.inner_tap is not None
        first = tables[spec.layer.inner_tap][0]
    first += parameters.bias + rounding_constant(spec, parameters.shift)
    if spec.wraps:
        first[:] = (first + (1 << 15)) % (1 << 16) - (1 << 15)
    return tables
