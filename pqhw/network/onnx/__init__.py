"""ONNX files: networks read, checked node by node, and written. Needs the package onnx.

Reading goes from the file (`reader`) to tensors as rearrangements of a graph's (`layout`), node by
node (`conversion`, `handlers`); what constants scale is merged (`merge`) and judged (`judge`).
Graphs are written in single precision (`export`), integer networks in integers (`integer`).
"""

from ..quantinfo import LayerQuant, QuantInfo, TensorQuant
from .export import export_onnx
from .importer import ImportedModel, check_model, import_onnx
from .integer import export_integer_onnx, reference_operators, run_integer_onnx
from .judge import CheckRow
from .layout import Layout

__all__ = ["CheckRow", "ImportedModel", "Layout", "LayerQuant", "QuantInfo", "TensorQuant",
           "check_model", "export_integer_onnx", "export_onnx", "import_onnx",
           "reference_operators", "run_integer_onnx"]
