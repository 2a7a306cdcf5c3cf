"""Accelerators on a bus, in Icarus Verilog under cocotbext-axi."""

import shutil

import pytest
from axi_common import AXI
from axi_driver import driver_library
from bench_verdicts import properties, read_verdicts

from pqhw.emit.design import TOP, design_verilog
from pqhw.emit.driver import driver_files
from pqhw.sim import icarus

pytest.importorskip("cocotbext.axi")


def _cases(designs, slow):
    """Designs by name; those marked take long and add little."""
    return [pytest.param(own, marks=[pytest.mark.slow] * (own in slow)) for own in designs]


@pytest.mark.parametrize("name", properties("bench_axi_rows"))
@pytest.mark.parametrize("design", _cases(AXI, slow=("bytes", "odd", "double", "resident")))
def test_rows(assert_holds, design, name):
    assert_holds("bench_axi_rows", design, name)


@pytest.mark.parametrize("name", properties("bench_axi_registers"))
@pytest.mark.parametrize("design", _cases(("rows", "planes", "bytes", "double", "resident"),
                                          slow=("bytes", "double", "resident")))
def test_registers(assert_holds, design, name):
    assert_holds("bench_axi_registers", design, name)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
@pytest.mark.parametrize("design", _cases(("rows", "image", "bytes"), slow=("rows",)))
def test_the_driver_in_c(cache, tmp_path, design):
    library = driver_library(driver_files(AXI[design](), TOP), tmp_path)
    build = icarus.compile_design(cache, design_verilog(AXI[design](), bus="axi"))
    icarus.run_testbench(build, "bench_axi_driver", tmp_path,
                         {"pqhw_design": design, "pqhw_driver": library})
    verdicts = read_verdicts(tmp_path)
    assert set(verdicts) == set(properties("bench_axi_driver"))
    assert not any(verdicts.values()), verdicts
