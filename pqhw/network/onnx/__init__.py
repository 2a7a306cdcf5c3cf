"""ONNX files: networks read, checked node by node, and written. Needs the package onnx.

Reading goes from the file (`reader`) to tensors as rearrangements of a graph's (`layout`), node by
node (`conversion`, `handlers`); what constants scale is merged (`merge`) and judged (`judge`).
"""

from .export import export_onnx
from .importer import ImportedModel, check_model, import_onnx
from .judge import CheckRow
from .layout import Layout
from .quantinfo import LayerQuant, QuantInfo, TensorQuant

__all__ = ["CheckRow", "ImportedModel", "Layout", "LayerQuant", "QuantInfo", "TensorQuant",
           "check_model", "export_onnx", "import_onnx"]
