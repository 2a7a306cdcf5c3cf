"""`PQEncode` and `PQLookup` as functions of ONNX's own operators, for runtimes that lack them.

A function is made for sizes and an encoder; it is told from others of its name by its overload.
Each is an exact computation in integers of 32 bits: distances have at most 23 bits, sums of table
entries 32.
"""

from typing import Any

import numpy as np

from ..writing import OPSET
from .marks import DOMAIN
from .steps import Steps
from .window import Window

__all__ = ["Body", "encode_body", "lookup_body"]


class Body(Steps):
    """The nodes of a function; tensors are numbered.

    Parameters
    ----------
    inputs, attributes: their names
    """

    def __init__(self, name: str, inputs: list[str], attributes: list[str]):
        self.name, self.inputs, self.attributes = name, inputs, attributes
        self.nodes: list[Any] = []

    def op(self, kind: str, *inputs: Any, **attributes: Any) -> str:
        from onnx import helper
        names = [own if isinstance(own, str) else self.constant(own) for own in inputs]
        self.nodes.append(helper.make_node(kind, names, [f"t{len(self.nodes)}"], **attributes))
        return f"t{len(self.nodes) - 1}"

    def constant(self, value: Any) -> str:
        """A constant; integers have 64 bits unless they come as an array of fewer."""
        from onnx import numpy_helper
        array = value if isinstance(value, np.ndarray) else np.array(value, np.int64)
        return self.op("Constant", value=numpy_helper.from_array(np.asarray(array, order="C")))

    def attribute(self, name: str) -> str:
        """The value of an integer attribute of the node that calls the function."""
        from onnx import AttributeProto
        found = self.op("Constant")
        self.nodes[-1].attribute.append(AttributeProto(
            name="value_int", type=AttributeProto.INT, ref_attr_name=name))
        return found

    def function(self) -> Any:
        """The function, which gives what its last node gives."""
        from onnx import helper
        return helper.make_function(
            DOMAIN, self.name, self.inputs, [self.nodes[-1].output[0]], self.nodes,
            [helper.make_opsetid("", OPSET)], attributes=self.attributes)


def encode_body(window: Window, encoder: str, length: int, count: int, shared: bool,
                attributes: list[str]) -> Body:
    """`PQEncode` for inputs of the window's shape.

    Parameters
    ----------
    length: V
    count: K
    shared: whether one tree serves all sub-vectors
    """
    tree = encoder == "tree"
    body = Body("PQEncode", ["values", "thresholds", "split_dims"] if tree
                else ["values", "prototypes"], attributes)
    seen = _seen(body, body.cast("values", np.int32), window, np.int32(0))
    inputs = window.shape[0] // window.groups * window.taps
    pixels = int(np.prod(window.pixels))
    tail = -inputs % length
    rows = body.op("Reshape", seen, [0, window.groups, inputs, pixels])
    if tail:
        rows = body.op("Pad", rows, [0, 0, 0, 0, 0, 0, tail, 0])
    subspaces = window.groups * (inputs + tail) // length
    if tree:
        flat = body.op("Reshape", rows, [0, subspaces * length, pixels])
        found = _leaves(body, flat, np.arange(subspaces), length, count, shared)
    else:
        vectors = body.op("Reshape", rows, [0, subspaces, length, pixels])
        found = _nearest(body, vectors, encoder)
    body.op("Reshape", body.cast(found, np.uint8), [0, subspaces, *window.pixels])
    return body


def _seen(body: Body, values: str, window: Window, outside: np.generic) -> str:
    """What windows see, [R, C, taps, OH * OW], or with one tap and stride 1 [R, C, H, W]."""
    top, left = window.padding
    if top or left:
        values = body.op("Pad", values, [0, 0, top, left, 0, 0, top, left], np.array(outside))
    if window.taps == 1 and window.stride == (1, 1):
        return values
    flat = body.op("Reshape", values, [0, window.shape[0], -1])
    return body.op("Gather", flat, window.places, axis=2)


def _nearest(body: Body, vectors: str, encoder: str) -> str:
    """Codes [R, S, P] of vectors [R, S, V, P]; ArgMin takes the lowest index on ties."""
    prototypes = body.cast("prototypes", np.int32)
    if encoder in ("l2", "dot"):
        # Both order prototypes by sum c**2 - 2 sum xc.
        squares = body.op("ReduceSum", body.op("Mul", prototypes, prototypes), [2], keepdims=1)
        products = body.op("MatMul", prototypes, vectors)
        distances = body.op("Sub", squares, body.op("Mul", products, np.array(2, np.int32)))
    else:
        differences = body.op("Abs", body.op("Sub", body.op("Unsqueeze", vectors, [2]),
                                             body.op("Unsqueeze", prototypes, [3])))
        distances = (body.op("ReduceSum", differences, [3], keepdims=0) if encoder == "l1"
                     else body.op("ReduceMax", differences, axes=[3], keepdims=0))
    return body.op("ArgMin", distances, axis=2, keepdims=0)


def _leaves(body: Body, inputs: str, subspaces: np.ndarray, length: int, count: int,
            shared: bool) -> str:
    """Codes [R, S, P] of inputs [R, S * V, P]."""
    limits = body.op("Reshape", body.cast("thresholds", np.int32), [-1])
    dims = body.cast("split_dims", np.int64)
    roots = (0 if shared else count - 1) * subspaces[:, None]
    nodes = ""
    for level in range(count.bit_length() - 1):
        places = body.op("Add", body.op("Gather", dims, level, axis=1), subspaces * length)
        elements = body.op("Gather", inputs, places, axis=1)
        firsts = body.constant(roots + (1 << level) - 1)
        limit = body.op("Gather", limits, body.op("Add", nodes, firsts) if nodes else firsts)
        bit = body.cast(body.op("GreaterOrEqual", elements, limit), np.int64)
        nodes = body.op("Add", body.op("Mul", nodes, 2), bit) if nodes else bit
    return nodes


def lookup_body(window: Window, count: int, outputs: int, wraps: bool, result: Any,
                attributes: list[str]) -> Body:
    """`PQLookup` for codes of the window's shape.

    Parameters
    ----------
    count: K
    result: type of results; None for raw sums
    """
    body = Body("PQLookup", ["codes", "tables", "bias"], attributes)
    groups, taps, entries = window.groups, window.taps, count
    subspaces, each = window.shape[0] // groups, outputs // groups
    tables = body.op("Reshape", body.cast("tables", np.int32),
                     [taps, subspaces, count, groups, each])
    if any(window.padding):
        # A code that no prototype has stands for what is outside, and chooses zeros.
        tables = body.op("Pad", tables, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0])
        entries += 1
    flat = body.op("Reshape", body.op("Transpose", tables, perm=[3, 1, 0, 2, 4]), [-1, each])
    seen = _seen(body, "codes", window, np.uint8(count))
    codes = body.op("Reshape", seen, [0, groups, subspaces, taps, -1])
    firsts = np.arange(groups * subspaces * taps).reshape(groups, subspaces, taps, 1) * entries
    chosen = body.op("Gather", flat, body.op("Add", body.cast(codes, np.int64), firsts), axis=0)
    sums = body.op("Transpose", body.op("ReduceSum", chosen, [2, 3], keepdims=0),
                   perm=[0, 1, 3, 2])
    flat_sums = body.op("Reshape", body.cast(sums, np.int64), [0, outputs, -1])
    total = body.op("Add", flat_sums, body.op("Reshape", "bias", [outputs, 1]))
    if wraps:
        raised = body.op("Mod", body.op("Add", total, 1 << 15), 1 << 16)
        total = body.op("Sub", raised, 1 << 15)
    if result is not None:
        total = body.cast(_requantised(body, total), result)
    body.op("Reshape", total, [0, outputs, *window.pixels])
    return body


def _requantised(body: Body, sums: str) -> str:
    """clamp((sum + 2**(shift - 1)) >> shift), where a shift rounds down, negative sums too."""
    step = body.op("Pow", 2, body.attribute("shift"))
    quotient = body.shifted(sums, step, body.op("Div", step, 2))
    return body.op("Clip", quotient, body.attribute("low"), body.attribute("high"))
