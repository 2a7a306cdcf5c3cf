"""ONNX files made by hand, and their results by onnxruntime beside ours."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from pqhw.network.onnx import import_onnx  # noqa: E402

RANDOM = np.random.default_rng(7)
ROWS = 3


def draw(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def node(op, inputs, outputs="y", name=None, domain="", **attributes):
    """A node; tensors are separated by spaces, `_` stands for one that is left out."""
    def listed(text):
        return ["" if own == "_" else own for own in text.split()]
    return helper.make_node(op, listed(inputs), listed(outputs),
                            name=name or f"{op.lower()}-{outputs.split()[0]}", domain=domain,
                            **attributes)


def build(*nodes, shape=("N", 3, 8, 8), constants=None, opset=17, outputs="y",
          output_type=TensorProto.FLOAT, input_type=TensorProto.FLOAT, domains=(), name="made"):
    """A model with the input x; constants are arrays by name."""
    described = helper.make_tensor_value_info
    graph = helper.make_graph(
        list(nodes), name, [described("x", input_type, shape)],
        [described(own, output_type, None) for own in outputs.split()],
        [numpy_helper.from_array(np.asarray(array), key)
         for key, array in (constants or {}).items()])
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(own, 1) for own in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def write(folder, model, name="m"):
    """The path of the model's file."""
    path = folder / f"{name}.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def reference(path, inputs, output=None):
    """What onnxruntime computes, node by node: optimising, it rounds what stands in front of
    integer weights."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run([output or session.get_outputs()[0].name],
                       {session.get_inputs()[0].name: inputs})[0]


def agree(folder, model, inputs=None, rows=ROWS, tolerance=1e-4, **options):
    """The imported model, whose results are those of onnxruntime in value and shape."""
    path = write(folder, model)
    if inputs is None:
        sizes = [own.dim_value or rows for own in model.graph.input[0].type.tensor_type.shape.dim]
        inputs = draw(*sizes)
    found = import_onnx(path, **options)
    wanted = reference(path, inputs, options.get("output"))
    got = found.run(inputs)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, atol=tolerance, rtol=0)
    return found


def kinds(found):
    """Operations of an imported graph, in order."""
    return [own.op.kind for own in found.graph.nodes]


def verdicts(found):
    """Verdicts of an imported graph by operator and name of the node."""
    return {own.node: own.verdict for own in found.rows}
