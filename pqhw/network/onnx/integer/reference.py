"""Integer networks in ONNX files executed by onnx's own evaluator, with our operators in NumPy."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from ...ops import GraphError
from ..installed import require_onnx
from .definition import Window, pq_encode, pq_lookup
from .marks import DOMAIN, FORMAT, HIGH, LOW

__all__ = ["reference_operators", "run_integer_onnx"]


def reference_operators() -> list[Any]:
    """Classes of the operators `PQEncode` and `PQLookup`, for
    `onnx.reference.ReferenceEvaluator(model, new_ops=reference_operators())`.

    Without them that evaluator takes the functions of the file, of which it knows but one of each
    name.

    Raises
    ------
    GraphError
        If the package onnx is not installed.
    """
    require_onnx()
    from onnx.reference.op_run import OpRun

    class PQEncode(OpRun):
        op_domain = DOMAIN

        def _run(self, values: np.ndarray, first: np.ndarray, dims: np.ndarray | None = None, *,
                 encoder: str, subvector_length: int, **window: Any) -> tuple[np.ndarray]:
            stored: dict[str, Any] = {"prototypes": first}
            if dims is not None:
                stored = {"thresholds": first, "split_dims": dims}
            return (pq_encode(values, encoder=encoder, subvector_length=subvector_length,
                              window=Window(**window), **stored),)

    class PQLookup(OpRun):
        op_domain = DOMAIN

        def _run(self, codes: np.ndarray, tables: np.ndarray, bias: np.ndarray, *, wrap16: int,
                 shift: int, low: int, high: int, **window: Any) -> tuple[np.ndarray]:
            return (pq_lookup(codes, tables, bias, wrap16=bool(wrap16), shift=shift, low=low,
                              high=high, window=Window(**window)),)

    return [PQEncode, PQLookup]


def run_integer_onnx(path: str | os.PathLike[str], images: np.ndarray) -> np.ndarray:
    """Results of a file that `export_integer_onnx` wrote.

    Parameters
    ----------
    images: integers [R, C, H, W], or rows [R, D], as the file takes them

    Raises
    ------
    GraphError
        If the package onnx is not installed, the file holds no integer network, or the images are
        none of its input.
    """
    require_onnx()
    import onnx
    from google.protobuf.message import DecodeError
    from onnx.reference import ReferenceEvaluator
    try:
        model = onnx.ModelProto.FromString(Path(path).read_bytes())
    except OSError as error:
        raise GraphError(f"{path}: cannot be read ({error.strerror or error}).") from None
    except DecodeError:
        raise GraphError(f"{path}: is not a complete ONNX file.") from None
    told = {own.key: own.value for own in model.metadata_props}
    if FORMAT not in told:
        raise GraphError(f"{path}: must hold an integer network that pqhw export wrote, "
                         "but does not.")
    entering, = model.graph.input
    sizes = [own.dim_value for own in entering.type.tensor_type.shape.dim][1:]
    values = _checked(np.asarray(images), sizes, int(told[LOW]), int(told[HIGH]))
    evaluator = ReferenceEvaluator(model, new_ops=reference_operators())
    kind = onnx.helper.tensor_dtype_to_np_dtype(entering.type.tensor_type.elem_type)
    return np.asarray(evaluator.run(None, {entering.name: values.astype(kind)})[0])


def _checked(images: np.ndarray, sizes: list[int], low: int, high: int) -> np.ndarray:
    if list(images.shape[1:]) != sizes or not len(images):
        raise GraphError(f"images must be [R, {', '.join(map(str, sizes))}] with at least one, "
                         f"but are {list(images.shape)}.")
    if images.dtype.kind not in "iu":
        raise GraphError(f"images must be integers, but are {images.dtype}.")
    if images.min() < low or images.max() > high:
        raise GraphError(f"images must be from {low} to {high}, but reach from {images.min()} "
                         f"to {images.max()}.")
    return images
