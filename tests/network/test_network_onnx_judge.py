"""Verdicts on pooling agree with what conversion takes."""

import pytest

pytest.importorskip("onnx")

from pqhw.network import INPUT, Node  # noqa: E402
from pqhw.network.onnx.judge import judge  # noqa: E402
from pqhw.network.ops import AvgPool, MaxPool  # noqa: E402


@pytest.mark.parametrize("op, verdict, reason", [
    (MaxPool(kernel=3, stride=2, padding=1), "supported", ""),
    (MaxPool(kernel=3, stride=2, padding=((0, 1), (0, 1))), "unsupported",
     "padding must be equal at top and bottom for hardware, but is 0 and 1"),
    (AvgPool(kernel=2, padding=((0, 0), (1, 0))), "unsupported",
     "padding must be equal at left and right for hardware, but is 1 and 0"),
    (AvgPool(kernel=2, padding=1, count_padding=False), "unsupported",
     "an average that leaves padding out has no integer form"),
    (AvgPool(kernel=2, count_padding=False), "supported", ""),
])
def test_pools_that_conversion_refuses_are_unsupported(op, verdict, reason):
    found = judge(Node("pool", op, (INPUT,)), ((9, 9, 4),), None, True)
    assert (found.verdict, found.reason) == (verdict, reason)
    assert bool(found.remedy) == (verdict == "unsupported")
