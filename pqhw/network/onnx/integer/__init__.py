"""Integer networks as ONNX files: written, and executed by an evaluator of its own arithmetic."""

from .definition import pq_encode, pq_lookup
from .export import export_integer_onnx
from .reference import reference_operators, run_integer_onnx

__all__ = ["export_integer_onnx", "pq_encode", "pq_lookup", "reference_operators",
           "run_integer_onnx"]
