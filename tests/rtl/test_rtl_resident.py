"""Engines whose parameters are all built in, block RAM holding them from the start."""

import dataclasses
import itertools

import pytest
from builders import chain, mac, pq, small_mac, tiny
from runner import differs

from pqhw.emit.constants import bind_constants
from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.explore.draws import random_chain
from pqhw.flow.cache import Cache
from pqhw.golden import chain_results
from pqhw.sim import cxxrtl
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import ChainSpec, Requantize, SpecError
from pqhw.spec.devices import device, resolve
from pqhw.spec.files import dump_spec
from pqhw.spec.parameters import rounding_constant

BRAM = {"table_storage": "bram", "prototype_storage": "bram"}
SHIFTED = Requantize(bits=6)
SCALED = Requantize(bits=6, signed=True, mode="scale")

ENGINES = {
    "l2": pq(D=32, N=10, V=4, K=16, subspaces_per_cycle=2, outputs_per_cycle=5, output=SHIFTED,
             **BRAM),
    "auto": pq(D=8, N=6, V=4, K=8, outputs_per_cycle=3, output=SHIFTED),
    "dot": pq(D=32, N=10, V=4, K=16, encoder="dot", prototypes_per_cycle=4, **BRAM),
    "tree": pq(D=36, N=24, V=9, K=16, encoder="tree", outputs_per_cycle=8, output=SHIFTED, **BRAM),
    "shared": pq(D=36, N=6, V=9, K=8, encoder="tree", shared_prototypes=True, output=SHIFTED),
    "deep": pq(D=128, N=64, V=4, K=8, encoder="tree", outputs_per_cycle=1, table_bits=3, **BRAM),
    "pixels": pq(C=8, N=6, F=3, padding=1, H=4, W=5, V=4, K=8, convolution="pixel",
                 activation_bits=6, activation_signed=False, output=SHIFTED, **BRAM),
    "groups": pq(C=8, N=8, groups=2, F=3, H=4, W=4, V=6, K=4, output=SHIFTED, **BRAM),
    "scale": mac(D=40, N=12, inputs_per_cycle=4, outputs_per_cycle=3, output=SCALED),
    "logic": mac(D=40, N=12, inputs_per_cycle=4, outputs_per_cycle=3, weight_storage="lutram",
                 weight_bits=4, output=SCALED),
    "word": mac(D=8, N=3, inputs_per_cycle=8, outputs_per_cycle=3, weight_bits=4),
    "window": mac(C=4, N=6, F=3, H=5, W=4, padding=1, outputs_per_cycle=2, output=SCALED),
    "sp2": mac(D=40, N=12, scheme="sp2", weight_bits=4, activation_bits=4, inputs_per_cycle=4,
               outputs_per_cycle=3, output=SCALED),
    "mixed": mac(D=40, N=12, scheme="mixed", ratio="1:2", weight_bits=4, activation_bits=4,
                 inputs_per_cycle=4, outputs_per_cycle=3, output=SCALED)}


def resident(spec):
    """The engine with everything built in."""
    return dataclasses.replace(spec, engine=dataclasses.replace(
        spec.engine, resident=True, double_buffered=False))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize(("name", "part"), [
    *itertools.product(ENGINES, ("lfe5u-25f", "ice40up5k"))])
def test_emitted_verilog_computes_without_an_image(cache, name, part):
    spec = resolve(ChainSpec((resident(ENGINES[name]),)), device(part))
    parameters = random_parameters(spec, 3)
    rows = random_rows(spec, parameters, 12, 1)
    bound = bind_constants(spec, parameters)
    assert bound.image.sections == () and pack_image(bound, parameters) == b""
    verilog = design_verilog(bound, target=device(part).family)
    for stalls in ({}, {"valid": 0.5, "ready": 0.5}):
        found = cxxrtl.simulate(cache, bound, verilog, b"", rows, **stalls)
        assert (found.results == chain_results(bound, parameters, rows)).all()
        if not stalls:
            assert found.cycles_per_row == spec.cycles_per_row


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("index", range(20))
def test_whatever_can_be_loaded_can_be_resident(index, seed):
    spec, _ = random_chain("ecp5", index)
    stages = [resident(one) for one in spec.stages
              if getattr(one.engine, "scheme", "") != "bitplane"]
    if not stages:
        pytest.skip("planes of bits are loaded")
    assert differs(ChainSpec((stages[0],)), rows=6, seed=seed) == ""


def test_small_memories_stand_in_logic_and_take_the_bias_along():
    spec = resident(pq(D=4, N=4, V=2, K=8, outputs_per_cycle=4, prototypes_per_cycle=8,
                       elements_per_cycle=2))
    assert (spec.table_store, spec.encoder.prototype_store) == ("rom", "rom")
    assert spec.folds_bias and spec.bias_bits == 0 and not spec.sections()
    large = resident(ENGINES["l2"])
    assert (large.table_store, large.folds_bias) == ("bram", False) and large.bias_bits
    assert {own.kind for own in large.all_sections()} == large.constant_kinds
    assert not large.loaded_shift and ENGINES["l2"].loaded_shift


def test_the_shift_is_built_in():
    spec = resident(ENGINES["l2"])
    (own,) = random_parameters(ChainSpec((spec,)), 3)
    bound = bind_constants(ChainSpec((spec,)), (own,)).first
    assert bound.built_shift == own.shift
    stored = bound.constant_words("bias").reshape(-1)[:10] - rounding_constant(spec, own.shift)
    assert stored.tolist() == own.bias.tolist()
    assert spec.result_stages == ENGINES["l2"].result_stages - 1


def test_what_is_not_known_is_not_built():
    spec = ChainSpec((resident(ENGINES["scale"]),))
    with pytest.raises(SpecError) as caught:
        design_verilog(spec)
    assert str(caught.value) == ("engine.resident builds all parameters in, so the parameters must "
                                 "be given (--params), but are not.")
    with pytest.raises(SpecError) as caught:
        spec.first.constant_words("weights")
    assert str(caught.value) == ("weights must be known to be built in, but are not: "
                                 "bind_constants comes first.")


@pytest.mark.parametrize(("make", "message"), [
    (lambda: small_mac(resident=True, double_buffered=True),
     "engine.double_buffered must be left out with engine.resident, as nothing is loaded, "
     "but is true."),
    (lambda: mac(D=8, N=4, scheme="bitplane", weight_bits=2, activation_bits=2, resident=True),
     'engine.resident must be left out with engine.scheme = "bitplane", but is true.')])
def test_what_cannot_be_resident_is_refused(make, message):
    with pytest.raises(SpecError) as caught:
        make()
    assert str(caught.value) == message


def test_files_say_so_only_where_it_is():
    assert "resident = true" in dump_spec(ChainSpec((resident(tiny()),)))
    assert "resident" not in dump_spec(chain(tiny()))
