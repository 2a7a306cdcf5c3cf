"""A routed network layer by layer: every cell belongs somewhere, and nothing is counted twice."""

import json

import jsonschema
import pytest
from dataflow_builders import around
from flow_designs import needs_tools

from pqhw.flow.layers import BORDER, HARNESS, STREAMS, network_of
from pqhw.flow.measure import Options, measure
from pqhw.flow.placement import Placed, read_placement, write_placement
from pqhw.flow.results import results_schema
from pqhw.flow.routing import PLACEMENT
from pqhw.spec.devices import device

SPEC, _ = around("pool", 2)
NAMES = list(SPEC.parts)


@needs_tools
@pytest.mark.parametrize("name", [
    "ice40up5k", pytest.param("lfe5u-25f", marks=pytest.mark.slow)])
def test_all_that_was_routed_belongs_to_a_layer(cache, name):
    result = measure(cache, SPEC, device(name), name="small", options=Options(seeds=(1,)))
    assert (result.status, result.verified) == ("ok", "cxxrtl"), result.reason
    jsonschema.validate(json.loads(result.model_dump_json()), results_schema())
    network = result.network
    assert network is not None and network.seed == 1
    assert [layer.name for layer in network.layers] == [*NAMES, STREAMS, BORDER, HARNESS]
    for unit in ("lut4", "ff", "bram", "dsp"):
        parts = sum(getattr(layer.area, unit) for layer in network.layers)
        assert parts == getattr(result.area_raw, unit), unit
    harness = network.layers[-1].area
    own = {unit: getattr(result.area_raw, unit) - getattr(result.area, unit)
           for unit in ("lut4", "ff", "bram", "dsp")}
    assert (harness.bram, harness.dsp) == (0, 0)
    # A cell of an iCE40 is named after its LUT4; copies of the harness's drivers are its own.
    assert abs(harness.ff - own["ff"]) <= 5
    assert abs(harness.lut4 - own["lut4"]) <= 0.02 * result.area_raw.lut4 + 12
    for layer in network.layers[:len(NAMES)]:
        assert layer.area.lut4 > 0 and layer.area.ff > 0
        assert layer.utilisation == pytest.approx(layer.cycles / network.interval, abs=1e-4)
    assert network.slowest == [name for name, own in SPEC.parts.items()
                               if own.cycles == max(own.cycles for own in SPEC.parts.values())]
    for layer in network.layers:
        tiles = [tuple(map(int, tile.split(":"))) for tile in layer.tiles.split()]
        assert all(x < network.columns and y < network.rows and count > 0
                   for x, y, count in tiles)
    for bound in network.bounds:
        assert 0 <= bound.busy <= 1
        if bound.busy:
            assert bound.rows_per_second == pytest.approx(result.rows_per_second / bound.busy,
                                                          rel=0.01)
    lut = next(bound for bound in network.bounds if bound.resource == "lut4")
    busy = sum(layer.area.lut4 * (layer.utilisation or 0) for layer in network.layers)
    assert lut.busy == pytest.approx(busy / device(name).luts, abs=1e-4)
    folder = next(path.parent for path in cache.root.rglob(PLACEMENT))
    assert not (folder / "routed.json").exists()


def cell(name, kind, x=1, y=1, flip_flop=False):
    return Placed(name, kind, x, y, flip_flop)


def test_cells_are_told_by_the_name_they_carry():
    node = f"dut.network.node1_{NAMES[1]}."
    placed = [cell(f"{node}a", "TRELLIS_COMB"), cell(f"{node}b", "TRELLIS_RAMW", 7, 9),
              cell("dut.network.node0_x.ram", "DP16KD"),
              cell("dut.network.queue1_0.q", "TRELLIS_FF"),
              cell("dut.network.node_valid", "TRELLIS_FF"), cell("dut.loader.a", "TRELLIS_COMB"),
              cell("dut.network_ready", "TRELLIS_COMB"), cell("folded", "TRELLIS_FF"),
              cell("clk$io", "TRELLIS_IO", 40, 50)]
    network = network_of(SPEC, device("lfe5u-25f"), placed, seed=3, interval=200,
                         rows_per_second=None)
    areas = {layer.name: layer.area for layer in network.layers}
    assert (areas[NAMES[1]].lut4, areas[NAMES[0]].bram) == (3, 1)
    assert (areas[STREAMS].ff, areas[BORDER].lut4, areas[HARNESS].ff) == (2, 2, 1)
    assert (network.columns, network.rows) == (41, 51)
    assert {layer.name: layer.tiles for layer in network.layers}[NAMES[1]] == "1:1:1 7:9:1"
    assert all(bound.rows_per_second is None for bound in network.bounds)


def test_cells_that_the_packer_made_belong_to_those_they_serve(tmp_path):
    def made(kind, place, **nets):
        return {"type": kind, "attributes": {"NEXTPNR_BEL": place}, "parameters": {},
                "connections": {port: [net] for port, net in nets.items()}}

    cells = {"dut.a": made("TRELLIS_COMB", "X1/Y2/SLICEA.K0", CLK=1, F=2),
             "dut.b": made("TRELLIS_COMB", "X1/Y3/SLICEA.K0", CLK=1, F=5),
             "$nextpnr_0": made("TRELLIS_COMB", "X1/Y4/SLICEA.K0", CLK=1, F=3),
             "$nextpnr_1": made("TRELLIS_COMB", "X1/Y5/SLICEA.K0", CLK=1, A=3, F=5),
             "$nextpnr_2": made("TRELLIS_COMB", "X1/Y6/SLICEA.K0", F="x"),
             "unplaced": made("TRELLIS_COMB", "", F=7)}
    (tmp_path / "routed.json").write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    write_placement(tmp_path / "routed.json", tmp_path / PLACEMENT)
    found = [(own.name, own.y) for own in read_placement(tmp_path / PLACEMENT)]
    assert found == [("dut.a", 2), ("dut.b", 3), ("dut.b", 4), ("dut.b", 5), ("$nextpnr_2", 6)]
