"""How numbers are written: the same in the terminal and in the page."""

import math

__all__ = ["ABSENT", "accuracy", "count", "duration", "finite", "points", "quantity", "ratio",
           "share"]

ABSENT = "–"
"""What stands where there is no number."""

SPACE = "\N{NO-BREAK SPACE}"
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def finite(value: float | None) -> float | None:
    """The value, or None where it is absent, infinite or not a number."""
    return value if value is not None and math.isfinite(value) else None


def count(value: float | None) -> str:
    """A whole number with thousands separated: 24,288."""
    value = finite(value)
    return ABSENT if value is None else f"{value:,.0f}"


def quantity(value: float | None, unit: str = "") -> str:
    """Three significant digits with a prefix: 12.3 M, 846 k, 0.0125."""
    value = finite(value)
    if value is None:
        return ABSENT
    for scale, prefix in PREFIXES:
        if abs(value) >= 0.9995 * scale:
            return f"{_three(value / scale)}{SPACE}{prefix}{unit}"
    return f"{_three(value)}{SPACE}{unit}" if unit else _three(value)


def duration(seconds: float) -> str:
    """A time of two units at most: 1 h 5 min, 12 min, 3 s."""
    if seconds < 99.5:
        return f"{max(1, round(seconds))}{SPACE}s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes}{SPACE}min"
    return f"{minutes // 60:,}{SPACE}h {minutes % 60}{SPACE}min"


def ratio(value: float | None) -> str:
    """A ratio of two designs: 1.72×."""
    value = finite(value)
    if value is None:
        return ABSENT
    if value == 0:
        return "0×"
    return f"{value:.2f}×" if 0.1 <= abs(value) < 9.995 else f"{_three(value)}×"


def share(value: float | None) -> str:
    """A part of a whole in per cent: 5.1 %."""
    value = finite(value)
    if value is None:
        return ABSENT
    percent = 100 * value
    return f"{percent:.0f}{SPACE}%" if percent >= 9.95 or percent == 0 else f"{percent:.1f}{SPACE}%"


def accuracy(value: float | None) -> str:
    """A share of rows classified correctly: 97.31 %."""
    value = finite(value)
    return ABSENT if value is None else f"{100 * value:.2f}{SPACE}%"


def points(value: float | None) -> str:
    """A difference of accuracies in percentage points, signed: −0.90 pp."""
    value = finite(value)
    if value is None:
        return ABSENT
    return f"{value:+.2f}".replace("-", "−").replace("+0.00", "±0").replace("−0.00", "±0") \
        + f"{SPACE}pp"


def _three(value: float) -> str:
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(float(f"{value:.2e}")))))
    return f"{value:,.{digits}f}"
