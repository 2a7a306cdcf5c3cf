"""What all jobs of a step share: how tensors are read, where results go, and of what."""

from typing import Any

import numpy as np

from ...spec.conv import Conv2d
from ...spec.fields import SpecError, show
from ...spec.mac import MACSpec
from ...spec.overlay import Block, Job, Kind, OverlaySpec
from ...spec.overlay.job import ADDRESS_BITS
from ...spec.overlay.overlay import TAPS, WINDOW
from ...spec.parameters import Parameters
from ...spec.pq import PQSpec
from ...spec.ranges import Range, ceil_div
from .steps import Step, Tensor, View

__all__ = ["MOST_ADDED_WORDS", "StepJobs", "cut_at", "lanes_of_last", "make_block", "stored_at",
           "window_of"]

MOST_ADDED_WORDS = 8
"""Words of a pixel that a job adds at most, as they wait in front of the adder."""


def stored_at(target: Tensor | None, first_word: int, words: int) -> dict[str, int]:
    """Where results go."""
    if target is None:
        return {"stream": 1, "out_words": words}
    flat = target.shape[:2] == (1, 1)
    return {"flat": int(flat), "out_start": target.start + first_word * target.plane,
            "out_row_step": words if flat else target.row_step,
            "out_plane": target.plane, "out_words": words,
            "store_width": target.shape[1]}


def window_of(source: Tensor, kernel: Any, stride: Any, padding: Any,
              first: int = 0) -> dict[str, int]:
    """How windows of a tensor are read, from word `first` of a pixel on."""
    place = {"row": (padding[0], source.row_step), "column": (padding[1], 1)}
    fields = {"plane": source.plane, "row_step": source.row_step, "signed": int(source.signed),
              "height": source.shape[0], "width": source.shape[1],
              "kernel_y": kernel[0], "kernel_x": kernel[1],
              "stride_y": stride[0], "stride_x": stride[1], "top": -padding[0],
              "left": -padding[1]}
    mask = (1 << ADDRESS_BITS) - 1
    for name, (pad, step) in place.items():
        crossed = ceil_div(pad, WINDOW)
        fields[f"{name}_phase"] = crossed * WINDOW - pad
        start = source.start + first * source.plane if name == "row" else 0
        fields[f"{name}_start"] = start - crossed * step & mask
    return fields


def added_to(view: View | None, first_word: int, words: int) -> dict[str, int]:
    """What is added to the words of a pixel from `first_word` on; nothing where zeros stand."""
    if view is None:
        return {}
    tensor, first = view.tensor, first_word - view.before
    if first + words <= 0 or first >= tensor.words:
        return {}
    return {"add_words": words, "add_start": tensor.start + first * tensor.plane,
            "add_signed": int(tensor.signed), "add_row_step": tensor.row_step,
            "add_plane": tensor.plane}


def cut_at(view: View | None, first: int, last: int) -> int:
    """How far a job may go from word `first`, at most to `last`, with all of its words added, or
    none."""
    if view is None:
        return last
    borders = (view.before, view.before + view.tensor.words)
    return min([last, *(border for border in borders if border > first)])


def make_block(name: str, job: Job, spec: OverlaySpec, **arrays: np.ndarray) -> Block:
    lanes, k = spec.lanes, spec.prototypes
    none = {"outputs": np.zeros((0, lanes, 2), np.int64),
            "thresholds": np.zeros((0, lanes, k), np.int64),
            "dims": np.zeros((0, lanes, spec.depth), np.int64),
            "tables": np.zeros((0, lanes, spec.outputs_per_cycle), np.int64),
            "weights": np.zeros((0, lanes, TAPS), np.int64)}
    return Block(node=name, job=job, **{**none, **arrays})


def lanes_of_last(channels: int, spec: OverlaySpec) -> int:
    return (channels - 1) % spec.lanes + 1


class StepJobs:
    """The blocks of one step."""

    def __init__(self, spec: OverlaySpec, step: Step, parameters: Parameters | None):
        self.spec, self.step, self.parameters = spec, step, parameters
        self.clamps = {} if step.clamp is None else {"add_low": step.clamp.low,
                                                     "add_high": step.clamp.high}
        self.extra: dict[str, int] = {"argmax": int(step.argmax)}

    def refuse(self, rule: str) -> SpecError:
        return SpecError(f"{self.step.name}: {rule}")

    def check(self, field: str, most: int, value: Any) -> None:
        """Sizes of windows that the banks cannot serve."""
        if max(value) > most:
            raise self.refuse(f"{field} must be at most {most} in an overlay, "
                              f"but is {show(value)}.")

    def outputs(self, bias: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
        """Biases and multipliers [N] as words."""
        lanes = self.spec.lanes
        words = np.zeros((ceil_div(len(bias), lanes) * lanes, 2), np.int64)
        words[:len(bias)] = np.stack([bias, multiplier], axis=1)
        return words.reshape(-1, lanes, 2)

    def job(self, kind: Kind, first: int, words: int, channels: int, **fields: int) -> Job:
        """A job whose results are words `first` to `first + words` of `channels`."""
        step = self.step
        whole = ceil_div(channels, self.spec.lanes)
        last = lanes_of_last(channels, self.spec) if first + words == whole else self.spec.lanes
        serial = {} if kind is Kind.REPLAY else {"serial": 1}
        added = added_to(step.add, first, words)
        pixels = 1 if fields.get("across") else fields["out_height"] * fields["out_width"]
        return Job(kind=kind, lanes_last=last, pixels=pixels, **{
            **self.clamps, **self.extra, **stored_at(step.target, step.first_word + first, words),
            **({**added, **serial} if added else {}), **fields})

    def fits(self, sums: Range) -> None:
        """The sums fit the accumulators."""
        if sums.bits > self.spec.accumulator_bits:
            raise self.refuse(f"sums must fit overlay.accumulator_bits = "
                              f"{self.spec.accumulator_bits}, but take {sums.bits} bits.")

    def requantised(self, engine: PQSpec | MACSpec, shift: int) -> dict[str, int]:
        """The fields that make results of sums."""
        self.fits(engine.sum_range + engine.bias_range)
        output = engine.output
        if output is None:
            if self.step.target is not None:
                raise self.refuse("precision.output must tell bits where other nodes take the "
                                  'results in an overlay, but is "accumulator".')
            return {"raw": 1, "biased": 1}
        bounds = output.range
        return {"biased": 1, "scaled": int(output.mode == "scale"), "shift": shift,
                "low": bounds.low, "high": bounds.high}

    def geometry(self, engine: PQSpec | MACSpec) -> tuple[dict[str, int], tuple[int, int]]:
        """How windows are read, and the kernel; a dense layer's is one pixel."""
        source, layer = self.step.source, engine.layer
        assert source is not None
        if not isinstance(layer, Conv2d):
            return window_of(source, (1, 1), (1, 1), (0, 0)) | {"out_height": 1, "out_width": 1}, (
                1, 1)
        self.check("layer.kernel", WINDOW, layer.kernel)
        self.check("layer.stride", WINDOW, layer.stride)
        window = window_of(source, layer.kernel, layer.stride, layer.padding)
        return window | {"out_height": layer.out_height, "out_width": layer.out_width}, layer.kernel
