"""Spec files: what is written is read back, and the JSON Schema agrees with the reader."""

import copy
import json
import tomllib

import jsonschema
import pytest
from builders import chain, chain_cases, chains, odd_cases, small_mac, tiny
from hypothesis import given, settings

from pqhw.spec import ChainSpec, Requantize, SpecError
from pqhw.spec.files import dump_spec, load_spec, spec_notes, spec_schema

EXAMPLE_TOML = """\
[layer]
in_features = 144
out_features = 32
[engine]
kind = "pq"
subvector_length = 9
prototypes = 16
encoder = "l2"
shared_prototypes = false
table_storage = "lutram"
[precision]
activation_bits = 8
activation_signed = true
prototype_bits = 8
table_bits = 8
output = "accumulator"
[folding]
subspaces_per_cycle = 8
outputs_per_cycle = 8
prototypes_per_cycle = 16
elements_per_cycle = 9
"""
SCHEMA = spec_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def write(folder, text, name="spec.toml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_example_loads_with_every_field_in_its_place(tmp_path):
    spec = load_spec(write(tmp_path, EXAMPLE_TOML)).first
    assert spec.to_mapping() == {
        "layer": {"in_features": 144, "out_features": 32},
        "engine": {"kind": "pq", "subvector_length": 9, "prototypes": 16, "encoder": "l2",
                   "multiplier": "auto", "shared_prototypes": False,
                   "table_storage": "lutram",
                   "prototype_storage": "auto", "bram_register": True, "load_bits": 8,
                   "double_buffered": False,
                   "counter_bits": 16},
        "precision": {"activation_bits": 8, "activation_signed": True, "prototype_bits": 8,
                      "table_bits": 8, "compatibility": "none", "output": "accumulator"},
        "folding": {"subspaces_per_cycle": 8, "outputs_per_cycle": 8, "prototypes_per_cycle": 16,
                    "elements_per_cycle": 9}}
    assert (spec.subspaces, spec.groups, spec.tiles, spec.cycles_per_row) == (16, 2, 4, 8)


def test_the_example_comes_back_from_its_dump(tmp_path):
    spec = load_spec(write(tmp_path, EXAMPLE_TOML))
    assert load_spec(write(tmp_path, dump_spec(spec), "again.toml")) == spec


@pytest.mark.parametrize("name", odd_cases())
def test_every_named_case_comes_back_from_its_dump(name, tmp_path):
    spec = odd_cases()[name]
    assert load_spec(write(tmp_path, dump_spec(spec))) == spec


@settings(max_examples=60)
@given(chains(most=3))
def test_any_spec_comes_back_from_its_dump(spec):
    text = dump_spec(spec)
    again = ChainSpec.from_mapping(tomllib.loads(text))
    assert again == spec, text
    assert dump_spec(again) == text
    VALIDATOR.validate(tomllib.loads(text))


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "none.toml"
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert str(caught.value) == f"{path}: cannot be read (No such file or directory)."


@pytest.mark.parametrize("content", ["[layer\n", "a = 1\na = 2\n", b"\xff\xfe[layer]"])
def test_a_file_that_is_no_toml_is_named(content, tmp_path):
    path = write(tmp_path, content)
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert str(caught.value).startswith(f"{path}: is not a TOML file (")
    assert str(caught.value).endswith(").")


@pytest.mark.parametrize("kind, before, after, message", [
    (SpecError, "prototypes = 16", "prototypes = 65",
     "engine.prototypes must be an integer from 2 to 64, but is 65."),
    (TypeError, "prototypes = 16", "prototypes = 16.0",
     "engine.prototypes must be an integer from 2 to 64, but is 16.0."),
    (SpecError, "[engine]", "[machine]",
     "[machine] is not a table of a spec; known are layer, engine, precision, folding."),
    (TypeError, 'output = "accumulator"', "output = 3",
     'precision.output must be "accumulator" or a table such as '
     '{ bits = 8, signed = false, mode = "shift" }, but is 3.'),
    (SpecError, 'output = "accumulator"', "output = { bits = 9 }",
     "precision.output.bits must be an integer from 2 to 8, but is 9."),
    (SpecError, 'output = "accumulator"', "output = { signed = true }",
     "precision.output.bits is required (bits of a result), but [precision.output] does not "
     "give it.")])
def test_a_broken_file_is_refused_with_its_name_in_front(kind, before, after, message, tmp_path):
    path = write(tmp_path, EXAMPLE_TOML.replace(before, after))
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert isinstance(caught.value, kind)
    assert str(caught.value) == f"{path}: {message}"


def test_stages_in_a_file_are_read_in_their_order(tmp_path):
    spec = chain_cases()["pq 6 to pq 4, 3 to mac 2"]
    text = dump_spec(spec)
    assert text.count("[[stage]]") == 3
    assert [stage.KIND for stage in load_spec(write(tmp_path, text)).stages] == ["pq", "pq", "mac"]


# -- Fields of the other kind ------------------------------------------------------------------


def with_other_kind(kind):
    """A spec with every field that only the other kind has, and the notes about them."""
    mapping = chain(tiny() if kind == "pq" else small_mac()).to_mapping()
    other = chain(small_mac() if kind == "pq" else tiny()).to_mapping()
    notes = []
    for table in ("engine", "precision", "folding"):
        for name, value in other[table].items():
            if name not in mapping[table]:
                mapping[table][name] = value
                notes.append(f'{table}.{name} has no effect with kind = "{kind}".')
    return mapping, notes


def toml(mapping):
    """A parsed spec file as text; its tables in lines of their own."""
    return "".join(f"[{table}]\n" + "".join(f"{name} = {json.dumps(value)}\n"
                                            for name, value in fields.items())
                   for table, fields in mapping.items())


@pytest.mark.parametrize("kind, least", [("pq", 4), ("mac", 10)])
def test_fields_of_the_other_kind_are_noted_and_accepted_by_the_schema(kind, least, tmp_path):
    mapping, notes = with_other_kind(kind)
    assert len(notes) >= least
    path = write(tmp_path, toml(mapping))
    assert spec_notes(path) == notes
    assert load_spec(path) == chain(tiny() if kind == "pq" else small_mac())
    jsonschema.validate(mapping, SCHEMA)


@pytest.mark.parametrize("kind", ("pq", "mac"))
def test_fields_of_the_other_kind_may_hold_anything(kind, tmp_path):
    mapping, notes = with_other_kind(kind)
    own = chain(tiny() if kind == "pq" else small_mac()).to_mapping()
    for table in ("engine", "precision", "folding"):
        mapping[table] = {name: value if name in own[table] else "anything"
                          for name, value in mapping[table].items()}
    jsonschema.validate(mapping, SCHEMA)
    assert spec_notes(write(tmp_path, toml(mapping))) == notes


@pytest.mark.parametrize("name", ["example", *odd_cases()])
def test_a_spec_without_fields_of_the_other_kind_has_no_notes(name, tmp_path):
    text = EXAMPLE_TOML if name == "example" else dump_spec(odd_cases()[name])
    assert spec_notes(write(tmp_path, text)) == []


def test_notes_on_stages_name_the_stage(tmp_path):
    text = dump_spec(chain_cases()["pq 6 to pq 4, 3 to mac 2"])
    text = text.replace('kind = "mac"', 'kind = "mac"\nencoder = "l1"')
    assert text.count("encoder = \"l1\"") == 1
    text = text.replace('kind = "pq"', 'kind = "pq"\nweight_bits = 4', 1)
    assert spec_notes(write(tmp_path, text)) == [
        'stage[0].engine.weight_bits has no effect with kind = "pq".',
        'stage[2].engine.encoder has no effect with kind = "mac".']
    jsonschema.validate(tomllib.loads(text), SCHEMA)


@pytest.mark.parametrize("index", (0, 1))
def test_the_schema_says_which_fields_have_no_effect(index):
    tables = dict(SCHEMA["oneOf"][index]["properties"])
    del tables["layer"]
    kind = tables["engine"]["properties"]["kind"]["const"]
    _, notes = with_other_kind(kind)
    without = {f"{table}.{name}" for table in tables
               for name, field in tables[table]["properties"].items()
               if field == {"description": f'no effect with kind = "{kind}"'}}
    assert without >= {note.split()[0] for note in notes}
    assert not without & {f"{table}.{name}" for table in tables
                          for name in tables[table]["required"]}


# -- JSON Schema -------------------------------------------------------------------------------

EXAMPLE = tomllib.loads(EXAMPLE_TOML)


def test_the_schema_is_a_valid_schema():
    validator = jsonschema.Draft202012Validator
    validator.check_schema(SCHEMA)
    with pytest.raises(jsonschema.SchemaError):
        validator.check_schema({**SCHEMA, "oneOf": "a word"})


@pytest.mark.parametrize("name", ["example", *odd_cases()])
def test_the_schema_accepts_what_the_reader_accepts(name):
    mapping = EXAMPLE if name == "example" else tomllib.loads(dump_spec(odd_cases()[name]))
    assert jsonschema.Draft202012Validator(SCHEMA).is_valid(mapping)


def changed(*path, value=None):
    mapping = copy.deepcopy(EXAMPLE)
    inner = mapping
    for step in path[:-1]:
        inner = inner.setdefault(step, {})
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return mapping


BROKEN = {
    "no engine": changed("engine"), "no layer": changed("layer"),
    "no kind": changed("engine", "kind"),
    "unknown kind": changed("engine", "kind", value="lut"),
    "no prototypes": changed("engine", "prototypes"),
    "too many prototypes": changed("engine", "prototypes", value=65),
    "no inputs": changed("layer", "in_features", value=0),
    "a load word that is none": changed("engine", "load_bits", value=24),
    "a misspelt field of the other kind": changed("engine", "weight_bit", value=8),
    "a field of the other kind in a wrong table": changed("folding", "weight_bits", value=8),
    "a fraction": changed("layer", "in_features", value=1.5),
    "a string for a number": changed("precision", "table_bits", value="8"),
    "a number for a boolean": changed("precision", "activation_signed", value=1),
    "a word that is none": changed("engine", "encoder", value="cosine"),
    "an unknown field": changed("folding", "rows_per_cycle", value=1),
    "an unknown table": changed("extra", value={}),
    "an output that is none": changed("precision", "output", value="raw"),
    "an output without bits": changed("precision", "output", value={"signed": True}),
    "an output with too many bits": changed("precision", "output", value={"bits": 9}),
    "no stage": {"stage": []}, "a stage that is none": {"stage": [{}]},
    "a table beside stages": {"stage": [EXAMPLE], "layer": EXAMPLE["layer"]},
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_schema_rejects_what_the_reader_rejects(name):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(BROKEN[name], SCHEMA)
    with pytest.raises(SpecError):
        ChainSpec.from_mapping(BROKEN[name])


def test_every_field_of_the_schema_is_described():
    tables = [part for engine in SCHEMA["oneOf"][:2] for table in engine["properties"].values()
              for part in table.get("oneOf", [table])]
    fields = [field for table in tables for name, field in table["properties"].items()
              if name != "kind"]
    assert len(fields) > 25
    assert all(field.get("description") for field in fields)


def test_specs_that_differ_are_not_equal():
    assert chain(tiny()) == chain(tiny())
    assert chain(tiny()) != chain(tiny(output=Requantize(bits=4)))
