"""Study files: the rows they make, and what they are refused for."""

import pytest
from study_builders import ROWS, STUDY

from pqhw.spec.fields import SpecError

pytest.importorskip("torch")

from pqhw.study.settings import adapting_of, plan_of, row_fields, tuning_of  # noqa: E402
from pqhw.study.study import PRESETS, load_study  # noqa: E402


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Function of a file's text: its study."""
    monkeypatch.chdir(tmp_path)

    def run(text):
        (tmp_path / "study.toml").write_text(text, encoding="utf-8")
        return load_study("study.toml")
    return run


def names(study):
    return [row.name for row in study.rows]


def test_axes_vary_one_at_a_time_around_the_base(read):
    study = read(STUDY + ROWS)
    assert names(study) == ["base", "prototypes=4", "table_bits=3", "int8"]
    different = {row.name: {name: value for name, value in row.settings.items()
                            if value != study.base[name]} for row in study.rows}
    assert different == {"base": {}, "prototypes=4": {"prototypes": 4},
                         "table_bits=3": {"table_bits": 3},
                         "int8": {"kind": "fixed", "activation_bits": 8}}


def test_axes_combine(read):
    study = read('combine = "product"\n' + STUDY + ROWS)
    assert names(study) == ["prototypes=4,table_bits=3", "prototypes=4,table_bits=5",
                            "prototypes=8,table_bits=3", "prototypes=8,table_bits=5", "int8"]


def test_a_row_has_every_field_with_its_default(read):
    row = read(STUDY + '[[row]]\nname = "one"\nkeep = ["last"]').rows[0]
    assert row_fields().keys() - row.settings.keys() == {"crop", "flip", "jitter", "erase"}
    assert (row.settings["optimiser"], row.settings["rate"]) == ("adam", 0.02)
    assert plan_of(row.settings).keep == ("last",)
    tuning = tuning_of(row.settings, 7)
    assert (tuning.recipe.seed, tuning.recipe.epochs, tuning.recipe.augmentation) == (7, 2, None)


def test_no_epochs_are_no_fine_tuning_and_a_crop_is_one(read):
    rows = read(STUDY + "[axes]\nepochs = [0, 3]\ncrop = [1]").rows
    settings = {row.name: row.settings for row in rows}
    assert tuning_of(settings["epochs=0"], 1) is None
    assert tuning_of(settings["crop=1"], 1).recipe.augmentation.crop == 1


@pytest.mark.parametrize("pattern, wanted", [
    ("int8", ["int8"]), ("*=?", ["prototypes=4", "table_bits=3"]),
    ("base int*", ["base", "int8"]), (None, ["base", "prototypes=4", "table_bits=3", "int8"])])
def test_rows_are_selected_by_patterns(read, pattern, wanted):
    assert [row.name for row in read(STUDY + ROWS).selected(pattern)] == wanted


def test_a_pattern_without_a_row_is_refused(read):
    with pytest.raises(SpecError, match="^--rows must match the name of a row, but is int9; did "
                                        "you mean int8\\?$"):
        read(STUDY + ROWS).selected("int9")


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_studies(name):
    study = load_study(name)
    assert len(study.rows) >= 6 and study.seeds == (1, 2, 3)
    assert study.command(study.rows[0], 2).startswith(f"pqhw study {name} --rows ")


def one(line):
    return STUDY + f'[[row]]\nname = "one"\n{line}'


@pytest.mark.parametrize("text, sentence", [
    ("networks = 1\n" + STUDY, "networks is not a field of a study; did you mean network?"),
    ('data = "digits"', "network is required, but the study does not give it."),
    ('network = 3\ndata = "digits"', "study.network must be a word, but is 3."),
    ('network = "digits-cnn"\ndata = "digits"\n[[row]]\nname = "a"',
     "[float] is required, as digits-cnn has to be trained first, but the study does not give "
     "it."),
    (STUDY, "rows must be one or more, by [axes] or [[row]], but there are none."),
    ("test_images = 0\n" + STUDY + ROWS, "test_images must be 1 or more, but is 0."),
    (STUDY.replace("[1, 2]", "[1, 1]") + ROWS,
     "seeds must be a list of different integers from 0 on, but is [1, 1]."),
    (STUDY.replace("[1, 2]", "3") + ROWS,
     "seeds must be a list of different integers from 0 on, but is 3."),
    (STUDY.replace("epochs = 20", "epochs = 0") + ROWS,
     "float: epochs must be an integer from 1 to 100000, but is 0."),
    (STUDY.replace("[base]", "[base]\nseed = 1") + ROWS, "base.seed is not a field of [base]; "),
    (one("prototype = 4"), "row[0].prototype is not a field of [row[0]]; did you mean "
                           "prototypes?"),
    (one('prototypes = "4"'), 'row[0].prototypes must be an integer, but is "4".'),
    (one("prototypes = true"), "row[0].prototypes must be an integer, but is true."),
    (one("rate = true"), "row[0].rate must be a number, but is true."),
    (one('keep = "last"'), 'row[0].keep must be a list of words, but is "last".'),
    (one('kind = "float"'), "row one: kind must be one of pq, fixed, pot, sp2, mixed, bitplane, "
                            "but is float."),
    (one('train = "all"'), "row one: train must be one of both, prototypes, weights, but is all."),
    (one("epochs = -1"), "row one: epochs must be an integer from 1 to 100000, but is -1."),
    (STUDY + "[[row]]\nprototypes = 4", "row[0].name must be a name of letters, digits and any of "
                                        "_.,+=-, but is left out."),
    (STUDY + '[[row]]\nname = "a b"', 'row[0].name must be a name of letters, digits and any of '
                                      '_.,+=-, but is "a b".'),
    (STUDY + "[row]\nprototypes = 4", "row must be tables of their own, [[row]], but is "),
    (one("prototypes = 4") + '\n[[row]]\nname = "one"',
     "row one: names of rows must differ, but this one stands twice."),
    (STUDY + ROWS + '[[row]]\nname = "again"\nprototypes = 4',
     "row again: must differ from the rows before, but has the settings of prototypes=4."),
    (STUDY + "[axes]\nprototypes = [4, 4]",
     "axes.prototypes must hold different values, but 4 stands twice."),
    (STUDY + "[axes]\nprototypes = 4", "axes.prototypes must be a list of values, but is 4."),
    (STUDY + "[axes]\nprototypes = [4, 2.5]", "axes.prototypes must be an integer, but is 2.5."),
    (STUDY + "[axes]\ndistance = ['l1']", "axes.distance is not a field of [axes]; known are "),
    (STUDY + "[axes]", "[axes] must be a table of one list of values or more, but is {}."),
    ('combine = "all"\n' + STUDY + ROWS,
     'combine must be one of "each", "product", but is "all".'),
    ('combine = "each"\n' + one(""), 'combine must come with [axes], but is "each" without.'),
    ("network =", "is not a TOML file (")])
def test_what_is_wrong_is_told_in_a_sentence(read, text, sentence):
    with pytest.raises(SpecError) as told:
        read(text)
    name, _, rest = str(told.value).partition(": ")
    assert name == "study.toml" and rest.startswith(sentence) and "\n" not in rest


@pytest.mark.parametrize("source, sentence", [
    ("numbers", "STUDY must be a .toml file or one of digits, resnet20, but is numbers."),
    ("none.toml", "none.toml: cannot be read (No such file or directory).")])
def test_a_study_that_is_none_is_told(source, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError) as told:
        load_study(source)
    assert str(told.value) == sentence


def test_a_row_may_learn_in_floating_point_first(read):
    text = '[[row]]\nname = "one"\nadapt = 2\nadapt_rate = 0.01\nepochs = 0'
    own = read(STUDY + text).rows[0].settings
    made = adapting_of(own, 4).recipe
    assert (made.epochs, made.rate, made.batch, made.seed) == (2, 0.01, 16, 4)
    assert made.optimiser == "sgd" and tuning_of(own, 4) is None
    assert adapting_of(read(STUDY + ROWS).rows[0].settings, 4) is None
