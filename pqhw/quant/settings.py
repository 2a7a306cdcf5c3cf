"""What is chosen per layer when a network is turned into integers, and how it is learned."""

import dataclasses

from ..spec import MACEngine, MACFolding, PQEngine, PQFolding
from .prototypes import check_initialisation

__all__ = ["PQSettings", "MACSettings", "Learning"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PQSettings:
    """One product-quantized layer.

    Parameters
    ----------
    engine: sub-vector length, prototypes, encoder and memories
    activation_bits: unsigned bits of the layer's inputs; the layer before rounds to them
    table_bits: bits of a table entry
    prototype_bits: bits of a prototype element; as many as the activations where left out
    folding: how much one cycle does; it does not change results
    initialisation: how prototypes are found: `kmeans`, `random` or `quantiles`, see
        `pqhw.quant.prototypes.learn_prototypes`; trees have a way of their own

    Raises
    ------
    SpecError
        If the initialisation is unknown, or chosen for trees.
    """
    engine: PQEngine
    activation_bits: int
    table_bits: int
    prototype_bits: int | None = None
    folding: PQFolding = PQFolding()
    initialisation: str = "kmeans"

    def __post_init__(self) -> None:
        check_initialisation(self.initialisation, self.engine.encoder)


@dataclasses.dataclass(frozen=True, kw_only=True)
class MACSettings:
    """One multiply-accumulate layer.

    Parameters
    ----------
    engine: weight bits, multiplier and memory
    activation_bits: unsigned bits of the layer's inputs; the layer before rounds to them
    folding: how much one cycle does; it does not change results
    """
    engine: MACEngine = MACEngine()
    activation_bits: int = 8
    folding: MACFolding = MACFolding()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Learning:
    """How a product-quantized chain is learned.

    Parameters
    ----------
    seed: chooses k-means starts and the order of rows
    epochs: passes of fine-tuning over the rows; 0 fits tables in closed form alone
    rate: largest step of fine-tuning, as a share of a layer's typical weight
    temperature: softens the network's scores that fine-tuning imitates
    ridge: rows' worth of trust in prototype times weight when tables are fitted
    """
    seed: int = 0
    epochs: int = 20
    rate: float = 0.02
    temperature: float = 2.0
    ridge: float = 10.0
