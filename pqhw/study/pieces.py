"""The pieces of a study's work: a float network for each seed, and each row with each seed.

A piece has a folder whose name follows from all that decides its result. There lies its result
once it is complete, and before that the checkpoint from which a piece that was killed goes on.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset, load
from ..flow.cache import default_cache, digest
from ..flow.folders import write_whole
from ..golden.threads import one_thread
from ..network import load_graph
from ..quant.conversion import ADAPTING, convert_graph
from ..quant.files import save_integer_network
from ..quant.plan import plan_settings
from .cost import network_cost
from .settings import adapting_of, plan_of, recipe_of, tuning_of
from .study import Row, Study

__all__ = ["Piece", "Places", "data_digest", "do_piece", "study_data"]

RESULT = "result.json"
CHECKPOINT = "checkpoint.pt"
KEY = 16
"""Characters of a folder's name."""

CONVERTING = 0.1
"""Share of a row's time that is spent before fine-tuning, about."""

Progress = Callable[[float, str], None]
"""Told the share that is done, 0 to 1, and of what."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Piece:
    """One network to train.

    Members
    -------
    folder: of its own
    row: of the study; None for the float network
    start: the float network's file; None where this piece makes it
    """
    study: Study
    seed: int
    folder: Path
    device: str
    row: Row | None = None
    start: Path | None = None

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.row.name if self.row else 'float network'}, seed {self.seed}"

    @property
    def result(self) -> dict[str, Any] | None:
        """What came of it; None where it is not complete."""
        path = self.folder / RESULT
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    @property
    def state(self) -> str:
        """`done`, `failed`, `begun` or `to do`."""
        found = self.result
        if found is not None:
            return "done" if found["status"] == "ok" else "failed"
        begun = any((folder / CHECKPOINT).exists()
                    for folder in (self.folder, self.folder / ADAPTING))
        return "begun" if begun else "to do"

    def forget(self) -> None:
        """Take the result away."""
        (self.folder / RESULT).unlink(missing_ok=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Places:
    """Where the pieces of a study lie.

    Parameters
    ----------
    device: cpu or cuda
    data: check sum of the images
    versions: of what decides results
    """
    study: Study
    folder: Path
    device: str
    data: str
    versions: dict[str, str]

    def float_piece(self, seed: int) -> Piece | None:
        """The training of the float network; None where the study has a file that is trained."""
        if self.study.recipe is None:
            return None
        return Piece(study=self.study, seed=seed, device=self.device,
                     folder=self.folder / "float" / self._key(self._float_inputs(seed)))

    def row_piece(self, row: Row, seed: int) -> Piece:
        """A row with a seed."""
        before = self.float_piece(seed)
        inputs = {"float": self._float_inputs(seed), "settings": row.settings, "seed": seed}
        return Piece(study=self.study, row=row, seed=seed, device=self.device,
                     folder=self.folder / "rows" / self._key(inputs),
                     start=self._network if before is None else before.folder / "network.npz")

    @property
    def _network(self) -> Path:
        return Path(self.study.network)

    @functools.cached_property
    def _network_digest(self) -> str:
        """Of a file its content."""
        if self._network.suffix != ".npz":
            return self.study.network
        return hashlib.sha256(self._network.read_bytes()).hexdigest()

    def _float_inputs(self, seed: int) -> dict[str, Any]:
        own = {"network": self._network_digest, "recipe": self.study.recipe}
        return own if self.study.recipe is None else own | {"seed": seed}

    def _key(self, inputs: dict[str, Any]) -> str:
        return digest(inputs | {"data": self.data, "device": self.device,
                                "versions": self.versions})[:KEY]


# -- Data ------------------------------------------------------------------------------------

def study_data(what: str, test_images: int | None) -> Dataset:
    """The data set with as many of its test images, evenly spaced."""
    data = load(what, cache=default_cache())
    count = len(data.test_images)
    if test_images is None or test_images >= count:
        return data
    chosen = np.arange(test_images) * count // test_images
    return dataclasses.replace(data, test_images=data.test_images[chosen],
                               test_labels=data.test_labels[chosen])


def data_digest(data: Dataset) -> str:
    """Check sum of images and labels."""
    state = hashlib.sha256()
    for array in (data.train_images, data.train_labels, data.test_images, data.test_labels):
        state.update(f"{array.shape}".encode())
        state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()


# -- Work ------------------------------------------------------------------------------------

def do_piece(piece: Piece, data: Dataset, progress: Progress) -> dict[str, Any]:
    """Do a piece, from its checkpoint on where it has one, and keep its result.

    What goes wrong with the piece is its result; only a disk or a memory that is full is raised.
    """
    piece.folder.mkdir(parents=True, exist_ok=True)
    try:
        with one_thread():
            result = _float(piece, data, progress) if piece.row is None else _row(piece, data,
                                                                                 progress)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # One row that cannot be does not end a study of hours.
        told = str(error) if isinstance(error, ValueError | RuntimeError) else repr(error)
        result = {"status": "failed", "reason": told}
    write_whole(piece.folder / RESULT, json.dumps(result, indent=1) + "\n")
    for folder in (piece.folder, piece.folder / ADAPTING):
        (folder / CHECKPOINT).unlink(missing_ok=True)
    return result


def _float(piece: Piece, data: Dataset, progress: Progress) -> dict[str, Any]:
    from ..quant.training import network_for, train_network
    study = piece.study
    assert study.recipe is not None
    _, history = train_network(
        network_for(study.network, data, seed=piece.seed), data,
        recipe_of(study.recipe, piece.seed), folder=piece.folder, resume=True,
        device=piece.device, progress=lambda step: progress(step.done / step.total, step.text))
    return {"status": "ok", "float_accuracy": history.test_accuracy}


def _row(piece: Piece, data: Dataset, progress: Progress) -> dict[str, Any]:
    assert piece.row is not None and piece.start is not None
    graph, own = load_graph(piece.start), piece.row.settings
    made = convert_graph(
        graph, data, plan_settings(graph, plan_of(own)),
        adapting=adapting_of(own, piece.seed), tuning=tuning_of(own, piece.seed),
        seed=piece.seed, folder=piece.folder, resume=True, device=piece.device,
        progress=lambda done, total: progress(CONVERTING * done / total, "converting"),
        step=lambda step: progress(CONVERTING + (1 - CONVERTING) * step.done / step.total,
                                   step.text))
    text, _ = save_integer_network(piece.folder, made.network)
    figures = made.to_mapping()
    return {"status": "ok", "network": text.name,
            **{name: figures[name] for name in ("float_accuracy", "converted_accuracy",
                                                "tuned_accuracy", "lost_points")},
            "cost": network_cost(made.network.spec).model_dump()}
