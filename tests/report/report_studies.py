"""Results of studies, made by hand."""

import io

from rich.console import Console

from pqhw.study.cost import Cost
from pqhw.study.results import RowResult, Run, StudyResult


def run_of(seed, accuracies, name="row", float_accuracy=0.98):
    """A run with accuracies converted and fine-tuned; a sentence instead is why it failed."""
    command = f"pqhw study study.toml --rows {name} --seeds {seed} -o again"
    if isinstance(accuracies, str):
        return Run(seed=seed, status="failed", reason=accuracies, command=command)
    converted, tuned = accuracies
    last = converted if tuned is None else tuned
    return Run(seed=seed, status="ok", float_accuracy=float_accuracy,
               converted_accuracy=converted, tuned_accuracy=tuned, command=command,
               lost_points=100 * (float_accuracy - last), network="rows/0/net.toml")


def row_of(name, runs, cost=None, **settings):
    """A row that differs from the base of `result_of` by its settings."""
    return RowResult(name=name, settings={**BASE, **settings}, cost=cost, runs=[
        run_of(seed, own, name) for seed, own in enumerate(runs, start=1)])


BASE = {"kind": "pq", "prototypes": 8, "table_bits": 5, "encoder": "l2"}


def pq_cost(table_bits):
    return Cost(table_bits=table_bits, prototype_bits=1000, weight_bits=500, lookups=40_000,
                distance_operations=20_000, products=9_000, replaced_products=100_000)


def result_of(*rows):
    """A study's result made by hand."""
    own = rows or (
        row_of("base", [(0.9, 0.97), (0.91, 0.98), (0.92, 0.975)], pq_cost(40_000)),
        row_of("prototypes=16", [(0.92, 0.98), (0.93, 0.98), (0.94, 0.98)], pq_cost(80_000),
               prototypes=16),
        row_of("table_bits=2", [(0.3, 0.8), (0.2, 0.82), (0.1, 0.9)], pq_cost(16_000),
               table_bits=2),
        row_of("encoder=l1", [(0.9, None), (0.9, None), (0.9, None)], pq_cost(40_000),
               encoder="l1"),
        row_of("int8", [(0.98, 0.98), "sums <are> too wide.", "sums <are> too wide."],
               Cost(weight_bits=60_000, products=109_000), kind="fixed", prototypes=0),
        row_of("mixed", ["no lanes.", "no lanes.", "no lanes."], kind="mixed"))
    return StudyResult(study="study.toml", title="A <b>study</b>", network="tiny", data="halves",
                       test_images=450, products=109_000, recipe={"epochs": 2}, device="cpu",
                       versions={"torch": "2"}, base=BASE, rows=list(own))


def printed(renderable, width=120):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(renderable)
    return console.file.getvalue().replace("\N{NO-BREAK SPACE}", " ")
