"""Overlays measured: how they are placed and what is told where nothing was routed."""

from types import SimpleNamespace

import pytest
from overlay_builders import TINY, images_for, networks

from pqhw.explore.overlay import compile_program
from pqhw.flow import overlay as flow
from pqhw.flow.routed import Options, Routed
from pqhw.flow.routing import placer_arguments, routing_arguments
from pqhw.golden import network_results
from pqhw.spec.devices import device
from pqhw.spec.overlay.cycles import program_cycles


@pytest.mark.parametrize("part, asked, placer", [
    ("lfe5u-25f", "auto", "heap-router2"), ("lfe5u-85f", "auto", "heap-router2"),
    ("lfe5u-25f", "heap", "heap"), ("ice40hx8k", "auto", "auto")])
def test_an_overlay_on_ecp5_is_routed_by_router2_unless_told_otherwise(part, asked, placer, cache,
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


def test_router2_is_given_the_clocks_pin_where_placers_choose_a_bad_one():
    for name, placer, pin in (("lfe5u-25f", "static", True), ("lfe5u-25f", "heap", False),
                              ("lfe5u-25f", "heap-router2", True),
                              ("lfe5u-85f", "static", False), ("ice40up5k", "heap", False)):
        arguments = routing_arguments(device(name), 1, placer)
        assert ("--lpf" in arguments) == pin
        assert arguments[len(arguments) - len(placer_arguments(placer)):] == placer_arguments(
            placer)
