"""A search of engines as a part of a page: the front, and what was routed of it beside."""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..explore.search.pareto import nondominated
from ..explore.search.run import Member, RoutedEngine, RoutedFront, SearchResult
from ..flow.results import Area
from .numbers import ABSENT, count, quantity, share
from .plots import GREY, INK, ending, figure, plain, scale, step_line, unique
from .search import engines_told
from .sections import Mark, Plot, Row, Section, Table, Text, mark

__all__ = ["search_section"]

TITLES = {"rate": "rows per second", "lut4": "LUT4", "lut_equivalents": "LUT equivalents",
          "parameter_bits": "parameter bits", "error": "error", "energy_proxy": "energy proxy"}

MOST_MEMBERS = 500
"""Members that a page shows, evenly spaced along the front."""

MOST_NESTED = 60
"""Members of networks whose layers are told one by one."""


def search_section(result: SearchResult, routed: RoutedFront | None = None) -> Section:
    """The whole document, with what was routed of it."""
    members = _spaced(result.members, MOST_MEMBERS)
    single = len(result.layers) == 1
    plots = [_front(result, members, first, second, routed if single else None)
             for first, second in _pairs(result.objectives)]
    tables = [_members(result, members)] if members else []
    if routed is not None:
        plots += _beside(routed.engines)
        tables.append(_routed(routed))
    return Section(
        kicker=f"Search on {result.device}, estimated", title=result.title,
        finding=_finding(result, routed), facts=_facts(result), plots=plots, tables=tables,
        caveats=_caveats(result, routed, len(members)), texts_title="Engines of the layers",
        texts=[] if single else [_layers(member, number) for number, member in enumerate(
            _spaced(members, MOST_NESTED), start=1)])


def _spaced(members: Sequence[Member], most: int) -> list[Member]:
    if len(members) <= most:
        return list(members)
    return [members[index * (len(members) - 1) // (most - 1)] for index in range(most)]


def _pairs(objectives: Sequence[str]) -> list[tuple[str, str]]:
    """What stands against what: the first objective against each of the others."""
    first, rest = objectives[0], list(objectives[1:]) or ["lut4"]
    return [(first, other) for other in rest if other != first]


def _value(member: Member, objective: str) -> float:
    return float(member.area.lut4 if objective == "lut4" else getattr(member, objective))


def _finding(result: SearchResult, routed: RoutedFront | None) -> str:
    if not result.members:
        return "The document holds no designs."
    best = max(result.members, key=lambda member: member.rate)
    told = f"{count(len(result.members))} designs that no other of {count(result.points)} points " \
        f"beats; the fastest, by the estimate {quantity(best.rate)} rows/s with " \
        f"{count(best.area.lut4)} LUT4."
    good = [] if routed is None else [own for own in routed.engines if own.lut4 is not None]
    if routed is None or not good:
        return told
    return f"{told} Of {count(len(good))} engines that were routed, the estimate's median error " \
        f"is {share(routed.lut4_error)} in LUT4 and {share(routed.fmax_error)} in clock."


def _facts(result: SearchResult) -> list[tuple[str, str]]:
    budget = ", ".join(f"{count(getattr(result.budget, name))} {name.upper()}"
                       for name in Area.model_fields)
    return [("device", result.device), ("budget", budget),
            ("objectives", ", ".join(TITLES.get(name, name) for name in result.objectives)),
            ("search", "all combinations" if result.exact else "NSGA-II"),
            ("layers", count(len(result.layers))), ("points", count(result.points))]


def _caveats(result: SearchResult, routed: RoutedFront | None, shown: int) -> list[str]:
    told = ["Figures of the front are estimates" + (
        "; nothing of it was routed." if routed is None else
        ": what was routed stands beside them.")]
    if shown < len(result.members):
        told.append(f"{count(shown)} of {count(len(result.members))} designs are shown, evenly "
                    "spaced along the front.")
    told += [f"{layer}: {name}: {reason}" for layer, facts in result.layers.items()
             for name, reason in facts.impossible.items()]
    return told + [f"{own.name} failed: {own.reason}" for own in (routed.engines if routed else ())
                   if own.status != "ok"]


def _kind(member: Member) -> str:
    """By what its engines are chosen: of several layers' the most frequent."""
    names = [own.engine for own in member.engines.values()]
    return max(dict.fromkeys(names), key=names.count, default="")


def _front(result: SearchResult, members: Sequence[Member], first: str, second: str,
           routed: RoutedFront | None) -> Plot:
    """Two objectives against each other, the first upwards; designs by choice."""
    kinds = list(dict.fromkeys(map(_kind, members)))
    inks = dict(zip(kinds, itertools.cycle(INK)))
    traces = [_line(members, first, second)]
    for kind in kinds:
        kin = [member for member in members if _kind(member) == kind]
        traces.append({
            "type": "scatter", "mode": "markers", "x": [_value(member, second) for member in kin],
            "y": [_value(member, first) for member in kin],
            "marker": {"color": inks[kind], "size": 8, "symbol": "circle-open",
                       "line": {"width": 2}},
            "customdata": [[plain(engines_told(list(member.engines.values()))),
                            quantity(_value(member, first)), quantity(_value(member, second))]
                           for member in kin],
            "hovertemplate": f"%{{customdata[0]}}<br>%{{customdata[1]}} {TITLES[first]}, "
                             f"%{{customdata[2]}} {TITLES[second]}<extra></extra>"})
    legend: list[Mark] = [mark(inks[kind], kind, "open") for kind in kinds]
    pairs = [] if routed is None else _routed_places(members, routed.engines, first, second)
    for estimate, place, _ in pairs:
        traces += [{"type": "scatter", "mode": "lines", "x": [estimate[0], place[0]],
                    "y": [estimate[1], place[1]], "hoverinfo": "skip",
                    "line": {"color": GREY, "width": 1, "dash": "dot"}}]
    if pairs:
        traces.append({
            "type": "scatter", "mode": "markers", "x": [place[0] for _, place, _ in pairs],
            "y": [place[1] for _, place, _ in pairs],
            "marker": {"color": GREY, "size": 9, "symbol": "diamond"},
            "customdata": [plain(own.name) for _, _, own in pairs],
            "hovertemplate": "%{customdata}, routed<br>%{y:,.4s}, %{x:,.4s}<extra></extra>"})
        legend.append(mark(GREY, "routed, dotted from its estimate", "diamond"))
    values = [[_value(member, name) for member in members]
              + [place[at] for _, place, _ in pairs] for at, name in ((0, second), (1, first))]
    x, y = (scale(own) | {"title": {"text": TITLES[name]}, "nticks": 6}
            for own, name in zip(values, (second, first)))
    return Plot(
        title=f"{TITLES[first].capitalize()} against {TITLES[second]}",
        caption=f"{_better(first, second)}; the line joins designs that none beats in these two.",
        figure=figure(traces, x=x, y=y) if members else None, legend=legend)


def _better(first: str, second: str) -> str:
    up, right = ("Up" if first == "rate" else "Down", "right" if second == "rate" else "left")
    return f"{up} and to the {right} is better"


def _line(members: Sequence[Member], first: str, second: str) -> dict[str, Any]:
    costs = np.array([[_value(member, name) * (-1 if name == "rate" else 1)
                       for name in (second, first)] for member in members]).reshape(-1, 2)
    best = sorted((_value(members[index], second), _value(members[index], first))
                  for index in nondominated(costs))
    return step_line(best, GREY, "vh" if second == "rate" else "hv")


def _routed_places(members: Sequence[Member], engines: Sequence[RoutedEngine], first: str,
                   second: str) -> list[tuple[tuple[float, float], tuple[float, float],
                                              RoutedEngine]]:
    """Where a routed engine's estimate stands and where routing puts it; (x, y) each."""
    found = []
    for own in engines:
        figures: Mapping[str, float | None] = {
            "lut4": own.lut4, "lut_equivalents": own.lut_equivalents,
            "rate": own.fmax_mhz and own.fmax_mhz * 1e6 / own.cycles}
        for member in members:
            engine = next(iter(member.engines.values()))
            if (engine.lut4, engine.fmax_mhz, engine.cycles) == (
                    own.lut4_estimated, own.fmax_mhz_estimated, own.cycles):
                estimate = _value(member, second), _value(member, first)
                x, y = figures.get(second, estimate[0]), figures.get(first, estimate[1])
                if own.status == "ok" and x is not None and y is not None:
                    found.append((estimate, (x, y), own))
                break
    return found


def _beside(engines: Sequence[RoutedEngine]) -> list[Plot]:
    """LUT4 and clock of every routed engine beside its estimate."""
    names = unique([own.name for own in engines], ending)
    return [_pairs_of(engines, names, "LUT4, routed beside estimated", "LUT4", "lut4"),
            _pairs_of(engines, names, "Clock, routed beside estimated", "MHz", "fmax_mhz")]


def _pairs_of(engines: Sequence[RoutedEngine], names: Sequence[str], title: str, axis: str,
              field: str) -> Plot:
    estimates = [float(getattr(own, f"{field}_estimated")) for own in engines]
    found = [getattr(own, field) for own in engines]
    gaps = {"type": "scatter", "mode": "lines", "hoverinfo": "skip",
            "x": [value for own, estimate in zip(found, estimates)
                  for value in (estimate, own, None)],
            "y": [value for name in names for value in (name, name, None)],
            "line": {"color": GREY, "width": 1.5}}
    marks = [{"type": "scatter", "mode": "markers", "x": list(values), "y": list(names),
              "marker": {"color": INK[0], "size": 10, "symbol": symbol,
                         "line": {"width": 2, "color": INK[0]}},
              "customdata": [plain(own.name) for own in engines],
              "hovertemplate": f"%{{customdata}}<br>%{{x:,.1f}} {axis}, {word}<extra></extra>"}
             for values, symbol, word in ((estimates, "circle-open", "estimated"),
                                          (found, "circle", "routed"))]
    shown = [value for value in (*found, *estimates) if value is not None]
    return Plot(
        title=title, caption="Engines of the front that were verified, synthesized and routed.",
        legend=[mark(INK[0], "estimated", "open"), mark(INK[0], "routed")],
        figure=figure([gaps, *marks], height=110 + 26 * len(names),
                      x=scale(shown) | {"title": {"text": axis}, "nticks": 5},
                      y={"type": "category", "categoryorder": "array", "showgrid": False,
                         "categoryarray": list(names), "range": [len(names) - 0.5, -0.5],
                         "tickmode": "linear"}) if names else None)


def _members(result: SearchResult, members: Sequence[Member]) -> Table:
    rows = [Row([str(number), quantity(member.rate),
                 *map(count, (member.area.lut4, member.area.ff, member.area.bram,
                              member.area.dsp, member.lut_equivalents)),
                 f"{member.parameter_bits / 1000:,.1f}",
                 f"{member.error:.3g}" if "error" in result.objectives else ABSENT,
                 quantity(member.energy_proxy)], words=engines_told(list(member.engines.values())))
            for number, member in enumerate(members, start=1)]
    return Table(title="Designs that no other beats", rows=rows, wordy=True, columns=[
        "", "rows/s", "LUT4", "FF", "BRAM", "DSP", "LUT eq.", "kbit", "error", "energy proxy",
        "built of"], note="By the estimate. LUT equivalents at PQA's prices; kbit of parameters; "
        "the energy proxy is LUT equivalents times cycles.")


def _routed(routed: RoutedFront) -> Table:
    def off(estimated: float, found: float | None) -> str:
        return ABSENT if not found else f"{100 * (estimated / found - 1):+.1f} %".replace("-", "−")

    seeds = f"{len(routed.seeds)} seed{'s' * (len(routed.seeds) != 1)}"
    return Table(
        title="Routed", note=f"The clock is the median of {seeds}.",
        columns=["engine", "cycles", "LUT4, estimated", "routed", "off", "MHz, estimated",
                 "routed", "off"],
        rows=[Row([own.name, count(own.cycles), count(own.lut4_estimated), count(own.lut4),
                   off(own.lut4_estimated, own.lut4), f"{own.fmax_mhz_estimated:.1f}",
                   ABSENT if own.fmax_mhz is None else f"{own.fmax_mhz:.1f}",
                   off(own.fmax_mhz_estimated, own.fmax_mhz)]) if own.status == "ok" else
              Row([own.name, count(own.cycles)], failure=f"failed: {own.reason}")
              for own in routed.engines])


def _layers(member: Member, number: int) -> Text:
    lines = [f"{name}: {own.engine}, {count(own.lut4)} LUT4, {own.fmax_mhz:.1f} MHz, "
             f"{count(own.cycles)} cycles\n    " + json.dumps((own.spec or {}).get("folding", {}))
             for name, own in member.engines.items()]
    return Text(summary=f"{number}: {quantity(member.rate)} rows/s, {count(member.area.lut4)} LUT4",
                text="\n".join(lines))
