"""The area benchmark: its cases are what they are called, and its table says what was measured."""

import importlib.util
import json
from collections import Counter
from pathlib import Path

import pytest

from pqhw.emit.constants import bind_constants
from pqhw.emit.design import component_verilog
from pqhw.flow.component import RoutedComponent
from pqhw.flow.results import Area
from pqhw.flow.tools import ToolError
from pqhw.sim.stimulus import random_parameters
from pqhw.spec.files import load_spec

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "area.py"


@pytest.fixture(scope="module")
def area():
    """The script as a module."""
    wanted = importlib.util.spec_from_file_location("benchmark_area", FILE)
    module = importlib.util.module_from_spec(wanted)
    wanted.loader.exec_module(module)
    return module


SPECS = sorted(path.stem for path in (FILE.parent / "specs").glob("*.toml"))


def test_every_spec_has_a_case_and_every_case_a_spec(area):
    assert sorted(area.CASES) == SPECS


@pytest.mark.parametrize("name", SPECS)
def test_a_case_is_what_its_name_says(area, name):
    spec = load_spec(FILE.parent / "specs" / f"{name}.toml").first
    kind, what, bits = name.split("-")[:3]
    assert area.CASES[name].part == kind
    if spec.KIND == "mac":
        scheme = what if what in ("sp2", "pot", "mixed") else "fixed"
        assert spec.engine.scheme == ("bitplane" if kind == "planes" else scheme)
        assert kind != "planes" or spec.engine.planes == what
        assert bits in ("array", f"{spec.precision.activation_bits}x{spec.engine.weight_bits}")
        return
    assert (spec.engine.prototypes, spec.engine.subvector_length) == (16, 9)
    if kind == "lookup":
        assert spec.lookups_per_cycle == 64 and spec.precision.table_bits == int(bits)
        assert spec.engine.table_storage == what
    elif kind == "encoder":
        assert (spec.engine.encoder, spec.precision.activation_bits) == (what, int(bits))
        assert (spec.subspaces, spec.cycles_per_row) == (1, 1), "one code per cycle"
    else:
        assert (spec.subspaces, spec.layer.out_features) == (16, 32)
        assert (spec.engine.encoder, spec.engine.table_storage) == (what, name.split("-")[3])
        assert spec.precision.table_bits == int(bits)


@pytest.mark.parametrize("name", [name for name in SPECS if not name.startswith("layer")])
def test_the_part_of_a_case_is_verilog(area, name):
    chain = load_spec(FILE.parent / "specs" / f"{name}.toml")
    spec = bind_constants(chain, random_parameters(chain, 1)).first
    part = area.PARTS[area.CASES[name].part](spec)
    assert "module core (" in component_verilog(part, target="ecp5", name="core")


@pytest.fixture
def routed(area, monkeypatch):
    """Instead of tools: 1,000 LUT4 at 200 MHz."""
    def route(cache, component, part, seeds):
        component_verilog(component)  # Amaranth warns of what is made and never elaborated
        if part.name == "lfe5u-85f":
            raise ToolError("nextpnr-ecp5 failed: no BELs remaining.")
        return RoutedComponent(
            cells=Counter(LUT4=900, CCU2C=50), seeds=tuple(seeds), rtl_sha256="0" * 64,
            areas=tuple(Area(lut4=1000 + seed, ff=2, bram=0, dsp=0) for seed in seeds),
            clocks=tuple(200.0 + seed for seed in seeds))
    monkeypatch.setattr(area, "route_component", route)


def test_figures_are_medians_beside_what_they_are_to_reach(area, routed, tmp_path, capsys):
    status = area.main(["lookup-lutram-8", "lookup-lutram-5", "--seeds", "1..3",
                        "--json", str(tmp_path / "area.json")])
    eight, five = json.loads((tmp_path / "area.json").read_text())["cases"]
    assert (eight["lut4"], eight["fmax_mhz"], eight["met"]) == (1002, 202, False)
    assert (five["lut4"], five["met"]) == (1002, True)
    assert status == 1 and "1,002" in capsys.readouterr().out


def test_what_cannot_be_routed_is_a_row_with_a_reason(area, routed, capsys):
    assert area.main(["encoder-l1-4", "-d", "lfe5u-85f", "--seeds", "1"]) == 1
    said = capsys.readouterr().out
    assert said.endswith("\nencoder-l1-4: nextpnr-ecp5 failed: no BELs remaining.\n")


def test_an_unknown_case_is_refused(area, capsys):
    with pytest.raises(SystemExit) as stop:
        area.main(["lookup"])
    assert stop.value.code == 2 and "but is lookup." in capsys.readouterr().err
