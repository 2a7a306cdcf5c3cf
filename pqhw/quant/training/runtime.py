"""Where training runs, and what makes it repeatable there."""

import contextlib
import platform
from collections.abc import Iterator

import numpy as np
import torch

from ... import __version__
from ...network import LearningError

__all__ = ["DEVICES", "device_of", "repeatable", "versions"]

DEVICES = ("auto", "cpu", "cuda")


def device_of(name: str) -> torch.device:
    """The device of this name; `auto` is a GPU where there is one.

    Raises
    ------
    LearningError
        If there is no such name, or no GPU for `cuda`.
    """
    if name.partition(":")[0] not in DEVICES:
        raise LearningError(f"device must be one of {', '.join(DEVICES)}, but is {name}.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name != "cpu" and not torch.cuda.is_available():
        raise LearningError(f"device must be cpu where PyTorch finds no GPU, but is {name}.")
    return torch.device(name)


@contextlib.contextmanager
def repeatable(device: torch.device, seed: int, threads: int) -> Iterator[None]:
    """A context in which equal work gives equal results; all is as before afterwards.

    On a CPU, bit for bit. On a GPU, cuDNN takes deterministic kernels only; its other libraries
    promise less.
    """
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(),
              torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark)
    on_gpu = device.type == "cuda"
    with torch.random.fork_rng([device] if on_gpu else []):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(not on_gpu)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
        try:
            yield
        finally:
            torch.set_num_threads(before[0])
            torch.use_deterministic_algorithms(before[1])
            torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before[2:]


def versions() -> dict[str, str]:
    """What decides results beside the recipe."""
    return {"pqhw": __version__, "torch": str(torch.__version__), "numpy": np.__version__,
            "python": platform.python_version()}
