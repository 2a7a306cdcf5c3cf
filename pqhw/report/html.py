"""One self-contained page per set of comparisons."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..flow.results import Comparison, Measurement
from ..spec.fields import SpecError
from ..spec.dataflow import design_from_mapping, dump_design
from .figures import colours, device_figures
from .findings import caveats, headline, price_finding
from .network import layer_colours, network_figures, network_finding
from .numbers import accuracy, count, quantity, share
from .ratios import AREA, Design, DeviceRatios, device_ratios, resource_shares
from .sections import Section
from .summary import summary_rows

__all__ = ["ReportError", "templates", "write_report"]

LEVELS = {"amaranth": "Amaranth simulator", "cxxrtl": "CXXRTL, on the Verilog",
          "cocotb": "cocotb, on the Verilog"}


class ReportError(RuntimeError):
    """The page cannot be written; one sentence says why."""


def write_report(comparisons: Sequence[Comparison], path: str | os.PathLike[str],
                 explored: Sequence[Section] = ()) -> Path:
    """Write an HTML page that needs no other file and no network.

    Equal comparisons and sections give equal bytes.

    Parameters
    ----------
    explored: sections of searches and sweeps; they stand below the comparisons

    Raises
    ------
    ReportError
        If Plotly or Jinja is not installed, or there is nothing to report.
    """
    pages = templates()
    if not explored and not any(comparison.measurements for comparison in comparisons):
        raise ReportError("the report needs at least one measurement, but there is none.")
    figures: dict[str, dict[str, Any]] = {}
    sections = [_section(comparison, index, figures)
                for index, comparison in enumerate(comparisons, start=1)
                if comparison.measurements]
    if sections:
        sections[0]["devices"][0]["leads"] = True
    parts = [_explored(section, index, figures) for index, section in enumerate(explored, start=1)]
    page = pages.get_template("report.html").render(
        sections=sections, explored=parts, figures=figures, levels=LEVELS, area=AREA)
    path = Path(path)
    path.write_text(page, encoding="utf-8", newline="\n")
    return path


def templates() -> Any:
    """Jinja's environment of the pages; `plotly` and `version` are in all of them.

    Raises
    ------
    ReportError
        If Plotly or Jinja is not installed.
    """
    try:
        import jinja2
        from plotly.offline import get_plotlyjs
    except ImportError:
        raise ReportError("the report needs plotly and jinja2; "
                          "run: pip install 'pqhw[report]'") from None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pqhw.report"), autoescape=True, trim_blocks=True,
        lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters |= {"accuracy": accuracy, "count": count, "quantity": quantity,
                            "share": share,
                            "foldable": _foldable}
    environment.globals |= {"version": __version__,
                            "plotly": get_plotlyjs().replace("</script", "<\\/script")}
    return environment


def _section(comparison: Comparison, index: int, figures: dict[str, Any]) -> dict[str, Any]:
    parts = device_ratios(comparison)
    devices = []
    for number, part in enumerate(parts, start=1):
        plots = []
        for order, entry in enumerate(device_figures(part, comparison), start=1):
            name = f"plot-{index}-{number}-{order}"
            if entry["figure"] is not None:
                figures[name] = entry["figure"]
            plots.append(entry | {"id": name})
        networks = [_network(design, f"layers-{index}-{number}-{order}", figures)
                    for order, design in enumerate(part.designs, start=1)
                    if design.measurement.network is not None]
        devices.append({"part": part, "finding": headline(part), "plots": plots,
                        "prices": price_finding(part), "caveats": caveats(part),
                        "rows": summary_rows(part), "levels": _levels(part),
                        "scarcity": _scarcity(part), "leads": False, "networks": networks,
                        "details": [_details(design) for design in part.designs]})
    return {"id": f"comparison-{index}", "comparison": comparison, "devices": devices,
            "ink": colours(comparison)}


def _foldable(text: str) -> Any:
    """A name that may be folded behind commas and slashes."""
    from markupsafe import Markup
    return Markup("<wbr>").join(re.split("(?<=[,/])", text))


def _explored(section: Section, index: int, figures: dict[str, Any]) -> dict[str, Any]:
    """A section with its place in the page; its figures join the page's."""
    own = f"explored-{index}"
    for order, plot in enumerate(section.plots, start=1):
        if plot.figure is not None:
            figures[f"{own}-{order}"] = plot.figure
    return {"id": own, **vars(section)}


def _network(design: Design, name: str, figures: dict[str, Any]) -> dict[str, Any]:
    """A network's layers; its figures join the page's."""
    one = design.measurement
    assert one.network is not None
    plots = []
    for order, entry in enumerate(network_figures(one), start=1):
        figures[f"{name}-{order}"] = entry["figure"]
        plots.append(entry | {"id": f"{name}-{order}"})
    layers = one.network.model_dump()
    return {"label": design.label, "finding": network_finding(one), "network": layers,
            "ink": layer_colours(one.network), "area": AREA, "plots": plots}


def _levels(part: DeviceRatios) -> list[str]:
    return [level for level in LEVELS
            if any(one.level == level for design in part.designs
                   for one in design.measurement.verification)]


def _scarcity(part: DeviceRatios) -> dict[str, float] | None:
    """LUT4 per unit of the scarce kinds on this device."""
    for design in part.designs:
        available = design.measurement.area_available
        if available is not None:
            return {AREA[name]: available.lut4 / getattr(available, name)
                    for name in ("bram", "dsp") if getattr(available, name)}
    return None


def _details(design: Design) -> dict[str, Any]:
    one = design.measurement
    shares = (resource_shares(one.area, one.area_available)
              if one.area is not None and one.area_available is not None else {})
    area = [{"title": title, "design": _unit(one.area, name), "raw": _unit(one.area_raw, name),
             "available": _unit(one.area_available, name), "share": share(shares.get(name))}
            for name, title in AREA.items()]
    runs = {level.level: level for level in one.verification}
    return {"design": design, "spec": _spec(one), "area": area, "runs": runs}


def _unit(area: Any, name: str) -> str:
    return count(getattr(area, name) if area is not None else None)


def _spec(one: Measurement) -> str:
    """The spec as a spec file, or as JSON where this version would write it otherwise."""
    try:
        chain = design_from_mapping(one.spec)
    except SpecError:
        chain = None
    if chain is not None and chain.to_mapping() == one.spec:
        return dump_design(chain).strip()
    return json.dumps(one.spec, indent=2, ensure_ascii=False)
