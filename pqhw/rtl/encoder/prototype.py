"""The distance of a sub-vector to one prototype, of every kind."""

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ...spec import DistanceSpec
from ..segments import CarryChains
from ..streams import lanes_layout, shape_of
from ..target import Target
from .absolute import absolute_distance
from .chebyshev import chebyshev_distance
from .parts import Parts
from .products import dot_score
from .squared import squared_distance

__all__ = ["PrototypeDistance"]


class PrototypeDistance(wiring.Component):
    """Compares a sub-vector with one prototype, some elements at a time.

    A module of its own: it stands often in a design and ends in registers, so that text,
    elaboration and simulation need it once.

    Parameters
    ----------
    spec:
        Gives the kind of distance, lanes, ranges and chunks.

    Members
    -------
    x, c: elements of this cycle and their counterparts
    norm: of the prototype (dot only), at the stage that takes it
    enable: advances the pipeline
    sum_step, sum_first: the distance sum takes a part, the first of a distance (at its stage)
    distance: distance (l2), its complement (l1, chebyshev), or score (dot)

    Latency and cost
    ----------------
    `spec.distance_stages` cycles. What `absolute_distance`, `squared_distance`,
    `chebyshev_distance` or `dot_score` costs.
    """

    def __init__(self, spec: DistanceSpec):
        self.spec = spec
        norm = {"norm": In(shape_of(spec.norm_range))} if spec.engine.encoder == "dot" else {}
        super().__init__({
            "x": In(lanes_layout(spec.activation_range, spec.element_lanes)),
            "c": In(lanes_layout(spec.prototype_range, spec.element_lanes)), **norm,
            "enable": In(1), "sum_step": In(1), "sum_first": In(1),
            "distance": Out(shape_of(spec.distance_range)),
        })

    def elaborate(self, platform: Target) -> Module:
        m = Module()
        chains = CarryChains(m, platform, "chain")
        parts = Parts(m=m, platform=platform, spec=self.spec, chains=chains, enable=self.enable,
                      sum_step=self.sum_step, sum_first=self.sum_first, name="part")
        m.d.comb += self.distance.eq(self._distance(parts))
        chains.place()
        return m

    def _distance(self, parts: Parts) -> Value:
        x, c = list(self.x), list(self.c)
        match self.spec.engine.encoder:
            case "l1":
                return absolute_distance(parts, x, c)
            case "chebyshev":
                return chebyshev_distance(parts, x, c)
            case "dot":
                return dot_score(parts, x, c, self.norm)
            case _:
                return squared_distance(parts, x, c)
