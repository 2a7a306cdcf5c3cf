"""Fields of an engine that change what it costs and not what it computes."""

import contextlib
import dataclasses
import itertools
from collections.abc import Collection, Iterator
from typing import Any

from ...spec import Conv2d, EngineSpec, PQSpec, SpecError
from ...spec.devices import Device

__all__ = ["neutral_variants"]


def neutral_variants(spec: EngineSpec, part: Device, settled: Collection[str]
                     ) -> Iterator[EngineSpec]:
    """An engine with every value of the fields that no result depends on.

    Block RAM with and without its output register, prototypes in block RAM too, line buffers in
    either memory; `l2` and `dot`, which find the same prototypes; weights as two's complement or as
    magnitude and sign, one product in a DSP block or several, products registered or not. Lanes,
    other memories and numbers of DSP blocks are the search's own.

    Parameters
    ----------
    settled: names of fields that are to stay as they are
    """
    axes = {name: values for name, values in _axes(spec, part).items() if name not in settled}
    made: dict[EngineSpec, None] = {}
    for values in itertools.product(*axes.values()):
        with contextlib.suppress(SpecError):
            own = dataclasses.replace(spec, engine=dataclasses.replace(
                spec.engine, **dict(zip(axes, values))))
            made[own] = None
    yield from made


def _axes(spec: EngineSpec, part: Device) -> dict[str, list[Any]]:
    engine = spec.engine
    axes: dict[str, list[Any]] = {}
    stores = [getattr(engine, name, "") for name in (
        "table_storage", "prototype_storage", "weight_storage")]
    if {"bram", "auto"} & set(stores):
        axes["bram_register"] = [True, False]
    if isinstance(spec.layer, Conv2d) and part.lutram:
        axes["line_storage"] = ["auto", "lutram", "bram"]
    if isinstance(spec, PQSpec):
        if engine.encoder in ("l2", "dot"):
            axes["encoder"] = ["l2", "dot"]
        if engine.encoder != "tree" and engine.prototype_storage == "lutram":
            axes["prototype_storage"] = ["lutram", "bram"]
    elif engine.scheme == "fixed":
        axes["weight_code"] = ["auto", "magnitude", "signed"]
        if engine.multiplier != "lut":
            axes["products_per_dsp"] = [None, 1]
            axes["product_register"] = ["auto", "no"]
    return axes
