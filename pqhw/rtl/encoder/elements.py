"""What one element adds to a distance, registered after the difference and after the distance."""

from amaranth.hdl import Module, Mux, Signal, Value

from ...spec import PQSpec
from ..streams import shape_of

__all__ = ["element_distance"]


def element_distance(m: Module, enable: Value, spec: PQSpec, x: Value, c: Value,
                     name: str) -> Value:
    """(x - c)**2 or |x - c|, two enabled cycles after its operands."""
    difference = Signal(shape_of(spec.difference_range), name=f"{name}_difference",
                        reset_less=True)
    distance = Signal(shape_of(spec.element_distance_range), name=f"{name}_distance",
                      reset_less=True)
    with m.If(enable):
        m.d.sync += difference.eq(x - c)
        if spec.engine.encoder == "l2":
            m.d.sync += distance.eq(difference * difference)
        else:
            m.d.sync += distance.eq(Mux(difference < 0, -difference, difference))
    return distance
