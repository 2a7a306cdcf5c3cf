"""Runs each testbench once per design, in one simulator process, and hands out its verdicts."""

from pathlib import Path

import axi_common
import bench_common
import filelock
import network_common
import overlay_common
import pytest
from bench_verdicts import read_verdicts

from pqhw.emit.design import design_verilog
from pqhw.emit.overlay import overlay_verilog
from pqhw.flow.cache import Cache
from pqhw.flow.tools import ToolMissing
from pqhw.sim import icarus

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip everything here, with the reason, where the simulator is missing."""
    try:
        icarus.require_tools()
    except ToolMissing as error:
        for item in items:
            if HERE in Path(item.path).parents:
                item.add_marker(pytest.mark.skip(reason=str(error)))


@pytest.fixture(scope="session")
def cache(cache_root: Path) -> Cache:
    """The cache of this run, for fixtures that last as long."""
    return Cache(cache_root)


def _verilog(bench: str, design: str) -> str:
    if bench.startswith("bench_axi"):
        return design_verilog(axi_common.AXI[design](), bus="axi")
    if bench.startswith("bench_overlay"):
        return overlay_verilog(overlay_common.material(design).spec, bus="axi")
    if bench == "bench_network":
        return design_verilog(network_common.network_material(design).design)
    return design_verilog(bench_common.design(design))


@pytest.fixture(scope="session")
def verdicts(shared: Path, cache: Cache):
    """Function of (bench, design): {cocotb test: its failure or None}, simulated once."""
    known: dict[tuple[str, str], dict[str, str | None]] = {}

    def run(bench: str, design: str) -> dict[str, str | None]:
        if (bench, design) not in known:
            folder = shared / f"{bench}-{design}"
            with filelock.FileLock(f"{folder}.lock"):
                if not folder.exists():
                    build = icarus.compile_design(cache, _verilog(bench, design))
                    folder.mkdir()
                    icarus.run_testbench(build, bench, folder, {"pqhw_design": design})
            known[bench, design] = read_verdicts(folder)
        return known[bench, design]
    return run


@pytest.fixture
def assert_holds(verdicts):
    """Function of (bench, design, property): fails with what the simulator said of it."""
    def verify(bench: str, design: str, name: str) -> None:
        mine = {test: reason for test, reason in verdicts(bench, design).items()
                if test.split("/")[0] == name}
        assert mine, f"{bench} did not run {name}; it ran {', '.join(verdicts(bench, design))}"
        failed = [f"{test}: {reason}" for test, reason in mine.items() if reason]
        assert not failed, "\n".join([f"design {design}", *failed])
    return verify
