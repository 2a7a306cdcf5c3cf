"""Spec files: what is written is read back, and the JSON Schema agrees with the reader."""

import copy
import tomllib

import jsonschema
import pytest
from builders import EXAMPLE_TOML, chain, chain_cases, chains, odd_cases, tiny
from hypothesis import given, settings

from pqhw.spec import ChainSpec, Requantize, SpecError
from pqhw.spec.files import dump_spec, load_spec, spec_schema

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
                   "shared_prototypes": False, "table_storage": "lutram",
                   "prototype_storage": "auto", "bram_register": True, "load_bits": 8,
                   "counter_bits": 16},
        "precision": {"activation_bits": 8, "activation_signed": True, "prototype_bits": 8,
                      "table_bits": 8, "output": "accumulator"},
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


# -- JSON Schema -------------------------------------------------------------------------------

EXAMPLE = tomllib.loads(EXAMPLE_TOML)


def test_the_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", ["example", *odd_cases()])
def test_the_schema_accepts_what_the_reader_accepts(name):
    mapping = EXAMPLE if name == "example" else tomllib.loads(dump_spec(odd_cases()[name]))
    jsonschema.validate(mapping, SCHEMA)


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
    tables = [table for engine in SCHEMA["oneOf"][:2] for table in engine["properties"].values()]
    fields = [field for table in tables for name, field in table["properties"].items()
              if name != "kind"]
    assert len(fields) > 25
    assert all(field.get("description") for field in fields)


def test_specs_that_differ_are_not_equal():
    assert chain(tiny()) == chain(tiny())
    assert chain(tiny()) != chain(tiny(output=Requantize(bits=4)))
