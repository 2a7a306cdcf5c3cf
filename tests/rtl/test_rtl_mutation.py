"""The comparison of hardware with its specification notices small mistakes in the hardware."""

import dataclasses

import pytest
from amaranth.hdl import Cat, Const, Signal
from builders import mac, odd_cases, small_mac, tiny
from runner import differs

import pqhw.emit.image
import pqhw.rtl.encoder.argmin as argmin
import pqhw.rtl.encoder.distance as distance
import pqhw.rtl.encoder.parts as parts
import pqhw.rtl.lookup as lookup
import pqhw.rtl.mac.core as mac_core
import pqhw.rtl.mac.shifts as shifts
import pqhw.rtl.order as order
import pqhw.rtl.results as results
import pqhw.rtl.signed_sums as signed_sums
import pqhw.rtl.sums as sums
import pqhw.spec.products as products
from pqhw.spec import ChainSpec, Requantize
from pqhw.spec.weights import second_shift

PQ = ChainSpec((tiny(D=6, K=5, N=5, prototypes_per_cycle=3, outputs_per_cycle=2,
                     activation_bits=2, prototype_bits=2, encoder="l1",
                     output=Requantize(bits=3, signed=True)),))
MAC = ChainSpec((small_mac(D=6, N=5, inputs_per_cycle=2, outputs_per_cycle=2,
                           output=Requantize(bits=4, signed=True, mode="scale")),))

LANES = {"D": 6, "N": 5, "inputs_per_cycle": 3, "outputs_per_cycle": 2, "activation_bits": 4,
         "weight_bits": 4}
LOGIC = ChainSpec((mac(multiplier="lut", weight_code="magnitude", **LANES),))
SP2 = ChainSpec((mac(scheme="sp2", **LANES),))
MIXED = ChainSpec((mac(scheme="mixed", ratio="1:1", product_register="yes",
                       **{**LANES, "N": 8, "outputs_per_cycle": 4}),))
PACKED = ChainSpec((mac(multiplier="dsp", products_per_dsp=2, **LANES),))


def _at_ties_too(chains, other, best, name, *, largest=False):
    return other >= best if largest else other <= best


def last_index_wins(patch):
    """`<=` instead of `<` in the nodes of the arg-min tree."""
    patch.setattr(argmin, "nearer", _at_ties_too)


def later_chunk_wins(patch):
    """`<=` instead of `<` between chunks of prototypes."""
    patch.setattr(distance, "nearer", _at_ties_too)


def no_magnitude(patch):
    """The difference itself instead of its magnitude."""
    right = parts.Parts.difference
    patch.setattr(parts.Parts, "difference", lambda self, x, c, name: (
        right(self, x, c, name)[0], Const(1, 1)))


def no_rounding(patch):
    """The rounding constant left out of the stored bias."""
    patch.setattr(pqhw.emit.image, "rounding_constant", lambda spec, shift: 0)


def no_clamp(patch):
    """Results cut to their width instead of clamped."""
    patch.setattr(results, "clamp", lambda value, allowed: value[:allowed.bits])


def delayed_accumulator(patch):
    """The accumulator is not cleared after a row."""
    def accumulate(self, m, platform, chains, n, total, valid, final, more):
        kept = Signal(sums.shape_of(self.spec.sum_range))
        result = Signal(kept.shape())
        with m.If(self.enable):
            m.d.sync += result.eq(kept + total.value)
            with m.If(valid):
                m.d.sync += kept.eq(kept + total.value)
        return result
    patch.setattr(sums.ColumnSums, "_accumulate", accumulate)


def always_the_first_word(patch):
    """Tables and weights are read from their first place only."""
    for module in (lookup, mac_core):
        patch.setattr(module, "count_up", lambda m, counter, size, step: None)


def one_cycle_late(patch):
    """A register too many for `valid`, in the column sums."""
    right = sums.delayed
    patch.setattr(sums, "delayed", lambda m, enable, value, stages, name, **how: right(
        m, enable, value, stages + 1, name, **how))


def ones_left_out(patch):
    """~p instead of -p for what is subtracted."""
    patch.setattr(signed_sums.SignedNode, "pending", property(
        lambda self: [Const(0, 1)] * (len(self.ones) + (self.sign is not None))))


def summand_out_of_place(patch):
    """The second of two powers of two is twice too large."""
    patch.setattr(shifts, "second_shift", lambda bits: 1 + second_shift(bits))


def signs_of_activations_left_out(patch):
    """Products that share a DSP block take the sign of the weight alone."""
    right = mac_core.MACCore._packed
    patch.setattr(mac_core.MACCore, "_packed", lambda self, m, platform, columns, x, weights, d: [
        (product, weight[-1]) for (product, _), weight in zip(
            right(self, m, platform, columns, x, weights, d), weights)])


def lanes_as_they_are_computed(patch):
    """Results of a transfer keep the lanes that they were computed in."""
    right = order.RowOrder._places
    patch.setattr(order.RowOrder, "_places", lambda self, m, platform, step, bank: [
        Cat(field[:self.spec.order_bits[0]], Const(lane, self.spec.order_bits[1]))
        for lane, field in enumerate(right(self, m, platform, step, bank))])


def second_core_too_late(patch):
    """The second core reads a cycle later than it may."""
    right = products.Products.cores.fget
    patch.setattr(products.Products, "cores", property(
        lambda self: [dataclasses.replace(core, late=2 * core.late) for core in right(self)]))


def always_the_first_bias(patch):
    """Biases are not read on from transfer to transfer."""
    patch.setattr(results, "count_up", lambda m, counter, size, step: None)


@pytest.mark.parametrize("mutate, chain", [
    (ones_left_out, LOGIC), (ones_left_out, SP2), (ones_left_out, PACKED),
    (summand_out_of_place, SP2), (signs_of_activations_left_out, PACKED),
    (lanes_as_they_are_computed, MIXED), (second_core_too_late, MIXED),
    (always_the_first_bias, PQ), (always_the_first_bias, MAC), (last_index_wins, PQ),
    (later_chunk_wins, PQ), (no_magnitude, PQ), (no_rounding, PQ), (no_clamp, PQ), (no_clamp, MAC),
    (delayed_accumulator, PQ), (delayed_accumulator, MAC), (always_the_first_word, PQ),
    (always_the_first_word, MAC), (one_cycle_late, PQ), (one_cycle_late, MAC)],
    ids=lambda value: value.__name__ if callable(value) else value.kind)
def test_a_mistake_is_noticed(mutate, chain, monkeypatch):
    assert differs(chain, seed=3) == ""
    mutate(monkeypatch)
    assert any(differs(chain, seed=seed) for seed in range(3, 7)), mutate.__doc__


@pytest.mark.parametrize("name", ["nothing divides", "mac, nothing divides, scale"])
def test_a_wrong_latency_in_the_spec_is_noticed(name, monkeypatch):
    chain = odd_cases()[name]
    latency = chain.latency
    monkeypatch.setattr(ChainSpec, "latency", property(lambda self: latency + 1))
    assert differs(chain) == f"latency is {latency} instead of {latency + 1}"
