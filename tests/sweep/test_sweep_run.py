"""Sweeps that run: rows, resuming, failures, kills, and other schedulers."""

import json
import random

import filelock
import pytest
import sweep_builders
from sweep_builders import SWEEP, killed_when, prepared, wait_for_end, write_files

from pqhw.explore.sweep.results import load_sweep_result
from pqhw.explore.sweep.run import SweepRun
from pqhw.flow import pool
from pqhw.spec import SpecError
from pqhw.spec.devices import device

ESTIMATED = 'method = "estimated"\n' + SWEEP.replace("[3, 4]", "[3, 4, 5, 6, 7, 99]")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def table(folder):
    return (folder / "out" / "sweep.json").read_bytes()


# -- Rows --------------------------------------------------------------------------------------


def test_every_point_has_its_row_in_the_order_of_the_file(folder):
    steps = []
    result = prepared(folder, sweep_builders.invented).run(jobs=2, progress=steps.append)
    assert [row.name for row in result.rows] == [
        point.name for point in prepared(folder).sweep.points]
    for row, task in zip(result.rows, prepared(folder).tasks):
        document, _ = sweep_builders.invented(task)
        assert (row.status, row.key, row.lut4) == ("ok", task.key, document["area"]["lut4"])
        assert row.fmax_mhz == document["fmax_mhz"]["median"] and row.failed_seeds == 0
    assert [step.done for step in steps] == list(range(7)) and steps[-1].seconds == 0
    assert result == load_sweep_result(folder / "out") and result.ok
    assert b"out" not in table(folder).replace(b"outputs", b""), "no path stands in a result"
    logged = [json.loads(line)
              for line in (folder / "out" / "log.jsonl").read_text().splitlines()]
    assert sorted(own["key"] for own in logged) == sorted(row.key for row in result.rows)


def test_estimates_are_those_of_the_estimator(folder):
    from pqhw.explore.estimate import estimate
    from pqhw.spec import ChainSpec
    write_files(folder, ESTIMATED)
    result = prepared(folder).run(jobs=2)
    found = {row.name: row for row in result.rows}
    for point in prepared(folder).sweep.points:
        row = found[point.name]
        if point.design is None:
            assert row.status == "failed" and "table_bits must be" in row.reason
            assert row.key is None
            continue
        own = estimate(ChainSpec.from_mapping(point.design), device(point.device))
        assert (row.lut4, row.cycles_per_row) == (own.area.lut4, own.cycles_per_row)
        assert row.fmax_mhz == round(own.fmax_mhz, 1)


def test_points_that_are_alike_are_done_once(folder):
    write_files(folder, SWEEP + '[[point]]\nname = "same"\nfolding.outputs_per_cycle = 2\n')
    result = prepared(folder, sweep_builders.invented).run()
    same = [row for row in result.rows if row.key == result.rows[-1].key]
    assert [row.name for row in same] == ["outputs_per_cycle=2,table_bits=4", "same"]
    assert len(list((folder / "out" / "runs").iterdir())) == 6
    assert len((folder / "out" / "log.jsonl").read_text().splitlines()) == 6


# -- Going on ----------------------------------------------------------------------------------


def test_what_is_done_is_not_done_again(folder):
    prepared(folder, sweep_builders.invented).run()
    before = table(folder)
    assert prepared(folder, sweep_builders.full_disk).run(jobs=2).ok
    assert table(folder) == before


def test_a_damaged_result_is_none_and_done_again(folder):
    prepared(folder, sweep_builders.invented).run()
    before, path = table(folder), prepared(folder).path(prepared(folder).tasks[2])
    text = path.read_text()
    for damaged in (text[:len(text) // 2], "{", "", "[" * 99999, '{"document": "measurement"}',
                    json.dumps({"document": "measurement", "status": "ok"}),
                    json.dumps(json.loads(text) | {"seeds": None}),
                    json.dumps(json.loads(text) | {"area": 3})):
        path.write_text(damaged)
        assert [task.name for task in prepared(folder).missing] == [
            "outputs_per_cycle=2,table_bits=3"], damaged[:50]
        states = [row.status for row in load_sweep_result(folder / "out").rows]
        assert states == ["ok", "ok", "to do", "ok", "ok", "ok"]
    prepared(folder, sweep_builders.invented).run()
    assert table(folder) == before


def test_a_folder_that_cannot_be_is_told(folder):
    (folder / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory"):
        prepared(folder, sweep_builders.invented, "file/out").run()


def test_other_designs_devices_seeds_tools_or_code_are_other_runs(folder):
    import dataclasses
    task = prepared(folder).tasks[0]
    others = [prepared(folder).tasks[1]] + [
        dataclasses.replace(task, **change) for change in (
            {"device": "ice40up5k"}, {"device": "lfe5u-85f"}, {"seeds": (2,)},
            {"method": "estimated"}, {"code": "0"})]
    assert len({own.key for own in (task, *others)}) == 7
    assert dataclasses.replace(task, name="other", timeout=1).key == task.key


def test_failures_are_kept_and_done_again_on_request(folder):
    assert not prepared(folder, sweep_builders.moody).run().ok
    result = prepared(folder, sweep_builders.invented).run()
    assert [row.reason for row in result.rows if row.status == "failed"] == 3 * [
        "the tool did not feel like it."]
    (folder / "calm").touch()
    assert prepared(folder, sweep_builders.moody).run(retry=True).ok


def test_a_second_program_in_the_folder_is_refused(folder):
    (folder / "out").mkdir()
    with filelock.FileLock(folder / "out" / ".lock"):
        with pytest.raises(SpecError, match="out: another pqhw sweep is at work there.$"):
            prepared(folder, sweep_builders.invented).run()


def test_a_full_disk_ends_a_sweep_and_what_is_complete_is_a_result(folder):
    with pytest.raises(OSError, match="No space left"):
        prepared(folder, sweep_builders.full_disk).run()
    assert {row.status for row in load_sweep_result(folder / "out").rows} == {"to do"}


def test_a_worker_with_another_pqhw_is_refused(folder):
    import dataclasses

    from pqhw.explore.sweep.point import do_task
    with pytest.raises(SpecError, match="every worker must have the same version of pqhw"):
        do_task(dataclasses.replace(prepared(folder).tasks[0], code="0"))


def test_what_nobody_foresaw_is_a_row(folder, monkeypatch):
    from pqhw.explore.sweep import point
    monkeypatch.setattr(point, "_measured", sweep_builders.unforeseen)
    document, _ = point.do_task(prepared(folder).tasks[0])
    assert (document["status"], document["reason"]) == ("failed", "KeyError('seed')")


# -- Kills -------------------------------------------------------------------------------------


def test_a_point_whose_process_is_ended_is_a_row_and_the_others_are_done(folder):
    result = prepared(folder, sweep_builders.deadly).run(jobs=2)
    states = {row.name: row.status for row in result.rows}
    assert states.pop("outputs_per_cycle=2,table_bits=3") == "failed"
    assert set(states.values()) == {"ok"} and len(states) == 5
    assert {row.reason for row in result.rows} == {
        None, "its process was ended from outside, perhaps for want of memory."}


def test_a_task_that_dies_is_tried_once_more_and_no_oftener():
    assert dict(pool.completed(len, ["a", "bc"], 2)) == {0: 1, 1: 2}
    assert list(pool.completed(len, [], 2)) == []


def disturbed(folder, kills, *words, **environment):
    """Kill a sweep so many times, each time when some more points are complete."""
    runs, chance = folder / "out" / "runs", random.Random(7)
    for _ in range(kills):
        wanted = len(list(runs.glob("*.json"))) + chance.randint(1, 4)
        group = killed_when(folder, lambda wanted=wanted: len(list(runs.glob("*.json"))) >= wanted,
                            "sweep", "sweep.toml", "-o", "out", *words, **environment)
        wait_for_end(group)


def test_a_sweep_that_was_killed_ends_with_the_table_of_one_that_was_not(folder):
    write_files(folder, ESTIMATED.replace("[1, 2, 4]", "[1, 2, 4]\nprecision.activation_bits = "
                                          "[2, 3, 4, 5]"))
    prepared(folder, out="undisturbed").run(jobs=2)
    disturbed(folder, 2, "--jobs", 2)
    before = {row.key for row in load_sweep_result(folder / "out").rows if row.status == "ok"}
    assert 2 <= len(before) < 60, "some are done, not all"
    prepared(folder).run(jobs=2)
    assert table(folder) == (folder / "undisturbed" / "sweep.json").read_bytes()


DESIGNS = [(activations, weights) for activations in (2, 3) for weights in (2, 3, 4, 5, 6)]
HUNDRED = 'specs = ["mac.toml"]\ndevices = ["ice40hx8k"]\n' + "".join(
    f'[[point]]\nname = "{activations}/{weights} bits, seed {seed}"\nseeds = [{seed}]\n'
    f"precision.activation_bits = {activations}\nengine.weight_bits = {weights}\n"
    for activations, weights in DESIGNS for seed in range(1, 11)) \
    + '[[point]]\nname = "no design"\nengine.weight_bits = 99\n'
"""A hundred points that are routed in a second or two each, and one that cannot be."""

SMALL = """
[layer]
in_features = 2
out_features = 2
[engine]
kind = "mac"
[precision]
"""


@pytest.mark.slow
def test_a_hundred_routed_points_killed_five_times_end_with_the_same_table(folder):
    write_files(folder, HUNDRED)
    (folder / "mac.toml").write_text(SMALL)
    runs, chance = folder / "out" / "runs", random.Random(7)
    for kill in range(5):
        before = len(list(runs.glob("*.json")))
        wanted = before + chance.randint(0, 18)
        moment = chance.uniform(0.1, 12)   # Anywhere within a point, a tool at work or not.
        group = killed_when(
            folder, lambda wanted=wanted: len(list(runs.glob("*.json"))) >= wanted, "sweep",
            "sweep.toml", "-o", "out", "--jobs", 2, after=moment,
            PQHW_CACHE=str(folder / "cache-out"))
        wait_for_end(group)
        print(f"kill {kill + 1}: {before} points were complete, "
              f"{len(list(runs.glob('*.json')))} are, {moment:.1f} s after the last")
    assert 0 < len(list(runs.glob("*.json"))) < 100
    for own, jobs in (("out", 2), ("undisturbed", 1)):
        process = sweep_builders.started(folder, "sweep", "sweep.toml", "-o", own, "--jobs", jobs,
                                         PQHW_CACHE=str(folder / f"cache-{own}"))
        said, _ = process.communicate()
        assert process.returncode == 1, said
    ours, theirs = (load_sweep_result(folder / own).rows for own in ("out", "undisturbed"))
    assert len(ours) == len(theirs) == 101
    for our, their in zip(ours, theirs):
        assert our == their, our.name
    assert [row.status for row in ours] == 100 * ["ok"] + ["failed"]
    assert len({row.fmax_mhz for row in ours}) > 30, "seeds and designs differ"
    assert table(folder) == (folder / "undisturbed" / "sweep.json").read_bytes()


# -- Dask --------------------------------------------------------------------------------------


def test_a_dask_cluster_of_processes_ends_with_the_same_table(folder):
    pytest.importorskip("distributed")
    prepared(folder, sweep_builders.slow, "undisturbed").run()
    result = prepared(folder, sweep_builders.slow).run(scheduler="dask", jobs=2)
    assert result.ok
    assert table(folder) == (folder / "undisturbed" / "sweep.json").read_bytes()


def test_a_dask_worker_that_is_ended_comes_back_and_its_point_is_a_row(folder):
    pytest.importorskip("distributed")
    result = prepared(folder, sweep_builders.deadly).run(scheduler="dask", jobs=2)
    states = {row.name: row.status for row in result.rows}
    assert states.pop("outputs_per_cycle=2,table_bits=3") == "failed"
    assert set(states.values()) == {"ok"} and len(states) == 5
    assert {row.reason for row in result.rows} == {
        None, "its process was ended from outside, perhaps for want of memory."}


def test_a_scheduler_that_goes_is_told_and_the_sweep_goes_on(folder):
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True,
                                       dashboard_address=None)
    with pytest.raises(SpecError, match="must stay there until the sweep is done, but is gone"):
        prepared(folder, sweep_builders.slow).run(
            scheduler=f"dask:{cluster.scheduler_address}",
            progress=lambda step: cluster.close() if step.done == 1 else None)
    assert prepared(folder, sweep_builders.invented).run().ok


def test_a_scheduler_that_is_there_does_the_points(folder):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True,
                                  dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert prepared(folder, sweep_builders.invented).run(scheduler=f"dask:{address}").ok


@pytest.mark.parametrize("scheduler, sentence", [
    ("slurm", "--scheduler must be local, dask or dask:ADDRESS, but is slurm."),
    ("dask:", "--scheduler must be local, dask or dask:ADDRESS, but is dask:."),
    ("local:3", "--scheduler must be local, dask or dask:ADDRESS, but is local:3.")])
def test_a_scheduler_that_is_none_is_refused(folder, scheduler, sentence):
    run = SweepRun(sweep=prepared(folder).sweep, folder=folder / "out",
                   work=sweep_builders.invented)
    with pytest.raises(SpecError) as told:
        run.run(scheduler=scheduler)
    assert str(told.value) == sentence


def test_a_scheduler_that_does_not_answer_is_told(folder, monkeypatch):
    pytest.importorskip("distributed")
    from pqhw.explore.sweep import cluster
    monkeypatch.setattr(cluster, "CONNECTING", 0.5)
    with pytest.raises(SpecError, match="dask:127.0.0.1:9 must name a scheduler that answers"):
        prepared(folder, sweep_builders.invented).run(scheduler="dask:127.0.0.1:9")
