"""What a spec becomes on each device, and what a device refuses."""

import pytest
from builders import chain, pq, small_mac, tiny

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


def test_dsp_multipliers_are_refused_where_there_are_none():
    with pytest.raises(SpecError) as caught:
        resolve(chain(small_mac(multiplier="dsp")), device("ice40hx8k"))
    assert str(caught.value) == ('engine.multiplier must be "lut" or "auto" on ice40hx8k, which '
                                 'has no DSP blocks, but is "dsp".')


@pytest.mark.parametrize("name", DEVICES)
def test_what_is_asked_for_by_name_stays(name):
    spec = chain(tiny(**BRAM, prototype_storage="bram"))
    assert resolve(spec, device(name)) == spec
    spec = chain(small_mac(weight_storage="bram", multiplier="lut"))
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


def test_squares_go_into_logic_where_the_dsp_blocks_do_not_suffice():
    wide = pq(D=16, N=3, V=8, K=4, subspaces_per_cycle=1, prototypes_per_cycle=4,
              elements_per_cycle=8)
    assert wide.multipliers == 32
    small, large = (resolve(chain(wide), device(name)).first.engine.multiplier
                    for name in ("lfe5u-25f", "lfe5u-85f"))
    assert (small, large) == ("lut", "auto")


def test_more_products_than_dsp_blocks_are_refused_where_dsp_blocks_are_asked_for():
    wide = pq(D=16, N=3, V=8, K=4, prototypes_per_cycle=4, elements_per_cycle=8, multiplier="dsp")
    with pytest.raises(SpecError) as caught:
        resolve(chain(wide), device("lfe5u-25f"))
    assert str(caught.value) == (
        'engine.multiplier must be "lut" or "auto" for 32 products side by side on lfe5u-25f, '
        'which has 28 DSP blocks, but is "dsp".')
    assert resolve(chain(wide), device("lfe5u-85f")).first == wide
