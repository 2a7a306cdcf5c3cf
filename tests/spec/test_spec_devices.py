"""What a spec becomes on each device, and what a device refuses."""

import dataclasses

import pytest
from builders import chain, chains, mac, pq, small_mac, tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from pqhw.spec import Requantize, SpecError
from pqhw.spec.devices import DEVICES, FAMILIES, device, resolve

BRAM = {"table_storage": "bram"}


@pytest.mark.parametrize("name", DEVICES)
def test_a_device_is_found_by_its_name(name):
    part = device(name)
    assert part.name == name and part.family in FAMILIES
    assert part.luts > 1000 and part.brams > 0


def test_an_unknown_device_is_refused_with_all_known():
    with pytest.raises(SpecError) as caught:
        device("xc7a35t")
    assert str(caught.value) == ("device must be one of lfe5u-25f, lfe5u-85f, ice40up5k, "
                                 "ice40hx8k, but is xc7a35t.")


@pytest.mark.parametrize("name, multiplier", [
    ("lfe5u-25f", "dsp"), ("lfe5u-85f", "dsp"), ("ice40up5k", "dsp"), ("ice40hx8k", "lut")])
def test_auto_multipliers_are_dsp_blocks_where_there_are_any(name, multiplier):
    assert resolve(chain(small_mac()), device(name)).first.engine.multiplier == multiplier


@pytest.mark.parametrize("name, storage", [
    ("lfe5u-25f", "auto"), ("lfe5u-85f", "auto"), ("ice40up5k", "bram"), ("ice40hx8k", "bram")])
def test_auto_storage_is_block_ram_where_there_is_no_lut_ram(name, storage):
    resolved = resolve(chain(tiny()), device(name)).first
    assert resolved.engine.prototype_storage == storage
    assert resolved.engine.table_storage == storage
    assert resolve(chain(small_mac()), device(name)).first.engine.weight_storage == storage


@pytest.mark.parametrize("name", ("ice40up5k", "ice40hx8k"))
@pytest.mark.parametrize("spec, field", [
    (tiny(table_storage="lutram"), "table_storage"),
    (tiny(prototype_storage="lutram"), "prototype_storage"),
    (small_mac(weight_storage="lutram"), "weight_storage")],
    ids=("tables", "prototypes", "weights"))
def test_lut_ram_is_refused_where_there_is_none(name, spec, field):
    with pytest.raises(SpecError) as caught:
        resolve(chain(spec), device(name))
    assert str(caught.value) == (f'engine.{field} must be "bram" on {name}, which has no LUT RAM, '
                                 'but is "lutram".')


@pytest.mark.parametrize("name", DEVICES)
def test_what_is_asked_for_by_name_stays(name):
    spec = chain(tiny(**BRAM, prototype_storage="bram"))
    assert resolve(spec, device(name)) == spec
    spec = chain(small_mac(weight_storage="bram", multiplier="lut", weight_code="signed"))
    assert resolve(spec, device(name)) == spec


@pytest.mark.parametrize("name", DEVICES)
def test_resolving_twice_is_resolving_once(name):
    for spec in (tiny(), small_mac()):
        once = resolve(chain(spec), device(name))
        assert resolve(once, device(name)) == once


def test_every_stage_of_a_chain_is_resolved():
    first = tiny(output=Requantize(bits=4, signed=True))
    second = pq(D=3, N=2, V=1, K=2, activation_bits=4)
    stages = resolve(chain(first, second), device("ice40up5k")).stages
    assert [stage.engine.prototype_storage for stage in stages] == ["bram", "bram"]
    assert [stage.engine.table_storage for stage in stages] == ["bram", "bram"]


# -- DSP blocks --------------------------------------------------------------------------------

LOOKED_UP = tiny(output=Requantize(bits=4, signed=True))


def products(kind, count, **values):
    """An engine that forms `count` products side by side."""
    if kind == "mac":
        return mac(D=count, N=count, inputs_per_cycle=count, **values)
    return pq(D=count, N=count, V=count, K=4, elements_per_cycle=count, **values)


def multipliers(name, *stages):
    """What forms each stage's products on a device."""
    resolved = resolve(chain(*stages), device(name))
    return [stage.engine.multiplier for stage in resolved.stages]


@pytest.mark.parametrize("name, count, multiplier", [
    ("lfe5u-25f", 28, "dsp"), ("lfe5u-25f", 29, "lut"), ("lfe5u-25f", 64, "lut"),
    ("lfe5u-85f", 64, "dsp"), ("ice40up5k", 8, "dsp"), ("ice40up5k", 9, "lut"),
    ("ice40hx8k", 1, "lut")])
def test_auto_is_dsp_blocks_while_those_of_the_device_suffice(name, count, multiplier):
    spec = products("pq", count)
    assert spec.multipliers == count
    assert multipliers(name, spec) == [multiplier]


@pytest.mark.parametrize("name, count, blocks", [
    ("lfe5u-25f", 28, 28), ("lfe5u-25f", 29, 28), ("lfe5u-25f", 64, 28), ("lfe5u-85f", 64, 64),
    ("ice40up5k", 8, 8), ("ice40up5k", 9, 8), ("ice40hx8k", 1, 0)])
def test_auto_is_dsp_blocks_first_then_logic_in_a_mac_engine(name, count, blocks):
    spec = products("mac", count)
    assert spec.multipliers == count
    resolved = resolve(chain(spec), device(name)).first
    assert resolved.dsp_units == blocks
    assert resolved.engine.multiplier == ("dsp" if blocks == count else "auto" if blocks else "lut")
    assert sum(resolved.on_dsp(0, d) for d in range(count)) == blocks
    assert resolved.in_logic == (blocks < count)


@pytest.mark.parametrize("name, packed, blocks", [("lfe5u-25f", 3, 28), ("ice40up5k", 2, 8)])
def test_blocks_that_hold_several_products_are_shared_by_their_outputs(name, packed, blocks):
    spec = mac(D=10, N=12, inputs_per_cycle=10, outputs_per_cycle=12, activation_bits=4,
               weight_bits=4, activation_signed=False)
    resolved = resolve(chain(spec), device(name)).first
    assert (resolved.packed, resolved.dsp_units) == (packed, blocks)
    lanes = [[resolved.on_dsp(n, d) for d in range(10)] for n in range(12)]
    assert sum(map(sum, lanes)) == packed * blocks
    assert all(lanes[n] == lanes[n - n % packed] for n in range(12))
    assert resolve(chain(resolved), device(name)).first == resolved


@pytest.mark.parametrize("name, has", [("lfe5u-25f", "28 DSP"), ("ice40hx8k", "no DSP")])
def test_more_blocks_than_there_are_are_refused_by_number(name, has):
    asked = chain(products("mac", 64, dsp_blocks=29))
    with pytest.raises(SpecError) as caught:
        resolve(asked, device(name))
    most = device(name).dsps
    assert str(caught.value) == (f"engine.dsp_blocks must be at most {most} on {name}, which has "
                                 f"{has} blocks, but is 29.")
    assert resolve(asked, device("lfe5u-85f")).first.dsp_units == 29


@pytest.mark.parametrize("name, ratio", [("lfe5u-25f", "6:6"), ("lfe5u-85f", "11:1"),
                                         ("ice40up5k", "0:12"), ("ice40hx8k", "0:12")])
@pytest.mark.parametrize("multiplier", ("auto", "dsp"))
def test_the_ratio_of_a_mixed_layer_fills_the_blocks_first(name, ratio, multiplier):
    spec = mac(D=120, N=24, scheme="mixed", inputs_per_cycle=10, outputs_per_cycle=12,
               activation_bits=4, weight_bits=4, activation_signed=False, multiplier=multiplier)
    resolved = resolve(chain(spec), device(name)).first
    assert resolved.engine.ratio == ratio
    assert resolved.multipliers == resolved.dsp_units <= device(name).dsps
    assert resolve(chain(resolved), device(name)).first == resolved


def test_an_engine_without_products_takes_no_dsp_blocks():
    assert LOOKED_UP.multipliers == LOOKED_UP.scale_multipliers == 0
    assert multipliers("ice40up5k", LOOKED_UP) == ["auto"]


@pytest.mark.parametrize("kind", ("mac", "pq"))
@pytest.mark.parametrize("name, count, has", [
    ("lfe5u-25f", 29, "28"), ("ice40up5k", 9, "8"), ("ice40hx8k", 1, "no")])
def test_more_products_than_dsp_blocks_are_refused_where_these_are_asked_for(kind, name, count,
                                                                             has):
    asked = chain(products(kind, count, multiplier="dsp"))
    with pytest.raises(SpecError) as caught:
        resolve(asked, device(name))
    assert str(caught.value) == (
        f'engine.multiplier must be "lut" or "auto" for {count} products side by side on {name}, '
        f'which has {has} DSP blocks, but is "dsp".')
    assert resolve(asked, device("lfe5u-85f")) == asked


def stages_of(*counts_and_multipliers):
    """Stages with so many products each, the first scaled by four DSP blocks."""
    stages = []
    for index, (count, multiplier) in enumerate(counts_and_multipliers):
        output = Requantize(bits=8, signed=True, mode="shift" if index else "scale")
        stages.append(mac(D=28, N=28, inputs_per_cycle=count, multiplier=multiplier, output=output,
                          outputs_per_cycle=1 if index else 4,
                          results_per_cycle=None if index else 4))
    assert [stage.scale_multipliers for stage in stages][:2] == [4, 0]
    return stages


def test_scaled_results_and_what_is_asked_for_by_name_come_first():
    """4 blocks scale, 14 are asked for; 10 are left for the others, in their order."""
    stages = stages_of((1, "lut"), (7, "auto"), (14, "dsp"), (7, "auto"), (3, "auto"), (1, "auto"))
    resolved = resolve(chain(*stages), device("lfe5u-25f")).stages
    assert [stage.dsp_units for stage in resolved] == [0, 7, 14, 3, 0, 0]
    assert [stage.engine.multiplier for stage in resolved] == ["lut", "dsp", "dsp", "auto", "lut",
                                                               "lut"]


def test_blocks_that_others_have_taken_are_counted_in_a_refusal():
    stages = stages_of((1, "lut"), (14, "dsp"), (14, "dsp"))
    with pytest.raises(SpecError) as caught:
        resolve(chain(*stages), device("lfe5u-25f"))
    assert str(caught.value) == (
        'engine.multiplier must be "lut" or "auto" for 14 products side by side on lfe5u-25f, '
        'which has 28 DSP blocks, 18 of them taken by others, but is "dsp".')
    assert multipliers("lfe5u-85f", *stages) == ["lut", "dsp", "dsp"]


@settings(max_examples=100)
@given(chains(1, 4), st.sampled_from(sorted(DEVICES)))
def test_no_device_is_asked_for_more_dsp_blocks_than_it_has(design, name):
    stages = [dataclasses.replace(stage, engine=dataclasses.replace(
        stage.engine, multiplier="auto", prototype_storage="bram", table_storage="bram")
        if stage.KIND == "pq" else dataclasses.replace(
            stage.engine, multiplier="auto", weight_storage="bram", dsp_blocks=None))
        for stage in design.stages]
    part = device(name)
    resolved = resolve(chain(*stages), part)
    used = sum(stage.dsp_units if stage.KIND == "mac" else stage.multipliers
               for stage in resolved.stages if stage.engine.multiplier in ("dsp", "auto"))
    scales = sum(stage.scale_multipliers for stage in stages)
    assert used <= max(0, part.dsps - scales)
    assert resolve(resolved, part) == resolved
    first = next((n for n, stage in enumerate(stages) if stage.multipliers), None)
    if first is not None and stages[first].multipliers <= part.dsps - scales:
        assert resolved.stages[first].engine.multiplier == "dsp"


@pytest.mark.parametrize("encoder, bits, multipliers", [
    ("dot", 2, 64), ("dot", 8, 64), ("l2", 8, 64), ("l2", 6, 0), ("l1", 8, 0), ("chebyshev", 8, 0)])
def test_multipliers_of_an_encoder_are_counted_side_by_side(encoder, bits, multipliers):
    spec = pq(D=16, N=3, V=8, K=4, encoder=encoder, activation_bits=bits, prototype_bits=bits,
              subspaces_per_cycle=2, prototypes_per_cycle=4, elements_per_cycle=8)
    assert spec.multipliers == multipliers
    small = resolve(chain(spec), device("lfe5u-25f")).first.engine.multiplier
    assert small == ("lut" if multipliers else "auto")
