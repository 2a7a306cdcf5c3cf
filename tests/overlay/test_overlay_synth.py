"""pqhw synth of an overlay: how it is placed, and the way from a program to a routed clock."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
from overlay_builders import SMALL, images_for, networks

from pqhw.explore.overlay import compile_program
from pqhw.flow import overlay as flow
from pqhw.flow.routed import Options, Routed
from pqhw.flow.routing import placer_arguments, routing_arguments
from pqhw.golden import network_results
from pqhw.spec.devices import device
from pqhw.spec.network import save_network
from pqhw.spec.overlay.cycles import program_cycles
from pqhw.spec.overlay.files import dump_overlay

TINY = dataclasses.replace(SMALL, outputs_per_cycle=2, prototypes=4, activation_words=64,
                           table_words=64, code_words=16, tree_words=8, port_bits=32)


@pytest.mark.parametrize("part, asked, placer", [
    ("lfe5u-25f", "auto", "static"), ("lfe5u-85f", "auto", "static"),
    ("lfe5u-25f", "heap", "heap"), ("ice40hx8k", "auto", "auto")])
def test_an_overlay_on_ecp5_is_placed_statically_unless_told_otherwise(part, asked, placer, cache,
                                                                       monkeypatch):
    told = []
    level = SimpleNamespace(status="not run", images=0, cycles=None, reason="no compiler")
    monkeypatch.setattr(flow, "simulate_levels",
                        lambda *given, **named: SimpleNamespace(levels=[level]))
    monkeypatch.setattr(flow, "route_all", lambda cache, verilog, part, options, step:
                        told.append(options.placer) or Routed(reason="not asked for."))
    network, parameters = networks()["rows"]
    images = images_for(network)
    program = compile_program(network, parameters, TINY)
    result = flow.measure_overlay(cache, program, images, network_results(
        network, parameters, images), device(part), name="rows", options=Options(placer=asked))
    assert told == [placer]
    assert (result.status, result.reason, result.verified) == ("failed", "not asked for.", None)
    assert result.cycles_per_row == program_cycles(program)


def test_the_static_placer_is_given_the_clocks_pin_where_it_would_choose_a_bad_one():
    for name, placer, pin in (("lfe5u-25f", "static", True), ("lfe5u-25f", "heap", False),
                              ("lfe5u-85f", "static", False), ("ice40up5k", "heap", False)):
        arguments = routing_arguments(device(name), 1, placer)
        assert ("--lpf" in arguments) == pin
        assert arguments[len(arguments) - len(placer_arguments(placer)):] == placer_arguments(
            placer)


@pytest.mark.slow
def test_an_overlay_is_verified_synthesized_and_routed(pqhw, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network, parameters = networks()["rows"]
    save_network(tmp_path, network, parameters)
    images = images_for(network)
    np.save("x.npy", images)
    (tmp_path / "spec.toml").write_text(dump_overlay(TINY, network))
    status, _, err = pqhw("synth", "spec.toml", "--params", "rows.npz", "--input", "x.npy",
                          "--device", "lfe5u-25f", "--seeds", "1", "--json", "r.json")
    result = json.loads((tmp_path / "r.json").read_text())["result"]
    assert (status, result["status"], result["verified"]) == (0, "ok", "cxxrtl"), err
    cycles = program_cycles(compile_program(network, parameters, TINY))
    assert result["cycles_per_row"] == result["cycles_per_row_measured"] == cycles
    assert result["fmax_mhz"]["median"] > 30 and result["provenance"]["placer"] == "static"
    assert result["rows_per_second"] == pytest.approx(
        1e6 * result["fmax_mhz"]["median"] / cycles, rel=1e-3)
    assert result["area"]["dsp"] == TINY.lanes + TINY.dsp_products
    assert 0 < result["area"]["bram"] <= 56 and 0 < result["area"]["lut4"] < 24288
