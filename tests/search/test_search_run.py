"""Searches from their files: fronts, imported costs, mistakes, and routing."""

import dataclasses
import itertools
import json
from pathlib import Path

import pytest
from builders import mac
from search_layers import search_layer

from pqhw.explore.estimate import estimate
from pqhw.explore.search import run as runs
from pqhw.explore.search.costs import save_costs
from pqhw.explore.search.error import error_proxy
from pqhw.explore.search.plan import load_search
from pqhw.explore.search.run import route_front, run_search
from pqhw.explore.size import as_kind
from pqhw.flow.area import equivalents
from pqhw.flow.results import Area
from pqhw.spec import ChainSpec, SpecError
from pqhw.spec.devices import device, resolve
from pqhw.spec.files import load_mapping
from pqhw.spec.network import (INPUT, Engine, NetworkInput, NetworkNode, NetworkSpec,
                               dump_network)

SEARCH = """
title = "Small"
layers = ["first.toml"]
budget = "lut=900,bram=6,dsp=4"
[[choice]]
kind = "pq"
engine.table_storage = "bram"
engine.prototype_storage = "lutram"
[[choice]]
name = "int3"
kind = "fixed"
"""
WITH_ERRORS = SEARCH.replace(
    "[[choice]]", 'objectives = ["rate", "lut4", "error"]\n[[choice]]', 1).replace(
    'kind = "pq"', 'kind = "pq"\nerror = 0.0625')
ECP5 = device("lfe5u-25f")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, SEARCH)
    return tmp_path


def write(folder, search):
    (folder / "search.toml").write_text(search)
    for name in ("first", "second"):
        (folder / f"{name}.toml").write_text(search_layer())


def searched(text=None, folder=Path()):
    if text is not None:
        write(folder, text)
    return run_search(load_search(folder / "search.toml"))


# -- Fronts ------------------------------------------------------------------------------------


def every_pq_estimate():
    """Rate and price of every folding of the PQ engine that fits the budget, one by one."""
    spec = as_kind(load_mapping("first.toml"), "pq")
    engine = dataclasses.replace(spec.engine, resident=True, table_storage="bram",
                                 prototype_storage="lutram")
    for s, e, o, p, v, r in itertools.product((1, 2, 4), (1, 2, 4), range(1, 5), range(1, 5),
                                              (1, 2), range(1, 5)):
        folding = dataclasses.replace(
            spec.folding, subspaces_per_cycle=s, encoders_per_cycle=e, outputs_per_cycle=o,
            prototypes_per_cycle=p, elements_per_cycle=v, results_per_cycle=r)
        try:
            made = dataclasses.replace(spec, engine=engine, folding=folding)
            found = estimate(resolve(ChainSpec((made,)), ECP5), ECP5)
        except SpecError:
            continue
        if found.area.lut4 <= 900 and found.area.bram <= 6:
            yield found.rows_per_second, equivalents(found.area, ECP5).pqa


def test_no_folding_of_the_layer_beats_the_front(folder):
    result, _ = searched(SEARCH.partition('[[choice]]\nname = "int3"')[0])
    front = [(member.rate, member.lut_equivalents) for member in result.members]
    assert front == sorted(front, reverse=True) and len(front) > 3
    every = list(every_pq_estimate())
    for rate, price in every:
        assert any(own >= rate * 0.9999 and cost <= price for own, cost in front), (rate, price)
    for own, cost in front:
        assert any(abs(own / rate - 1) < 1e-4 and cost == price for rate, price in every)


def test_members_are_what_the_estimator_says_of_their_engines(folder):
    result, costs = searched(WITH_ERRORS)
    assert result.exact and set(result.layers) == {"first"}
    assert {own.engine for own in costs} == {"pq", "int3"}
    for member in result.members:
        own = member.engines["first"]
        made = estimate(ChainSpec.from_mapping(own.spec), ECP5)
        assert (own.area, own.cycles) == (made.area, made.cycles_per_row)
        assert member.area == made.area and own.fmax_mhz == round(made.fmax_mhz, 2)
        assert all(used <= most for used, most in zip(
            made.area.model_dump().values(), result.budget.model_dump().values()))
        assert own.spec["engine"].get("table_storage", "bram") == "bram", "as the choice asks"


def test_layers_of_several_files_share_a_budget_and_a_pace(folder):
    result, costs = searched(SEARCH.replace('["first.toml"]', '["first.toml", "second.toml"]')
                             .replace("lut=900", "lut=1500"))
    assert result.exact and result.combinations > 1
    for member in result.members:
        engines = member.engines.values()
        assert member.area == Area(**{name: sum(getattr(own, name) for own in engines)
                                      for name in Area.model_fields})
        rate = 1e6 * min(own.fmax_mhz for own in engines) / max(own.cycles for own in engines)
        assert member.rate == pytest.approx(rate, rel=1e-4)
        assert member.area.lut4 <= 1500


def test_a_choice_is_for_the_layers_that_it_names(folder):
    result, _ = searched(SEARCH.replace('["first.toml"]', '["first.toml", "second.toml"]')
                         .replace("lut=900", "lut=3000")
                         .replace('kind = "fixed"', 'kind = "fixed"\nlayers = ["sec*"]'))
    assert {own.engines["first"].engine for own in result.members} == {"pq"}
    assert "int3" in {own.engines["second"].engine for own in result.members}


def test_engines_of_a_network_are_its_layers(folder):
    first = as_kind(load_mapping("first.toml"), "pq")
    second = mac(D=4, N=3, weight_bits=3, activation_bits=3, activation_signed=False)
    spec = NetworkSpec("two", NetworkInput(channels=8, bits=3, signed=True), (
        NetworkNode("encode", Engine(first), (INPUT,)),
        NetworkNode("classify", Engine(second), ("encode",))))
    (folder / "two.toml").write_text(dump_network(spec))
    result, _ = searched(SEARCH.replace('layers = ["first.toml"]', 'network = "two.toml"')
                         .replace("lut=900", "lut=2000"))
    assert list(result.layers) == ["encode", "classify"] and result.members
    for member in result.members:
        assert {name: own.shape for name, own in member.engines.items()} == {
            "encode": {"in_features": 8, "out_features": 4},
            "classify": {"in_features": 4, "out_features": 3}}


def test_errors_are_the_given_ones_or_estimated(folder):
    result, costs = searched(WITH_ERRORS)
    errors = {own.engine: own.error for own in costs}
    assert errors["pq"] == 0.0625
    assert errors["int3"] == pytest.approx(error_proxy(as_kind(load_mapping("first.toml"),
                                                               "fixed")))
    assert {member.error for member in result.members} <= {
        round(own, 6) for own in errors.values()}


def test_more_bits_are_less_error():
    def proxy(**changes):
        mapping = {"layer": {"in_features": 24, "out_features": 6},
                   "engine": {"weight_bits": 4, "subvector_length": 4, "prototypes": 8},
                   "precision": {"activation_bits": 6, "activation_signed": False}}
        for name, value in changes.items():
            table = "precision" if name.endswith("table_bits") else "engine"
            mapping[table][name] = value
        return lambda kind: error_proxy(as_kind(mapping, kind))

    assert proxy(weight_bits=8)("fixed") < proxy()("fixed") / 8
    assert proxy(prototypes=32)("pq") < proxy()("pq")
    assert proxy(table_bits=8)("pq") < proxy(table_bits=2)("pq")
    assert proxy(weight_bits=5)("bitplane") < proxy(weight_bits=3)("bitplane")


def test_a_choice_that_cannot_be_is_told_beside_the_others(folder):
    result, _ = searched(SEARCH + '[[choice]]\nkind = "bitplane"\n')
    assert list(result.layers["first"].impossible) == ["bitplane"]
    assert result.layers["first"].impossible["bitplane"].startswith("engine.resident must be")


def test_the_same_search_gives_the_same_bytes(folder):
    texts = [searched()[0].model_dump_json() for _ in range(2)]
    assert texts[0] == texts[1] and str(folder) not in texts[0]


# -- Costs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["json", "csv"])
def test_costs_that_were_written_give_the_same_front(folder, suffix):
    result, costs = searched()
    save_costs(f"costs.{suffix}", costs, ECP5)
    head = SEARCH.partition("[[choice]]")[0]
    again, _ = searched(f'{head}costs = "costs.{suffix}"\n')
    assert [own.lut_equivalents for own in again.members] == [
        own.lut_equivalents for own in result.members]
    assert [own.rate for own in again.members] == pytest.approx(
        [own.rate for own in result.members], rel=1e-4)


def test_costs_without_a_layer_are_told(folder):
    _, costs = searched()
    save_costs("costs.csv", costs, ECP5)
    head = SEARCH.partition("[[choice]]")[0].replace("first", "second")
    with pytest.raises(SpecError, match="^costs.csv: holds no costs of second.$"):
        searched(f'{head}costs = "costs.csv"\n')


# -- Mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("before, after, sentence", [
    ("title", "tittle", "tittle is not a field of a search; did you mean title?"),
    ('layers = ["first.toml"]', "", "layers or network must be given, and not both."),
    ('"first.toml"', '"none.toml"', "none.toml: cannot be read (No such file or directory)."),
    ('"first.toml"', '"search.toml"', "layers must be spec files of one layer each, but search"),
    ("[[choice]]", 'device = "lfe5u"\n[[choice]]', "device must be one of lfe5u-25f, "),
    ("lut=900", "lut=x", "budget must be like lut=5000,dsp=10,bram=20,ff=8000, but holds lut=x."),
    ("[[choice]]", 'objectives = ["speed"]\n[[choice]]', "objectives must be of rate, lut4, "),
    ("[[choice]]", "constant = 1\n[[choice]]", "constant must be true or false, but is 1."),
    ("[[choice]]", "seed = -1\n[[choice]]", "seed must be an integer from 0 on, but is -1."),
    ("[[choice]]", 'costs = "costs.csv"\n[[choice]]',
     "choices must be given, [[choice]], or costs, and not both."),
    ('kind = "pq"', 'kind = "lut"', 'choice[0].kind must be one of "pq", "fixed", "pot", '),
    ('kind = "pq"', 'kind = "pq"\nlayers = ["x*"]',
     'choice[0].layers must match a layer, but "x*" matches none; layers are first.'),
    ('kind = "pq"', 'kind = "pq"\nerror = "low"', "choice[0].error must be a number from 0 on, "),
    ('kind = "pq"', 'kind = "pq"\nengine.prototype = 4',
     "engine.prototype is not a field of [engine]; did you mean prototypes?"),
    ('name = "int3"', 'name = "pq"', "choice pq: names of choices must differ, but this one "),
    ('kind = "pq"', 'kind = "pq"\nengine.prototypes = []',
     "choice[0] must make 1 to 1000 choices, but makes 0."),
])
def test_mistakes_are_one_sentence_that_names_the_file(folder, before, after, sentence):
    write(folder, SEARCH.replace(before, after, 1))
    with pytest.raises(SpecError) as told:
        load_search(Path("search.toml"))
    assert str(told.value).startswith(f"search.toml: {sentence}"), str(told.value)


@pytest.mark.parametrize("budget, sentence", [
    ("lut=20,bram=6,dsp=4", "first: nothing fits the budget."),
    ("lut=900,bram=0,dsp=0", None)])
def test_budgets_that_hold_nothing_are_told(folder, budget, sentence):
    text = SEARCH.replace("lut=900,bram=6,dsp=4", budget)
    if sentence is None:
        text = text.partition('[[choice]]\nname = "int3"')[0]
        sentence = "first: nothing fits the budget."
    with pytest.raises(SpecError) as told:
        searched(text)
    assert str(told.value) == sentence


# -- Routing -----------------------------------------------------------------------------------


def test_engines_of_the_front_are_routed_and_held_against_their_estimates(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "sweep"))
    import sweep_builders
    result, _ = searched()
    monkeypatch.setattr(runs, "SweepRun", lambda **given: dataclasses.replace(
        original(**given), work=sweep_builders.invented))
    routed = route_front(result, folder / "sweep", most=3, seeds=(1,))
    assert len(routed.engines) == 3 and routed.ok
    errors = sorted(abs(own.lut4_estimated / own.lut4 - 1) for own in routed.engines)
    assert routed.lut4_error == round(errors[1], 4)
    assert all(json.loads(path.read_text())["seeds"] for path in (
        folder / "sweep" / "runs").iterdir())


original = runs.SweepRun


def test_engines_without_specs_cannot_be_routed(folder):
    _, costs = searched()
    save_costs("costs.json", [own.model_copy(update={"spec": None}) for own in costs], ECP5)
    result, _ = searched(SEARCH.partition("[[choice]]")[0] + 'costs = "costs.json"\n')
    with pytest.raises(SpecError, match="comes from a file of costs without its spec"):
        route_front(result, folder / "sweep", most=3)
