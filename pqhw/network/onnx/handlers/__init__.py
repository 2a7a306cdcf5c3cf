"""What becomes of each operator: a function per operator, in families."""

from collections.abc import Callable

from ..conversion import Conversion
from ..reader import SourceNode
from ..state import Outcome
from .elements import ELEMENTS
from .ends import ENDS
from .joins import JOINS
from .layers import LAYERS
from .pooling import POOLING
from .quantised import QUANTISED
from .shapes import SHAPES

__all__ = ["HANDLERS", "find_handler"]

Handler = Callable[[Conversion, SourceNode], Outcome]

HANDLERS: dict[str, Handler] = {**LAYERS, **POOLING, **ELEMENTS, **JOINS, **SHAPES, **ENDS,
                                **QUANTISED}
"""By operator; those of ONNX's own domain unless `ELSEWHERE` tells another."""

ELSEWHERE = {"ai.onnx.ml": ("Scaler",), "com.microsoft": ("QuantizeLinear", "DequantizeLinear")}


def find_handler(node: SourceNode) -> Handler | None:
    """The function for a node, or None where its operator has no counterpart."""
    if node.is_standard:
        return None if node.op in ELSEWHERE["ai.onnx.ml"] else HANDLERS.get(node.op)
    return HANDLERS[node.op] if node.op in ELSEWHERE.get(node.domain, ()) else None
