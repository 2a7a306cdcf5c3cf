"""Several specs measured on one device in one run."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..spec import SpecError
from ..spec.design import Design
from ..spec.devices import Device
from .cache import Cache
from .measure import Options, Work, measure
from .results import Comparison

__all__ = ["compare", "names_of"]


def names_of(paths: Sequence[Path]) -> list[str]:
    """A short name per spec file: its stem, or as much of its path as tells it apart."""
    stems = [path.stem for path in paths]
    return [path.stem if stems.count(path.stem) == 1 else str(path.with_suffix(""))
            for path in paths]


def compare(cache: Cache, designs: Sequence[tuple[str, Design]], part: Device, *,
            options: Options | None = None, works: Sequence[Work | None] | None = None,
            progress: Callable[[str], None] = lambda step: None) -> Comparison:
    """Measure every spec on `part`; what was measured before comes from the cache.

    Raises `SpecError` if the specs differ in inputs, outputs or the bits of their inputs, as
    their rates could then not be compared.
    """
    first_name, first = designs[0]
    for name, design in designs[1:]:
        for field, of_first, of_this in (
                ("layer.in_features", first.input.features, design.input.features),
                ("layer.out_features", first.results.features, design.results.features),
                ("precision.activation_bits", first.input.range.bits, design.input.range.bits)):
            if of_first != of_this:
                raise SpecError(f"{field} must be equal in designs that are compared, but is "
                                f"{of_first} in {first_name} and {of_this} in {name}.")
    given = works if works is not None else [None] * len(designs)
    measurements = [
        measure(cache, design, part, name=name, options=options, work=work,
                progress=lambda step, name=name: progress(f"{name}: {step}"))  # type: ignore[misc]
        for (name, design), work in zip(designs, given)]
    return Comparison(title=f"{', '.join(name for name, _ in designs)} on {part.title}",
                      measurements=measurements)
