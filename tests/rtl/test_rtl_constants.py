"""Engines whose parameters are constants in logic, and sums that wrap."""

import numpy as np
import pytest
from amaranth.hdl import Value
from builders import chain, tiny
from runner import differs, simulator

from pqhw.emit.constants import bind_constants
from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.golden import chain_results
from pqhw.rtl import Accelerator
from pqhw.rtl.tables import entry_ranges, sum_range
from pqhw.sim.pysim import simulate
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import LoadError, Requantize, SpecError
from pqhw.spec.parameters import check_parameters
from pqhw.spec.ranges import Range

BOTH = {"table_storage": "rom", "prototype_storage": "rom"}
WRAPS = {"compatibility": "wrap16", "table_bits": 16}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("fields", [
    {"table_storage": "rom"}, {"prototype_storage": "rom"}, BOTH,
    {**BOTH, "D": 7, "V": 3, "N": 5, "K": 5, "subspaces_per_cycle": 2, "outputs_per_cycle": 2,
     "output": Requantize(bits=4, signed=True)},
    {**BOTH, **WRAPS, "D": 7, "N": 5, "outputs_per_cycle": 3, "output": Requantize(bits=8)},
    {**BOTH, "D": 9, "K": 6, "subspaces_per_cycle": 5, "prototypes_per_cycle": 6,
     "shared_prototypes": True, "output": Requantize(bits=4, shift=3)}], ids=str)
def test_constants_compute_what_loaded_parameters_compute(fields, seed):
    assert differs(chain(tiny(**fields)), seed=seed) == ""


@pytest.mark.parametrize("fields", [
    {"D": 40, "V": 1, "subspaces_per_cycle": 8}, {"D": 40, "V": 1, "table_storage": "rom"},
    {"D": 40, "V": 1, "subspaces_per_cycle": 3, "output": Requantize(bits=8, signed=True)},
    {"D": 40, "V": 1, "subspaces_per_cycle": 3, "output": Requantize(bits=8, shift=7)}], ids=str)
def test_sums_of_many_16_bit_entries_wrap(fields):
    spec = chain(tiny(**WRAPS, **fields))
    parameters = random_parameters(spec, 5)
    rows = random_rows(spec, parameters, 12, 5)
    exact = sum(parameters[0].tables[s].max() for s in range(40))
    assert exact > 1 << 17, "the case is to wrap"
    assert differs(spec, seed=5) == ""
    assert len(rows) == 12


def test_wrapped_sums_by_hand():
    spec = chain(tiny(D=2, V=1, N=1, K=2, activation_bits=4, prototype_bits=4, **WRAPS))
    own = check_parameters(spec.first, {
        "prototypes": [[[0], [4]], [[0], [4]]],
        "tables": [[[-32768], [32767]], [[-1], [1]]], "bias": [0]})
    rows = np.array([[0, 0], [4, 4], [0, 4]])
    assert chain_results(spec, (own,), rows).tolist() == [[32767], [-32768], [-32767]]
    result = simulate(spec, pack_image(spec, (own,)), rows)
    assert result.results.tolist() == [[32767], [-32768], [-32767]]


def test_an_engine_of_constants_takes_no_image_and_says_so():
    spec = chain(tiny(**BOTH))
    bound = bind_constants(spec, random_parameters(spec, 1))
    assert pack_image(bound, random_parameters(spec, 1)) == b"" and bound.image.sections == ()
    dut = Accelerator(bound)
    sim = simulator(dut)

    async def bench(ctx):
        assert (ctx.get(dut.status.ready), ctx.get(dut.status.error)) == (1, LoadError.NONE)
        ctx.set(dut.load.valid, 1)
        ctx.set(Value.cast(dut.load.payload), 0x55)
        *_, taken = await ctx.tick().sample(dut.load.ready)
        ctx.set(dut.load.valid, 0)
        assert taken
        assert (ctx.get(dut.status.ready), ctx.get(dut.status.error)) == (1, LoadError.CONSTANT)
        assert not ctx.get(dut.status.loading)

    sim.add_testbench(bench)
    sim.run()


def test_constants_are_asked_for_by_name():
    with pytest.raises(SpecError) as caught:
        design_verilog(chain(tiny(**BOTH)))
    assert str(caught.value) == ('engine storage "rom" builds prototypes and tables into the logic,'
                                 " so the parameters must be given (--params), but are not.")


def test_other_constants_are_another_configuration():
    """Prototypes that were learned with other tables are refused."""
    spec = chain(tiny(table_storage="rom"))
    bound = [bind_constants(spec, random_parameters(spec, seed)) for seed in (1, 2)]
    assert bound[0].image.configuration != bound[1].image.configuration
    assert bound[0] == bind_constants(spec, random_parameters(spec, 1)) != bound[1]


def test_sums_of_constants_are_as_wide_as_their_entries_need():
    spec = chain(tiny(D=4, V=2, N=1, K=2, table_storage="rom", subspaces_per_cycle=2))
    own = check_parameters(spec.first, {
        "prototypes": np.zeros((2, 2, 2), int), "tables": [[[3], [1]], [[-2], [0]]], "bias": [4]})
    bound = bind_constants(spec, (own,)).first
    assert entry_ranges(bound) == [[Range(5, 7), Range(-2, 0)]]
    assert sum_range(bound) == Range(3, 7)
