"""Every field of a spec file: its rule, its default, and what is said where it is broken."""

import dataclasses
import re

import pytest
from builders import mac, pq

from pqhw.spec import (ChainSpec, Layer, MACEngine, MACFolding, MACPrecision, PQEngine, PQFolding,
                       PQPrecision, Requantize, SpecError, SpecTypeError)
from pqhw.spec.fields import Boolean, Choice, Integer, Ratio, Rows, show

TABLES = (Layer, PQEngine, MACEngine, PQPrecision, MACPrecision, PQFolding, MACFolding, Requantize)
REQUIRED = {Layer: {"in_features": 4, "out_features": 3},
            PQEngine: {"subvector_length": 2, "prototypes": 4}, Requantize: {"bits": 4}}
FIELDS = [(table, field) for table in TABLES for field in dataclasses.fields(table)
          if "rule" in field.metadata]
IDS = [f"{table.__name__}.{field.name}" for table, field in FIELDS]

RULES = {
    "layer.in_features": "1 to 65536", "layer.out_features": "1 to 65536",
    "engine.subvector_length": "1 to 64", "engine.prototypes": "2 to 64",
    "engine.load_bits": "8, 16, 32, 64, 128, 256, 512, 1024", "engine.counter_bits": "12 to 32",
    "engine.weight_bits": "1 to 8", "engine.products_per_dsp": "1 to 9",
    "engine.precisions": "1 to 8", "engine.dsp_blocks": "1 to 4096",
    "folding.weight_planes_per_cycle": "1 to 8", "folding.activation_planes_per_cycle": "1 to 8",
    "folding.pixels_per_cycle": "1 to 64",
    "PQPrecision.activation_bits": "2 to 8", "MACPrecision.activation_bits": "1 to 8",
    "precision.prototype_bits": "2 to 8", "precision.table_bits": "2 to 16",
    "precision.bias_bits": "0 to 32", "precision.accumulator_bits": "2 to 48",
    "precision.output.bits": "2 to 8", "precision.output.shift": "0 to 47",
    "folding.subspaces_per_cycle": "1 to 4096", "folding.outputs_per_cycle": "1 to 4096",
    "folding.encoders_per_cycle": "1 to 4096", "engine.split_dims": "0 to 63",
    "folding.prototypes_per_cycle": "1 to 64", "folding.elements_per_cycle": "1 to 64",
    "folding.channels_per_cycle": "1 to 4096",
    "folding.inputs_per_cycle": "1 to 4096", "folding.results_per_cycle": "1 to 4096",
}
"""Written down again, so that no limit moves unnoticed."""

WORDS = {
    "engine.encoder": '"l2", "l1", "chebyshev", "dot", "tree"',
    "engine.table_storage": '"auto", "lutram", "bram", "rom"',
    "engine.prototype_storage": '"auto", "lutram", "bram", "rom"',
    "engine.scheme": '"fixed", "pot", "sp2", "mixed", "bitplane"', "engine.planes": '"twos", "pm1"',
    "engine.weight_code": '"auto", "magnitude", "signed"',
    "engine.product_register": '"auto", "yes", "no"',
    "engine.multiplier": '"dsp", "lut", "auto"',
    "engine.convolution": '"im2col", "pixel"', "engine.line_storage": '"auto", "lutram", "bram"',
    "engine.weight_storage": '"auto", "lutram", "bram"',
    "precision.output.mode": '"shift", "scale"', "precision.compatibility": '"none", "wrap16"',
}


def make(table, field, value):
    return table(**{**REQUIRED.get(table, {}), field.name: value})


def assert_refused(kind, message, action):
    """The action raises exactly `kind` with exactly `message`, one sentence."""
    with pytest.raises(SpecError) as caught:
        action()
    assert type(caught.value) is kind
    assert str(caught.value) == message
    assert message.endswith(".") and "\n" not in message


def limits(table, field):
    """The limits of a field, which two kinds of engine may set apart."""
    name = f"{table.TABLE}.{field.name}"
    return RULES.get(name) or RULES[f"{table.__name__}.{field.name}"]


def rule_text(table, field):
    name = f"{table.TABLE}.{field.name}"
    match field.metadata["rule"]:
        case Integer(only=(_, *_)):
            return name, f"{name} must be one of {limits(table, field)}"
        case Integer():
            return name, f"{name} must be an integer from {limits(table, field)}"
        case Choice():
            return name, f"{name} must be one of {WORDS[name]}"
        case Boolean():
            return name, f"{name} must be true or false"
        case Ratio():
            return name, f'{name} must be "auto" or two integers such as "1:2"'
        case Rows():
            return name, (f"{name} must be an array of equally long rows of integers from "
                          f"{limits(table, field)}")


def right_kind(rule, value):
    return (value is None and (isinstance(rule, Rows | Ratio) or getattr(rule, "optional", False))
            or isinstance(rule, Choice | Ratio) and isinstance(value, str)
            or isinstance(rule, Boolean) and isinstance(value, bool))


WRONG = [(table, field, value) for table, field in FIELDS
         for value in (1.0, "8", True, [8], None, {})
         if not right_kind(field.metadata["rule"], value)]


@pytest.mark.parametrize("table, field, wrong", WRONG, ids=[
    f"{table.__name__}.{field.name}={value!r}" for table, field, value in WRONG])
def test_a_value_of_the_wrong_kind_is_refused_with_field_rule_and_value(table, field, wrong):
    _, rule_says = rule_text(table, field)
    assert_refused(SpecTypeError, f"{rule_says}, but is {show(wrong)}.",
                   lambda: make(table, field, wrong))


@pytest.mark.parametrize("table, field", FIELDS, ids=IDS)
def test_values_beyond_the_limits_are_refused_and_the_limits_taken(table, field):
    name, rule_says = rule_text(table, field)
    match field.metadata["rule"]:
        case Integer():
            admitted = [int(number) for number in re.findall(r"\d+", limits(table, field))]
            for value in (admitted[0] - 1, admitted[-1] + 1, -(10 ** 30), 10 ** 30):
                assert_refused(SpecError, f"{rule_says}, but is {value}.",
                               lambda value=value: make(table, field, value))
            for value in admitted:
                assert getattr(make(table, field, value), field.name) == value
        case Choice():
            assert_refused(SpecError, f'{rule_says}, but is "L2".',
                           lambda: make(table, field, "L2"))
            for word in re.findall(r'"(\w+)"', WORDS[name]):
                assert getattr(make(table, field, word), field.name) == word
        case Boolean():
            for value in (True, False):
                assert getattr(make(table, field, value), field.name) is value
        case Rows():
            low, high = map(int, re.findall(r"\d+", limits(table, field)))
            for value in (low - 1, high + 1):
                assert_refused(SpecError, f"{name}[1] must be an integer from "
                               f"{limits(table, field)}, but is {value}.",
                               lambda value=value: make(table, field, [[low], [value]]))
            assert getattr(make(table, field, [[low, high]]), field.name) == ((low, high),)


@pytest.mark.parametrize("table", (PQEngine, MACEngine))
@pytest.mark.parametrize("bits", (9, 24, 63, 1000))
def test_load_bits_between_the_choices_are_refused(table, bits):
    assert_refused(SpecError, "engine.load_bits must be one of 8, 16, 32, 64, 128, 256, 512, 1024, "
                   f"but is {bits}.",
                   lambda: table(**REQUIRED.get(table, {}), load_bits=bits))


@pytest.mark.parametrize("output", ["shift", 8, ["accumulator"], True], ids=repr)
@pytest.mark.parametrize("table", (PQPrecision, MACPrecision))
def test_an_output_that_is_no_table_is_refused(table, output):
    message = ('precision.output must be "accumulator" or a table such as '
               '{ bits = 8, signed = false, mode = "shift" }, but is ' + f"{show(output)}.")
    assert_refused(SpecTypeError, message, lambda: table.from_mapping({"output": output}))
    assert_refused(SpecTypeError, message, lambda: table(output=output))


PQ_MAPPING = {"layer": {"in_features": 4, "out_features": 3},
              "engine": {"kind": "pq", "subvector_length": 2, "prototypes": 4}}


def with_field(table, name, value):
    mapping = {key: dict(fields) for key, fields in PQ_MAPPING.items()}
    mapping.setdefault(table, {})[name] = value
    return mapping


@pytest.mark.parametrize("table, name, near", [
    ("layer", "in_feature", "in_features"), ("engine", "prototype", "prototypes"),
    ("engine", "subvector_lenght", "subvector_length"),
    ("precision", "activation_bit", "activation_bits"),
    ("folding", "subspace_per_cycle", "subspaces_per_cycle")])
def test_an_unknown_field_is_refused_with_the_close_match(table, name, near):
    refused_text = f"{table}.{name} is not a field of [{table}]; did you mean {near}?"
    with pytest.raises(SpecError) as caught:
        ChainSpec.from_mapping(with_field(table, name, 1))
    assert str(caught.value) == refused_text


def test_an_unknown_field_like_no_other_is_refused_with_all_known():
    assert_refused(SpecError, "layer.zzz is not a field of [layer]; known are in_features, "
                   "out_features.",
                   lambda: ChainSpec.from_mapping(with_field("layer", "zzz", 1)))


@pytest.mark.parametrize("table, name, doc", [
    ("layer", "in_features", "inputs D of a row"),
    ("layer", "out_features", "outputs N of a row"),
    ("engine", "subvector_length", "elements V of a sub-vector"),
    ("engine", "prototypes", "prototypes K of a subspace")])
def test_a_missing_required_field_is_named_with_its_meaning(table, name, doc):
    mapping = with_field(table, name, 1)
    del mapping[table][name]
    assert_refused(SpecError, f"{table}.{name} is required ({doc}), "
                   f"but [{table}] does not give it.",
                   lambda: ChainSpec.from_mapping(mapping))


@pytest.mark.parametrize("table", ("layer", "precision", "folding"))
def test_a_table_that_is_no_table_is_refused(table):
    assert_refused(SpecTypeError, f"[{table}] must be a table of fields, but is 3.",
                   lambda: ChainSpec.from_mapping({**PQ_MAPPING, table: 3}))


@pytest.mark.parametrize("name", ("weight_bits", "weight_storage", "scheme"))
def test_a_pq_engine_leaves_fields_of_a_mac_engine_aside(name):
    spec = ChainSpec.from_mapping(with_field("engine", name, "anything")).first
    assert spec == pq(D=4, N=3, V=2, K=4)


def test_defaults_of_a_pq_engine():
    assert pq(D=4, N=3, V=2, K=4).to_mapping() == {
        "layer": {"in_features": 4, "out_features": 3},
        "engine": {"kind": "pq", "subvector_length": 2, "prototypes": 4, "encoder": "l2",
                   "multiplier": "auto", "shared_prototypes": False,
                   "table_storage": "auto",
                   "prototype_storage": "auto", "bram_register": True, "load_bits": 8,
                   "double_buffered": False,
                   "counter_bits": 16},
        "precision": {"activation_bits": 8, "activation_signed": True, "prototype_bits": 8,
                      "table_bits": 8, "compatibility": "none", "output": "accumulator"},
        "folding": {"subspaces_per_cycle": 1, "outputs_per_cycle": 1, "prototypes_per_cycle": 1,
                    "elements_per_cycle": 1}}


def test_defaults_of_a_mac_engine():
    assert mac(D=4, N=3).to_mapping() == {
        "layer": {"in_features": 4, "out_features": 3},
        "engine": {"kind": "mac", "scheme": "fixed", "weight_bits": 8, "multiplier": "auto",
                   "weight_code": "auto", "product_register": "auto",
                   "weight_storage": "auto", "bram_register": True, "load_bits": 8,
                   "double_buffered": False,
                   "counter_bits": 16},
        "precision": {"activation_bits": 8, "activation_signed": True, "output": "accumulator"},
        "folding": {"inputs_per_cycle": 1, "outputs_per_cycle": 1}}


def test_defaults_of_requantisation():
    assert Requantize(bits=4).to_mapping() == {"bits": 4, "signed": False, "mode": "shift"}


def test_specs_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        pq(D=4, N=3, V=2, K=4).layer = Layer(in_features=5, out_features=3)
