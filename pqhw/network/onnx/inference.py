"""Shapes of what an unsupported node gives, so that the nodes behind it can be judged."""

from collections.abc import Mapping, Sequence

import numpy as np

from .constants import Const
from .layout import View
from .reader import SourceNode
from .remedies import CONTROL
from .state import Value

__all__ = ["result_shapes"]

SMALL = 64
"""Elements of constants that may decide a shape."""


def result_shapes(node: SourceNode, inputs: Sequence[Value | None],
                  opset: int) -> Mapping[str, tuple[int, ...]]:
    """Shapes of a node's results as ONNX infers them, of those that it can tell.

    The node stands alone there: in a whole network, sizes that make no sense would end the program.
    """
    if node.op in CONTROL or not node.is_standard:
        return {}
    try:
        return _inferred(node, inputs, opset)
    except Exception:
        # Sizes that no file can hold, types that do not fit: then nothing is known.
        return {}


def _inferred(node: SourceNode, inputs: Sequence[Value | None],
              opset: int) -> Mapping[str, tuple[int, ...]]:
    from onnx import TensorProto, helper, numpy_helper, shape_inference
    described, constants = [], []
    for name, value in zip(node.inputs, inputs):
        if isinstance(value, View) and min(value.shape, default=0) > 0:
            described.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape))
        elif isinstance(value, Const):
            if value.array.size <= SMALL:
                constants.append(numpy_helper.from_array(np.ascontiguousarray(value.array), name))
            else:
                kind = helper.np_dtype_to_tensor_dtype(value.array.dtype)
                described.append(helper.make_tensor_value_info(name, kind, value.array.shape))
        elif name:
            return {}
    results = [helper.make_empty_tensor_value_info(name) for name in node.outputs if name]
    graph = helper.make_graph([node.parsed], "alone", described, results, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    inferred = shape_inference.infer_shapes(model, data_prop=True).graph
    shapes = {}
    for own in (*inferred.value_info, *inferred.output):
        kind = own.type.tensor_type
        if own.type.HasField("tensor_type") and kind.HasField("shape"):
            sizes = tuple(size.dim_value for size in kind.shape.dim)
            if sizes and min(sizes) > 0:
                shapes[own.name] = sizes
    return shapes
