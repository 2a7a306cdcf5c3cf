"""What routed engines teach of estimates: factors, their file, and searches that use them."""

import dataclasses
import io
import json
from math import exp, log
from pathlib import Path

import numpy as np
import pytest
from builders import mac, pq
from search_layers import search_layer
from rich.console import Console

from pqhw.explore.estimate import estimate
from pqhw.explore.search.layers import layer_costs
from pqhw.explore.search.learn import (LearnedEngine, corrected, corrections, engine_kind, learn,
                                       load_learned)
from pqhw.explore.search.plan import load_search
from pqhw.explore.search.run import RoutedEngine, RoutedFront, learn_routed, run_search
from pqhw.report.search import front_table
from pqhw.spec import ChainSpec, SpecError
from pqhw.spec.devices import device, resolve

ECP5 = device("lfe5u-25f")
SEARCH = """
layers = ["first.toml"]
budget = "lut=1900,bram=6,dsp=0"
[[choice]]
kind = "pq"
[[choice]]
kind = "fixed"
"""


def engine(kind="pq", lut4=1.0, fmax=1.0, number=0, part="lfe5u-25f"):
    return LearnedEngine(key=f"{part} {kind} {number}", device=part, kind=kind,
                         lut4_estimated=1000, lut4=round(1000 * lut4), fmax_mhz_estimated=100,
                         fmax_mhz=100 * fmax)


def test_factors_are_medians_that_count_little_where_engines_are_few():
    engines = [engine(lut4=own, number=number) for number, own in enumerate((1.1, 1.2, 9.0))]
    engines += [engine("sp2", fmax=0.8), engine(part="ice40up5k", lut4=3)]
    found = corrections(engines, "lfe5u-25f")
    assert list(found) == ["pq", "sp2"]
    assert found["pq"].lut4 == round(exp(3 / 7 * log(1.2)), 4), "one that is far off is no matter"
    assert (found["pq"].fmax, found["pq"].engines) == (1, 3)
    assert found["sp2"].fmax == round(exp(1 / 5 * log(0.8)), 4)
    many = corrections([engine(fmax=0.5, number=number) for number in range(400)], "lfe5u-25f")
    assert many["pq"].fmax == pytest.approx(0.5, rel=0.01)
    assert corrections([], "lfe5u-25f") == {}


@pytest.mark.parametrize("spec, kind", [
    (pq(D=4, N=2, V=2, K=2), "pq"), (mac(D=4, N=2), "fixed"),
    (mac(D=4, N=2, scheme="pot", weight_bits=3), "pot"),
    (mac(D=4, N=4, scheme="bitplane"), "bitplane")])
def test_an_engine_is_of_the_kind_of_its_choice(spec, kind):
    assert engine_kind(spec.to_mapping()) == kind


def test_what_is_learned_is_the_plain_estimate_beside_what_was_routed(tmp_path):
    chain = resolve(ChainSpec((pq(D=8, N=4, V=2, K=4, encoder="l1"),)), ECP5)
    made, path = estimate(chain, ECP5), tmp_path / "learned.json"
    learn(path, "lfe5u-25f", [(chain.to_mapping(), 777, 123.456)])
    learn(path, "lfe5u-25f", [(chain.to_mapping(), 888, 111)])
    learn(path, "lfe5u-85f", [(chain.to_mapping(), 999, 99)])
    engines = {own.device: own for own in load_learned(path)}
    own = engines["lfe5u-25f"]
    assert len(engines) == 2 == len(load_learned(path)), "an engine stands once for a device"
    assert (own.lut4, own.fmax_mhz, own.kind) == (888, 111, "pq")
    assert (own.lut4_estimated, own.fmax_mhz_estimated) == (
        made.area.lut4, round(made.fmax_mhz, 2))
    before = path.read_bytes()
    learn(path, "lfe5u-25f", [])
    assert path.read_bytes() == before


def routed(spec, status="ok", lut4=900, clock=90.0):
    return RoutedEngine(name="one", status=status, lut4_estimated=1, lut4=lut4, cycles=1,
                        fmax_mhz_estimated=1, fmax_mhz=clock, spec=spec)


def test_failures_teach_nothing(tmp_path):
    spec = pq(D=8, N=4, V=2, K=4).to_mapping()
    front = RoutedFront(seeds=[1], lut4_error=None, fmax_error=None, engines=[
        routed(spec, "failed"), routed(mac(D=4, N=2).to_mapping(), lut4=None, clock=None)])
    assert learn_routed(tmp_path / "learned.json", "lfe5u-25f", front) == []
    front.engines.append(routed(spec))
    assert len(learn_routed(tmp_path / "learned.json", "lfe5u-25f", front)) == 1


def test_a_search_is_corrected_and_says_so(tmp_path):
    (tmp_path / "first.toml").write_text(search_layer())
    (tmp_path / "search.toml").write_text(SEARCH)
    plain = load_search(tmp_path / "search.toml")
    engines = [engine(lut4=1.3, fmax=0.7, number=number) for number in range(6)]
    known = corrections(engines, "lfe5u-25f")
    taught = dataclasses.replace(plain, learned=known)
    for choice in plain.choices:
        before, after = (layer_costs(dataclasses.replace(search, choices=(choice,)), "first",
                                     ["rate", "lut4"]).costs for search in (plain, taught))
        assert (before == after) == (choice.kind == "fixed")
        for own in after:
            made = estimate(ChainSpec.from_mapping(own.spec), ECP5)
            factor = known.get(choice.kind)
            lut4, clock = (1, 1) if factor is None else (factor.lut4, factor.fmax)
            assert own.lut4 == round(made.area.lut4 * lut4)
            assert own.fmax_mhz == pytest.approx(made.fmax_mhz * clock, abs=0.01)
            assert own.ff == made.area.ff and own.lut4 <= 1900
    result, _ = run_search(taught)
    assert [own.model_dump() for own in result.corrections] == [known["pq"].model_dump()]
    console = Console(width=200, file=io.StringIO())
    console.print(front_table(result))
    assert "Estimates of pq are corrected by 6 routed before: LUT4 by 1.1" in (
        console.file.getvalue())


def test_figures_without_a_correction_are_as_they_were():
    figures = {"lut4": np.array([3]), "fmax_mhz": np.array([2.0])}
    assert corrected(figures, None) == figures


@pytest.mark.parametrize("content, sentence", [
    (None, "cannot be read (No such file or directory)."),
    ("", "does not hold engines that were routed: Invalid JSON"),
    ("[]", "does not hold engines that were routed: "),
    ('{"engines": [{}]}', "does not hold engines that were routed (engines.0.key): Field requ"),
    (json.dumps({"engines": [engine().model_dump() | {"lut4": 0}]}),
     "does not hold engines that were routed (engines.0.lut4): Input should be greater than 0"),
    ('{"schema_version": 2, "engines": []}',
     "does not hold engines that were routed (schema_version): Input should be 1.")])
def test_damaged_files_are_one_sentence(tmp_path, monkeypatch, content, sentence):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "learned.json").write_text(content)
    with pytest.raises(SpecError) as told:
        load_learned(Path("learned.json"))
    assert str(told.value).startswith(f"learned.json: {sentence}"), str(told.value)
