"""Points of a sweep, routed."""

from flow_designs import DESIGNS, needs_tools

from pqhw.explore.sweep.plan import load_sweep
from pqhw.explore.sweep.run import SweepRun
from pqhw.flow.cache import Cache
from pqhw.flow.measure import Options, measure
from pqhw.report.documents import gather
from pqhw.spec.devices import device
from pqhw.spec.files import dump_spec

ROUTED = """
specs = ["layer.toml"]
devices = ["ice40up5k", "lfe5u-25f"]
seeds = [1]
[[point]]
name = "as it is"
[[point]]
name = "no such memory"
device = "ice40up5k"
engine.table_storage = "lutram"
"""


@needs_tools
def test_points_of_a_sweep_are_what_synth_measures(tmp_path, cache_root, monkeypatch):
    monkeypatch.setenv("PQHW_CACHE", str(cache_root))
    (tmp_path / "layer.toml").write_text(dump_spec(DESIGNS["ice40up5k"]))
    (tmp_path / "sweep.toml").write_text(ROUTED)
    sweep = load_sweep(tmp_path / "sweep.toml")
    result = SweepRun(sweep=sweep, folder=tmp_path / "out").run(jobs=2)
    assert [(row.name, row.status) for row in result.rows] == [
        ("ice40up5k/as it is", "ok"), ("ice40up5k/no such memory", "failed"),
        ("lfe5u-25f/as it is", "ok")]
    assert result.rows[1].reason.startswith('engine.table_storage must be "bram" on ice40up5k')
    own = measure(Cache(cache_root), DESIGNS["ice40up5k"], device("ice40up5k"), name="own",
                  options=Options(seeds=(1,)))
    row = result.rows[0]
    assert (row.lut4, row.ff, row.fmax_mhz) == (own.area.lut4, own.area.ff, own.fmax_mhz.median)
    assert row.rows_per_second == own.rows_per_second and row.verified == own.verified
    measurements = gather([tmp_path / "out" / "runs"])[0][0].measurements
    assert sorted(one.name for one in measurements) == [row.name for row in result.rows]
