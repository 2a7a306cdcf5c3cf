"""da4ml: products with constant weights as graphs of adders.

da4ml (C. Sun et al., *da4ml: Distributed Arithmetic for Real-time Neural Networks on FPGAs*, ACM
TRETS 2025) finds the sums that the columns of a constant matrix share and emits them as Verilog.
It is asked here, as an installed package, for that logic alone; none of its code stands in ours.
"""

import dataclasses
import importlib.metadata
import importlib.resources
import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..flow.cache import Cache, digest
from ..flow.tools import ToolMissing
from ..spec.ranges import Range

__all__ = ["CUTOFFS", "Logic", "Output", "constant_logic", "da4ml_version"]

CUTOFFS = (1, 16)
"""Fewest and most adders between two registers."""

PREFIX = "da4ml_stage"

SHARED = re.compile(r"\b(shift_adder|negative|mux|multiplier|binop|lookup_table) #")
"""Modules that come with da4ml as files."""


@dataclasses.dataclass(frozen=True)
class Output:
    """A sum as it leaves the logic: an integer of `bits` bits times 2**shift; 0 bits are zero."""
    bits: int
    signed: bool
    shift: int


@dataclasses.dataclass(frozen=True)
class Logic:
    """Combinational stages with registers to be put between them.

    Members
    -------
    verilog: the modules, those that they use included
    stages: bits into and out of the module ``da4ml_stage<n>``, ports `model_inp` and `model_out`
    inputs: bits that each element takes of the first stage's input; 0 where no weight uses it
    outputs: the sums in the last stage's output, from its lowest bit up
    adders: additions and subtractions
    """
    verilog: str
    stages: tuple[tuple[int, int], ...]
    inputs: tuple[int, ...]
    outputs: tuple[Output, ...]
    adders: int

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Logic":
        """What `json.dumps(dataclasses.asdict(logic))` wrote."""
        return cls(values["verilog"], tuple((low, high) for low, high in values["stages"]),
                   tuple(values["inputs"]),
                   tuple(Output(**output) for output in values["outputs"]), values["adders"])


def da4ml_version() -> str:
    """The installed version.

    Raises `ToolMissing`, with how to get it, where it is not installed.
    """
    if importlib.util.find_spec("da4ml") is None:
        raise ToolMissing("da4ml is not installed; run: pip install 'pqhw[da4ml]'")
    return importlib.metadata.version("da4ml")


def constant_logic(cache: Cache, weights: np.ndarray, activations: Range,
                   cutoff: int) -> Logic:
    """Adders that form x @ weights.T for integers x of a range; found once, then in the cache.

    Parameters
    ----------
    weights:
        [N, D] integers, not all zero.
    cutoff:
        Adders between two registers, at most.
    """
    inputs = {"da4ml": da4ml_version(), "weights": weights.tolist(), "cutoff": cutoff,
              "activations": [activations.low, activations.high]}

    def make(folder: Path) -> None:
        logic = _solved(weights, activations, cutoff)
        (folder / "logic.json").write_text(json.dumps(dataclasses.asdict(logic)))

    folder = cache.get("da4ml", {"inputs": digest(inputs)}, make)
    return Logic.from_json(json.loads((folder / "logic.json").read_text()))


def _solved(weights: np.ndarray, activations: Range, cutoff: int) -> Logic:
    """Inputs and outputs without a weight are left out of what da4ml sees."""
    from da4ml.codegen.rtl.verilog import comb_logic_gen
    from da4ml.trace import FixedVariableArray, HWConfig, comb_trace, to_pipeline
    from da4ml.types import minimal_kif
    used, formed = ((weights != 0).sum(axis) > 0 for axis in (0, 1))
    matrix = weights[formed][:, used].T.astype(np.float64)
    count = len(matrix)
    # Adders of one bit with carries of any length: every addition takes one unit of latency.
    rows = FixedVariableArray.from_lhs(
        np.full(count, float(activations.low)), np.full(count, float(activations.high)),
        np.ones(count), HWConfig(1, -1, -1))
    graph = comb_trace(rows, rows @ matrix, keep_dead_inputs=True)
    stages = to_pipeline(graph, cutoff, verbose=False).solutions
    texts = [comb_logic_gen(stage, f"{PREFIX}{index}") for index, stage in enumerate(stages)]

    def bits(intervals: Any) -> list[int]:
        return [int(sum(minimal_kif(interval))) for interval in intervals]

    taken = iter(bits(stages[0].inp_qint))
    sums = (Output(int(sum(kif)), bool(kif.keep_negative), -int(kif.fractional))
            for kif in map(minimal_kif, stages[-1].out_qint))
    return Logic(
        verilog="\n".join([*texts, *_shared("".join(texts))]),
        stages=tuple((sum(bits(stage.inp_qint)), sum(bits(stage.out_qint))) for stage in stages),
        inputs=tuple(next(taken) if one else 0 for one in used),
        outputs=tuple(next(sums) if one else Output(0, False, 0) for one in formed),
        adders=sum(op.opcode in (0, 1) for op in graph.ops))


def _shared(text: str) -> list[str]:
    """The modules of da4ml's own that a text uses, without their time scale."""
    files = importlib.resources.files("da4ml") / "codegen" / "rtl" / "verilog" / "source"
    texts = ((files / f"{name}.v").read_text() for name in sorted(set(SHARED.findall(text))))
    return ["\n".join(line for line in one.splitlines() if not line.startswith("`timescale"))
            .strip() + "\n" for one in texts]
