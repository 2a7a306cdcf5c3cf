"""A checker that refuses a file without a word."""

import pytest

onnx = pytest.importorskip("onnx")

from pqhw.network import GraphBuilder, GraphError  # noqa: E402
from pqhw.network.onnx import export_onnx, import_onnx  # noqa: E402
from pqhw.network.ops import Relu  # noqa: E402


def test_a_refusal_without_a_reason_is_still_a_sentence(tmp_path, monkeypatch):
    net = GraphBuilder("own", (4,))
    net.add(Relu())
    export_onnx(net.build(), tmp_path / "own.onnx")

    def refuse(model, *arguments, **named):
        raise onnx.checker.ValidationError("")
    monkeypatch.setattr(onnx.checker, "check_model", refuse)
    with pytest.raises(GraphError, match="no reason given"):
        import_onnx(tmp_path / "own.onnx")
