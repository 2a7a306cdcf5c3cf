"""A study: one network and data set, and rows of settings to try on them."""

import dataclasses
import fnmatch
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..network import ZOO
from ..spec.fields import SpecError, SpecTypeError, hint, show
from ..spec.files import load_mapping
from .settings import (checked_fields, plan_of, recipe_fields, recipe_of, row_fields,
                       row_settings, tuning_of)

__all__ = ["PRESETS", "Row", "Study", "load_study", "study_from_mapping"]

FOLDER = Path(__file__).parent / "presets"
PRESETS = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))
"""Studies that come along, by name."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.,+=-]*")
"""Names of rows, which stand in commands."""

FIELDS: dict[str, Any] = {"title": str, "network": str, "data": str, "test_images": int,
                          "combine": str}
TABLES = ("seeds", "float", "base", "axes", "row")
COMBINE = ("each", "product")
SEEDS = (1, 2, 3)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """One setting of a study: a name, and all its fields as plain values."""
    name: str
    settings: dict[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """What is trained and converted, and how.

    Members
    -------
    source: the file or preset, as it is asked for
    network: of the zoo, or a file of a graph
    data: a data set, as `pqhw.data.load` takes it
    seeds: of everything that is random, one network each
    test_images: so many, evenly spaced; all where None
    recipe: fields of the float network's training; None for a file that is trained already
    base: settings that rows differ from
    """
    source: str
    title: str
    network: str
    data: str
    seeds: tuple[int, ...]
    test_images: int | None
    recipe: dict[str, Any] | None
    base: dict[str, Any]
    rows: tuple[Row, ...]

    def command(self, row: Row, seed: int) -> str:
        """What computes a row with a seed once more, in a folder of its own."""
        return f"pqhw study {self.source} --rows {row.name} --seeds {seed} -o again"

    def selected(self, pattern: str | None) -> tuple[Row, ...]:
        """The rows whose names match a pattern like ``table_bits=*``, or one of several with
        blanks between.

        Raises
        ------
        SpecError
            If none does.
        """
        if pattern is None:
            return self.rows
        words = pattern.split()
        found = tuple(row for row in self.rows
                      if any(fnmatch.fnmatchcase(row.name, word) for word in words))
        if not found:
            names = [row.name for row in self.rows]
            raise SpecError(f"--rows must match the name of a row, but is {pattern}; "
                            f"{hint(pattern, names)}")
        return found


def load_study(source: str) -> Study:
    """The study of a preset or a file.

    Raises
    ------
    SpecError
        One sentence that begins with the file's name.
    LearningError
        Without PyTorch, whose settings rows have.
    """
    if source not in PRESETS and Path(source).suffix != ".toml":
        raise SpecError(f"STUDY must be a .toml file or one of {', '.join(PRESETS)}, "
                        f"but is {source}.")
    path = FOLDER / f"{source}.toml" if source in PRESETS else Path(source)
    mapping = load_mapping(path)
    try:
        return study_from_mapping(source, mapping)
    except ValueError as error:
        kind = SpecTypeError if isinstance(error, TypeError) else SpecError
        raise kind(f"{source}: {error}") from None


def study_from_mapping(source: str, given: Mapping[str, Any]) -> Study:
    """The study of a file's tables; raises as `load_study`, without the file's name."""
    for name in given:
        if name not in FIELDS and name not in TABLES:
            raise SpecError(f"{name} is not a field of a study; {hint(name, (*FIELDS, *TABLES))}")
    own = checked_fields("study", {name: given[name] for name in FIELDS if name in given}, FIELDS)
    for name in ("network", "data"):
        if name not in own:
            raise SpecError(f"{name} is required, but the study does not give it.")
    test_images = own.get("test_images")
    if test_images is not None and test_images < 1:
        raise SpecError(f"test_images must be 1 or more, but is {test_images}.")
    base = checked_fields("base", given.get("base", {}), row_fields())
    study = Study(
        source=source, title=own.get("title", Path(source).stem), network=own["network"],
        data=own["data"], seeds=_seeds(given.get("seeds", SEEDS)), test_images=test_images,
        recipe=_recipe(own["network"], given), base=row_settings(base),
        rows=_distinct([*_axis_rows(base, given.get("axes"), own.get("combine")),
                        *_own_rows(base, given.get("row", []))]))
    for row in study.rows:
        try:
            plan_of(row.settings), tuning_of(row.settings, 0)
        except ValueError as error:
            raise SpecError(f"row {row.name}: {error}") from None
    return study


def _seeds(given: Any) -> tuple[int, ...]:
    good = isinstance(given, list | tuple) and given and all(
        isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0 for seed in given)
    if not good or len(set(given)) < len(given):
        raise SpecError(f"seeds must be a list of different integers from 0 on, "
                        f"but is {show(given)}.")
    return tuple(given)


def _recipe(network: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of [float], checked."""
    if "float" not in given:
        if network in ZOO:
            raise SpecError(f"[float] is required, as {network} has to be trained first, but the "
                            "study does not give it.")
        return None
    recipe = checked_fields("float", given["float"], recipe_fields())
    try:
        made = recipe_of(recipe, 0)
    except ValueError as error:
        raise SpecError(f"float: {error}") from None
    plain = {name: value for name, value in made.to_mapping().items()
             if name not in ("seed", "augmentation")}
    return plain | {name: value for name, value in recipe.items() if name not in plain}


# -- Rows ------------------------------------------------------------------------------------

def _axis_rows(base: dict[str, Any], axes: Any, combine: str | None) -> list[Row]:
    """Rows that differ from the base along axes: each axis on its own, or all with all."""
    if axes is None:
        if combine is not None:
            raise SpecError(f"combine must come with [axes], but is {show(combine)} without.")
        return []
    if combine not in (None, *COMBINE):
        raise SpecError(f"combine must be one of {', '.join(map(show, COMBINE))}, "
                        f"but is {show(combine)}.")
    if not isinstance(axes, Mapping) or not axes:
        raise SpecTypeError(f"[axes] must be a table of one list of values or more, "
                            f"but is {show(axes)}.")
    values = {name: _axis(name, given) for name, given in axes.items()}
    if combine == "product":
        chosen = (dict(zip(values, own)) for own in itertools.product(*values.values()))
        return [_row(",".join(f"{name}={_word(value)}" for name, value in own.items()), base, own)
                for own in chosen]
    start = _row("base", base, {})
    rows = [_row(f"{name}={_word(value)}", base, {name: value})
            for name, own in values.items() for value in own]
    return [start, *(row for row in rows if row.settings != start.settings)]


def _axis(name: str, given: Any) -> list[Any]:
    """The values of an axis, checked."""
    if not isinstance(given, list) or not given:
        raise SpecTypeError(f"axes.{name} must be a list of values, but is {show(given)}.")
    own = [checked_fields("axes", {name: value}, row_fields())[name] for value in given]
    for index, value in enumerate(own):
        if value in own[:index]:
            raise SpecError(f"axes.{name} must hold different values, but {_word(value)} stands "
                            "twice.")
    return own


def _own_rows(base: dict[str, Any], given: Any) -> list[Row]:
    """Rows of their own, [[row]]."""
    if not isinstance(given, list):
        raise SpecTypeError(f"row must be tables of their own, [[row]], but is {show(given)}.")
    rows = []
    for index, table in enumerate(given):
        own = checked_fields(f"row[{index}]", table, {"name": str, **row_fields()})
        name = own.pop("name", None)
        if name is None or not NAME.fullmatch(name):
            raise SpecError(f"row[{index}].name must be a name of letters, digits and any of "
                            f"_.,+=-, but is {'left out' if name is None else show(name)}.")
        rows.append(_row(name, base, own))
    return rows


def _row(name: str, base: dict[str, Any], own: dict[str, Any]) -> Row:
    return Row(name=name, settings=row_settings({**base, **own}))


def _word(value: Any) -> str:
    """A value as it stands in a name."""
    return "+".join(value) if isinstance(value, tuple) else str(value)


def _distinct(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows, if no two have one name or one setting."""
    names: set[str] = set()
    settings: dict[str, str] = {}
    for row in rows:
        if row.name in names:
            raise SpecError(f"row {row.name}: names of rows must differ, but this one stands "
                            "twice.")
        text = json.dumps(row.settings, sort_keys=True)
        if text in settings:
            raise SpecError(f"row {row.name}: must differ from the rows before, but has the "
                            f"settings of {settings[text]}.")
        names.add(row.name)
        settings[text] = row.name
    if not names:
        raise SpecError("rows must be one or more, by [axes] or [[row]], but there are none.")
    return tuple(rows)
