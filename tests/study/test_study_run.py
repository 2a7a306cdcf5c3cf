"""Studies that run: what they write, how they go on, and what they do with failures."""

import dataclasses
import json
import os
import signal
import time
import tomllib

import numpy as np
import pytest
from study_builders import ROWS, STUDY, files_of, images, started, write_files

from pqhw.network import load_graph
from pqhw.spec import SpecError

pytest.importorskip("torch")

from pqhw.study import pieces, pool  # noqa: E402
from pqhw.study.results import load_study_result  # noqa: E402
from pqhw.study.run import prepare_study  # noqa: E402
from pqhw.study.study import load_study  # noqa: E402

LONG = STUDY.replace("[1, 2]", "[1]").replace("epochs = 2\n", "epochs = 60\n")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    return tmp_path


def prepared(folder, **options):
    return prepare_study(load_study("study.toml"), folder / "out", **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a study that ran, and its result."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_files(folder)
        result = prepared(folder).run()
    return folder, result


# -- Results ---------------------------------------------------------------------------------


def test_every_row_has_its_accuracies_with_every_seed(finished):
    folder, result = finished
    assert [row.name for row in result.rows] == ["base", "prototypes=4", "table_bits=3", "int8"]
    assert result.ok and result.seeds == [1, 2] and result.test_images == 32
    assert result.products == 16 * 6 + 6 * 6 + 6 * 2
    for row in result.rows:
        for run in row.runs:
            assert run.float_accuracy > 0.8 and 0 <= run.converted_accuracy <= 1
            assert run.lost_points == pytest.approx(
                100 * (run.float_accuracy - run.tuned_accuracy))
            assert (folder / "out" / run.network).exists()
            assert run.command.endswith(f"--rows {row.name} --seeds {run.seed} -o again")
    assert load_study_result(folder / "out" / "study.json") == result


def test_cost_is_counted_as_the_layers_are(finished):
    rows = {row.name: row.cost for row in finished[1].rows}
    # The layer in the middle: 3 sub-vectors of 2, 6 outputs.
    assert (rows["base"].table_bits, rows["base"].prototype_bits) == (3 * 8 * 6 * 5, 3 * 8 * 2 * 6)
    assert (rows["table_bits=3"].table_bits, rows["prototypes=4"].table_bits) == (
        3 * 8 * 6 * 3, 3 * 4 * 6 * 5)
    assert (rows["base"].lookups, rows["base"].distance_operations) == (3 * 6, 6 * 8)
    assert (rows["base"].products, rows["base"].replaced_products) == (16 * 6 + 6 * 2, 36)
    assert rows["base"].weight_bits == (16 * 6 + 6 * 2) * 8
    assert (rows["int8"].lookups, rows["int8"].products) == (0, 16 * 6 + 36 + 6 * 2)


@pytest.mark.parametrize("name", ["base", "int8"])
def test_accuracies_are_those_of_the_files_in_arithmetic_of_our_own(finished, name):
    folder, result = finished
    data = images()
    for run in next(row for row in result.rows if row.name == name).runs:
        path = folder / "out" / run.network
        layers = [node for node in tomllib.loads(path.read_text())["node"] if "engine" in node]
        with np.load(path.with_suffix(".npz")) as file:
            arrays = {key: file[key].astype(np.int64) for key in file if key[0] != "@"}
        found = [classify(layers, arrays, image.reshape(-1).astype(int))
                 for image in data.test_images]
        assert np.mean(found == data.test_labels) == run.tuned_accuracy


def classify(layers, arrays, values):
    """The class of an image's values, by loops over dense layers and their arrays."""
    for layer in layers:
        def own(name, layer=layer):
            return arrays.get(f"{layer['name']}/{name}")
        if layer["engine"]["kind"] == "mac":
            sums = own("bias") + own("weights") @ values
        else:
            sums = own("bias").copy()
            for prototypes, table, vector in zip(own("prototypes"), own("tables"),
                                                 values.reshape(-1, 2)):
                sums += table[((prototypes - vector) ** 2).sum(axis=1).argmin()]
        output = layer["precision"].get("output")
        if isinstance(output, dict):
            scaled = sums * (1 if own("multiplier") is None else own("multiplier"))
            half = (1 << int(own("shift"))) >> 1
            sums = np.clip((scaled + half) >> own("shift"), 0, 2 ** output["bits"] - 1)
        values = sums
    return int(np.argmax(values))


# -- Going on --------------------------------------------------------------------------------


def test_what_is_done_is_not_done_again(finished, monkeypatch):
    folder, result = finished
    monkeypatch.chdir(folder)
    monkeypatch.setattr(pool, "do_piece", None)
    before = files_of(folder / "out")
    assert prepared(folder).run(jobs=2) == result
    part = prepared(folder, rows="int8", seeds=(2,)).run()
    assert [(row.name, [run.seed for run in row.runs]) for row in part.rows] == [("int8", [2])]
    assert files_of(folder / "out") == before, "what is complete stays in the file"


def test_one_row_with_one_seed_is_what_it_was_in_the_study(finished, tmp_path, monkeypatch):
    folder, result = finished
    monkeypatch.chdir(folder)
    words = result.rows[1].runs[1].command.split()
    again = prepare_study(load_study(words[2]), tmp_path, rows=words[4], seeds=(int(words[6]),))
    found = again.run()
    assert found.rows[0].runs[0] == result.rows[1].runs[1]
    assert files_of(tmp_path / "rows").items() <= files_of(folder / "out" / "rows").items()


def killed_when(folder, ready, *words):
    """Run the study of a folder, and kill it once something is there; its process group."""
    process = started(folder, "study", "study.toml", "-o", "out", *words)
    try:
        deadline = time.monotonic() + 120
        while not ready() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        assert process.poll() is None, process.stdout.read()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        process.stdout.close()
    return process.pid


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The files of a longer study that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_files(folder, head=LONG)
        prepared(folder).run()
    return files_of(folder / "out")


def test_a_study_that_was_killed_goes_on_to_the_same_bytes(folder, undisturbed):
    write_files(folder, head=LONG)
    rows = folder / "out" / "rows"
    killed_when(folder, lambda: list(rows.glob("*/checkpoint.pt")))
    states = [piece.state for piece in prepared(folder).row_pieces]
    assert states[0] in ("begun", "done") and states[-1] == "to do"
    assert not (folder / "out" / "study.json").exists()
    prepared(folder).run()
    assert files_of(folder / "out") == undisturbed
    assert not list(folder.rglob("checkpoint.pt"))


def test_processes_side_by_side_end_with_the_program_and_give_the_same_bytes(folder, undisturbed):
    write_files(folder, head=LONG)
    rows = folder / "out" / "rows"
    group = killed_when(folder, lambda: list(rows.glob("*/result.json")), "--jobs", 2)
    deadline = time.monotonic() + 60
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.05)
    assert "done" in {piece.state for piece in prepared(folder).row_pieces}
    prepared(folder).run()
    assert files_of(folder / "out") == undisturbed


def test_other_settings_seeds_or_data_are_other_pieces(folder):
    run = prepared(folder)
    piece = run.row_pieces[0]
    others = [run.row_pieces[1], run.row_pieces[4],
              dataclasses.replace(run.places, data="0").row_piece(piece.row, 1),
              dataclasses.replace(run.places, device="cuda").row_piece(piece.row, 1),
              dataclasses.replace(run.places, versions={}).row_piece(piece.row, 1)]
    (folder / "study.toml").write_text(STUDY.replace("rate = 0.03", "rate = 0.02") + ROWS)
    others.append(prepared(folder).row_pieces[0])
    assert len({own.folder for own in (piece, *others)}) == 7


def test_a_second_program_in_the_folder_is_refused(folder):
    import filelock
    (folder / "out").mkdir()
    with filelock.FileLock(folder / "out" / ".lock"):
        with pytest.raises(SpecError, match="out: another pqhw study is at work there.$"):
            prepared(folder).run()


def test_what_is_complete_is_kept_where_a_study_is_stopped(folder, monkeypatch):
    def stop(piece, data, progress):
        if piece.row is not None and piece.row.name == "table_bits=3":
            raise KeyboardInterrupt
        return pieces.do_piece(piece, data, progress)

    monkeypatch.setattr(pool, "do_piece", stop)
    with pytest.raises(KeyboardInterrupt):
        prepared(folder).run()
    kept = load_study_result(folder / "out" / "study.json")
    assert [(row.name, len(row.runs)) for row in kept.rows] == [("base", 1), ("prototypes=4", 1)]


# -- Files and failures ----------------------------------------------------------------------


def test_a_trained_file_is_taken_as_it_is(folder):
    head, _, tail = STUDY.partition("[float]")
    (folder / "study.toml").write_text(head + "[base]" + tail.partition("[base]")[2]
                                       + "[axes]\nepochs = [0]")
    result = prepared(folder, rows="epochs=0").run()
    run, data = result.rows[0].runs[0], images()
    found = load_graph("tiny.npz").run(data.test_images).argmax(axis=1)
    assert run.float_accuracy == (found == data.test_labels).mean()
    assert run.tuned_accuracy is None and result.recipe is None
    assert not (folder / "out" / "float").exists()


def test_a_row_that_fails_is_a_row_with_its_reason(folder, monkeypatch):
    (folder / "study.toml").write_text(STUDY + ROWS + '[[row]]\nname = "diverges"\nrate = 1e3\n')

    def broken(graph, data, settings, *, seed, **options):
        if seed == 2:
            raise RuntimeError("the loss is not finite.")
        return convert(graph, data, settings, seed=seed, **options)

    convert = pieces.convert_graph
    monkeypatch.setattr(pieces, "convert_graph", broken)
    run = prepared(folder, rows="base")
    result = run.run()
    assert [own.status for own in result.rows[0].runs] == ["ok", "failed"]
    assert result.rows[0].runs[1].reason == "the loss is not finite." and not result.ok
    monkeypatch.setattr(pieces, "convert_graph", convert)
    assert not prepared(folder, rows="base").run().ok
    assert prepared(folder, rows="base").run(retry=True).ok
    logged = [json.loads(line) for line in (folder / "out" / "log.jsonl").read_text().splitlines()]
    assert [own["status"] for own in logged] == ["ok", "ok", "ok", "failed", "ok"]


def test_without_its_float_network_no_row_is_begun(folder, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("the loss is not finite.")

    from pqhw.quant import training
    monkeypatch.setattr(training, "train_network", broken)
    result = prepared(folder, seeds=(1,)).run()
    assert {run.reason for row in result.rows for run in row.runs} == {
        "the float network: the loss is not finite."}
    assert not (folder / "out" / "rows").exists()


@pytest.mark.parametrize("line, sentence", [
    ('encoder = "l3"', 'engine.encoder must be one of '),
    ("prototypes = 1000", "engine.prototypes must be "),
    ("table_bits = 20", "precision.table_bits must be an integer from 2 to 16, but is 20."),
    ("prototype_bits = 1", "precision.prototype_bits must be an integer from 2 to 8, but is 1."),
    ('kind = "sp2"\nweight_bits = 12', "engine.weight_bits must be "),
    ('keep = ["middle"]', "middle is no layer of tiny; its layers are first, hidden, last.")])
def test_a_row_that_cannot_be_is_refused_before_anything_is_trained(folder, line, sentence):
    (folder / "study.toml").write_text(STUDY + f'[[row]]\nname = "odd"\n{line}')
    with pytest.raises(SpecError) as told:
        prepared(folder)
    assert str(told.value).startswith(f"study.toml: row odd: {sentence}")
    assert not (folder / "out").exists()
