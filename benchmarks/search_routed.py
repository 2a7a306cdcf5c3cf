"""Engines that a search finds beside those that are folded by rule, estimated and routed.

    python benchmarks/search_routed.py found                     # writes designs, and their sweep
    pqhw sweep found/sweep.toml -o found/routed --jobs 1         # routes them: about 40 minutes
    python benchmarks/search_routed.py found --learn routed.json # their table

Of every layer three PQ engines of the same numbers, within one budget: that of `pqhw size`, the
smallest of a search's front that is as fast, and the front's best in rows per second and LUT
equivalent. `--learn` keeps what was routed, as `pqhw search --learn` does.
"""

import argparse
import dataclasses
import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich.box
from rich.console import Console
from rich.table import Table

from pqhw.explore.estimate import Estimate, estimate
from pqhw.explore.search.learn import corrections, learn
from pqhw.explore.search.plan import Choice, Search
from pqhw.explore.search.run import run_search
from pqhw.explore.size import as_kind, parse_budget, size
from pqhw.explore.sweep.results import Row, load_sweep_result
from pqhw.flow.area import equivalents
from pqhw.report.numbers import count, quantity
from pqhw.spec import ChainSpec
from pqhw.spec.chain import engine_spec
from pqhw.spec.devices import device
from pqhw.spec.files import dump_spec, load_spec

PART = device("lfe5u-25f")
BUDGET = parse_budget("lut=6000", PART)
WAYS = ("rule", "fast", "dense")


def _layer(inputs: int, outputs: int, kernel: int, height: int, width: int, length: int
           ) -> dict[str, Any]:
    """A convolution that keeps its image's size, and its PQ numbers."""
    return {
        "layer": {"kind": "conv2d", "in_channels": inputs, "out_channels": outputs,
                  "kernel": kernel, "height": height, "width": width, "padding": kernel // 2},
        "engine": {"kind": "pq", "subvector_length": length, "prototypes": 16, "encoder": "l1"},
        "precision": {"activation_bits": 4, "activation_signed": False, "prototype_bits": 4,
                      "table_bits": 6, "output": {"bits": 4, "shift": 4}}}


LAYERS = {"stage1": _layer(16, 16, 3, 32, 32, 9), "stage2": _layer(32, 32, 3, 16, 16, 9),
          "stage3": _layer(64, 64, 3, 8, 8, 9), "keywords": _layer(64, 64, 1, 25, 5, 8),
          "emnist": _layer(16, 32, 3, 14, 14, 9)}


def engines(name: str, layer: Mapping[str, Any]) -> dict[str, ChainSpec]:
    """A layer's three engines."""
    sized = size(as_kind(layer, "pq"), PART, BUDGET)
    assert sized is not None, "some folding fits the budget"
    rule, made = sized
    front = run_search(Search(
        title=name, layers={name: layer}, part=PART, budget=BUDGET, constant=False,
        objectives=("rate", "lut_equivalents"), costs=None, seed=0,
        choices=(Choice(name="pq", kind="pq", changes={}),)))[0].members
    fast = min((own for own in front if own.rate >= 0.999 * made.rows_per_second),
               key=lambda own: own.lut_equivalents)
    dense = max(front, key=lambda own: own.rate / own.lut_equivalents)
    specs = [own.engines[name].spec for own in (fast, dense)]
    return dict(zip(WAYS, (rule, *(ChainSpec((engine_spec(spec),)) for spec in specs if spec))))


def write(folder: Path) -> None:
    """The designs, each once, and a sweep of them."""
    folder.mkdir(parents=True, exist_ok=True)
    texts: dict[str, str] = {}
    for name, layer in LAYERS.items():
        for way, chain in engines(name, layer).items():
            text = dump_spec(chain)
            (folder / f"{name}-{way}.toml").write_text(text, encoding="utf-8")
            texts.setdefault(text, f"{name}-{way}.toml")
    (folder / "sweep.toml").write_text(
        f'title = "By rule and by search"\nspecs = {json.dumps(list(texts.values()))}\n'
        f'devices = ["{PART.name}"]\nseeds = [1, 2]\n', encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class Compared:
    """A design's figures, estimated and routed."""
    name: str
    chain: ChainSpec
    estimate: Estimate
    row: Row | None

    @property
    def densities(self) -> tuple[float, float | None]:
        """Rows per second and LUT equivalent at PQA's prices, estimated and routed."""
        planned = self.estimate.rows_per_second / equivalents(self.estimate.area, PART).pqa
        if self.row is None or not self.row.rows_per_second or not self.row.lut_equivalents_pqa:
            return planned, None
        return planned, self.row.rows_per_second / self.row.lut_equivalents_pqa


def compared(folder: Path) -> list[Compared]:
    """All designs of a folder, with their rows as far as they were routed."""
    result = load_sweep_result(folder / "routed").rows if (folder / "routed").exists() else ()
    rows = {row.settings["spec"]: row for row in result if row.status == "ok"}
    found, first = [], {}
    for path in (folder / f"{name}-{way}.toml" for name in LAYERS for way in WAYS):
        first.setdefault(path.read_text(encoding="utf-8"), path.stem)
        chain = load_spec(path)
        found.append(Compared(path.stem, chain, estimate(chain, PART),
                              rows.get(first[path.read_text(encoding="utf-8")])))
    return found


def table(found: list[Compared]) -> Table:
    """Estimated and routed side by side."""
    made = Table(box=rich.box.SIMPLE_HEAD)
    for title in ("design", "LUT4", "routed", "LUT eq.", "routed", "MHz", "routed", "rows/s",
                  "routed", "per LUT eq.", "routed"):
        made.add_column(title, justify="left" if title == "design" else "right")
    for own in found:
        plan, row = own.estimate, own.row
        planned, routed = own.densities
        made.add_row(
            own.name, count(plan.area.lut4), count(row.lut4) if row and row.lut4 else "",
            count(round(equivalents(plan.area, PART).pqa)),
            count(round(row.lut_equivalents_pqa)) if row and row.lut_equivalents_pqa else "",
            f"{plan.fmax_mhz:.0f}", f"{row.fmax_mhz:.0f}" if row and row.fmax_mhz else "",
            quantity(plan.rows_per_second),
            quantity(row.rows_per_second) if row and row.rows_per_second else "",
            f"{planned:.2f}", f"{routed:.2f}" if routed else "")
    return made


def errors(found: list[Compared]) -> str:
    """Medians of how far estimates were off, each design once."""
    own = list({json.dumps(one.chain.to_mapping()): one for one in found if one.row}.values())
    luts = [one.estimate.area.lut4 / one.row.lut4 - 1 for one in own if one.row and one.row.lut4]
    clocks = [one.estimate.fmax_mhz / one.row.fmax_mhz - 1 for one in own
              if one.row and one.row.fmax_mhz]
    if not luts or not clocks:
        return "nothing is routed yet"
    return (f"{len(own)} designs; medians of errors: "
            f"LUT4 {statistics.median(map(abs, luts)):.1%}, "
            f"clock {statistics.median(map(abs, clocks)):.1%}; "
            f"with their signs {statistics.median(luts):+.1%}, {statistics.median(clocks):+.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--learn", type=Path, metavar="FILE", help="add what was routed to a file")
    given = parser.parse_args()
    if not (given.folder / "sweep.toml").exists():
        write(given.folder)
    found = compared(given.folder)
    Console(width=130).print(table(found))
    print(errors(found))
    if given.learn is not None:
        learned = learn(given.learn, PART.name, [
            (one.chain.first.to_mapping(), one.row.lut4, one.row.fmax_mhz) for one in found
            if one.row and one.row.lut4 and one.row.fmax_mhz])
        for own in corrections(learned, PART.name).values():
            print(f"{own.kind}: {own.engines} engines, LUT4 times {own.lut4}, "
                  f"clock times {own.fmax}")


if __name__ == "__main__":
    main()
