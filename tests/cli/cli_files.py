"""Designs of the command line's tests, and the files that describe one."""

import numpy as np
from builders import chain, mac, pq

from pqhw.golden import chain_results
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import Requantize
from pqhw.spec.files import dump_spec, save_parameters

PQ = chain(pq(D=5, N=3, V=2, K=3, prototype_bits=3, table_bits=3, outputs_per_cycle=2,
              activation_bits=3, output=Requantize(bits=3, signed=True, shift=1)))
BOTH = chain(*PQ.stages, mac(D=3, N=2, weight_bits=3, activation_bits=3))
IMAGES = chain(pq(C=2, N=2, F=3, H=3, W=4, V=2, K=3, padding=1, convolution="pixel",
                  prototype_bits=3, table_bits=3, activation_bits=3, subspaces_per_cycle=9,
                  output=Requantize(bits=3, shift=1)))
SIM = ("sim", "layer.toml", "--params", "p.npz", "--input", "x.npy")
VERBS = ("verilog", "sim", "estimate", "size", "synth", "compare", "sweep", "search", "external",
         "report", "reproduce", "map", "explore", "import", "data", "train", "convert", "evaluate",
         "export", "compile", "build", "run", "study", "doctor", "schema", "demo")


def write(design, count=10):
    """The three files; returns the golden results."""
    parameters = random_parameters(design, 2)
    rows = random_rows(design, parameters, count, 2)
    with open("layer.toml", "w") as file:
        file.write(dump_spec(design))
    save_parameters("p.npz", design, parameters)
    np.save("x.npy", rows)
    return chain_results(design, parameters, rows)
