"""ONNX files of integer networks: bytes, functions, what is told and what is refused."""

import numpy as np
import pytest
from builders import pq
from integer_files import branches, check, in_file, network
from onnx_models import onnx

from onnx import inliner
from pqhw.golden import network_results
from pqhw.network import GraphError
from pqhw.network.onnx import (check_model, export_integer_onnx, import_onnx, reference_operators,
                               run_integer_onnx)
from pqhw.spec import Requantize
from pqhw.spec.network import NetworkInput


def test_equal_networks_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        export_integer_onnx(*branches(), tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    model = onnx.load_model_from_string((tmp_path / "one").read_bytes())
    assert {own.domain: own.version for own in model.opset_import} == {"": 17, "pqhw": 1}
    assert (model.producer_name, model.producer_version) == ("pqhw", "")


def row_layer(**values):
    """A small layer whose results are what it takes."""
    return pq(**{"D": 4, "N": 4, "V": 2, "K": 3, "activation_bits": 4, "prototype_bits": 4,
                 "activation_signed": False, "table_bits": 4, "output": Requantize(bits=4),
                 **values})


def test_layers_of_all_sizes_share_a_function_by_their_encoder(tmp_path):
    spec, parameters = network(
        ("a", row_layer(N=6), "input"), ("b", row_layer(D=6, V=4, encoder="dot"), "a"),
        ("c", row_layer(K=2), "b"), given=NetworkInput(channels=4, bits=4))
    path = tmp_path / "m.onnx"
    check(spec, parameters, tmp_path, rows=9)
    model = onnx.load(path)
    assert model.ir_version == 8
    assert [(own.name, own.overload) for own in model.functions] == [
        ("PQEncode", ""), ("PQLookup", "")]
    rows = np.random.default_rng(1).integers(0, 16, (5, 4)).astype(np.uint8)
    alone = onnx.reference.ReferenceEvaluator(model).run(None, {"input": rows})[0]
    np.testing.assert_array_equal(alone, network_results(spec, parameters, rows))


def test_other_encoders_are_told_by_an_overload(tmp_path):
    spec, parameters = network(
        ("a", row_layer(), "input"), ("b", row_layer(encoder="l1"), "a"),
        ("c", row_layer(encoder="tree", K=4), "b"), ("d", row_layer(), "c"),
        given=NetworkInput(channels=4, bits=4))
    check(spec, parameters, tmp_path, rows=9)
    model = onnx.load(tmp_path / "m.onnx")
    assert model.ir_version == 10
    assert [(own.name, own.overload) for own in model.functions] == [
        ("PQEncode", ""), ("PQLookup", ""), ("PQEncode", "1"), ("PQEncode", "2")]
    assert [own.overload for own in model.graph.node if own.op_type == "PQEncode"] == [
        "", "1", "2", ""]


def test_a_file_without_its_functions_is_executed_by_the_operators_alone(tmp_path):
    spec, parameters = branches()
    path = tmp_path / "m.onnx"
    export_integer_onnx(spec, parameters, path)
    model = onnx.load(path)
    del model.functions[:]
    images = np.random.default_rng(3).integers(-16, 16, (4, 5, 4, 3))
    evaluator = onnx.reference.ReferenceEvaluator(model, new_ops=reference_operators())
    got = evaluator.run(None, {"input": in_file(images).astype(np.int8)})[0]
    np.testing.assert_array_equal(got, network_results(spec, parameters, images))


def test_functions_become_operators_of_onnx_alone(tmp_path):
    spec, parameters = branches()
    path = tmp_path / "m.onnx"
    export_integer_onnx(spec, parameters, path)
    plain = inliner.inline_local_functions(onnx.load(path))
    assert not plain.functions and {node.domain for node in plain.graph.node} == {""}
    images = np.random.default_rng(3).integers(-16, 16, (4, 5, 4, 3))
    got = onnx.reference.ReferenceEvaluator(plain).run(
        None, {"input": in_file(images).astype(np.int8)})[0]
    np.testing.assert_array_equal(got, network_results(spec, parameters, images))


# -- Refused -----------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [import_onnx, check_model])
def test_reading_tells_what_the_file_is(tmp_path, read):
    path = tmp_path / "m.onnx"
    export_integer_onnx(*branches(), path)
    model = onnx.load(path)
    del model.metadata_props[:]
    unmarked = tmp_path / "unmarked.onnx"
    onnx.save(model, unmarked)
    for own in (path, unmarked):
        with pytest.raises(GraphError, match=f"^{own}: holds an integer network of pqhw, whose"):
            read(own)


@pytest.mark.parametrize("change, message", [
    (lambda images: images[:0],
     "images must be [R, 3, 5, 4] with at least one, but are [0, 3, 5, 4]."),
    (lambda images: images[:, :, :4],
     "images must be [R, 3, 5, 4] with at least one, but are [2, 3, 4, 4]."),
    (lambda images: images * 0.5, "images must be integers, but are float64."),
    (lambda images: images + 16, "images must be from -16 to 15, but reach from 16 to 16."),
])
def test_images_that_do_not_fit_are_refused(tmp_path, change, message):
    path = tmp_path / "m.onnx"
    export_integer_onnx(*branches(), path)
    with pytest.raises(GraphError) as error:
        run_integer_onnx(path, change(np.zeros((2, 3, 5, 4), int)))
    assert str(error.value) == message


def test_files_of_others_are_refused(tmp_path):
    path = tmp_path / "m.onnx"
    with pytest.raises(GraphError, match="m.onnx: cannot be read .No such file or directory..$"):
        run_integer_onnx(path, np.zeros((1, 3)))
    path.write_text("This is no network.")
    with pytest.raises(GraphError, match="m.onnx: is not a complete ONNX file.$"):
        run_integer_onnx(path, np.zeros((1, 3)))
    onnx.save(onnx.ModelProto(ir_version=8), path)
    with pytest.raises(GraphError, match="m.onnx: must hold an integer network that pqhw export "
                                         "wrote, but does not.$"):
        run_integer_onnx(path, np.zeros((1, 3)))


def test_onnx_is_asked_for_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for act in (lambda: export_integer_onnx(*branches(), tmp_path / "m.onnx"),
                lambda: run_integer_onnx(tmp_path / "m.onnx", np.zeros((1, 3))),
                reference_operators):
        with pytest.raises(GraphError, match="^ONNX files need the package onnx, which is not"):
            act()
