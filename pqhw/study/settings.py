"""What a row of a study may set: the fields of the plan, of the fine-tuning and of its recipe."""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from ..quant.plan import Plan
from ..spec.fields import SpecError, SpecTypeError, hint, show

__all__ = ["adapting_of", "checked_fields", "plan_of", "recipe_fields", "recipe_of", "row_fields",
           "row_settings", "tuning_of"]

TUNING = {"epochs": 20, "batch": 64, "rate": 0.02, "optimiser": "adam", "decay": 0.0}
"""Where fine-tuning differs from the defaults of a `Recipe`, as in `pqhw convert`."""

ADAPTING = {"adapt": 0, "adapt_rate": 0.01}
"""Epochs and rate of the training in floating point before."""

WORDS = {int: "an integer", float: "a number", str: "a word", bool: "true or false",
         tuple: "a list of words"}


@functools.cache
def recipe_fields() -> dict[str, Any]:
    """Type of every field of a training, by name; the seed is the study's."""
    from ..quant.training import Augmentation, Recipe
    own = typing.get_type_hints(Recipe)
    own = {name: kind for name, kind in own.items() if name not in ("seed", "augmentation")}
    return own | typing.get_type_hints(Augmentation)


@functools.cache
def row_fields() -> dict[str, Any]:
    """Type of every field of a row, by name; `epochs = 0` stands for no fine-tuning, as `adapt = 0`
    does for none in floating point."""
    from ..quant.training.integer import Tuning
    tuning = typing.get_type_hints(Tuning)
    return {**typing.get_type_hints(Plan),
            **{name: kind for name, kind in tuning.items() if name != "recipe"},
            **{name: type(value) for name, value in ADAPTING.items()}, **recipe_fields()}


def checked_fields(where: str, given: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a table of a file, each of its kind.

    Raises
    ------
    SpecError, SpecTypeError
        One sentence that begins with `where` and the field.
    """
    if not isinstance(given, Mapping):
        raise SpecTypeError(f"[{where}] must be a table of fields, but is {show(given)}.")
    for name in given:
        if name not in known:
            raise SpecError(f"{where}.{name} is not a field of [{where}]; {hint(name, known)}")
    return {name: checked(f"{where}.{name}", value, known[name]) for name, value in given.items()}


def checked(name: str, value: Any, kind: Any) -> Any:
    """The value of a field, a list as a tuple."""
    union = isinstance(kind, types.UnionType)
    first = next(own for own in (typing.get_args(kind) if union else (kind,))
                 if own is not types.NoneType)
    plain = typing.get_origin(first) or first
    if plain is tuple:
        good = isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        value = tuple(value) if good else value
    elif plain is float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        value = float(value) if good else value
    else:
        good = isinstance(value, plain) and (plain is bool or not isinstance(value, bool))
    if not good:
        raise SpecTypeError(f"{name} must be {WORDS[plain]}, but is {show(value)}.")
    return value


def row_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a row as plain values, defaults filled in.

    Random changes of images are settings only where one of them is given; without, there are none.
    """
    from ..quant.training import Recipe
    from ..quant.training.integer import Tuning
    defaults = {field.name: field.default for cls in (Plan, Tuning, Recipe)
                for field in dataclasses.fields(cls) if field.name in row_fields()}
    return {name: list(value) if isinstance(value, tuple) else value
            for name, value in {**defaults, **ADAPTING, **TUNING, **given}.items()}


def plan_of(settings: Mapping[str, Any]) -> Plan:
    """The plan of a row's settings."""
    own: dict[str, Any] = {field.name: settings[field.name]
                           for field in dataclasses.fields(Plan)}
    own = {name: tuple(value) if isinstance(value, list) else value
           for name, value in own.items()}
    return Plan(**own)


def recipe_of(settings: Mapping[str, Any], seed: int) -> Any:
    """The `Recipe` among settings, with a seed."""
    from ..quant.training import Augmentation, Recipe
    changes = {field.name: settings[field.name] for field in dataclasses.fields(Augmentation)
               if field.name in settings}
    names = [field.name for field in dataclasses.fields(Recipe)
             if field.name in settings and field.name in recipe_fields()]
    return Recipe(**{name: settings[name] for name in names}, seed=seed,
                  augmentation=Augmentation(**changes) if changes else None)


def adapting_of(settings: Mapping[str, Any], seed: int) -> Any:
    """The `Tuning` of a row's training in floating point, or None without epochs."""
    from ..quant.training.integer import Tuning, adapting_recipe
    if settings["adapt"] == 0:
        return None
    own = {**settings, "epochs": settings["adapt"], "rate": settings["adapt_rate"]}
    return Tuning(recipe=adapting_recipe(recipe_of(own, seed)),
                  **{name: settings[name] for name in ("share", "gradient", "hints")})


def tuning_of(settings: Mapping[str, Any], seed: int) -> Any:
    """The `Tuning` of a row's settings, or None without epochs."""
    from ..quant.training.integer import Tuning
    if settings["epochs"] == 0:
        return None
    own = {field.name: settings[field.name] for field in dataclasses.fields(Tuning)
           if field.name != "recipe"}
    return Tuning(recipe=recipe_of(settings, seed), **own)
