"""The loop over epochs, for any module whose result are logits."""

import dataclasses
import os
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...flow.folders import write_whole
from ...network import LearningError
from .checkpoint import CHECKPOINT, load_checkpoint, save_checkpoint
from .groups import Group, optimiser_of, parameter_groups, set_rate
from .history import Epoch, History
from .loss import Batch, LabelLoss, Loss
from .recipe import Recipe
from .runtime import device_of, repeatable, versions
from .scores import accuracy, logits_of, tensor_of

__all__ = ["HISTORY", "Step", "fit"]

HISTORY = "history.json"
"""The file within a training's folder."""

REPORT = 10
"""Steps from one look at the loss to the next: a look waits for the device."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """How far training is.

    Members
    -------
    epoch: the running one, from 1
    step, steps: done in this epoch, and in every one
    loss, accuracy: means over the epoch so far
    """
    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float

    @property
    def done(self) -> int:
        """Steps since the first epoch began."""
        return (self.epoch - 1) * self.steps + self.step

    @property
    def total(self) -> int:
        """Steps of all epochs."""
        return self.epochs * self.steps

    @property
    def text(self) -> str:
        """For a progress bar."""
        return (f"epoch {self.epoch}/{self.epochs} loss {self.loss:.3f} "
                f"accuracy {100 * self.accuracy:.1f} %")


def fit(module: nn.Module, data: Any, recipe: Recipe, *,
        folder: str | os.PathLike[str] | None = None, resume: bool = False,
        loss: Loss | None = None, evaluate: Callable[[nn.Module], float] | None = None,
        groups: Sequence[Group] | None = None,
        on_epoch: Callable[[int, nn.Module], None] | None = None,
        progress: Callable[[Step], None] | None = None, device: str = "auto") -> History:
    """Train a module in place.

    Parameters
    ----------
    module: gives logits [R, classes] for float32 inputs of the shape of `data`'s images
    data: a `Dataset`, or what has `train_images`, `train_labels`, `test_images`, `test_labels`
    folder: holds, after each epoch, the checkpoint and the history
    resume: go on from the folder's checkpoint where there is one, as if nothing had happened
    loss: of logits and batch; cross entropy with the labels where left out
    evaluate: gives what is logged as test accuracy; that of the module where left out
    groups: what is trained; `parameter_groups` where left out
    on_epoch: given the number of the epoch just done, from 1, and the module, before evaluation and
        checkpoint; what it keeps between epochs belongs into the module's buffers
    progress: told after some of the steps and the last of each epoch
    device: `auto`, `cpu` or `cuda`

    Raises
    ------
    LearningError
        If the data does not fit the module, the folder holds what cannot be gone on from, or the
        loss is not finite.
    """
    place = device_of(device)
    with repeatable(place, recipe.seed, recipe.threads):
        training = _Training(module, data, recipe, place, loss or LabelLoss(recipe.smoothing),
                             groups)
        path = None if folder is None else Path(folder)
        if path is not None:
            training.enter(path, resume)
        score = evaluate or (lambda own: accuracy(own, data.test_images, data.test_labels))
        for epoch in range(len(training.epochs) + 1, recipe.epochs + 1):
            start = time.perf_counter()
            module.train()
            measured = training.run_epoch(epoch, progress or (lambda step: None))
            if on_epoch is not None:
                on_epoch(epoch, module)
            module.eval()
            training.epochs.append(Epoch(epoch=epoch, **measured, test_accuracy=score(module),
                                         seconds=time.perf_counter() - start))
            if path is not None:
                training.save(path)
        module.eval()
        return training.history


class _Training:
    """Module, optimiser, random state and what has been measured so far."""

    def __init__(self, module: nn.Module, data: Any, recipe: Recipe, device: torch.device,
                 loss: Loss, groups: Sequence[Group] | None):
        self.module, self.recipe, self.device, self.loss = module.to(device), recipe, device, loss
        self.images = tensor_of(data.train_images).to(device)
        self.labels = tensor_of(data.train_labels).to(device, torch.int64)
        self.top = float(self.images.max())
        self.data = _in_words(data)
        self._check()
        self.optimiser = optimiser_of(parameter_groups(module) if groups is None else groups,
                                      recipe)
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.epochs: list[Epoch] = []

    def _check(self) -> None:
        logits = logits_of(self.module, self.images[:2])
        if logits.ndim != 2:
            raise LearningError(f"the module's result must be [R, classes], but has shape "
                                f"{list(logits.shape)}.")
        largest = int(self.labels.max())
        if largest >= logits.shape[1]:
            raise LearningError(f"data.train_labels must be below the {logits.shape[1]} logits of "
                                f"the module, but {largest} is among them.")

    @property
    def history(self) -> History:
        return History(recipe=self.recipe.to_mapping(), data=self.data, device=self.device.type,
                       versions=versions(), epochs=tuple(self.epochs))

    # -- An epoch --------------------------------------------------------------------------

    def run_epoch(self, epoch: int, progress: Callable[[Step], None]) -> dict[str, float]:
        """One pass over the images: its last rate, and the means of loss and accuracy."""
        order = torch.randperm(len(self.images), generator=self.generator)
        steps = -(-len(order) // self.recipe.batch)
        totals = torch.zeros(2, dtype=torch.float64, device=self.device)
        done = 0
        for index, chosen in enumerate(order.tensor_split(steps)):
            rate = self.recipe.rate_at(epoch - 1 + index / steps)
            totals += self._step(self._batch(chosen), rate)
            done += len(chosen)
            if (index + 1) % REPORT == 0 or index + 1 == steps:
                loss, right = (totals / done).tolist()
                if not np.isfinite(loss):
                    raise LearningError(
                        f"the loss must be finite, but is {loss} by step {index + 1} of epoch "
                        f"{epoch}; a rate below {self.recipe.rate:g} may help.")
                progress(Step(epoch=epoch, epochs=self.recipe.epochs, step=index + 1, steps=steps,
                              loss=loss, accuracy=right))
        return {"rate": rate, "loss": loss, "train_accuracy": right}

    def _batch(self, chosen: Tensor) -> Batch:
        chosen = chosen.to(self.device)
        inputs, change = self.images[chosen], self.recipe.augmentation
        if change is not None:
            inputs = change(inputs, self.generator, self.top)
        return Batch(inputs.to(torch.float32), self.labels[chosen], chosen)

    def _step(self, batch: Batch, rate: float) -> Tensor:
        """Train on a batch; the sums of its losses and of what it got right."""
        set_rate(self.optimiser, rate)
        with torch.autocast(self.device.type, torch.bfloat16,
                            enabled=self.recipe.precision == "bfloat16"):
            logits = self.module(batch.inputs)
        logits = logits.float()
        loss = self.loss(logits, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        right = (logits.detach().argmax(1) == batch.labels).sum()
        return torch.stack([loss.detach().double() * len(batch.labels), right.double()])

    # -- Files -----------------------------------------------------------------------------

    def enter(self, folder: Path, resume: bool) -> None:
        """Take a folder, and up the training that it holds."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / CHECKPOINT
        if not path.exists():
            return
        if not resume:
            raise LearningError(f"{path}: is there already; resume that training or take another "
                                "folder.")
        content = load_checkpoint(path)
        for name, own in (("recipe", self.recipe.to_mapping()), ("data", self.data)):
            if content[name] != own:
                raise LearningError(f"{path}: was made with another {name}, "
                                    f"{_difference(content[name], own)}.")
        try:
            self.module.load_state_dict(content["module"])
            self.optimiser.load_state_dict(content["optimiser"])
        except (KeyError, RuntimeError, ValueError):
            raise LearningError(f"{path}: was made with another module or other groups of its "
                                "parameters.") from None
        self.generator.set_state(content["order"])
        torch.set_rng_state(content["random"])
        if self.device.type == "cuda" and content["random_gpu"] is not None:
            torch.cuda.set_rng_state(content["random_gpu"], self.device)
        self.epochs = [Epoch(**own) for own in content["epochs"]]

    def save(self, folder: Path) -> None:
        """Write checkpoint and history."""
        on_gpu = self.device.type == "cuda"
        save_checkpoint(folder / CHECKPOINT, {
            "module": self.module.state_dict(), "optimiser": self.optimiser.state_dict(),
            "order": self.generator.get_state(), "random": torch.get_rng_state(),
            "random_gpu": torch.cuda.get_rng_state(self.device) if on_gpu else None,
            "recipe": self.recipe.to_mapping(), "data": self.data,
            "epochs": [dataclasses.asdict(own) for own in self.epochs]})
        text = self.history.to_json()
        write_whole(folder / HISTORY, text)


def _in_words(data: Any) -> str:
    """Name, size and a check sum of what is trained on."""
    images, labels = np.asarray(data.train_images), np.asarray(data.train_labels)
    check_sum = zlib.crc32(labels.tobytes(), zlib.crc32(images.tobytes()))
    return f"{getattr(data, 'name', 'data')}: {len(images)} images, check sum {check_sum:08x}"


def _difference(before: Any, now: Any) -> str:
    """What differs, in words."""
    if isinstance(now, dict):
        name = next(name for name in now if before.get(name) != now[name])
        return f"{name} {before.get(name)}, not {now[name]}"
    return f"{before}, not {now}"
