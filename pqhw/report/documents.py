"""Which documents a page is made of: files and folders of what verbs wrote."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pydantic

from ..explore.mapping.results import MappingResult
from ..explore.precision.results import PrecisionResult
from ..explore.search.run import FRONT, ROUTED, RoutedFront, SearchResult
from ..explore.sweep.results import PLAN, SweepResult, load_sweep_result
from ..flow.results import Comparison, Measurement, read_document, validated
from .mapping_page import mapping_section
from .precision_page import precision_section
from .search_page import search_section
from .sections import Section
from .sweep_page import sweep_section

__all__ = ["gather"]

PAGES = {"measurement": "synth", "comparison": "compare", "mapping": "map",
         "precision": "explore", "search": "search", "search-routed": "search", "sweep": "sweep"}
"""Documents that a page is made of, and the verbs that write them."""

VERBS = ", ".join(dict.fromkeys(PAGES.values()))


def gather(paths: Sequence[str | os.PathLike[str]]) -> tuple[list[Comparison], list[Section]]:
    """Comparisons, single measurements side by side as the last one; and the parts of a page that
    all else makes, in the order of the paths.

    A folder is searched for documents; one of a sweep, complete or not, or of a search is one
    document, whatever else lies in it.

    Raises
    ------
    ValueError
        One sentence that begins with a file's name, if one holds no such document, or there is
        none.
    """
    found = _Gathered()
    for path in map(Path, paths):
        if path.is_dir():
            _walk(path, found)
        else:
            found.add(path, read_document(path))
    if not found.any:
        raise ValueError(f"{', '.join(map(str, paths))}: holds no result of pqhw {VERBS} or demo.")
    return found.all_comparisons(), found.sections()


def _walk(folder: Path, found: "_Gathered") -> None:
    """Documents of a folder and of those in it, by their names; other files are passed by."""
    if _read(folder / PLAN).get("document") == "sweep-points":
        found.sweep(load_sweep_result(folder))
        return
    search = _read(folder / FRONT).get("document") == "search"
    for path in [folder / FRONT, folder / ROUTED] if search else sorted(folder.glob("*.json")):
        values = _read(path)
        if values.get("document") in tuple(PAGES):
            found.add(path, values)
    if not search:
        for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
            _walk(inner, found)


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_document(path)
    except ValueError:
        return {}


class _Gathered:
    """What was read; sections are made when all is known, as a search's routed engines follow."""

    def __init__(self) -> None:
        self.comparisons: list[Comparison] = []
        self.single: list[Measurement] = []
        self.made: list[Callable[[], Section]] = []
        self.routed: dict[Path, RoutedFront] = {}
        self.searched: set[Path] = set()

    @property
    def any(self) -> bool:
        """Whether there is a document."""
        return bool(self.comparisons or self.single or self.made or self.routed)

    def add(self, path: Path, values: dict[str, Any]) -> None:
        """A document, by its kind."""
        match values.get("document"):
            case "measurement":
                self.single.append(validated(path, Measurement, values))
            case "comparison":
                self.comparisons.append(validated(path, Comparison, values))
            case "mapping":
                self._later(mapping_section, path, validated(path, MappingResult, values))
            case "precision":
                self._later(precision_section, path, validated(path, PrecisionResult, values))
            case "sweep":
                self.sweep(validated(path, SweepResult, values))
            case "search":
                self._search(path, values)
            case "search-routed":
                self.routed[path.parent] = validated(path, RoutedFront, values)
            case kind:
                told = f", but a document of {kind}" if isinstance(kind, str) else ""
                raise ValueError(f"{path}: is not a result of pqhw {VERBS} or demo{told}.")

    def sweep(self, result: SweepResult) -> None:
        """A sweep's state."""
        self.made.append(lambda: sweep_section(result))

    def _later(self, make: Callable[[Any], Section], path: Path, result: pydantic.BaseModel
               ) -> None:
        try:
            section = make(result)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        self.made.append(lambda: section)

    def _search(self, path: Path, values: dict[str, Any]) -> None:
        """A search, with what was routed of it where that stands in the same document."""
        inner = values.pop("routed", None)
        result = validated(path, SearchResult, values)
        routed = None if inner is None else validated(path, RoutedFront, inner)
        self.searched.add(path.parent)
        self.made.append(lambda: search_section(result, routed or self.routed.get(path.parent)))

    def all_comparisons(self) -> list[Comparison]:
        """Single measurements are put side by side."""
        if not self.single:
            return self.comparisons
        title = self.single[0].name if len(self.single) == 1 else f"{len(self.single)} designs"
        return [*self.comparisons, Comparison(title=title, measurements=self.single)]

    def sections(self) -> list[Section]:
        """Parts of the page."""
        for folder in self.routed:
            if folder not in self.searched:
                raise ValueError(f"{folder / ROUTED}: is what was routed of a search, whose "
                                 f"{FRONT} must be given too.")
        return [make() for make in self.made]
