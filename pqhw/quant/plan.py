"""Which engine every layer of a network gets, from a few choices for all of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ..network.fold import fold_batchnorm
from ..network.graph import Graph, GraphError, layer_shape
from ..network.ops import Conv2d
from ..spec import MACEngine, MACFolding, PQEngine, SpecError
from .prototypes import check_initialisation
from .settings import MACSettings, PQSettings

__all__ = ["Plan", "plan_settings"]

KINDS = ("pq", "fixed", "pot", "sp2", "mixed", "bitplane")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """Choices for all layers of a network.

    Parameters
    ----------
    kind: `pq`, or the scheme of a multiply-accumulate engine
    keep: names of layers that stay at 8-bit weights and activations; None for the first and the
        last
    activation_bits: of what enters the layers
    weight_bits: of multiply-accumulate engines
    length, prototypes: V and K; None for the length is the window's taps of a convolution by
        `im2col` and 8 otherwise
    encoder, convolution: of product-quantized engines
    prototype_bits, table_bits: of product-quantized engines; prototypes have the bits of the
        activations where left out
    initialisation: how prototypes are found: `kmeans`, `random` or `quantiles`
    """
    kind: str = "pq"
    keep: tuple[str, ...] | None = None
    activation_bits: int = 6
    weight_bits: int = 8
    length: int | None = None
    prototypes: int = 16
    encoder: str = "l2"
    convolution: str = "im2col"
    prototype_bits: int | None = None
    table_bits: int = 5
    initialisation: str = "kmeans"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecError(f"kind must be one of {', '.join(KINDS)}, but is {self.kind}.")
        check_initialisation(self.initialisation, self.encoder)


def plan_settings(graph: Graph, plan: Plan,
                  layers: Mapping[str, Plan] | None = None
                  ) -> dict[str, PQSettings | MACSettings]:
    """Settings per layer, by name.

    Depthwise layers have one input channel to an output, so that a table would hold no more than
    one product each: they stay at 8 bits whatever the plan.

    Parameters
    ----------
    layers: plans of single layers, by name, in the place of `plan`

    Raises
    ------
    GraphError
        If a name is no layer of the network.
    """
    graph = fold_batchnorm(graph)
    names = [node.name for node in graph.layers]
    given = layers or {}
    _check_names(graph, names, (*given, *(plan.keep or ())))
    keep = (names[0], names[-1]) if plan.keep is None else plan.keep
    settings: dict[str, PQSettings | MACSettings] = {}
    for name in names:
        own = given.get(name)
        kept = (name in keep and own is None) or _is_depthwise(graph, name)
        settings[name] = (MACSettings(engine=MACEngine(weight_bits=8), activation_bits=8) if kept
                          else _settings(graph, name, own or plan))
    return settings


def _check_names(graph: Graph, names: Sequence[str], given: Sequence[str]) -> None:
    for name in given:
        if name not in names:
            raise GraphError(f"{name} is no layer of {graph.name}; its layers are "
                             f"{', '.join(names)}.")


def _is_depthwise(graph: Graph, name: str) -> bool:
    op = graph[name].op
    return isinstance(op, Conv2d) and op.groups > 1 and op.weights.shape[3] == 1


def _settings(graph: Graph, name: str, plan: Plan) -> PQSettings | MACSettings:
    if plan.kind != "pq":
        engine = MACEngine(scheme=plan.kind, weight_bits=plan.weight_bits)
        # Two schemes take two lanes, at least.
        folding = MACFolding(outputs_per_cycle=2) if plan.kind == "mixed" else MACFolding()
        return MACSettings(engine=engine, activation_bits=plan.activation_bits, folding=folding)
    op, shape = graph[name].op, layer_shape(graph, name)
    pixel = isinstance(op, Conv2d) and plan.convolution == "pixel"
    length = plan.length or (op.kernel[0] * op.kernel[1]
                             if isinstance(op, Conv2d) and not pixel and shape.taps > 1 else 8)
    limit = shape.unit_inputs if pixel else shape.row_inputs
    fields: dict[str, Any] = {"convolution": plan.convolution} if isinstance(op, Conv2d) else {}
    engine_of = PQEngine(subvector_length=min(length, limit), prototypes=plan.prototypes,
                         encoder=plan.encoder, **fields)
    return PQSettings(engine=engine_of, activation_bits=plan.activation_bits,
                      table_bits=plan.table_bits, prototype_bits=plan.prototype_bits,
                      initialisation=plan.initialisation)
