"""`PQEncode` and `PQLookup` as functions of ONNX's own operators, for runtimes that lack them.

A function serves layers of all sizes, as it takes them from its inputs and attributes. Distances
have at most 25 bits and sums of table entries at most 32, so integers of 32 bits are exact.
"""

from typing import Any

import numpy as np

from ..writing import OPSET
from .marks import DOMAIN
from .steps import Steps

__all__ = ["Body", "encode_body", "lookup_body"]

WINDOW = ["kernel_shape", "strides", "pads", "group"]
"""Attributes of both operators."""


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
        return self.op("Constant", value=numpy_helper.from_array(array))

    def attribute(self, name: str, *, several: bool = False) -> str:
        """The value [] of an attribute of the node that calls the function, or [values]."""
        from onnx import AttributeProto
        field, kind = (("value_ints", AttributeProto.INTS) if several
                       else ("value_int", AttributeProto.INT))
        found = self.op("Constant")
        self.nodes[-1].attribute.append(AttributeProto(name=field, type=kind, ref_attr_name=name))
        return found

    def size(self, value: str, axis: int) -> str:
        """The size [] of an axis."""
        return self.op("Gather", self.op("Shape", value), axis)

    def numbers(self, count: str) -> str:
        """0, 1, … below a count []."""
        return self.op("Range", 0, count, 1)

    def reshape(self, value: str, *sizes: Any) -> str:
        """The value with sizes []; 0 keeps a size, and -1 is what is left."""
        parts = [self.op("Unsqueeze", own, [0]) if isinstance(own, str) else
                 self.constant([own]) for own in sizes]
        return self.op("Reshape", value, self.op("Concat", *parts, axis=0))

    def function(self) -> Any:
        """The function, which gives what its last node gives."""
        from onnx import helper
        return helper.make_function(
            DOMAIN, self.name, self.inputs, [self.nodes[-1].output[0]], self.nodes,
            [helper.make_opsetid("", OPSET)], attributes=self.attributes)


def encode_body(encoder: str, levels: int) -> Body:
    """`PQEncode` of an encoder; of a tree with as many levels."""
    tree = encoder == "tree"
    body = Body("PQEncode", ["values", "thresholds", "split_dims"] if tree
                else ["values", "prototypes"], ["encoder", "subvector_length", *WINDOW])
    seen, tall, wide = _windows(body, body.cast("values", np.int32), np.array(0, np.int32))
    pixels = body.op("Mul", tall, wide)
    length = body.attribute("subvector_length")
    inputs = body.reshape(seen, 0, body.attribute("group"), -1, pixels)
    tail = body.op("Mod", body.op("Neg", body.size(inputs, 2)), length)
    pads = body.op("Concat", [0] * 6, body.op("Unsqueeze", tail, [0]), [0], axis=0)
    vectors = body.reshape(body.op("Pad", inputs, pads), 0, -1, length, pixels)
    found = _leaves(body, vectors, length, levels) if tree else _nearest(body, vectors, encoder)
    body.reshape(body.cast(found, np.uint8), 0, -1, tall, wide)
    return body


def _windows(body: Body, images: str, outside: Any) -> tuple[str, str, str]:
    """What windows see of images, [R, C, Fh, Fw, OH, OW], and their numbers OH and OW."""
    pads = body.attribute("pads", several=True)
    first, last = (body.op("Slice", pads, [own], [own + 2]) for own in (0, 2))
    padded = body.op("Pad", images, body.op("Concat", [0, 0], first, [0, 0], last, axis=0),
                     outside)
    counts = []
    for number, axis in enumerate((2, 4)):
        taps, stride = (body.op("Gather", body.attribute(name, several=True), number)
                        for name in ("kernel_shape", "strides"))
        reach = body.op("Sub", body.size(padded, axis), taps)
        count = body.op("Add", body.op("Div", reach, stride), 1)
        places = body.op("Add", body.op("Unsqueeze", body.numbers(taps), [1]),
                         body.op("Mul", body.numbers(count), stride))
        padded = body.op("Gather", padded, places, axis=axis)
        counts.append(count)
    return body.op("Transpose", padded, perm=[0, 1, 2, 4, 3, 5]), counts[0], counts[1]


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


def _leaves(body: Body, vectors: str, length: str, levels: int) -> str:
    """Codes [R, S, P] of vectors [R, S, V, P]; a single tree serves all sub-vectors."""
    elements = body.reshape(vectors, 0, -1, body.size(vectors, 3))
    firsts = body.op("Mul", body.numbers(body.size(vectors, 1)), length)
    dims = body.cast("split_dims", np.int64)
    limits = body.op("Reshape", body.cast("thresholds", np.int32), [-1])
    roots = body.op("Mul", body.numbers(body.size("thresholds", 0)), body.size("thresholds", 1))
    roots = body.op("Unsqueeze", roots, [1])
    nodes = body.constant(0)
    for level in range(levels):
        own = body.op("Add", body.op("Gather", dims, level, axis=1), firsts)
        places = body.op("Add", body.op("Add", nodes, (1 << level) - 1), roots)
        bit = body.op("GreaterOrEqual", body.op("Gather", elements, own, axis=1),
                      body.op("Gather", limits, places))
        nodes = body.op("Add", body.op("Mul", nodes, 2), body.cast(bit, np.int64))
    return nodes


def lookup_body(wraps: bool) -> Body:
    """`PQLookup`, with sums modulo 2**16 or as they are."""
    body = Body("PQLookup", ["codes", "tables", "bias"],
                ["wrap16", "shift", "low", "high", *WINDOW])
    # A code that no prototype has stands for what is outside, and chooses zeros.
    none = body.size("tables", 3)
    seen, tall, wide = _windows(body, body.cast("codes", np.int64), none)
    tables = body.op("Pad", body.cast("tables", np.int32), [0] * 8 + [1, 0])
    group = body.attribute("group")
    tables = body.op("Transpose", body.reshape(tables, 0, 0, 0, 0, group, -1),
                     perm=[4, 2, 0, 1, 3, 5])
    firsts = body.op("Slice", body.op("Shape", tables), [0], [4])
    entries = body.op("Add", none, 1)
    numbers = body.op("Mul", body.numbers(body.op("ReduceProd", firsts, keepdims=0)), entries)
    starts = body.op("Reshape", numbers, body.op("Concat", firsts, [1], axis=0))
    kernel = body.attribute("kernel_shape", several=True)
    codes = body.reshape(seen, 0, group, -1, body.op("Gather", kernel, 0),
                         body.op("Gather", kernel, 1), body.op("Mul", tall, wide))
    chosen = body.op("Gather", body.reshape(tables, -1, body.size(tables, 5)),
                     body.op("Add", codes, starts), axis=0)
    sums = body.op("Transpose", body.op("ReduceSum", chosen, [2, 3, 4], keepdims=0),
                   perm=[0, 1, 3, 2])
    total = body.op("Add", body.reshape(body.cast(sums, np.int64), 0, -1, tall, wide),
                    body.op("Unsqueeze", "bias", [1, 2]))
    if wraps:
        raised = body.op("Mod", body.op("Add", total, 1 << 15), 1 << 16)
        total = body.op("Sub", raised, 1 << 15)
    step = body.op("Pow", 2, body.attribute("shift"))
    quotient = body.shifted(total, step, body.op("Div", step, 2))
    body.op("Clip", quotient, body.attribute("low"), body.attribute("high"))
    return body
