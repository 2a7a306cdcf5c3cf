"""A wrong network names the node that went wrong first."""

import re

import numpy as np
import pytest
from dataflow_builders import around, images

from pqhw.emit.constants import bind_constants
from pqhw.emit.design import design_verilog
from pqhw.emit.image import pack_image
from pqhw.golden import design_results
from pqhw.golden.network import network_activations
from pqhw.sim.levels import simulate_level
from pqhw.sim.taps import node_outputs


def broken(verilog: str, module: str) -> str:
    """A module's results turned over."""
    start = re.search(rf"module pqhw_top{module} \(", verilog).start()
    end = verilog.index("endmodule", start)
    text, count = re.subn(r"(assign o(?:__payload)?(?:\[\S+)? = )(.*?);", r"\1~(\2);",
                          verilog[start:end], count=1, flags=re.DOTALL)
    assert count == 1
    return verilog[:start] + text + verilog[end:]


@pytest.fixture(scope="module")
def network():
    design, parameters = around("concat", 2)
    bound = bind_constants(design, parameters)
    return bound, parameters, design_verilog(bound)


@pytest.mark.parametrize("node, module", [
    ("fewer", r"_network_node\d+_fewer"), ("engine", r"_network_node\d+_engine_results")])
def test_the_first_wrong_node_is_named(cache, network, node, module):
    design, parameters, verilog = network
    rows = images(4)
    found = simulate_level(cache, design, parameters, rows, "cxxrtl",
                           verilog=broken(verilog, module))
    assert found.status == "different"
    assert f"; node {node} is the first to differ: row 0, output (0, 0, 0) is " in found.reason


def test_every_node_gives_the_golden_networks_results(cache, network):
    design, parameters, verilog = network
    rows = images(3)
    found = node_outputs(cache, design, verilog, pack_image(design, parameters), rows)
    named = dict(zip(design.network.engines, parameters))
    expected = network_activations(design.network, named, rows)
    assert list(found) == list(design.parts)
    for name, got in found.items():
        # A node with a window gives its last results when the next image comes, or none does.
        np.testing.assert_array_equal(got, expected[name].reshape(-1)[:len(got)])
        assert len(got) >= 2 * expected[name][0].size
    last = found[design.network.output]
    assert len(last) == design_results(design, parameters, rows).size


def test_right_nodes_are_not_blamed_for_wrong_results_elsewhere(cache, network):
    design, parameters, verilog = network
    found = simulate_level(cache, design, parameters, images(2), "cxxrtl",
                           verilog=broken(verilog, ""))
    assert found.status == "different", found.reason
    assert "; no node inside is seen to differ" in found.reason
