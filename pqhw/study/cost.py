"""What a network of integers costs, counted from its specs: memory and work per image."""

import math

import pydantic

from ..spec import MACSpec, PQSpec
from ..spec.engine import EngineSpec
from ..spec.network import NetworkSpec

__all__ = ["Cost", "engine_cost", "network_cost"]


class Cost(pydantic.BaseModel):
    """Of all layers together, whatever their folding. Biases and scales are left out, as engines of
    all kinds have them."""
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)
    table_bits: int = pydantic.Field(
        default=0, description="tables; what K leaves unused of a power of two is counted, as "
                               "memories have it")
    prototype_bits: int = pydantic.Field(
        default=0, description="prototypes, or what trees compare with")
    weight_bits: int = pydantic.Field(default=0, description="weights of layers that multiply")
    lookups: int = pydantic.Field(default=0, description="table entries read and added per image")
    distance_operations: int = pydantic.Field(
        default=0, description="elements compared with those of prototypes per image")
    products: int = pydantic.Field(
        default=0, description="multiplications per image in layers that multiply")
    replaced_products: int = pydantic.Field(
        default=0, description="multiplications per image that lookups stand for")

    @property
    def memory_bits(self) -> int:
        """Of tables, prototypes and weights."""
        return self.table_bits + self.prototype_bits + self.weight_bits


def network_cost(spec: NetworkSpec) -> Cost:
    """The cost of a network's engines."""
    each = [engine_cost(own) for own in spec.engines.values()]
    return Cost(**{name: sum(getattr(own, name) for own in each) for name in Cost.model_fields})


def engine_cost(spec: EngineSpec) -> Cost:
    """The cost of one engine."""
    return _pq_cost(spec) if isinstance(spec, PQSpec) else _mac_cost(spec)


def _pq_cost(spec: PQSpec) -> Cost:
    rows, layer = spec.layer.units_out, spec.layer
    return Cost(table_bits=spec.section("tables").stored_bits,
                prototype_bits=sum(own.stored_bits for own in spec.encoder.sections(0)),
                lookups=rows * spec.subspaces * layer.row_outputs,
                distance_operations=spec.distance_operations,
                replaced_products=layer.multiply_accumulates)


def _mac_cost(spec: EngineSpec) -> Cost:
    assert isinstance(spec, MACSpec), "engines look up or multiply"
    return Cost(weight_bits=math.prod(spec.weight_shape) * spec.engine.weight_bits,
                products=spec.layer.multiply_accumulates)
