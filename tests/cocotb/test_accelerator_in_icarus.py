"""The emitted Verilog at its ports, in Icarus Verilog: one pytest test per property and design."""

import pytest
from bench_common import DESIGNS, DOUBLE, SMALL
from bench_verdicts import properties


def _cases(bench, designs):
    return [pytest.param(design, name, id=f"{design}-{name}")
            for design in designs for name in properties(bench)
            if not (design.startswith(("mac", "tree")) and name.startswith("ties_"))]


@pytest.mark.parametrize("design,name", _cases("bench_streams", DESIGNS))
def test_streams(assert_holds, design, name):
    assert_holds("bench_streams", design, name)


@pytest.mark.parametrize("design,name", _cases("bench_rows", [*DESIGNS, "mac16"]))
def test_rows(assert_holds, design, name):
    assert_holds("bench_rows", design, name)


@pytest.mark.parametrize("design,name", _cases("bench_images", SMALL))
def test_images(assert_holds, design, name):
    assert_holds("bench_images", design, name)


@pytest.mark.parametrize("design,name", _cases("bench_double", DOUBLE))
def test_double_buffers(assert_holds, design, name):
    assert_holds("bench_double", design, name)
