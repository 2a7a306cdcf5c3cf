"""Which node of a network goes wrong first: the results of every node, out of its Verilog."""

import ctypes
import re
from collections.abc import Sequence

import numpy as np

from ..emit.design import TOP
from ..flow.cache import Cache
from ..golden.network import network_activations
from ..rtl.dataflow import node_module
from ..spec.dataflow import DataflowSpec
from ..spec.parameters import Parameters
from ..spec.ports import RowPort
from . import cxxrtl
from .result import SimulationError

__all__ = ["first_wrong_node", "node_outputs"]

PORTS = ("valid", "ready", "payload")
"""Of a stream."""

RECORDER = """#include <vector>

static std::vector<int64_t> tapped[{count}];

template<size_t Bits>
void record(size_t tap, const cxxrtl::value<Bits> &payload, size_t lanes, size_t width,
            bool is_signed) {{
    for (size_t lane = 0; lane < lanes; lane++)
        tapped[tap].push_back(get_lane(payload, lane, width, is_signed));
}}

// Yosys may have lost a wire to another name of the same net; its node is left out then.
template<size_t Tap, class Top>
void record_tap(const Top &, long) {{}}

{records}
void record_taps(const Model &top) {{
{calls}
}}

extern "C" size_t pqhw_tapped(size_t tap, const int64_t **values) {{
    *values = tapped[tap].data();
    return tapped[tap].size();
}}
"""

TAP = """template<size_t Tap, class Top>
auto record_tap(const Top &top, int)
    -> std::enable_if_t<Tap == {tap}, decltype((void)({valid}, {ready}, {payload}))> {{
    if (now({valid}).template get<bool>() && now({ready}).template get<bool>())
        record({tap}, now({payload}), {lanes}, {width}, {signed});
}}

"""


def first_wrong_node(cache: Cache, design: DataflowSpec, parameters: Sequence[Parameters],
                     verilog: str, image: bytes, rows: np.ndarray, *, valid: float = 1.0,
                     ready: float = 1.0) -> str | None:
    """What the first node, in the order of the network, gives that it should not, in words.

    Its Verilog is compiled once more, with an output for every node. None where all nodes give
    what the golden network does.

    Parameters
    ----------
    rows: [R, D]
    valid, ready: of the run in which results were wrong
    """
    named = dict(zip(design.network.engines, parameters, strict=True))
    expected = network_activations(design.network, named,
                                   rows.reshape(-1, *design.network.input.shape))
    for name, got in node_outputs(cache, design, verilog, image, rows, valid, ready).items():
        port = design.parts[name].results
        wanted = expected[name].reshape(-1)[:len(got)]
        differs = np.flatnonzero(got[:len(wanted)] != wanted)
        if len(differs):
            row, at = divmod(int(differs[0]), port.features)
            place = [int(axis) for axis in np.unravel_index(at, port.shape)]
            output = place[0] if len(place) == 1 else tuple(place)
            return (f"node {name} is the first to differ: row {row}, output {output} is "
                    f"{got[differs[0]]} instead of {wanted[differs[0]]}")
    return None


def node_outputs(cache: Cache, design: DataflowSpec, verilog: str, image: bytes,
                 rows: np.ndarray, valid: float = 1.0, ready: float = 1.0
                 ) -> dict[str, np.ndarray]:
    """Every integer that a node gave, row after row, by the node's name; whole units alone."""
    wires = {name: found for index, name in enumerate(design.parts)
             if (found := _stream(verilog, node_module(index, name))) is not None}
    library = cxxrtl.open_model(cxxrtl.compile_library(
        cache, verilog, "harness.cc", cxxrtl.harness_constants(design),
        taps=_recorder(design, wires),
        tapped=[wire for found in wires.values() for wire in found]))
    try:
        cxxrtl.run_model(library, design, image, rows, np.zeros(len(rows), np.uint8),
                         valid=valid, ready=ready, seed=1)
    except SimulationError:
        pass  # Nodes before the fault have given their results all the same.
    results = {}
    for tap, name in enumerate(wires):
        values = ctypes.POINTER(ctypes.c_int64)()
        count = library.pqhw_tapped(ctypes.c_size_t(tap), ctypes.byref(values))
        taken = np.ctypeslib.as_array(values, (count,)).copy() if count else np.zeros(0, np.int64)
        results[name] = _elements(design.parts[name].results, taken)
    return results


def _stream(verilog: str, module: str) -> list[str] | None:
    """The wires of a node's results in the flattened top; None where a port has gone."""
    start = verilog.find(f"module {TOP}_network_{module} (")
    header = verilog[start:verilog.find(");", start)]
    names = [re.search(rf"\b(o__{port}(?:_\d+)?)\b", header) for port in PORTS]
    if start < 0 or None in names:
        return None
    return [f"network.{module}.{name[1]}" for name in names if name is not None]


def _recorder(design: DataflowSpec, wires: dict[str, list[str]]) -> str:
    records = []
    for tap, (name, stream) in enumerate(wires.items()):
        port = design.parts[name].results
        valid, ready, payload = (f"top.{_mangled(wire)}" for wire in stream)
        records.append(TAP.format(tap=tap, valid=valid, ready=ready, payload=payload,
                                  lanes=port.lanes, width=port.range.bits,
                                  signed=int(port.range.signed)))
    calls = [f"    record_tap<{tap}>(top, 0);" for tap in range(len(wires))]
    return RECORDER.format(count=max(1, len(wires)), records="".join(records),
                           calls="\n".join(calls))


def _mangled(wire: str) -> str:
    """The name that CXXRTL gives a public wire."""
    return "p_" + "".join(char if char.isalnum() else "__" if char == "_" else
                          f"_{ord(char):x}_" for char in wire)


def _elements(port: RowPort, values: np.ndarray) -> np.ndarray:
    """What transfers held, without the lanes that units do not reach."""
    unit = port.unit_transfers * port.lanes
    whole = len(values) // unit
    return values[:whole * unit].reshape(whole, unit)[:, :port.elements].reshape(-1)
