"""The benchmark of searches that are routed: its designs, their sweep, and what it says of both."""

import importlib.util
import sys
from pathlib import Path

import pytest

from pqhw.explore.search.learn import load_learned
from pqhw.explore.sweep.plan import load_sweep
from pqhw.explore.sweep.point import failure
from pqhw.explore.sweep.run import SweepRun
from pqhw.spec.files import load_spec

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "search_routed.py"


@pytest.fixture
def routed(monkeypatch):
    """The script as a module, with one small layer."""
    wanted = importlib.util.spec_from_file_location("benchmark_search_routed", FILE)
    module = importlib.util.module_from_spec(wanted)
    monkeypatch.setitem(sys.modules, wanted.name, module)
    wanted.loader.exec_module(module)
    monkeypatch.setattr(module, "LAYERS", {"small": module._layer(4, 4, 3, 6, 5, 9)})
    monkeypatch.setattr(module, "BUDGET", module.parse_budget("lut=2000", module.PART))
    return module


def invented(task):
    """A design that routes with 1,000 LUT4 at 100 MHz."""
    return failure(task, "") | {
        "status": "ok", "reason": None, "verified": "cxxrtl", "rows_per_second": 5e5,
        "area": {"lut4": 1000, "ff": 900, "bram": 0, "dsp": 0},
        "lut_equivalents": {"pqa": 1000.0, "scarcity": 1000.0},
        "fmax_mhz": {"median": 100.0, "q1": 100.0, "q3": 100.0, "all": [100.0]},
        "seeds": [{"seed": 1, "fmax_mhz": 100.0, "reason": None, "area_raw": None}]}, 0.25


def test_designs_are_written_swept_and_compared(routed, tmp_path, monkeypatch, capsys):
    folder, learned = tmp_path / "found", tmp_path / "learned.json"
    monkeypatch.setattr(sys, "argv", ["search_routed.py", str(folder)])
    routed.main()
    assert "nothing is routed yet" in capsys.readouterr().out
    designs = {way: load_spec(folder / f"small-{way}.toml").first for way in routed.WAYS}
    assert len({spec.engine.prototypes for spec in designs.values()}) == 1, "the same numbers"
    assert {spec.layer for spec in designs.values()} == {designs["rule"].layer}
    planned = {own.name: own.estimate for own in routed.compared(folder)}
    assert (planned["small-fast"].rows_per_second
            >= 0.999 * planned["small-rule"].rows_per_second)
    sweep = load_sweep(folder / "sweep.toml")
    SweepRun(sweep=sweep, folder=folder / "routed", work=invented).run()
    monkeypatch.setattr(sys, "argv", [*sys.argv, "--learn", str(learned)])
    routed.main()
    out = capsys.readouterr().out
    assert "designs; medians of errors: LUT4" in out and "clock times" in out
    assert {own.lut4 for own in load_learned(learned)} == {1000}
    found = routed.compared(folder)
    assert all(own.densities[1] == 500 for own in found), "designs that are alike share a row"
