"""The package onnx, asked for when a file is read or written, and the opsets that are known."""

import importlib.util

from ..ops import GraphError

__all__ = ["FIRST_OPSET", "STANDARD", "last_opset", "require_onnx"]

FIRST_OPSET = 7
"""Before it, broadcasting was an attribute, and normalisation had other outputs."""

STANDARD = ("", "ai.onnx")
"""Names of the domain of ONNX's own operators."""


def require_onnx() -> None:
    """Raise `GraphError`, with how to get it, where onnx is not installed."""
    if importlib.util.find_spec("onnx") is None:
        raise GraphError("ONNX files need the package onnx, which is not installed; "
                         "run pip install 'pqhw[onnx]'.")


def last_opset() -> int:
    """The newest opset of the installed onnx."""
    from onnx import defs
    return int(defs.onnx_opset_version())
