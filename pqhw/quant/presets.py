"""Settings that were searched for the three-layer digit network (64-64-64-10)."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from ..spec import MACEngine, MACFolding, PQEngine, PQFolding, SpecError
from .settings import MACSettings, PQSettings

__all__ = ["PQ_PRESETS", "MAC_PRESETS", "pq_preset", "mac_preset"]

INPUT_BITS = 5
"""Pixels from 0 to 16."""


def _pq(first: tuple[int, int], hidden: tuple[int, int], hidden_bits: int,
        table_bits: int) -> tuple[PQSettings, ...]:
    """Three layers from (V, K) of the first and of the others."""
    return tuple(
        PQSettings(engine=PQEngine(subvector_length=length, prototypes=prototypes, encoder="l1"),
                   activation_bits=bits, table_bits=table_bits)
        for (length, prototypes), bits in ((first, INPUT_BITS), (hidden, hidden_bits),
                                           (hidden, hidden_bits)))


def _mac(hidden_bits: int) -> tuple[MACSettings, ...]:
    return tuple(MACSettings(activation_bits=bits)
                 for bits in (INPUT_BITS, hidden_bits, hidden_bits))


PQ_PRESETS = {"ecp5": _pq((2, 16), (2, 16), 3, 4), "ice40": _pq((1, 4), (2, 4), 2, 3)}
"""`ecp5` keeps the accuracy; `ice40` keeps all parameters within 85 kbit, for the block RAMs of an
UP5K or HX8K, and loses about 3 points."""

MAC_PRESETS = {"int8": _mac(8), "low": _mac(3)}
"""8-bit weights; hidden activations of 8 bits, or of as many as PQ preset `ecp5` has."""


def _folded(name: str, count: int, folding: Sequence[object]) -> None:
    if len(folding) not in (0, count):
        raise SpecError(f"folding must be given for all {count} layers of preset {name} or left "
                        f"out, but is given {len(folding)} times.")


def pq_preset(name: str, *, folding: Sequence[PQFolding] = (),
              **engine: Any) -> tuple[PQSettings, ...]:
    """The settings of a named preset, layer by layer.

    Parameters
    ----------
    name: `ecp5` or `ice40`
    folding: one per layer; all 1 where left out
    engine: fields of `PQEngine` to replace in every layer, such as ``table_storage="bram"``

    Raises
    ------
    SpecError
        If the name is unknown, or there is not one folding per layer.
    """
    if name not in PQ_PRESETS:
        raise SpecError(f"preset must be one of {', '.join(PQ_PRESETS)}, but is {name}.")
    layers = PQ_PRESETS[name]
    _folded(name, len(layers), folding)
    return tuple(dataclasses.replace(own, folding=fold,
                                     engine=dataclasses.replace(own.engine, **engine))
                 for own, fold in zip(layers, folding or (PQFolding(),) * len(layers)))


def mac_preset(name: str = "int8", *, folding: Sequence[MACFolding] = (),
               **engine: Any) -> tuple[MACSettings, ...]:
    """The settings of a named preset, `int8` or `low`; otherwise as `pq_preset`."""
    if name not in MAC_PRESETS:
        raise SpecError(f"preset must be one of {', '.join(MAC_PRESETS)}, but is {name}.")
    layers = MAC_PRESETS[name]
    _folded(name, len(layers), folding)
    replaced = dataclasses.replace(MACEngine(), **engine)
    return tuple(dataclasses.replace(own, folding=fold, engine=replaced)
                 for own, fold in zip(layers, folding or (MACFolding(),) * len(layers)))
