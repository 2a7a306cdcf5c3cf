"""A graph as a module of PyTorch that can be trained, and the graph back."""

import dataclasses

import torch
from torch import Tensor, nn

from ...network import INPUT, Graph, GraphError, Node
from ...network.ops import ArgMax, BatchNorm, Softmax
from .operations import learned_operation, operation
from .scaling import InputScaling, fold_scaling, unfold_scaling

__all__ = ["GraphModule"]


class GraphModule(nn.Module):
    """The function of a graph up to its logits, with the graph's arrays as parameters.

    Inside, images stand channels first, in memory channels last. In evaluation (`eval()`) the
    result is that of `Graph.run`, but for the order of sums; in training, normalisation takes the
    statistics of the batch. A Softmax or ArgMax at the end is left out.

    Parameters
    ----------
    graph: its input are raw pixels where `scaling` is given
    scaling: of the input in front of the first layer, whose weights are then those for the scaled
        input; the function stays the same

    Members
    -------
    logits: name of the node whose result `forward` gives

    Raises
    ------
    GraphError
        If the scaling cannot be moved into the layers that take the input.
    """

    def __init__(self, graph: Graph, scaling: InputScaling | None = None):
        super().__init__()
        self.graph = graph
        self.scaling = scaling
        inner = graph if scaling is None else unfold_scaling(graph, scaling)
        if scaling is not None:
            for name in ("mean", "step"):
                self.register_buffer(f"input_{name}", torch.tensor(getattr(scaling, name)))
        self.logits = _logits(graph)
        self.operations = nn.ModuleList(self.module_of(node) for node in inner.nodes)

    def module_of(self, node: Node) -> nn.Module:
        """The module of a node; what trains in another arithmetic overrides this.

        A bias right in front of a normalisation has no effect on what is learned and stays.
        """
        users = self.graph.users[node.name]
        fixed = bool(users) and all(isinstance(user.op, BatchNorm) for user in users)
        return operation(node.op, fixed_bias=fixed)

    def __getitem__(self, name: str) -> nn.Module:
        """The module of the node with this name."""
        return self.operations[self.graph.nodes.index(self.graph[name])]

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits [R, ...] of inputs [R, H, W, C] or [R, D], real numbers.

        Raises
        ------
        GraphError
            If the inputs have another shape than the graph's.
        """
        if tuple(inputs.shape[1:]) != self.graph.input_shape:
            raise GraphError(f"inputs of {self.graph.name} must be [R, "
                             f"{', '.join(map(str, self.graph.input_shape))}], "
                             f"but are {list(inputs.shape)}.")
        if self.scaling is not None:
            inputs = (inputs - self.input_mean) / self.input_step
        if inputs.ndim == 4:
            inputs = inputs.permute(0, 3, 1, 2)
        held = {INPUT: inputs}
        waiting = {name: len(users) for name, users in self.graph.users.items()}
        for node, module in zip(self.graph.nodes, self.operations):
            result = module(*(held[name] for name in node.inputs))
            if node.name == self.logits:
                break
            held[node.name] = result
            for name in set(node.inputs):
                waiting[name] -= 1
                if not waiting[name]:
                    del held[name]
        return result.permute(0, 2, 3, 1) if result.ndim == 4 else result

    def to_graph(self) -> Graph:
        """The graph with the arrays as learned; its input are raw pixels again."""
        nodes = tuple(dataclasses.replace(node, op=learned_operation(node.op, module))
                      for node, module in zip(self.graph.nodes, self.operations))
        graph = dataclasses.replace(self.graph, nodes=nodes)
        return graph if self.scaling is None else fold_scaling(graph, self.scaling)


def _logits(graph: Graph) -> str:
    name = graph.output
    while isinstance(graph[name].op, ArgMax | Softmax) and graph[name].inputs[0] != INPUT:
        name = graph[name].inputs[0]
    return name
