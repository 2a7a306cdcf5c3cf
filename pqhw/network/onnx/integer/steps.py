"""Steps that a network's nodes and its functions are made of."""

import abc
from typing import Any

import numpy as np

__all__ = ["Steps"]


class Steps(abc.ABC):
    """Appends ONNX's own operators, one after another."""

    @abc.abstractmethod
    def op(self, kind: str, *inputs: Any, **attributes: Any) -> str:
        """Append a node; returns its result. Inputs that are no names become constants: integers
        have 64 bits unless they come as an array of fewer."""

    def cast(self, value: str, dtype: Any) -> str:
        """The value as another type."""
        from onnx import helper
        return self.op("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def shifted(self, sums: str, step: Any, half: Any) -> str:
        """(sum + half) >> log2 step, which rounds down: a negative quotient would go towards 0,
        so the rest is taken off before."""
        raised = self.op("Add", sums, half)
        whole = self.op("Sub", raised, self.op("Mod", raised, step))
        return self.op("Div", whole, step)
