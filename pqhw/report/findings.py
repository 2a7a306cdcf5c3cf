"""The finding in words, whichever side wins, and what weakens it."""

from collections.abc import Iterable

from .numbers import quantity, ratio
from .ratios import Design, DeviceRatios

__all__ = ["caveats", "headline", "price_finding"]


def headline(part: DeviceRatios) -> str:
    """One sentence: who delivers how much more on a full device, at what accuracy.

    Compares the baseline with the most accurate design of another kind, or of its own kind where
    there is no other; equally accurate ones by throughput. Says that there is no ratio, and why,
    if a side is not verified.
    """
    base, rival = part.baseline, _rival(part)
    if base is None:
        return f"No result on {part.short_title}: {_reasons(part.designs)}."
    if rival is None:
        others = [design for design in part.designs if design.withheld is not None]
        alone = (f"{base.label} delivers {quantity(base.figures['rows_per_second'])} rows per "
                 f"second at {quantity(base.figures['fmax_mhz'], 'MHz')} on {part.short_title}, "
                 f"bit-exact in {base.measurement.verified}")
        return f"{alone}; no ratio, as {_reasons(others)}." if others else f"{alone}."
    factor = rival.ratios["device_limited_rows_per_second"]
    if not factor:
        return (f"No ratio on {part.short_title}: the throughput of a full device was not "
                "recorded for both designs.")
    winner, loser = (rival, base) if factor >= 1 else (base, rival)
    factor = max(factor, 1 / factor)
    one, other = _name(part, winner), _name(part, loser)
    if ratio(factor) == "1.00×":
        verb = f"{one} and {other} deliver equally many rows per second"
    else:
        verb = f"{one} delivers {ratio(factor)} the rows per second of {other}"
    return f"{verb} on a full {part.short_title}, {_accuracy(winner, rival)}."


def price_finding(part: DeviceRatios) -> str | None:
    """One sentence: rows per second per LUT equivalent at both prices, and for one copy."""
    base, rival = part.baseline, _rival(part)
    if base is None or rival is None:
        return None
    one, other = _name(part, rival), _name(part, base)
    pqa, scarcity = rival.ratios["rows_per_lut_pqa"], rival.ratios["rows_per_lut_scarcity"]
    if pqa is None or scarcity is None:
        return None
    copy = rival.ratios["rows_per_second"]
    return (f"Rows per second per LUT equivalent, {one} against {other}: {ratio(pqa)} at PQA's "
            f"prices, {ratio(scarcity)} by scarcity; one copy against one copy: {ratio(copy)}.")


def caveats(part: DeviceRatios) -> list[str]:
    """Sentences on what weakens the device's figures; empty if nothing does."""
    found = [f"{design.label}: {design.withheld.rstrip('.')}." for design in part.designs
             if design.withheld is not None]
    sound = [design for design in part.designs if design.withheld is None]
    for design in sound:
        found += [f"{design.label}: {sentence}" for sentence in _weaknesses(design)]
    base, rival = part.baseline, _rival(part)
    if base is not None and base.measurement.kind != "mac" and len(part.designs) > 1:
        found.append(f"No MAC design with performance: ratios refer to {base.label}.")
    if base is not None and rival is not None and _overlap(base, rival):
        found.append(f"The quartiles of {rival.label} and {base.label} over seeds overlap: the "
                     "difference of a full device's throughput is within the router's spread.")
    work = {design.measurement.multiply_accumulates_per_row for design in sound} - {None}
    if len(work) > 1:
        found.append("The designs stand for different numbers of multiply-accumulates per row.")
    for title, values in (("tool versions", _tools(sound)), ("hosts", _hosts(sound))):
        if len(set(values)) > 1:
            found.append(f"The designs were measured with different {title}.")
    return found


def _weaknesses(design: Design) -> list[str]:
    one = design.measurement
    found = [f"{level.level} failed ({level.reason or 'no reason was recorded'})."
             for level in one.verification if level.status == "failed"]
    if one.failed_seeds:
        found.append(f"{one.failed_seeds} of {len(one.seeds)} seeds failed to route.")
    routed = len(one.fmax_mhz.all) if one.fmax_mhz is not None else 0
    if routed == 1:
        found.append("one seed was routed, so nothing is known of the spread.")
    measured = one.cycles_per_row_measured
    if measured is not None and one.cycles_per_row is not None and measured != one.cycles_per_row:
        found.append(f"the simulation took {measured:g} cycles per row, the formula says "
                     f"{one.cycles_per_row}.")
    source = one.provenance
    clock = one.fmax_mhz.median if one.fmax_mhz is not None else 0
    if source is not None and clock >= source.constraint_mhz:
        found.append(f"the clock reached the constraint of {source.constraint_mhz:g} MHz and "
                     "could be faster.")
    if source is not None and source.parameters == "random":
        found.append("simulated with random parameters.")
    return found


def _rival(part: DeviceRatios) -> Design | None:
    base = part.baseline
    others = [design for design in part.designs
              if design.withheld is None and not design.is_baseline]
    if base is None or not others:
        return None
    foreign = [design for design in others if design.kind != base.kind]
    return max(foreign or others,
               key=lambda design: (design.measurement.accuracy or 0,
                                   design.figures["device_limited_rows_per_second"] or 0))


def _name(part: DeviceRatios, design: Design) -> str:
    same = [other for other in part.designs
            if other.withheld is None and other.kind == design.kind]
    return f"{design.kind} ({design.label})" if len(same) > 1 else design.kind


def _accuracy(winner: Design, rival: Design) -> str:
    difference = rival.accuracy_points
    if difference is None:
        return "accuracy not measured for both"
    if winner is not rival:
        difference = -difference
    if abs(difference) < 0.005:
        return "at equal accuracy"
    digits = 1 if abs(difference) >= 0.095 else 2
    return (f"at {abs(difference):.{digits}f} points {'less' if difference < 0 else 'more'} "
            "accuracy")


def _reasons(designs: Iterable[Design]) -> str:
    return "; ".join(f"{design.label} "
                     f"{'' if design.measurement.status == 'failed' else 'is '}"
                     f"{design.withheld}".rstrip(".") for design in designs)


def _overlap(base: Design, rival: Design) -> bool:
    ranges = []
    for design in (base, rival):
        fmax = design.measurement.fmax_mhz
        full = design.figures["device_limited_rows_per_second"]
        if fmax is None or not fmax.median or full is None or len(fmax.all) < 2:
            return False
        ranges.append((full * fmax.q1 / fmax.median, full * fmax.q3 / fmax.median))
    (low, high), (other_low, other_high) = ranges
    return low <= other_high and other_low <= high


def _tools(designs: Iterable[Design]) -> list[tuple]:
    """Versions, design by design, of the tools that all of them name: a generator of others is
    named by its own designs alone."""
    sources = [source for design in designs
               if (source := design.measurement.provenance) is not None]
    shared = set.intersection(*(set(source.tools) for source in sources)) if sources else set()
    return [(source.pqhw, *((name, source.tools[name]) for name in sorted(shared)))
            for source in sources]


def _hosts(designs: Iterable[Design]) -> list[str]:
    return [source.host for design in designs
            if (source := design.measurement.provenance) is not None]
