"""One network in many words: exporters write the same function with other operators and orders."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from onnx_models import node, onnx, reference
from test_network_onnx_export import graphs, in_file

from pqhw.network.onnx import export_onnx, import_onnx

LAST, FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


class Dialect:
    """Rewrites a model's nodes one by one; `choose` picks one of several ways to write each.

    Members
    -------
    nodes, constants: those of the rewritten model
    """

    def __init__(self, model, choose):
        self.choose, self.model = choose, model
        shapes = onnx.shape_inference.infer_shapes(model).graph
        self.ranks = {own.name: len(own.type.tensor_type.shape.dim)
                      for own in (*shapes.value_info, *shapes.output, *shapes.input)}
        self.nodes = []
        self.constants = {own.name: onnx.numpy_helper.to_array(own)
                          for own in model.graph.initializer}
        self.count = 0

    def rewritten(self):
        """The model in other words."""
        graph = self.model.graph
        if self.ranks["input"] == 4 and self.choose([True, False]):
            # The input has its channels last.
            sizes = graph.input[0].type.tensor_type.shape.dim
            batch, channels, height, width = (own.dim_param or own.dim_value for own in sizes)
            self.nodes.append(node("Transpose", "entry", "input", perm=FIRST))
            graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info(
                "entry", onnx.TensorProto.FLOAT, [batch, height, width, channels]))
            self.is_last = True
        else:
            self.is_last = False
        for own in graph.node:
            self._write(own)
        del graph.node[:]
        graph.node.extend(self.nodes)
        del graph.initializer[:]
        for name, array in self.constants.items():
            tensor = onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
            if self.choose([True, False]):
                graph.initializer.append(tensor)
            else:
                graph.node.insert(0, onnx.helper.make_node("Constant", [], [name], value=tensor))
        for place, own in enumerate(graph.node):
            own.name = f"node{place}"
        return self.model

    def _new(self):
        self.count += 1
        return f"t{self.count}"

    def _add(self, op, inputs, output, **attributes):
        self.nodes.append(node(op, inputs, output, **attributes))
        return output

    def _constant(self, array):
        name = self._new()
        self.constants[name] = np.asarray(array)
        return name

    def _write(self, own):
        x, y = own.input[0], own.output[0]
        rank = self.ranks.get(x, 2)
        way = self.choose(range(4))
        if way == 0:
            x = self._add(self.choose(["Identity", "Dropout"]), x, self._new())
            own.input[0] = x
        match own.op_type:
            case "Relu" if way == 1:
                self._add("Max", f"{x} {self._constant(np.float32(0))}", y)
            case "Clip" if way == 1:
                low, high = own.input[1:]
                least = self._add("Max", f"{x} {low}", self._new())
                self._add("Min", f"{high} {least}", y)
            case "Relu" | "Clip" if way == 2 and rank == 4:
                own.input[0] = self._add("Transpose", x, self._new(), perm=LAST)
                own.output[0] = self._new()
                self.nodes.append(own)
                self._add("Transpose", own.output[0], y, perm=FIRST)
            case "Gemm" if way in (1, 2):
                weights, bias = own.input[1:]
                turned = self._constant(self.constants[weights].T) if way == 1 else self._add(
                    "Transpose", weights, self._new(), perm=[1, 0])
                self._add("Add", f"{bias} {self._add('MatMul', f'{x} {turned}', self._new())}", y)
            case "BatchNormalization" if way in (1, 2):
                self._write_scale(own, x, y, rank)
            case "GlobalAveragePool" if way in (1, 2):
                self._add("ReduceMean", x, y, axes=[2, 3] if way == 1 else [-1, -2])
            case "Flatten" if way == 1:
                self._add("Reshape", f"{x} {self._constant(np.array([0, -1]))}", y)
            case "Flatten" if way == 2:
                size = self._add("Shape", x, self._new())
                rows = self._add("Gather", f"{size} {self._constant(np.array([0]))}", self._new())
                target = self._add("Concat", f"{rows} {self._constant(np.array([-1]))}",
                                   self._new(), axis=0)
                self._add("Reshape", f"{x} {target}", y)
            case "Conv" if way == 1:
                pads = next(list(at.ints) for at in own.attribute if at.name == "pads")
                kept = [at for at in own.attribute if at.name != "pads"]
                del own.attribute[:]
                own.attribute.extend(kept)
                sides = self._constant(np.array([0, 0, *pads[:2], 0, 0, *pads[2:]]))
                own.input[0] = self._add("Pad", f"{x} {sides}", self._new())
                self.nodes.append(own)
            case "Add" if way == 2 and rank == 4:
                turned = [self._add("Transpose", name, self._new(), perm=LAST)
                          for name in own.input]
                self._add("Transpose", self._add("Add", " ".join(turned), self._new()), y,
                          perm=FIRST)
            case _:
                self.nodes.append(own)

    def _write_scale(self, own, x, y, rank):
        """A normalisation as a product and a sum, which may have the channels last."""
        gamma, beta, mean, variance = (self.constants[name].astype(np.float64)
                                       for name in own.input[1:])
        scale = gamma / np.sqrt(variance + own.attribute[0].f)
        offset = beta - mean * scale
        is_last = rank == 2 or self.choose([True, False])
        shape = (-1,) if is_last else (1, -1, 1, 1)
        scale, offset = (self._constant(array.astype(np.float32).reshape(shape))
                         for array in (scale, offset))
        if rank == 4 and is_last:
            x = self._add("Transpose", x, self._new(), perm=LAST)
        product = self._add("Mul", f"{x} {scale}", self._new())
        if rank == 4 and is_last:
            total = self._add("Add", f"{product} {offset}", self._new())
            self._add("Transpose", total, y, perm=FIRST)
        else:
            self._add("Add", f"{product} {offset}", y)


@given(graphs(), st.data())
def test_random_networks_in_other_words(tmp_path, graph, data):
    path = tmp_path / "m.onnx"
    export_onnx(graph, path)
    dialect = Dialect(onnx.load(path), lambda ways: data.draw(st.sampled_from(list(ways))))
    path.write_bytes(dialect.rewritten().SerializeToString())
    onnx.checker.check_model(path, full_check=True)
    inputs = np.random.default_rng(1).normal(size=(2, *graph.input_shape)).astype(np.float32)
    given_ = inputs if dialect.is_last else in_file(inputs)
    wanted = reference(path, given_)
    got = import_onnx(path).run(given_)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, atol=1e-4, rtol=1e-5)
