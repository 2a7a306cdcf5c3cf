"""A study from its file to its result; what is complete in the folder is not computed again."""

import dataclasses
import functools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..data import Dataset
from ..flow.folders import alone, write_whole
from ..network import Graph
from ..quant.plan import plan_settings
from ..spec import MACPrecision, PQPrecision, SpecError
from .pieces import Piece, Places, data_digest, study_data
from .pool import done_pieces
from .results import RowResult, Run, StudyResult
from .settings import plan_of
from .study import Row, Study

__all__ = ["LOG", "RESULT", "StudyRun", "prepare_study"]

RESULT, LOG = "study.json", "log.jsonl"
"""Files within a study's folder: what was found, and the seconds that it took."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StudyRun:
    """The rows of a study that are asked for, with the seeds that are.

    Parameters
    ----------
    graph: the network, with whatever weights
    data: with the test images that the accuracies are of
    """
    study: Study
    folder: Path
    places: Places
    rows: tuple[Row, ...]
    seeds: tuple[int, ...]
    graph: Graph
    data: Dataset

    @functools.cached_property
    def float_pieces(self) -> list[Piece]:
        """Float networks to train."""
        pieces = (self.places.float_piece(seed) for seed in self.seeds)
        return [piece for piece in pieces if piece is not None]

    @functools.cached_property
    def row_pieces(self) -> list[Piece]:
        """Every row with the first seed, then every row with the next."""
        return [self.places.row_piece(row, seed) for seed in self.seeds for row in self.rows]

    def run(self, *, jobs: int = 1, retry: bool = False,
            progress: Callable[[float, int, str], None] = lambda done, total, text: None
            ) -> StudyResult:
        """Do what is not done yet; gives what is asked for, and writes study.json, which holds all
        that is complete in the folder.

        Parameters
        ----------
        jobs: processes side by side
        retry: do again what failed
        progress: told how many networks are done, of how many, and what is being done

        Raises
        ------
        SpecError
            If another program is at work in the folder.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with alone(self.folder, "pqhw study"):
            if retry:
                for piece in (*self.float_pieces, *self.row_pieces):
                    if piece.state == "failed":
                        piece.forget()
            try:
                self._do(jobs, progress)
            finally:  # Where it is stopped, what is complete so far is a result too.
                study = self.study
                seeds = sorted({*study.seeds, *self.seeds})
                write_whole(self.folder / RESULT, self._result(study.rows, seeds).text())
        return self._result(self.rows, self.seeds)

    def _do(self, jobs: int, progress: Callable[[float, int, str], None]) -> None:
        floats = [piece for piece in self.float_pieces if piece.result is None]
        rows = [piece for piece in self.row_pieces if piece.result is None]
        total, done = len(floats) + len(rows), 0

        def tell(share: float, text: str) -> None:
            progress(done + share, total, text)

        for pieces in (floats, rows):
            pieces = [piece for piece in pieces if self._can_start(piece)]
            for piece, found, seconds in done_pieces(pieces, self.data, jobs, tell):
                done += 1
                progress(done, total, piece.name)
                self._log(piece, found, seconds)

    def _can_start(self, piece: Piece) -> bool:
        """Whether the piece's float network is there."""
        return piece.row is None or self._float_failure(piece.seed) is None

    def _float_failure(self, seed: int) -> str | None:
        """Why there is no float network, if so."""
        before = self.places.float_piece(seed)
        found = before.result if before else None
        return None if found is None or found["status"] == "ok" else found["reason"]

    def _log(self, piece: Piece, found: dict[str, Any], seconds: float) -> None:
        entry = {"row": piece.row.name if piece.row else None, "seed": piece.seed,
                 "status": found["status"], "seconds": round(seconds, 1),
                 "folder": piece.folder.relative_to(self.folder).as_posix()}
        with open(self.folder / LOG, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    # -- What was found --------------------------------------------------------------------

    def _result(self, rows: Sequence[Row], seeds: Sequence[int]) -> StudyResult:
        """All that is complete of rows and seeds."""
        study = self.study
        found = [self._row(row, seeds) for row in rows]
        return StudyResult(
            study=study.source, title=study.title, network=study.network, data=study.data,
            test_images=len(self.data.test_images), recipe=study.recipe, device=self.places.device,
            products=sum(self.graph.multiply_accumulates(node.name)
                         for node in self.graph.layers),
            versions=self.places.versions, base=study.base,
            rows=[row for row in found if row.runs])

    def _row(self, row: Row, seeds: Sequence[int]) -> RowResult:
        runs, cost = [], None
        for seed in seeds:
            found = self._found(row, seed)
            if found is not None:
                cost = cost or found.pop("cost", None)
                found.pop("cost", None)
                runs.append(Run(seed=seed, command=self.study.command(row, seed), **found))
        return RowResult(name=row.name, settings=row.settings, cost=cost, runs=runs)

    def _found(self, row: Row, seed: int) -> dict[str, Any] | None:
        """The result of a row with a seed, its network's file by its place in the folder."""
        failure = self._float_failure(seed)
        if failure is not None:
            return {"status": "failed", "reason": f"the float network: {failure}"}
        piece = self.places.row_piece(row, seed)
        found = piece.result
        if found is not None and "network" in found:
            path = piece.folder / found["network"]
            found["network"] = path.relative_to(self.folder).as_posix()
        return found


def prepare_study(study: Study, folder: str | os.PathLike[str], *, rows: str | None = None,
                  seeds: Sequence[int] | None = None, device: str = "auto") -> StudyRun:
    """Hold a study to its network and data, before any of it is computed.

    Parameters
    ----------
    rows: a pattern of names; all where None
    seeds: in the place of the study's own
    device: `auto`, `cpu` or `cuda`

    Raises
    ------
    SpecError, GraphError, DataError
        If a row cannot be, or network and data do not belong together.
    """
    from ..quant.training import network_for
    from ..quant.training.runtime import device_of, versions
    own = tuple(seeds or study.seeds)
    chosen = study.selected(rows)
    data = study_data(study.data, study.test_images)
    graph = network_for(study.network, data)
    for row in chosen:
        try:
            _check(graph, row)
        except ValueError as error:
            raise SpecError(f"{study.source}: row {row.name}: {error}") from None
    kept = {name: version for name, version in versions().items() if name != "python"}
    places = Places(study=study, folder=Path(folder), device=device_of(device).type,
                    data=data_digest(data), versions=kept)
    return StudyRun(study=study, folder=Path(folder), places=places, rows=chosen, seeds=own,
                    graph=graph, data=data)


def _check(graph: Graph, row: Row) -> None:
    """Raise where a field of a row has no value that layers of the network could have."""
    plan = plan_of(row.settings)
    plan_settings(graph, plan)
    if plan.kind == "pq":
        PQPrecision(activation_bits=plan.activation_bits, table_bits=plan.table_bits,
                    prototype_bits=plan.prototype_bits or plan.activation_bits)
    else:
        MACPrecision(activation_bits=plan.activation_bits)
