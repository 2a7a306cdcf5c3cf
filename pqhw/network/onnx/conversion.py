"""A file's nodes turned into a graph's one after another, whatever becomes of each."""

import dataclasses
from collections.abc import Sequence

from ..graph import INPUT, Node
from ..ops import (Add, ArgMax, AvgPool, Concat, Flatten, GlobalAvgPool, GraphError, MaxPool, Op,
                   PadChannels, Relu, Shape, Subsample)
from ..quantinfo import LayerQuant, TensorQuant
from .constants import Const, evaluate
from .inference import result_shape
from .layout import NO_PADS, SplitError, View, image_view
from .reader import Source, SourceNode
from .remedies import CONTROL, refusal
from .state import (Affine, Following, Outcome, Unknown, Unsupported, Value, file_shape,
                    held_shape, row_view)

__all__ = ["Conversion"]

POSITIVE = (ArgMax, Relu)
"""Operations whose results are never negative."""

KEEPS_SIGN = (Add, AvgPool, Concat, Flatten, GlobalAvgPool, MaxPool, PadChannels, Subsample)
"""Operations whose results are not negative where their inputs are not."""


class Conversion:
    """The state of a conversion, which handlers of operators work on.

    Parameters
    ----------
    start: the input as the graph takes it

    Members
    -------
    values: by the file's names of tensors
    nodes, shapes: of the graph, by name
    affines: of the nodes that are normalisations made of constants
    replaced: nodes whose work another one does too
    tensors, layers: what is quantised
    told: nodes that a node of the file became
    positive: nodes whose results are never negative
    notes: what a user should know
    targets: sizes that the input would have to be cut into
    """

    def __init__(self, source: Source, start: View):
        self.source = source
        self.values: dict[str, Value] = {source.input: start}
        self.nodes: dict[str, Node] = {}
        self.shapes: dict[str, Shape] = {INPUT: held_shape(start)}
        self.outcomes: list[Outcome] = []
        self.affines: dict[str, Affine] = {}
        self.replaced: dict[str, str] = {}
        self.flattened: dict[str, str] = {}
        self.tensors: dict[str, TensorQuant] = {}
        self.layers: dict[str, LayerQuant] = {}
        self.told: set[str] = set()
        self.positive: set[str] = set()
        self.notes: list[str] = []
        self.targets: list[tuple[int, ...]] = []

    # -- What handlers ask for -------------------------------------------------------------

    def value(self, node: SourceNode, place: int) -> Value | None:
        """An input, or None where it is left out."""
        name = node.inputs[place] if place < len(node.inputs) else ""
        if not name:
            return None
        if name not in self.values and name in self.source.constants:
            self.values[name] = Const(self.source.constants[name])
        return self.values.get(name, Unknown(""))

    def constant(self, node: SourceNode, place: int, what: str) -> Const | None:
        """An input that must be constant, or None where it is left out."""
        value = self.value(node, place)
        if value is None or isinstance(value, Const):
            return value
        raise Unsupported(f"its {what} must be constant, but the network computes them",
                          "store them as constants")

    def setting(self, node: SourceNode, place: int, name: str) -> list | None:
        """Numbers that are an attribute in some opsets and a constant input in others."""
        if name in node.attributes:
            given = node.attributes[name]
            return list(given) if isinstance(given, Sequence) else [given]
        value = self.constant(node, place, name)
        return None if value is None else [own.item() for own in value.array.reshape(-1)]

    def moving(self, node: SourceNode, place: int = 0) -> View:
        """An input that the network computes, padding and codes as they are."""
        value = self.value(node, place)
        if isinstance(value, View):
            return value
        raise Unsupported("its data must come from the network's input, but are constant")

    def padded(self, node: SourceNode, place: int = 0) -> View:
        """An input of real values, which may wait for its padding."""
        view = self.moving(node, place)
        if not view.held:
            raise Unsupported("it follows ArgMax, which must end the network",
                              "leave out what follows")
        if view.codes is not None:
            raise Unsupported("it computes with integers", "quantise to pairs of QuantizeLinear "
                              "and DequantizeLinear (QDQ) around operators of real values")
        return view

    def view(self, node: SourceNode, place: int = 0) -> View:
        """An input of real values without padding that waits."""
        view = self.padded(node, place)
        if view.pads != NO_PADS:
            raise Unsupported("its input is padded before it, which only a convolution or a "
                              "pooling behind the padding can take",
                              "let the padding stand right before a convolution")
        return view

    def row(self, view: View) -> View:
        """The same tensor with a row of the graph behind it."""
        if view.is_row:
            return view
        if view.name not in self.flattened:
            name = self.free(view.label or f"{view.name}.flatten")
            self.flattened[view.name] = self._add(Flatten(), (view.name,), name)
            if view.name in self.tensors:
                self.tensors[name] = self.tensors[view.name]
        return dataclasses.replace(view, name=self.flattened[view.name], held=(("C", "H", "W"),))

    def image(self, view: View) -> str:
        """The axes that follow channels in [N, C, ...]; raises unless it is an image like that."""
        spatial = {3: "W" if view.sizes["H"] == 1 else "H", 4: "HW"}.get(len(view.dims))
        if spatial is None:
            raise Unsupported(f"it works on {len(view.dims) - 2} dimensions of space",
                              "networks may have one or two")
        wanted = tuple(view.axes(axis) for axis in "NC" + spatial)
        if view.dims != wanted or any(view.sizes[axis] > 1 for axis in "HW" if axis not in spatial):
            raise Unsupported("its input is no image of channels, height and width in this order, "
                              "seen from the network's input")
        if view.is_row and max(view.sizes["H"], view.sizes["W"]) > 1:
            raise Unsupported("its input is a row that would have to become an image",
                              "keep images as images up to the dense layers")
        return spatial

    # -- What handlers add -----------------------------------------------------------------

    def emit(self, node: SourceNode, op: Op, *inputs: View) -> str:
        """Append an operation to the graph; its name."""
        return self._add(op, tuple(own.name for own in inputs), self.free(node.name))

    def replace(self, node: SourceNode, op: Op, before: str) -> str:
        """Append an operation that does the work of node `before` too, and takes what that one
        takes; its name."""
        name = self._add(op, self.nodes[before].inputs, self.free(node.name))
        self.replaced[before] = name
        return name

    def _add(self, op: Op, inputs: tuple[str, ...], name: str) -> str:
        self.shapes[name] = op.shape(tuple(self.shapes[own] for own in inputs))
        self.nodes[name] = Node(name, op, inputs)
        if (isinstance(op, POSITIVE) or op.kind == "Softmax"
                or isinstance(op, KEEPS_SIGN) and self.positive >= set(inputs)):
            self.positive.add(name)
        return name

    def free(self, name: str) -> str:
        """The name, or one like it that no node has."""
        taken, place = name, 2
        while taken in self.shapes:
            taken, place = f"{name}.{place}", place + 1
        return taken

    def result(self, node: SourceNode, value: Value, reason: str = "") -> Outcome:
        """The node's first result, and the graph's node that gives it, if that is a new one."""
        self.values[node.outputs[0]] = value
        name = value.name if isinstance(value, View) else ""
        if name not in self.nodes or name in self.told:
            return Outcome(node, folded=True, reason=reason or "changes nothing")
        self.told.add(name)
        return Outcome(node, became=name, reason=reason)

    def folded(self, node: SourceNode, value: Value, reason: str) -> Outcome:
        """The node's first result, for which nothing is computed."""
        self.values[node.outputs[0]] = value
        return Outcome(node, folded=True, reason=reason)

    def normal(self, view: View, name: str) -> View:
        """The view of a new node that changes neither shape nor order."""
        return dataclasses.replace(view, name=name)

    # -- Node after node -------------------------------------------------------------------

    def convert(self, node: SourceNode) -> None:
        """Turn one node; an unsupported one is noted, and those behind it are judged as far as
        their shapes are known."""
        inputs = [self.value(node, place) for place in range(len(node.inputs))]
        try:
            outcome = self._converted(node, inputs)
        except GraphError as error:
            if isinstance(error, SplitError):
                self.targets.append(error.target)
            outcome = Outcome(node, reason=str(error).rstrip("."),
                              remedy=getattr(error, "remedy", ""),
                              follows=error.node if isinstance(error, Following) else None)
            self._stand_in(node, inputs, outcome.follows)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError,
                AssertionError, MemoryError):
            outcome = Outcome(node, reason=f"its inputs or attributes are not those of {node.op}",
                              remedy="check the file with onnx.checker")
            self._stand_in(node, inputs, None)
        shapes = (file_shape(own) for own in inputs if own is not None)
        self.outcomes.append(dataclasses.replace(
            outcome, inputs=tuple(own for own in shapes if own is not None),
            output=file_shape(self.values.get(node.outputs[0])) if node.outputs else None))

    def _converted(self, node: SourceNode, inputs: Sequence[Value | None]) -> Outcome:
        from .handlers import find_handler
        handler = find_handler(node)
        constant = [own for own in inputs if own is None or isinstance(own, Const)]
        quantises = node.op in ("QuantizeLinear", "DequantizeLinear")
        if (len(constant) == len(inputs) and node.op not in CONTROL
                and (node.is_standard or quantises)):
            try:
                results = evaluate(node, constant, self.source.opset)
            except ValueError as error:
                raise Unsupported(f"it cannot be computed beforehand: {error}") from None
            self.values.update(zip(node.outputs, results))
            return Outcome(node, folded=True, reason="a constant")
        if handler is None:
            raise Unsupported(*refusal(node))
        for own in inputs:
            if isinstance(own, Unknown):
                raise Following(own.node) if own.node else Unsupported(
                    "it takes more than the first result of a node",
                    "leave masks, indices and running values out of the network")
        return handler(self, node)

    def _stand_in(self, node: SourceNode, inputs: Sequence[Value | None],
                  follows: str | None) -> None:
        """Results of an unsupported node, so that those behind it can be judged."""
        root = follows or node.name
        for place, output in enumerate(node.outputs):
            if output:
                shape = None if place else result_shape(node, inputs)
                view = self._like(node, inputs, shape)
                self.values[output] = view or Unknown(root, shape)

    def _like(self, node: SourceNode, inputs: Sequence[Value | None],
              shape: tuple[int, ...] | None) -> View | None:
        if shape is None or len(shape) < 2 or min(shape) < 1:
            return None
        batch, *sizes = shape
        name = self.free(node.name)
        same = next((own for own in inputs if isinstance(own, View)
                     and own.shape[1:] == tuple(sizes) and own.pads == NO_PADS), None)
        if same is not None:
            view = dataclasses.replace(same, name=name, codes=None)
        elif len(sizes) == 1:
            view = row_view(name, batch, sizes[0])
        elif len(sizes) in (2, 3):
            channels, *image = sizes
            height, width = (1, *image)[-2:]
            view = image_view(name, batch, (height, width, channels), "HW"[2 - len(image):])
        else:
            return None
        self.shapes[name] = held_shape(view)
        return view
