"""What follows from a spec: cycles, lanes, widths and layouts, against direct definitions."""

import dataclasses
import math

import pytest
from builders import chain, chains, mac, mac_specs, pq, pq_specs, small_mac, tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from pqhw.spec import GearboxSpec, PQSpec, Requantize
from pqhw.spec.engine import EngineSpec
from pqhw.spec.ranges import Range, signed_range


@settings(max_examples=200)
@given(pq_specs())
def test_pq_cycles_per_row_follow_the_formula(spec):
    layer, engine, folding = spec.layer, spec.engine, spec.folding
    subspaces = math.ceil(layer.in_features / engine.subvector_length)
    encode = (math.ceil(engine.subvector_length / folding.elements_per_cycle)
              * math.ceil(engine.prototypes / folding.prototypes_per_cycle))
    if engine.encoder == "tree":
        encode = 1
    lookup = math.ceil(layer.out_features / folding.outputs_per_cycle)
    encoders = folding.encoders_per_cycle or folding.subspaces_per_cycle
    assert spec.cycles_per_row == max(
        encode * math.ceil(subspaces / encoders),
        lookup * math.ceil(subspaces / folding.subspaces_per_cycle)), spec


@settings(max_examples=100)
@given(mac_specs())
def test_mac_cycles_per_row_follow_the_formula(spec):
    assert spec.cycles_per_row == (
        math.ceil(spec.layer.in_features / spec.folding.inputs_per_cycle)
        * math.ceil(spec.layer.out_features / spec.folding.outputs_per_cycle)), spec


@pytest.mark.parametrize("knobs, cycles", [
    ((1, 1, 1, 1), 480), ((8, 4, 12, 5), 3), ((3, 4, 5, 2), 27), ((8, 11, 12, 5), 1),
    ((1, 2, 12, 5), 48), ((4096, 4096, 64, 64), 1)])
def test_cycles_by_hand(knobs, cycles):
    """D=37, V=5: S=8; K=12; N=11."""
    names = ("subspaces", "outputs", "prototypes", "elements")
    folding = {f"{name}_per_cycle": knob for name, knob in zip(names, knobs)}
    assert pq(D=37, N=11, V=5, K=12, **folding).cycles_per_row == cycles


@pytest.mark.parametrize("encoders, cycles, lanes", [
    (None, 24, 20), (1, 96, 5), (2, 48, 10), (4, 24, 20), (9, 24, 20)])
def test_fewer_encoders_than_lookup_lanes_take_a_row_in_more_groups(encoders, cycles, lanes):
    """D=37, V=5: S=8 in two groups of four lookups, 11 tiles; an encoder takes 12 a group."""
    spec = pq(D=37, N=11, V=5, K=12, subspaces_per_cycle=4, prototypes_per_cycle=1,
              elements_per_cycle=5, encoders_per_cycle=encoders)
    assert (spec.cycles_per_row, spec.lanes_in) == (cycles, lanes)
    assert spec.encoder_groups * spec.encoder_lanes == spec.groups * spec.subspace_lanes == 8


@settings(max_examples=150)
@given(st.one_of(pq_specs(), mac_specs()))
def test_streams_keep_up_with_the_engine(spec):
    """No row takes more transfers than cycles, and lanes hold every element once."""
    assert spec.lanes_in * (spec.input_transfers - 1) < spec.layer.in_features, spec
    assert spec.lanes_in * spec.input_transfers >= spec.layer.in_features, spec
    assert spec.lanes_out * spec.output_transfers >= spec.layer.out_features, spec
    assert spec.input_transfers <= spec.cycles_per_row, spec
    assert spec.output_transfers <= max(spec.cycles_per_row,
                                        spec.outputs // spec.lanes_out * spec.tiles), spec
    assert spec.outputs % spec.lanes_out == 0, spec


@pytest.mark.parametrize("spec, difference, distance, term, total", [
    (tiny(), Range(-15, 15), Range(0, 450), Range(-8, 7), Range(-16, 14)),
    (tiny(encoder="l1"), Range(-15, 15), Range(0, 30), Range(-8, 7), Range(-16, 14)),
    (tiny(encoder="chebyshev"), Range(-15, 15), Range(0, 15), Range(-8, 7), Range(-16, 14)),
    (tiny(encoder="dot"), Range(-15, 15), Range(-352, 128), Range(-8, 7), Range(-16, 14)),
    (tiny(activation_signed=False, prototype_bits=3), Range(-7, 15), Range(0, 450), Range(-8, 7),
     Range(-16, 14)),
    (tiny(D=3, prototype_bits=2), Range(-9, 9), Range(0, 162), Range(-8, 7), Range(-16, 14))])
def test_pq_ranges_by_hand(spec, difference, distance, term, total):
    encoder = spec.encoder
    assert (encoder.difference_range, encoder.distance_range, spec.term_range,
            spec.sum_range) == (difference, distance, term, total)


@pytest.mark.parametrize("signed", (False, True))
@pytest.mark.parametrize("bits, prototype_bits", [(4, 4), (5, 2), (2, 5)])
def test_scores_reach_the_ends_of_their_range_and_norms_too(bits, prototype_bits, signed):
    encoder = tiny(encoder="dot", activation_bits=bits, prototype_bits=prototype_bits,
                   activation_signed=signed).encoder
    x, c = encoder.activation_range, encoder.prototype_range
    scores = [2 * a * b - b * b for a in range(x.low, x.high + 1)
              for b in range(c.low, c.high + 1)]
    assert encoder.element_distance_range == Range(min(scores), max(scores))
    assert encoder.norm_range == Range(-2 * max(b * b for b in (c.low, c.high)), 0)


@pytest.mark.parametrize("spec, term, total, bits", [
    (small_mac(), Range(-56, 56), Range(-224, 224), 17),
    (small_mac(activation_signed=False), Range(-105, 105), Range(-420, 420), 17),
    (small_mac(activation_bits=2, weight_bits=2, bias_bits=0), Range(-2, 2), Range(-8, 8), 5),
    (small_mac(accumulator_bits=30), Range(-56, 56), Range(-224, 224), 30)])
def test_mac_ranges_by_hand(spec, term, total, bits):
    assert (spec.term_range, spec.sum_range, spec.accumulator_bits) == (term, total, bits)


@pytest.mark.parametrize("spec, bits", [
    (tiny(), 12), (small_mac(), 16), (tiny(bias_bits=0), 0), (tiny(bias_bits=20), 20),
    (tiny(D=4096, V=1, table_bits=8), 20), (mac(D=65536, N=1), 31)])
def test_bias_bits_are_as_asked_or_as_wide_as_the_sum(spec, bits):
    """4096 entries of 8 bits take 20 bits; 65536 products of 8 bits take 31."""
    assert spec.bias_bits == bits


@settings(max_examples=100)
@given(st.one_of(pq_specs(), mac_specs()))
def test_accumulators_hold_every_sum_and_are_not_wider(spec):
    bound = Range(-1 << 15, (1 << 15) - 1)  # Where sums wrap.
    if not spec.wraps:
        bound = spec.term_range.times(spec.terms) + spec.bias_range
    whole = signed_range(spec.accumulator_bits)
    narrower = signed_range(spec.accumulator_bits - 1)
    assert bound.low in whole and bound.high in whole, spec
    assert bound.low not in narrower or bound.high not in narrower, spec


@pytest.mark.parametrize("spec, lanes", [
    (tiny(N=6, outputs_per_cycle=6), 6),                              # raw: all side by side
    (tiny(N=6, outputs_per_cycle=6, output=Requantize(bits=4, shift=2)), 6),
    (tiny(N=6, outputs_per_cycle=6, output=Requantize(bits=4)), 1),   # 16 cycles for 6 results
    (tiny(N=12, outputs_per_cycle=6, output=Requantize(bits=4)), 3),  # 6 results every 2 cycles
    (tiny(N=6, outputs_per_cycle=6, results_per_cycle=2), 2),
    (tiny(N=6, outputs_per_cycle=6, results_per_cycle=64), 6)])
def test_results_leave_in_the_fewest_lanes_that_keep_up(spec, lanes):
    assert spec.lanes_out == lanes


@pytest.mark.parametrize("spec, stores", [
    (pq(D=4, N=1, V=4, K=2, prototypes_per_cycle=2, elements_per_cycle=4), "register"),
    (pq(D=4, N=1, V=1, K=4), "lutram"), (pq(D=5, N=1, V=1, K=4), "bram"),
    (pq(D=5, N=1, V=1, K=4, prototype_storage="lutram"), "lutram"),
    (pq(D=5, N=1, V=1, K=4, shared_prototypes=True), "lutram")])
def test_auto_storage_is_lut_ram_up_to_sixteen_words(spec, stores):
    assert spec.encoder.prototype_store == stores


@pytest.mark.parametrize("spec, words, stores", [
    (pq(D=8, N=1, V=1, K=4), 32, "lutram"), (pq(D=9, N=1, V=1, K=4), 36, "bram"),
    (pq(D=9, N=1, V=1, K=4, table_storage="lutram"), 36, "lutram"),
    (pq(D=8, N=1, V=1, K=4, table_storage="bram"), 32, "bram"),
    (pq(D=8, N=4, V=1, K=4), 128, "bram"),
    (pq(D=8, N=4, V=1, K=4, outputs_per_cycle=4), 32, "lutram"),
    (pq(D=9, N=1, V=1, K=4, subspaces_per_cycle=9), 4, "lutram")])
def test_auto_tables_are_lut_ram_up_to_thirty_two_words(spec, words, stores):
    assert (spec.table_words, spec.table_store) == (words, stores)
    named = dataclasses.replace(spec, engine=dataclasses.replace(spec.engine,
                                                                 table_storage=stores))
    assert (named.table_stages, named.latency) == (spec.table_stages, spec.latency)


@pytest.mark.parametrize("elements, lanes_in, lanes_out, between, cycles", [
    (9, 6, 4, 2, 5), (7, 3, 2, 1, 7), (12, 3, 5, 1, 12), (12, 4, 4, 4, 3), (12, 6, 3, 3, 4),
    (12, 3, 6, 3, 4)])
def test_gearboxes_pass_the_greatest_common_divisor(elements, lanes_in, lanes_out, between, cycles):
    gearbox = GearboxSpec(elements, lanes_in, lanes_out)
    assert (gearbox.lanes_between, gearbox.cycles_per_row) == (between, cycles)
    assert gearbox.splits == (between != lanes_in)
    assert gearbox.collects == (between != lanes_out)


@pytest.mark.parametrize("kept, cycles", [(1, 27), (3, 27), (4, 28), (8, 32), (9, 36)])
def test_a_short_last_transfer_waits_until_the_one_before_is_taken(kept, cycles):
    """27 elements make transfers of 8, 8, 8 and 3."""
    assert GearboxSpec(27, 1, 8, transfer_cycles=kept).cycles_per_row == cycles


@settings(max_examples=50)
@given(chains(least=2, most=3))
def test_a_chain_is_as_fast_as_its_slowest_part(spec):
    parts = [*spec.stages, *spec.gearboxes]
    assert spec.cycles_per_row == max(part.cycles_per_row for part in parts)
    assert len(spec.gearboxes) == len(spec.stages) - 1
    assert spec.multiply_accumulates == sum(
        stage.layer.in_features * stage.layer.out_features for stage in spec.stages)


def test_a_chain_of_one_has_the_latency_of_its_engine():
    assert chain(tiny()).latency == tiny().latency


def test_memory_bits_by_hand():
    """S=2, K=4, V=2, N=3, 4-bit tables, one output at a time, one prototype element at a time."""
    assert tiny().memory_bits == {"prototypes": 2 * 4 * 2 * 4, "tables": 2 * 4 * 3 * 4,
                                  "bias": 3 * 12}


@pytest.mark.parametrize("name", ["row_lanes", "row_cycles", "parameter_sections"])
def test_an_engine_kind_that_leaves_a_formula_out_cannot_be_built(name):
    incomplete = type("Incomplete", (PQSpec,), {name: getattr(EngineSpec, name)})
    whole = tiny()
    with pytest.raises(TypeError, match=name):
        incomplete(layer=whole.layer, engine=whole.engine)
