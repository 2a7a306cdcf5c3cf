"""The scale of the input that training wants, moved into the first layer's weights."""

import dataclasses

import numpy as np

from ...network import INPUT, Graph, GraphError, Node
from ...network.ops import BatchNorm, Conv2d, Flatten, Linear, Op

__all__ = ["InputScaling", "fold_scaling", "unfold_scaling"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class InputScaling:
    """(pixel - mean) / step, each channel with its own.

    Training wants inputs of about 1; hardware takes the pixels as they are, integers from 0. The
    scale is therefore part of the first layer once training is done. A mean is exact only where
    that layer has no padding: a padded zero is a zero of the scaled image, which is the mean, and
    not black. So the usual scaling has no mean.

    Parameters
    ----------
    mean: [C], pixels
    step: [C], pixels; positive

    Raises
    ------
    GraphError
        If the lengths differ or a step is not positive.
    """
    mean: tuple[float, ...]
    step: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("mean", "step"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        if len(self.mean) != len(self.step):
            raise GraphError(f"InputScaling.step must have as many values as mean, {len(self.mean)}"
                             f", but has {len(self.step)}.")
        if not all(0 < value < np.inf for value in self.step):
            raise GraphError(f"InputScaling.step must be positive, but is {list(self.step)}.")

    @classmethod
    def largest(cls, images: np.ndarray) -> "InputScaling":
        """Divides by the largest pixel of images [R, H, W, C], the same for all channels."""
        channels = images.shape[-1]
        return cls(mean=(0,) * channels, step=(float(max(images.max(), 1)),) * channels)

    @classmethod
    def normal(cls, images: np.ndarray) -> "InputScaling":
        """Brings every channel of images [R, H, W, C] to mean 0 and variance 1; a channel that is
        constant keeps its scale."""
        axes = tuple(range(images.ndim - 1))
        spread = images.std(axis=axes, dtype=np.float64)
        return cls(mean=tuple(images.mean(axis=axes, dtype=np.float64)),
                   step=tuple(np.where(spread > 0, spread, 1.0)))


def fold_scaling(graph: Graph, scaling: InputScaling) -> Graph:
    """The function of `graph` on scaled pixels, as a graph that takes raw pixels.

    Raises
    ------
    GraphError
        If an operation that takes the input cannot take the scaling in.
    """
    return _moved(graph, np.array(scaling.mean), np.array(scaling.step))


def unfold_scaling(graph: Graph, scaling: InputScaling) -> Graph:
    """The reverse: the function of a graph of raw pixels, as one that takes scaled pixels."""
    mean, step = np.array(scaling.mean), np.array(scaling.step)
    return _moved(graph, -mean / step, 1 / step)


def _moved(graph: Graph, mean: np.ndarray, step: np.ndarray) -> Graph:
    """The graph that makes of x what `graph` makes of (x - mean) / step."""
    if graph.input_shape[-1] != len(step):
        raise GraphError(f"InputScaling.step must have a value for each of the input's "
                         f"{graph.input_shape[-1]} channels, but has {len(step)}.")
    values = {INPUT: (mean, step)}
    nodes = []
    for node in graph.nodes:
        if any(name in values for name in node.inputs):
            own_mean, own_step = values[next(name for name in node.inputs if name in values)]
            if isinstance(node.op, Flatten):
                values[node.name] = tuple(np.repeat(  # type: ignore[assignment]
                    own, int(np.prod(graph.shapes[node.inputs[0]])) // len(own))
                    for own in (own_mean, own_step))
            else:
                node = dataclasses.replace(node, op=_taken_in(node, own_mean, own_step))
        nodes.append(node)
    return dataclasses.replace(graph, nodes=tuple(nodes))


def _taken_in(node: Node, mean: np.ndarray, step: np.ndarray) -> Op:
    op = node.op
    match op:
        case BatchNorm():
            return dataclasses.replace(op, gamma=op.gamma / step, mean=op.mean * step + mean)
        case Linear():
            weights = op.weights / step
        case Conv2d():
            if mean.any() and np.any(op.padding):
                raise GraphError(f"{node.name}: a scaling with a mean must meet no padding, "
                                 f"but padding is {op.padding}.")
            # Channel c of a group's weights sees channel group * depth + c of the input.
            own = step.reshape(op.groups, -1).repeat(len(op.weights) // op.groups, axis=0)
            weights = op.weights / own[:, None, None, :]
            mean = mean.reshape(op.groups, -1).repeat(len(op.weights) // op.groups, axis=0)
            mean = mean[:, None, None, :]
        case _:
            raise GraphError(f"{node.name}: a scaling must be in front of Conv2d, Linear or "
                             f"BatchNorm, but {op.kind} takes the input.")
    shift = (weights * mean).reshape(len(weights), -1).sum(axis=1)
    return dataclasses.replace(op, weights=weights, bias=op.bias - shift)
