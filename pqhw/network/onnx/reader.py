"""ONNX files read and checked: nodes, constants, the input and the output, or one sentence."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..graph import INPUT
from ..ops import GraphError
from .installed import FIRST_OPSET, STANDARD, last_opset, require_onnx
from .integer.marks import DOMAIN, FORMAT

__all__ = ["Source", "SourceNode", "read_source"]

NUMBERS = {1: "float32", 10: "float16", 11: "float64", 16: "bfloat16", 2: "uint8", 3: "int8",
           4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool"}
"""Types of tensors that may enter a network, by ONNX's number."""


@dataclasses.dataclass(frozen=True, eq=False)
class SourceNode:
    """A node of a file.

    Members
    -------
    name: its own, or one made of its operator and place where it has none or shares it
    inputs, outputs: names of tensors; "" where left out
    attributes: numbers, strings, lists, tensors and graphs as onnx parsed them
    parsed: the node itself
    """
    name: str
    op: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    parsed: Any

    @property
    def is_standard(self) -> bool:
        """Whether the operator is one of ONNX's own."""
        return self.domain in STANDARD


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A file's network, as it stands there.

    Members
    -------
    path: of the file
    name: of the network
    opset: version of the standard operators
    input, output: names of the tensors that enter and leave
    input_dims: sizes of the input; the first is None where any number of rows may enter at once
    input_type: NumPy's name of the input's type
    nodes: in their order
    constants: arrays by name
    """
    path: Path
    name: str
    opset: int
    input: str
    input_dims: tuple[int | None, ...]
    input_type: str
    output: str
    nodes: tuple[SourceNode, ...]
    constants: Mapping[str, np.ndarray]


def read_source(path: str | os.PathLike[str], output: str | None = None) -> Source:
    """Read a file.

    Parameters
    ----------
    output: which tensor is the result, where the file has several

    Raises
    ------
    GraphError
        One sentence that begins with the file's name, if it cannot be read, is none or a damaged
        one, has an opset that is not known, several inputs, or an input of open size.
    """
    require_onnx()
    path = Path(path)
    try:
        model = _parsed(path)
        _refuse_integers(model)
        opset = _opset(model)
        model = _inlined(model)
        name, dims, kind = _input(model)
        result = _output(model, output)
        _check(model)
        constants = {_printable(tensor.name): _array(tensor) for tensor in model.graph.initializer}
        return Source(path=path, name=_name(model, path), opset=opset, input=name,
                      input_dims=dims, input_type=kind, output=result,
                      nodes=_nodes(model), constants=constants)
    except OSError as error:
        raise GraphError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except GraphError as error:
        raise GraphError(f"{path}: {_printable(str(error))}") from None
    except (ValueError, TypeError, KeyError, RuntimeError, MemoryError):
        # What onnx raises for texts that are none, types and sizes that cannot be, and the like.
        raise GraphError(f"{path}: is a damaged ONNX file.") from None


def _printable(text: str | bytes) -> str:
    """On one line, whatever names a file may hold; bytes that are no text come as such."""
    told = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return "".join(own if own.isprintable() else "?" for own in told)


def _parsed(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import external_data_helper as external
    data = path.read_bytes()
    if not data:
        raise GraphError("is empty, and no ONNX file.")
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError:
        raise GraphError("is not a complete ONNX file.") from None
    if not model.ir_version or not model.HasField("graph"):
        raise GraphError("is not an ONNX model.")
    if model.ir_version > onnx.IR_VERSION:
        raise GraphError(f"has IR version {model.ir_version}, but the installed onnx knows "
                         f"versions up to {onnx.IR_VERSION}; update onnx.")
    for tensor in model.graph.initializer:
        if external.uses_external_data(tensor):
            place = external.ExternalDataInfo(tensor).location
            try:
                external.load_external_data_for_tensor(tensor, str(path.parent))
            except Exception:
                raise GraphError(f"weights {tensor.name} lie in another file, {place}, which "
                                 "cannot be read; put it beside this one.") from None
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
    return model


def _refuse_integers(model: Any) -> None:
    if (any(own.key == FORMAT for own in model.metadata_props)
            or any(node.domain == DOMAIN for node in model.graph.node)):
        raise GraphError("holds an integer network of pqhw, whose results pqhw.network.onnx."
                         "run_integer_onnx gives; it cannot become a graph of layers again, so "
                         "read the file that the network was made from.")


def _opset(model: Any) -> int:
    versions = {own.domain: own.version for own in model.opset_import}
    opset = next((versions[domain] for domain in STANDARD if domain in versions), None)
    if opset is None:
        raise GraphError("names no opset of ONNX's operators.")
    if not FIRST_OPSET <= opset <= last_opset():
        raise GraphError(f"opset must be from {FIRST_OPSET} to {last_opset()}, but is {opset}; "
                         "export the network again with such an opset.")
    return int(opset)


def _inlined(model: Any) -> Any:
    """Functions of the file in place of their calls."""
    if not model.functions:
        return model
    from onnx import inliner
    return inliner.inline_local_functions(model)


def _check(model: Any) -> None:
    """What ONNX itself demands; operators that it does not know are told node by node later."""
    from onnx import checker
    # Shapes of results are demanded, but follow from the nodes.
    open_ = [own.type.tensor_type for own in model.graph.output
             if own.type.HasField("tensor_type") and not own.type.tensor_type.HasField("shape")]
    for kind in open_:
        kind.shape.SetInParent()
    try:
        checker.check_model(model)
    except checker.ValidationError as error:
        said = (str(error).strip() or "no reason given").splitlines()[0].rstrip(".")
        if "No Op registered" not in said and "No opset import" not in said:
            raise GraphError(f"is not a valid ONNX model ({said}).") from None
    for kind in open_:
        kind.ClearField("shape")


def _array(tensor: Any) -> np.ndarray:
    from onnx import numpy_helper
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError):
        raise GraphError(f"weights {tensor.name} are damaged: their values do not fill "
                         f"{list(tensor.dims)}.") from None


def _input(model: Any) -> tuple[str, tuple, str]:
    constants = {_printable(tensor.name) for tensor in model.graph.initializer}
    inputs = [own for own in model.graph.input if _printable(own.name) not in constants]
    if len(inputs) != 1:
        names = ", ".join(_printable(own.name) for own in inputs) or "none"
        raise GraphError(f"must have one input, but has {len(inputs)} ({names}); "
                         "export the part of the network behind one of them.")
    own, = inputs
    kind = own.type.tensor_type
    if not own.type.HasField("tensor_type") or kind.elem_type not in NUMBERS:
        raise GraphError(f"input {own.name} must be a tensor of numbers, but is not.")
    if not kind.HasField("shape"):
        raise GraphError(f"input {own.name} must have a shape, but has none; export it with one.")
    if not 2 <= len(kind.shape.dim) <= 4:
        raise GraphError(f"input {own.name} must have two to four dimensions, rows the first of "
                         f"them, as in [N, C, H, W], but has {len(kind.shape.dim)}.")
    rows, *sizes = kind.shape.dim
    for place, size in enumerate(sizes, start=1):
        if size.dim_value < 1:
            raise GraphError(
                f"input {own.name} must have fixed sizes but for the first, but dimension {place} "
                f"is {size.dim_param or 'open'}; export it with a fixed size, or fix it with "
                "python -m onnxruntime.tools.make_dynamic_shape_fixed.")
    return (_printable(own.name), (rows.dim_value if rows.dim_value > 0 else None,
                       *(size.dim_value for size in sizes)), NUMBERS[kind.elem_type])


def _output(model: Any, chosen: str | None) -> str:
    names = [_printable(own.name) for own in model.graph.output]
    if not names:
        raise GraphError("must have an output, but has none.")
    if chosen is not None:
        if all(chosen not in node.output for node in model.graph.node):
            raise GraphError(f"output must be {' or '.join(names)} or another tensor of the file, "
                             f"but is {chosen}.")
        return chosen
    if len(names) > 1:
        raise GraphError(f"must have one output, but has {len(names)} ({', '.join(names)}); "
                         "choose one with --result.")
    return names[0]


def _name(model: Any, path: Path) -> str:
    """The network's own name, unless it is one that an exporter gives to all."""
    own = _printable(model.graph.name)
    return path.stem if own in ("", "main_graph", "torch_jit", "torch-jit-export", "tf2onnx") \
        else own


def _nodes(model: Any) -> tuple[SourceNode, ...]:
    from onnx import helper
    listed = list(model.graph.node)
    taken = {INPUT, ""} | {node.name for node in listed}
    seen: set[str] = {INPUT, ""}
    nodes = []
    for place, node in enumerate(listed, start=1):
        name = node.name
        if name in seen:
            name = next(free for free in (f"{node.op_type.lower()}{place}{'_' * more}"
                                          for more in range(len(listed) + 2)) if free not in taken)
            taken.add(name)
        seen.add(name)
        attributes = {own.name: helper.get_attribute_value(own) for own in node.attribute}
        nodes.append(SourceNode(_printable(name), _printable(node.op_type),
                                _printable(node.domain), tuple(map(_printable, node.input)),
                                tuple(map(_printable, node.output)),
                                {key: value.decode("utf-8", "replace") if isinstance(value, bytes)
                                 else value for key, value in attributes.items()}, node))
    return tuple(nodes)
