"""Overlays on a bus, in Icarus Verilog under cocotbext-axi."""

import shutil

import pytest
from axi_driver import driver_library
from bench_verdicts import properties, read_verdicts
from overlay_common import OVERLAYS, material

from pqhw.emit.design import TOP
from pqhw.emit.driver import overlay_driver_files
from pqhw.emit.overlay import overlay_verilog
from pqhw.sim import icarus

pytest.importorskip("cocotbext.axi")


@pytest.mark.parametrize("name", properties("bench_overlay"))
@pytest.mark.parametrize("design", [
    pytest.param(own, marks=[pytest.mark.slow] * (own != "wide")) for own in OVERLAYS])
def test_an_overlay(assert_holds, design, name):
    assert_holds("bench_overlay", design, name)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")
def test_the_driver_in_c(cache, tmp_path):
    spec = material("wide").spec
    library = driver_library(overlay_driver_files(spec, TOP), tmp_path)
    build = icarus.compile_design(cache, overlay_verilog(spec, bus="axi"))
    icarus.run_testbench(build, "bench_overlay_driver", tmp_path,
                         {"pqhw_design": "wide", "pqhw_driver": library})
    verdicts = read_verdicts(tmp_path)
    assert set(verdicts) == set(properties("bench_overlay_driver"))
    assert not any(verdicts.values()), verdicts
