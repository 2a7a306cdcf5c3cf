"""The demo's designs: what they promise before anything is routed, and the whole of it (slow)."""

import json
import types

import pytest

from pqhw import demo
from pqhw.flow.cache import Cache
from pqhw.flow.measure import Options
from pqhw.flow.results import Verification
from pqhw.network import load_digits
from pqhw.spec.devices import device, resolve
from pqhw.spec.files import load_parameters, load_spec

pytest.importorskip("sklearn", reason="learning needs scikit-learn")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("learned")
    demo._learn(folder, load_digits())
    return folder


def test_pq_on_ecp5_loses_at_most_a_point_and_a_half(learned):
    found = json.loads((learned / "accuracy.json").read_text())
    assert found["pq-ecp5"] >= found["float"] - 0.015, found


@pytest.mark.parametrize("design", demo.DESIGNS + demo.MORE_DESIGNS, ids=lambda one: one.name)
def test_a_design_fits_its_device_and_its_layers_keep_step(learned, design):
    chain = resolve(load_spec(learned / f"{design.name}.toml"), device(design.device))
    assert {spec.cycles_per_row for spec in chain.stages} == {chain.cycles_per_row}
    assert len(load_parameters(chain, learned / f"{design.name}.npz")) == 3


@pytest.mark.parametrize("verified", ["cxxrtl", "amaranth"])
def test_the_notes_say_what_was_not_run_and_what_a_plain_user_s_proof_covers(verified):
    reason = "g++ is not installed; run: apt install g++"
    missing = Verification(level="cxxrtl", status="not run", rows=0, reason=reason)
    one = types.SimpleNamespace(verified=verified, verification=[missing])
    notes = demo._notes([one, one])
    assert notes[0] == f"cxxrtl not run: {reason}"
    told = [note for note in notes if "portable RTL, not the device's primitives" in note]
    assert len(told) == (verified == "amaranth")
    assert len(notes) == 1 + len(told), "each is said once"


@pytest.mark.slow
def test_the_demo_is_verified_routed_and_reported(tmp_path):
    designs = [design for design in demo.DESIGNS if design.device == "ice40up5k"]
    cache = Cache(tmp_path / "cache")
    comparison = demo.run_demo(cache, tmp_path / "run", designs=designs,
                               options=Options(seeds=(1,)))
    for one in comparison.measurements:
        assert one.status == "ok" and one.verified, one.reason
        assert one.cycles_per_row_measured == one.cycles_per_row
    before = cache.fresh
    again = demo.run_demo(cache, tmp_path / "run", designs=designs, options=Options(seeds=(1,)))
    assert again == comparison and cache.fresh == before
    assert (tmp_path / "run" / "report.html").stat().st_size > 100_000
