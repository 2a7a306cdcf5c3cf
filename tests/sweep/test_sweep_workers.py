"""Dask workers that do not start, or do not come back: the sweep ends and can go on."""

import pytest
import sweep_builders
from sweep_builders import prepared, write_files

from pqhw.explore.sweep import cluster
from pqhw.explore.sweep.results import load_sweep_result
from pqhw.spec import SpecError

pytest.importorskip("distributed")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


@pytest.mark.parametrize("preload, patience, reason", [
    ("no_such_module", 60, "they end (No module named 'no_such_module')"),
    ("import os\nos._exit(3)", 60, "they end (Nanny failed to start worker process)"),
    ("import time\ntime.sleep(99)", 2, "none came within 2 seconds")])
def test_workers_that_do_not_start_end_the_sweep_which_goes_on_later(folder, monkeypatch, preload,
                                                                     patience, reason):
    import dask
    monkeypatch.setattr(cluster, "STARTING", patience)
    with (dask.config.set({"distributed.worker.preload": [preload]}),
          pytest.raises(SpecError) as caught):
        prepared(folder, sweep_builders.invented).run(scheduler="dask", jobs=2)
    assert str(caught.value) == (f"--scheduler dask must have workers that start, but {reason}; "
                                 "the same command goes on.")
    assert {row.status for row in load_sweep_result(folder / "out").rows} == {"to do"}
    assert prepared(folder, sweep_builders.invented).run().ok


def test_a_scheduler_without_workers_ends_the_sweep(folder, monkeypatch):
    import distributed
    monkeypatch.setattr(cluster, "QUEUEING", 1)
    with distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as own:
        address = own.scheduler_address
        with pytest.raises(SpecError) as caught:
            prepared(folder, sweep_builders.invented).run(scheduler=f"dask:{address}")
        assert str(caught.value) == (
            f"--scheduler dask:{address} must have workers that start, but none came within 1 "
            "seconds; the same command goes on.")
    assert len(prepared(folder, sweep_builders.invented).missing) == 6


def test_a_worker_that_never_comes_back_ends_the_sweep(folder, monkeypatch):
    import dask
    monkeypatch.setitem(cluster.OWN, "distributed.scheduler.no-workers-timeout", "1 s")
    with dask.config.set({"distributed.worker.lifetime.duration": "1 s"}):
        with pytest.raises(SpecError, match="workers that start, but none was left for"):
            prepared(folder, sweep_builders.endless).run(scheduler="dask", jobs=1)
    rows = load_sweep_result(folder / "out").rows
    assert {row.status for row in rows} == {"to do"}
