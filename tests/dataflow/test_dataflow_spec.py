"""Networks as designs: ports, lanes and edges, files, what is refused."""

import dataclasses

import pytest
from builders import mac, pq
from dataflow_builders import GIVEN, around, residual

from pqhw.spec import Requantize, SpecError
from pqhw.spec.dataflow import DataflowSpec, Setting, design_from_mapping, dump_design, load_design
from pqhw.spec.network import (INPUT, ArgMax, Concat, Engine, Flatten, MaxPool, NetworkNode,
                               NetworkSpec, PadChannels, Sum)


def engine(**values):
    return pq(**{"C": 6, "N": 4, "F": 1, "H": 5, "W": 4, "V": 2, "K": 4, "activation_bits": 5,
                 "convolution": "pixel", "prototype_bits": 4, "table_bits": 5,
                 "output": Requantize(bits=4, signed=True), **values})


def network(*nodes):
    return NetworkSpec("small", GIVEN, tuple(NetworkNode(*node) for node in nodes))


ENGINE = ("engine", Engine(engine()), (INPUT,))


def test_flattening_is_no_part_and_rows_are_cut_anew():
    spec, _ = residual()
    assert spec.origins["flat"] == "block.sum" and "flat" not in spec.parts
    edge = next(edge for edge in spec.edges if edge.target == "last")
    assert (edge.source, edge.given.elements, edge.taken.elements) == ("block.sum", 8, 48)
    assert edge.gearbox.recuts and edge.cycles == 6 * 8


def test_an_input_is_cut_as_its_first_layer_takes_it():
    spec, _ = residual()
    assert spec.input == spec.parts["stem"].inputs[0]
    assert spec.results.shape == (7,) and spec.latency is None and spec.has_window
    flat = DataflowSpec(network(ENGINE, ("flat", Flatten(), ("engine",))))
    assert (flat.results.shape, flat.results.elements, flat.results.units) == ((80,), 4, 20)


def test_nodes_have_as_many_lanes_as_come_in_and_as_divide():
    own = engine(outputs_per_cycle=4, results_per_cycle=4)
    spec = DataflowSpec(network(
        ("engine", Engine(own), (INPUT,)), ("pool", MaxPool(kernel=2), ("engine",)),
        ("pad", PadChannels(before=2, after=2), ("pool",)),
        ("both", Concat(), ("pad", "pool"))))
    assert {name: part.lanes for name, part in spec.parts.items() if part.engine is None} == {
        "pool": 4, "pad": 2, "both": 4}
    assert spec.results.shape == (4, 3, 12)
    assert spec.cycles_per_row == spec.parts["engine"].cycles == 480


def test_the_largest_index_decides_the_bits_of_a_class():
    spec, _ = around("sum", 1)
    assert spec.results.range.high == 59 and spec.results.lanes == 1


def test_files_hold_lanes_and_buffers(tmp_path):
    spec, _ = residual()
    assert any(edge.words for edge in spec.edges)
    path = tmp_path / "design.toml"
    path.write_text(dump_design(spec), encoding="utf-8")
    found, notes = load_design(path)
    assert found == spec and not notes
    assert design_from_mapping(spec.to_mapping()) == spec
    assert [edge.words for edge in found.edges] == [edge.words for edge in spec.edges]


def test_the_slowest_part_or_stream_sets_the_cycles():
    spec, _ = residual()
    parts = {name: part.cycles for name, part in spec.parts.items()}
    assert spec.cycles_per_row == max(parts.values()) == parts["stem"]
    assert all(edge.cycles <= spec.cycles_per_row for edge in spec.edges)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: DataflowSpec(network(("sum", Sum(bits=4), (INPUT,)))),
     "node must be an engine at least once, but none is."),
    (lambda: DataflowSpec(network(ENGINE, ("other", Engine(engine()), (INPUT,)))),
     "engine: results must be taken by another node, but are not, and it is not the last."),
    (lambda: DataflowSpec(network(("engine", Engine(engine(double_buffered=True)), (INPUT,)))),
     "engine: engine.double_buffered must be left out in a dataflow accelerator, but is true."),
    (lambda: DataflowSpec(network(ENGINE, ("pool", MaxPool(kernel=2), ("engine",))),
                          (Setting(), Setting(lanes=5))),
     "pool: lanes must be from 1 to 4, but are 5."),
    (lambda: DataflowSpec(network(ENGINE, ("pad", PadChannels(before=2, after=1), ("engine",))),
                          (Setting(), Setting(lanes=4))),
     "pad: lanes must divide 2 channels, but are 4."),
    (lambda: DataflowSpec(network(ENGINE, ("pool", MaxPool(kernel=2), ("engine",))),
                          (Setting(), Setting(buffers=(1, 2)))),
     "pool: buffers must be as many as inputs, 1, but are 2."),
    (lambda: DataflowSpec(network(ENGINE), (Setting(buffers=(1 << 20,)),)),
     "engine: buffers must be from 0 to 65536 transfers, but one is 1048576."),
    (lambda: DataflowSpec(network(ENGINE), (Setting(), Setting())),
     "settings must be those of 1 nodes, but are those of 2."),
    (lambda: DataflowSpec(network(
        ENGINE, ("flat", Flatten(), ("engine",)),
        ("last", Engine(mac(D=80, N=2, activation_bits=4, load_bits=16)), ("flat",)))),
     "engine.load_bits must be equal in all engines, but is 8, 16."),
    (lambda: DataflowSpec.from_mapping({"target": "overlay"}),
     'target must be "dataflow", but is "overlay".'),
    (lambda: DataflowSpec.from_mapping({"target": "dataflow", "node": 3}),
     "node must be an array of tables, [[node]]."),
    (lambda: DataflowSpec.from_mapping({"target": "dataflow", "node": [
        {"name": "a", "lanes": "two"}]}), 'a: lanes must be an integer, but is "two".'),
    (lambda: DataflowSpec.from_mapping({"target": "dataflow", "node": [
        {"name": "a", "buffers": 2}]}), "a: buffers must be an array of integers, but is 2."),
])
def test_what_cannot_be_built_is_refused(make, message):
    with pytest.raises(SpecError) as caught:
        make()
    assert str(caught.value) == message


def test_other_engines_keep_the_rest():
    spec, _ = residual()
    narrow = [dataclasses.replace(own, folding=dataclasses.replace(
        own.folding, outputs_per_cycle=2)) for own in spec.stages]
    made = spec.with_stages(narrow)
    assert made.stages == tuple(narrow) and made.settings == spec.settings
    assert ArgMax.KIND not in {node.op.KIND for node in made.network.nodes}
