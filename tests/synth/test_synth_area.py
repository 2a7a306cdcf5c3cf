"""The estimator's formulas against Yosys: block RAM, DSP and LUT RAM exactly, over random designs.

Yosys runs up to the memories and multipliers only, several designs to a run.
"""

import json
import math

import pytest
from builders import odd_cases, pq

from pqhw.emit.constants import bind_constants
from pqhw.emit.design import TOP, design_verilog
from pqhw.explore.area import area_of
from pqhw.explore.draws import random_chain
from pqhw.flow.tools import run_tool
from pqhw.rtl import Accelerator
from pqhw.sim.stimulus import random_parameters
from pqhw.spec import ChainSpec, SpecError
from pqhw.spec.devices import DEVICES, resolve

CELLS = {"lutram": ("TRELLIS_DPR16X4",), "bram": ("DP16KD", "SB_RAM40_4K"),
         "dsp": ("MULT18X18D", "SB_MAC16")}


def mapped(designs, folder):
    """Cells of designs (chain, part), before logic is mapped."""
    lines = []
    for index, (chain, part) in enumerate(designs):
        bound = bind_constants(chain, random_parameters(chain, 1))
        text = design_verilog(bound, target=part.family)
        (folder / f"design{index}.v").write_text(text)
        options = ""
        if part.family == "ice40":
            options = f"-device {'u -dsp' if part.dsps else 'hx'}"
        lines += ["design -reset", f"read_verilog design{index}.v",
                  f"synth_{part.family} -top {TOP} {options} -run begin:map_gates",
                  f"tee -q -o cells{index}.json stat -json"]
    (folder / "map.ys").write_text("\n".join(lines))
    run_tool("yosys", ["-q", "-s", "map.ys"], folder)
    found = []
    for index in range(len(designs)):
        modules = json.loads((folder / f"cells{index}.json").read_text())["modules"]
        found.append(modules["\\" + TOP]["num_cells_by_type"])
    return found


def assert_exact(designs, folder):
    for (chain, part), cells in zip(designs, mapped(designs, folder)):
        formula = area_of(chain, part)
        for kind, names in CELLS.items():
            counted = sum(cells.get(name, 0) for name in names)
            assert getattr(formula, kind) == counted, (
                f"{kind}: {getattr(formula, kind)} by formula, {counted} counted on {part.name}: "
                f"{chain.to_mapping()}")


@pytest.mark.parametrize("family", ["ecp5", "ice40"])
def test_memories_and_dsps_are_exact_over_random_designs(family, tmp_path):
    assert_exact([random_chain(family, index, most=1000) for index in range(1000, 1003)], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["ecp5", "ice40"])
@pytest.mark.parametrize("batch", range(6))
def test_memories_and_dsps_are_exact_over_more_random_designs(family, batch, tmp_path):
    first = 2000 + 20 * batch
    assert_exact([random_chain(family, index) for index in range(first, first + 20)], tmp_path)


def odd_designs(name):
    """The odd cases that a device can build."""
    part = DEVICES[name]
    for chain in odd_cases().values():
        try:
            yield resolve(chain, part), part
        except SpecError:
            continue


@pytest.mark.slow
@pytest.mark.parametrize("name", DEVICES)
def test_memories_and_dsps_are_exact_at_the_edges(name, tmp_path):
    assert_exact(list(odd_designs(name)), tmp_path)


def test_logic_and_flip_flops_are_close_before_any_fit(synthesis):
    """A whole design through ABC: formulas alone are within a tenth, flip-flops within 2 %."""
    chain, part = random_chain("ecp5", 1001, most=1000)
    bound = bind_constants(chain, random_parameters(chain, 1))
    cells = synthesis.cells(Accelerator(bound), part.name)
    formula = area_of(chain, part)
    luts = cells["LUT4"] + 2 * cells["CCU2C"] + 6 * cells["TRELLIS_DPR16X4"]
    assert math.isclose(formula.lut4, luts, rel_tol=0.1)
    assert math.isclose(formula.ff, cells["TRELLIS_FF"], rel_tol=0.02)


def test_constant_tables_stay_out_of_block_ram(tmp_path):
    """Whatever their depth: Yosys would take a block from some sixty words on."""
    spec = pq(D=16, N=16, V=8, K=16, encoder="l1", activation_bits=3, prototype_bits=3,
              outputs_per_cycle=4, table_storage="rom", prototype_storage="lutram")
    part = DEVICES["lfe5u-25f"]
    cells, = mapped([(resolve(ChainSpec((spec,)), part), part)], tmp_path)
    assert spec.table_words == 128 and "DP16KD" not in cells
