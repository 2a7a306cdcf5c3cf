"""The comparison with PQA as text: its model's tables, routed designs, and what weakens both."""

import rich.box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..explore.reproduce import ModelFigures, NetworkResult, Reproduction
from .numbers import count, ratio
from .tables import bullet, comparison_table

__all__ = ["reproduction_table"]


def reproduction_table(reproduction: Reproduction) -> RenderableType:
    """Per network the model beside our engines' cycles, then the routed designs."""
    parts: list[RenderableType] = []
    for result in reproduction.networks:
        parts += [Text.assemble((result.network.title, "bold"), (f"; {result.layers} layers",
                                                                 "dim")),
                  _cycles(result), Text(), _per_area(result), Text()]
        if result.comparison is not None:
            parts += [comparison_table(result.comparison), Text()]
    return Group(*parts, *(bullet(note) for note in reproduction.notes))


def _table(title: str, *columns: str) -> Table:
    table = Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    table.add_column(title, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _baselines(result: NetworkResult) -> tuple[tuple[str, ModelFigures], ...]:
    return ("DLA, 48 lanes", result.dla), ("DLA, 16 lanes", result.dla_fitting)


def _cycles(result: NetworkResult) -> Table:
    loading = result.settings[0].ours.load_bits
    table = _table("cycles, 32 × 32 lookups", "model, DDR", "model, HBM", "ours, DDR", "computing",
                   f"{loading}-bit loads")
    for name, figures in _baselines(result):
        table.add_row(name, count(figures.ddr_cycles), count(figures.hbm_cycles))
    for row in result.settings:
        table.add_row(f"PQ {row.setting}", count(row.array.ddr_cycles),
                      count(row.array.hbm_cycles), count(row.ours.total), count(row.ours.compute),
                      count(row.ours.load))
    return table


def _per_area(result: NetworkResult) -> Table:
    table = _table("model, per area (DDR)", "area", "per area", "no DSPs", "per area", "best array",
                   "no DSPs")
    for name, figures in _baselines(result):
        table.add_row(name, count(figures.area), ratio(figures.per_area))
    for row in result.settings:
        table.add_row(f"PQ {row.setting}", count(row.array.area), ratio(row.array.per_area),
                      count(row.array_no_dsp.area), ratio(row.array_no_dsp.per_area),
                      _best(row.best, row.best_lanes),
                      _best(row.best_no_dsp, row.best_no_dsp_lanes))
    return table


def _best(figures: ModelFigures, lanes: tuple[int, int]) -> str:
    return f"{ratio(figures.per_area)} ({lanes[0]}×{lanes[1]})"
