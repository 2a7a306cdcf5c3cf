"""Specs for tests: builders with short names, named odd cases, and hypothesis strategies."""

import dataclasses
from typing import Any

from hypothesis import strategies as st

from pqhw.spec import (ChainSpec, Conv2d, Layer, MACEngine, MACFolding, MACPrecision, MACSpec,
                       PQEngine, PQFolding, PQPrecision, PQSpec, Requantize)
from pqhw.spec.tables import LOAD_BITS

SHORT = {"D": "in_features", "N": "out_features", "V": "subvector_length", "K": "prototypes"}
CONV_SHORT = {"C": "in_channels", "N": "out_channels", "F": "kernel", "H": "height", "W": "width"}


def _split(values: dict[str, Any], *tables: type) -> list[dict[str, Any]]:
    """Field values by the table that declares them."""
    short = SHORT | CONV_SHORT if Conv2d in tables else SHORT
    values = {short.get(name, name): value for name, value in values.items()}
    parts = []
    for table in tables:
        names = {field.name for field in dataclasses.fields(table)}
        parts.append({name: values.pop(name) for name in list(values) if name in names})
    assert not values, f"no table declares {', '.join(values)}"
    return parts


def pq(**values: Any) -> PQSpec:
    """A PQ spec from its fields, whatever table they stand in; D, N, V, K are short names;
    with C, F, H, W (channels, kernel, height, width) the layer is a convolution."""
    shape = Conv2d if "C" in values else Layer
    layer, engine, precision, folding = _split(values, shape, PQEngine, PQPrecision, PQFolding)
    return PQSpec(layer=shape(**layer), engine=PQEngine(**engine),
                  precision=PQPrecision(**precision), folding=PQFolding(**folding))


def mac(**values: Any) -> MACSpec:
    """A MAC spec from its fields, whatever table they stand in; D and N are short names; with
    C, F, H, W the layer is a convolution."""
    shape = Conv2d if "C" in values else Layer
    layer, engine, precision, folding = _split(values, shape, MACEngine, MACPrecision, MACFolding)
    return MACSpec(layer=shape(**layer), engine=MACEngine(**engine),
                   precision=MACPrecision(**precision), folding=MACFolding(**folding))


def chain(*stages: PQSpec | MACSpec) -> ChainSpec:
    """A chain of specs."""
    return ChainSpec(stages)


def tiny(**values: Any) -> PQSpec:
    """A PQ engine of a few bits that simulates in a moment."""
    return pq(**{"D": 4, "N": 3, "V": 2, "K": 4, "activation_bits": 4, "prototype_bits": 4,
                 "table_bits": 4, **values})


def small_mac(**values: Any) -> MACSpec:
    """A MAC engine of a few bits that simulates in a moment."""
    return mac(**{"D": 4, "N": 3, "activation_bits": 4, "weight_bits": 4, **values})


FOLDED = {"subspaces_per_cycle": 3, "outputs_per_cycle": 4, "prototypes_per_cycle": 5,
              "elements_per_cycle": 2}
ODD = dict(D=37, N=11, V=5, K=12, activation_bits=4, prototype_bits=4, table_bits=4, **FOLDED)


def odd_cases() -> dict[str, ChainSpec]:
    """Named configurations at the edges of what a spec admits."""
    unsigned = {"activation_signed": False}
    two = {"activation_bits": 2, "prototype_bits": 2, "table_bits": 2}
    u4 = Requantize(bits=4)
    s5 = Requantize(bits=5, signed=True)
    cases = {
        "nothing divides": pq(**ODD),
        "nothing divides, bram, l1, unsigned, shift": pq(
            **ODD, **unsigned, encoder="l1", table_storage="bram", output=u4),
        "nothing divides, shared": pq(**ODD, shared_prototypes=True,
                                      output=Requantize(bits=3, signed=True, shift=2)),
        "two bits signed": pq(D=9, N=4, V=3, K=4, **two, subspaces_per_cycle=2,
                              output=Requantize(bits=2, signed=True)),
        "two bits unsigned": pq(D=9, N=4, V=3, K=4, **two, **unsigned, outputs_per_cycle=3,
                                prototypes_per_cycle=3, output=Requantize(bits=2)),
        "two prototypes": pq(D=8, N=3, V=4, K=2, activation_bits=4, prototype_bits=3,
                             elements_per_cycle=4),
        "one element": pq(D=5, N=4, V=1, K=5, activation_bits=5, prototype_bits=5,
                          subspaces_per_cycle=2, prototypes_per_cycle=2, outputs_per_cycle=2),
        "one input, one output": pq(D=1, N=1, V=1, K=2, activation_bits=3, prototype_bits=3),
        "one input, one output, mac": mac(D=1, N=1, weight_bits=3, activation_bits=3),
        "shared in bram": tiny(shared_prototypes=True, prototype_storage="bram",
                               bram_register=False, table_storage="bram", outputs_per_cycle=2),
        "codes gather behind a stall": pq(
            D=4, N=4, V=4, K=8, activation_bits=4, prototype_bits=4, table_bits=4,
            outputs_per_cycle=4, prototypes_per_cycle=4, elements_per_cycle=2, output=u4),
        "codes gather, two groups": pq(
            D=4, N=6, V=2, K=8, activation_bits=4, prototype_bits=4, table_bits=4,
            outputs_per_cycle=6, prototypes_per_cycle=2, elements_per_cycle=2, output=u4),
        "one encoder for six lanes, nothing divides": pq(
            D=37, N=5, V=3, K=5, activation_bits=4, prototype_bits=4, table_bits=4,
            subspaces_per_cycle=6, encoders_per_cycle=1, outputs_per_cycle=2,
            prototypes_per_cycle=5, elements_per_cycle=3),
        "one encoder for all lanes, one group": pq(
            D=9, N=8, V=2, K=4, activation_bits=4, prototype_bits=4, table_bits=4,
            subspaces_per_cycle=8, encoders_per_cycle=1, outputs_per_cycle=2,
            prototypes_per_cycle=4, elements_per_cycle=2, output=u4),
        "tree, nothing divides": pq(
            D=37, N=5, V=9, K=16, encoder="tree", activation_bits=6, prototype_bits=6,
            table_bits=4, subspaces_per_cycle=2, outputs_per_cycle=2),
        "tree, wide choice in bram, one encoder for three lanes": pq(
            D=80, N=4, V=20, K=8, encoder="tree", activation_bits=5, prototype_bits=7,
            activation_signed=False, table_bits=4, prototype_storage="bram",
            subspaces_per_cycle=3, encoders_per_cycle=1, outputs_per_cycle=2),
        "tree, fixed dimensions": pq(
            D=24, N=4, V=8, K=4, encoder="tree", prototype_bits=5, table_bits=4,
            split_dims=[[7, 0], [3, 3], [0, 1]], outputs_per_cycle=4, output=s5),
        "tree, shared": pq(
            D=12, N=3, V=3, K=2, encoder="tree", activation_bits=4, prototype_bits=4,
            table_bits=4, shared_prototypes=True, subspaces_per_cycle=2),
        "no bias": tiny(bias_bits=0),
        "wide accumulators": tiny(accumulator_bits=40, output=s5),
        "load 16": tiny(load_bits=16, **FOLDED),
        "load 32": tiny(load_bits=32, D=7, V=3, **FOLDED),
        "load 64": tiny(load_bits=64, N=9, **FOLDED),
        "load 64, wide tables": tiny(load_bits=64, N=40, table_bits=8, outputs_per_cycle=40),
        "load 128, wider tables": tiny(load_bits=128, N=40, table_bits=8, outputs_per_cycle=40),
        "load 1024": tiny(load_bits=1024, N=9, **FOLDED),
        "mac, nothing divides, scale": mac(
            D=37, N=11, inputs_per_cycle=5, outputs_per_cycle=3, multiplier="lut",
            output=Requantize(bits=8, signed=True, mode="scale")),
        "mac, scale with a shift built in": mac(
            D=9, N=9, inputs_per_cycle=2, outputs_per_cycle=4, bram_register=False, load_bits=32,
            output=Requantize(bits=8, mode="scale", shift=20)),
        "mac, two bits unsigned": mac(D=9, N=5, inputs_per_cycle=9, outputs_per_cycle=5,
                                      weight_bits=2, activation_bits=2, multiplier="lut",
                                      **unsigned),
        "mac, two bits signed": mac(D=6, N=4, inputs_per_cycle=2, weight_bits=2,
                                    activation_bits=2, multiplier="dsp", load_bits=64,
                                    output=Requantize(bits=2, signed=True)),
    }
    cases |= mixed_cases()
    named = {name: ChainSpec((spec,)) for name, spec in cases.items()}
    return named | chain_cases()


def mixed_cases() -> dict[str, MACSpec]:
    """MAC engines whose lanes are not all alike."""
    scale = Requantize(bits=4, signed=True, mode="scale")
    both = {"D": 13, "N": 11, "scheme": "mixed", "weight_bits": 4, "activation_bits": 4,
            "load_bits": 64}
    return {
        "mac, dsp and logic": mac(
            D=13, N=7, inputs_per_cycle=4, outputs_per_cycle=3, weight_bits=4, activation_bits=4,
            products_per_dsp=2, dsp_blocks=3, output=scale),
        "mac, dsp and logic in two's complement": mac(
            D=9, N=5, inputs_per_cycle=3, outputs_per_cycle=2, weight_bits=5, activation_bits=4,
            weight_code="signed", dsp_blocks=4, activation_signed=False),
        "mixed, a result at a time": mac(
            **both, inputs_per_cycle=3, outputs_per_cycle=4, ratio="1:3", output=scale),
        "mixed, four results at a time, raw": mac(
            **both, inputs_per_cycle=7, outputs_per_cycle=8, ratio="1:1", product_register="yes"),
        "mixed, double-buffered": mac(
            **both, inputs_per_cycle=4, outputs_per_cycle=6, double_buffered=True,
            products_per_dsp=2, output=scale),
        "mixed, all at once, four groups": mac(
            **{**both, "N": 12}, inputs_per_cycle=4, outputs_per_cycle=12, ratio="1:2",
            multiplier="lut", output=Requantize(bits=8, mode="shift"))}


def chain_cases() -> dict[str, ChainSpec]:
    """Chains whose lane counts do not divide."""
    u4, s4 = Requantize(bits=4), Requantize(bits=4, signed=True)
    first = tiny(D=10, N=9, V=3, outputs_per_cycle=6, results_per_cycle=6,
                 output=Requantize(bits=4, shift=2))
    second = pq(D=9, N=7, V=2, K=3, activation_bits=4, activation_signed=False, prototype_bits=4,
                table_bits=4, subspaces_per_cycle=2, outputs_per_cycle=3, output=s4)
    third = mac(D=7, N=5, activation_bits=4, weight_bits=4, inputs_per_cycle=2,
                outputs_per_cycle=2)
    return {"pq 6 lanes to pq 4": chain(first, second),
            "pq 6 to pq 4, 3 to mac 2": chain(first, second, third),
            "mac 3 to mac 5": chain(
                small_mac(D=8, N=12, inputs_per_cycle=3, outputs_per_cycle=3, results_per_cycle=3,
                          output=u4),
                small_mac(D=12, N=4, inputs_per_cycle=5, activation_signed=False))}


def output_specs(modes: tuple[str, ...]) -> st.SearchStrategy[Requantize | None]:
    """Raw accumulators, or any requantisation in one of `modes`."""
    made = st.builds(Requantize, bits=st.integers(2, 8), signed=st.booleans(),
                     mode=st.sampled_from(modes), shift=st.none() | st.integers(0, 8))
    return st.none() | made


FLAGS = {"bram_register": st.booleans(), "double_buffered": st.booleans(),
             "load_bits": st.sampled_from(LOAD_BITS),
             "activation_bits": st.integers(2, 8), "activation_signed": st.booleans()}


@st.composite
def tree_values(draw: Any, values: dict[str, Any]) -> dict[str, Any]:
    """What makes a tree of a drawn PQ engine; split dimensions loaded, or fixed."""
    depth = draw(st.integers(1, 4))
    sets = -(-values["D"] // values["V"])
    row = st.lists(st.integers(0, values["V"] - 1), min_size=depth, max_size=depth)
    counts = [1] if values["shared_prototypes"] else [1, sets]
    rows = st.sampled_from(counts).flatmap(
        lambda count: st.lists(row, min_size=count, max_size=count))
    return {"encoder": "tree", "K": 1 << depth, "split_dims": draw(st.none() | rows)}


@st.composite
def pq_specs(draw: Any) -> PQSpec:
    """Any small PQ engine."""
    inputs = draw(st.integers(1, 24))
    knobs = dict(
        D=st.just(inputs), N=st.integers(1, 12), V=st.integers(1, min(inputs, 8)),
        K=st.integers(2, 12), encoder=st.sampled_from(("l2", "l1", "chebyshev", "dot")),
        multiplier=st.sampled_from(("auto", "dsp", "lut")),
        shared_prototypes=st.booleans(),
        table_storage=st.sampled_from(("auto", "lutram", "bram", "rom")),
        prototype_storage=st.sampled_from(("auto", "lutram", "bram", "rom")),
        prototype_bits=st.integers(2, 8),
        subspaces_per_cycle=st.integers(1, 4), outputs_per_cycle=st.integers(1, 6),
        prototypes_per_cycle=st.integers(1, 12), elements_per_cycle=st.integers(1, 8),
        output=output_specs(("shift",)), **FLAGS)
    values = draw(st.fixed_dictionaries(knobs))
    if draw(st.integers(0, 2)) == 0:
        values |= draw(tree_values(values))
    lanes = min(values["subspaces_per_cycle"], -(-inputs // values["V"]))
    values["encoders_per_cycle"] = draw(st.sampled_from(
        [None, *(n for n in range(1, lanes + 1) if lanes % n == 0)]))
    wraps = {"compatibility": "wrap16", "table_bits": draw(st.integers(2, 16))}
    sums = wraps if draw(st.integers(0, 4)) == 0 else {"table_bits": draw(st.integers(2, 8))}
    return pq(**values, **sums)


@st.composite
def weight_codes(draw: Any) -> dict[str, Any]:
    """Scheme and bits of a MAC engine's weights, and what multiplies by them."""
    scheme = draw(st.sampled_from(("fixed", "fixed", "fixed", "pot", "sp2")))
    if scheme == "fixed" and draw(st.integers(0, 2)) == 0:
        return {"weight_bits": draw(st.integers(2, 5)), "activation_bits": draw(st.integers(2, 5)),
                "dsp_blocks": draw(st.integers(1, 6)),
                "products_per_dsp": draw(st.sampled_from((None, 2))),
                "weight_code": draw(st.sampled_from(("magnitude", "signed")))}
    if scheme == "fixed":
        if draw(st.integers(0, 3)) == 0:
            return {"weight_bits": draw(st.integers(2, 5)), "activation_bits": draw(
                st.integers(2, 5)), "multiplier": "dsp", "products_per_dsp": 2}
        return {"weight_bits": draw(st.integers(2, 8)),
                "product_register": draw(st.sampled_from(("auto", "yes"))),
                "multiplier": draw(st.sampled_from(("dsp", "lut"))),
                "weight_code": draw(st.sampled_from(("magnitude", "signed")))}
    return {"scheme": scheme, "weight_bits": draw(st.integers(3, 5 if scheme == "pot" else 8)),
            "multiplier": draw(st.sampled_from(("auto", "lut")))}


@st.composite
def mixed_specs(draw: Any) -> MACSpec:
    """Any small MAC engine with rows of two schemes."""
    lanes, parts = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    groups = draw(st.integers(parts, parts + 2))
    inputs = draw(st.integers(1, 4))
    fixed = draw(st.integers(0, parts))
    knobs = dict(
        D=st.integers((groups - 1) * inputs + 1, groups * inputs), N=st.integers(2, 20),
        inputs_per_cycle=st.just(inputs), outputs_per_cycle=st.just(lanes * parts),
        scheme=st.just("mixed"), weight_bits=st.integers(3, 8),
        ratio=st.sampled_from(("auto", f"{fixed}:{parts - fixed}")),
        multiplier=st.sampled_from(("auto", "dsp", "lut")),
        product_register=st.sampled_from(("auto", "yes")),
        weight_storage=st.sampled_from(("auto", "lutram", "bram")),
        output=output_specs(("shift", "scale")), **FLAGS)
    values = draw(st.fixed_dictionaries(knobs))
    values["N"] = max(values["N"], lanes * parts)
    spec = mac(**values)
    most = min(3, spec.most_per_dsp(18))
    if spec.engine.multiplier == "lut" or most == 1:
        return spec
    return mac(**values, products_per_dsp=draw(st.integers(1, most)))


@st.composite
def mac_specs(draw: Any) -> MACSpec:
    """Any small MAC engine."""
    if draw(st.integers(0, 3)) == 0:
        return draw(mixed_specs())
    knobs = dict(
        D=st.integers(1, 24), N=st.integers(1, 12), inputs_per_cycle=st.integers(1, 6),
        outputs_per_cycle=st.integers(1, 6),
        weight_storage=st.sampled_from(("auto", "lutram", "bram")),
        output=output_specs(("shift", "scale")), **FLAGS)
    return mac(**draw(st.fixed_dictionaries(knobs)) | draw(weight_codes()))


@st.composite
def chains(draw: Any, least: int = 1, most: int = 1) -> ChainSpec:
    """A chain of `least` to `most` engines, each made to fit the one before."""
    count = draw(st.integers(least, most))
    stages: list[Any] = []
    for index in range(count):
        spec = draw(st.one_of(pq_specs(), pq_specs(), mac_specs()))
        if stages:
            spec = following(stages[-1], spec)
        if index < count - 1 and spec.output is None:
            precision = dataclasses.replace(spec.precision, output=Requantize(bits=4))
            spec = dataclasses.replace(spec, precision=precision)
        stages.append(spec)
    return ChainSpec(tuple(stages))


def following(before: Any, after: Any) -> Any:
    """`after`, its inputs made to fit the results of `before`."""
    inputs = before.layer.out_features
    engine = dataclasses.replace(after.engine, load_bits=before.engine.load_bits,
                                 double_buffered=before.engine.double_buffered)
    folding = after.folding
    if isinstance(after, PQSpec):
        length = min(engine.subvector_length, inputs)
        engine = dataclasses.replace(engine, subvector_length=length, split_dims=None)
        if min(folding.subspaces_per_cycle, -(-inputs // length)) % after.encoder_lanes:
            folding = dataclasses.replace(folding, encoders_per_cycle=None)
    elif engine.scheme == "mixed":
        engine = dataclasses.replace(engine, products_per_dsp=None)
        folding = dataclasses.replace(folding, inputs_per_cycle=1)
        if inputs < after.outputs:
            engine = dataclasses.replace(engine, scheme="fixed", ratio=None)
    return dataclasses.replace(
        after, engine=engine, folding=folding,
        layer=dataclasses.replace(after.layer, in_features=inputs),
        precision=dataclasses.replace(after.precision, activation_bits=before.output.bits,
                                      activation_signed=before.output.signed))
