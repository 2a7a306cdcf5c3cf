"""Layers with weights, and normalisation."""

import dataclasses
from collections.abc import Callable

import numpy as np

from ...ops import BatchNorm, Conv2d, Linear
from ...quantinfo import LayerQuant
from ..constants import Const
from ..conversion import Conversion
from ..layout import NO_PADS, View, image_view
from ..reader import SourceNode
from ..state import Outcome, Unsupported
from .windows import window

__all__ = ["LAYERS"]


def _weights(c: Conversion, node: SourceNode, place: int, dimensions: int) -> Const:
    found = c.constant(node, place, "weights")
    assert found is not None
    if found.array.ndim != dimensions:
        raise Unsupported(f"its weights have {found.array.ndim} dimensions and not {dimensions}")
    return found


def _bias(c: Conversion, node: SourceNode, place: int, outputs: int) -> Const | None:
    found = c.constant(node, place, "bias")
    if found is None:
        return None
    shape = found.array.shape
    if found.array.size != 1 and (found.array.size != outputs or shape[-1] != outputs):
        raise Unsupported(f"its bias must have one value per output, {outputs}, or one for all, "
                          f"but has shape {list(shape)}", "add other constants per channel")
    return found.moved(lambda array: np.broadcast_to(array.reshape(-1), (outputs,)))


def _quantised(c: Conversion, name: str, weights: Const, bias: Const | None) -> None:
    """Keep the integers of a layer, where its weights came as such, a scale per output."""
    own = weights.integers
    if own is None:
        return
    scales, zeros = (values.reshape(len(own.codes), -1) for values in (own.scale, own.zero_point))
    if (scales != scales[:, :1]).any() or (zeros != zeros[:, :1]).any():
        c.notes.append(f"{name}: its weights have several scales per output, so their integers are "
                       "not kept.")
        return
    integers = bias.integers if bias is not None else None
    c.layers[name] = LayerQuant(
        weights=np.ascontiguousarray(own.codes), scales=np.array(scales[:, 0], np.float32),
        zero_points=np.array(zeros[:, 0]), bits=own.bits, signed=own.signed,
        bias=None if integers is None else np.array(integers.codes - integers.zero_point),
        bias_scales=None if integers is None else np.array(integers.scale, np.float32))


def convolution(c: Conversion, node: SourceNode) -> Outcome:
    """Conv: a convolution, or a dense layer where the image is one pixel held as a row."""
    x = c.padded(node)
    spatial = c.image(x)
    weights = _weights(c, node, 1, 2 + len(spatial))
    outputs, depth, *kernel = weights.array.shape
    told = list(node.attributes.get("kernel_shape", kernel))
    if told != kernel:
        raise Unsupported(f"its kernel_shape is {told}, but its weights have a kernel of {kernel}",
                          "check the file with onnx.checker")
    own = window(node, x, spatial, kernel)
    groups = int(node.attributes.get("group", 1))
    bias = _bias(c, node, 2, outputs)
    if x.is_row:
        if not own.is_pixel or x.pads != NO_PADS or groups != 1:
            raise Unsupported("its input is a row of one pixel, of which it takes a window",
                              "keep a 1x1 convolution behind global pooling, or none")
        return _dense(c, node, x, weights.moved(lambda array: array.reshape(outputs, depth)), bias,
                      lambda dims: (dims[0], ("C",) if outputs > 1 else (), *dims[2:]))
    height, width = own.kernel
    weights = weights.moved(lambda array: array.reshape(outputs, depth, height, width)
                            .transpose(0, 2, 3, 1))
    (top, bottom), (left, right) = own.padding
    (above, below), (before, after) = x.pads
    op = Conv2d(weights=weights.array, bias=None if bias is None else bias.array,
                stride=own.stride, groups=groups,
                padding=((top + above, bottom + below), (left + before, right + after)))
    name = c.emit(node, op, x)
    _quantised(c, name, weights, bias)
    return c.result(node, image_view(name, x.sizes["N"], c.shapes[name], spatial))


def _dense(c: Conversion, node: SourceNode, x: View, weights: Const, bias: Const | None,
           dims: Callable) -> Outcome:
    """A dense layer of a row.

    Parameters
    ----------
    weights: [N, D], columns in the order of the file's tensor
    dims: makes the result's dimensions of the input's
    """
    row = c.row(x)
    before = [axis for dim in x.dims for axis in dim if axis != "N"]
    after = [axis for axis in row.held[0] if axis in before]
    outputs = len(weights.array)
    order = [0, *(1 + before.index(axis) for axis in after)]
    weights = weights.moved(lambda array: array.reshape(
        outputs, *(x.sizes[axis] for axis in before)).transpose(order).reshape(outputs, -1))
    name = c.emit(node, Linear(weights=weights.array, bias=None if bias is None else bias.array),
                  row)
    _quantised(c, name, weights, bias)
    sizes = {"N": x.sizes["N"], "H": 1, "W": 1, "C": outputs}
    return c.result(node, View(name, sizes, (("C",),), dims(x.dims)))


def _product(c: Conversion, node: SourceNode, x: View, weights: Const,
             bias: Const | None) -> Outcome:
    """The last dimension of a tensor times weights [N, D]: a dense layer, or of every pixel."""
    *first, last = x.dims
    outputs, inputs = weights.array.shape
    if x.shape[-1] != inputs:
        raise Unsupported(f"its weights take {inputs} values, but are given {x.shape[-1]}")
    kept = (*first, ("C",) if outputs > 1 else ())
    if not any(axis != "N" for dim in first for axis in dim):
        return _dense(c, node, x, weights, bias, lambda dims: kept)
    if last != x.axes("C") or x.is_row:
        raise Unsupported("it multiplies something else than rows, or the channels of pixels")
    weights = weights.moved(lambda array: array.reshape(outputs, 1, 1, inputs))
    name = c.emit(node, Conv2d(weights=weights.array, bias=None if bias is None else bias.array), x)
    _quantised(c, name, weights, bias)
    return c.result(node, View(name, {**x.sizes, "C": outputs}, x.held, kept))


def gemm(c: Conversion, node: SourceNode) -> Outcome:
    """Gemm: alpha * A * B + beta * C with A from the network, B and C constant."""
    x = c.view(node)
    weights = _weights(c, node, 1, 2)
    attributes = node.attributes
    if attributes.get("transA", 0):
        x = dataclasses.replace(x, dims=x.dims[::-1])
    if len(x.dims) != 2 or not x.is_batch_first:
        raise Unsupported("its first input must be rows of values, but is not",
                          "flatten all but the first dimension before it")
    if not attributes.get("transB", 0):
        weights = weights.moved(lambda array: array.T)
    alpha, beta = (float(attributes.get(name, 1)) for name in ("alpha", "beta"))
    if alpha != 1:
        weights = Const(weights.array * np.float32(alpha))
    bias = _bias(c, node, 2, len(weights.array))
    if bias is not None and beta != 1:
        bias = Const(bias.array * np.float32(beta))
    return _product(c, node, x, weights, bias)


def matmul(c: Conversion, node: SourceNode) -> Outcome:
    """MatMul with constant weights on the right."""
    x = c.view(node)
    if isinstance(c.value(node, 1), View):
        raise Unsupported("it multiplies two tensors that the network computes, as attention does",
                          "engines hold one of them as weights; compute this part elsewhere")
    weights = c.constant(node, 1, "weights")
    assert weights is not None
    while weights.array.ndim > 2 and len(weights.array) == 1:
        weights = weights.moved(lambda array: array[0])
    if weights.array.ndim == 1 or weights.array.ndim > 2:
        raise Unsupported(f"its weights have {weights.array.ndim} dimensions and not 2",
                          "store them as [inputs, outputs]")
    return _product(c, node, x, weights.moved(lambda array: array.T), None)


def normalisation(c: Conversion, node: SourceNode) -> Outcome:
    """BatchNormalization with the values it learned."""
    x = c.view(node)
    if node.attributes.get("training_mode", 0) or len([own for own in node.outputs if own]) > 1:
        raise Unsupported("it is in training mode", "export the network in evaluation mode")
    if not node.attributes.get("spatial", 1):
        raise Unsupported("it normalises every pixel by values of its own")
    if len(x.dims) < 2:
        raise Unsupported("its input has no channels")
    if x.dims[1] != x.axes("C"):
        x = c.row(x)
    values = []
    for place, what in enumerate(("scales", "offsets", "means", "variances"), start=1):
        found = c.constant(node, place, what)
        assert found is not None
        values.append(x.per_element(found.array.reshape(-1, *(1,) * (len(x.dims) - 2))))
    gamma, beta, mean, variance = values
    op = BatchNorm(gamma=gamma, beta=beta, mean=mean, variance=variance,
                   epsilon=_decimal(node.attributes.get("epsilon", 1e-5)))
    return c.result(node, c.normal(x, c.emit(node, op, x)))


def _decimal(value: float) -> float:
    """The decimal number that an attribute in single precision was written as."""
    return float(str(np.float32(value)))


LAYERS = {"Conv": convolution, "Gemm": gemm, "MatMul": matmul,
          "BatchNormalization": normalisation}
