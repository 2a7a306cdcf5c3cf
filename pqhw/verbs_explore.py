"""Verbs that answer from a spec alone, or hold models of others against ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group

from .console import (
    JOBS,
    DeviceName,
    Jobs,
    Json,
    Seeds,
    SpecPath,
    Timeout,
    Toolchain,
    emit,
    out,
    progress_bar,
    read_design,
    read_spec,
    show,
)
from .flow.cache import default_cache
from .spec import SpecError
from .spec.dataflow import DataflowSpec
from .spec.devices import Device, device
from .spec.network import is_network, load_network
from .verbs_measure import measuring_options, succeed_if_verified

if TYPE_CHECKING:
    from .explore.balance import Balanced

__all__ = ["estimate", "reproduce", "size"]


def estimate(spec: SpecPath, device_name: DeviceName = "lfe5u-25f", json_out: Json = None) -> None:
    """Estimate area, clock and rate from a spec alone, with the estimate's error.

    Block RAMs, DSP blocks, LUT RAM and cycles are exact; LUT4, flip-flops and Fmax are fitted on
    routed designs and stand beside their error on designs that the fit has not seen. Of a network,
    compiled or with the foldings in its file, every layer's area, the cycles of an image, and what
    bounds the rate.
    Example: pqhw estimate layer.toml --device lfe5u-25f
    """
    from .explore.estimate import estimate as run
    from .report.estimates import estimate_table
    part = device(device_name)
    network = _network(spec)
    if network is not None:
        from .explore.balance import as_folded
        _show_network(as_folded(network, part), part, json_out)
        return
    result = run(read_spec(spec), part)
    show(result.to_json(), json_out, estimate_table(result))


def _network(path: Path) -> DataflowSpec | None:
    """A network as an accelerator, from its own file or a compiled one; None for engines."""
    if is_network(path):
        return DataflowSpec(load_network(path)).with_buffers()
    design = read_design(path)
    return design if isinstance(design, DataflowSpec) else None


def _show_network(found: "Balanced", part: Device, json_out: str | None) -> None:
    """The table of a network, and below it what bounds it and how good the estimate is."""
    from .explore.fit import fitted
    from .report.dataflow import dataflow_findings, dataflow_json, dataflow_table
    from .report.estimates import error_of
    from .report.tables import bullet
    family = fitted()["families"][part.family]
    errors = {name: family["errors"][name] for name in ("lut4", "ff")}
    held_out = family["points"]["held_out"]
    document = dataflow_json(found, part)
    document |= {"errors": {**errors, "held_out_points": held_out},
                 "fits": max(document["shares"].values()) <= 1}
    notes = [*dataflow_findings(found, part),
             f"LUT4 {error_of(errors['lut4'], held_out)}, of single layers; block RAMs and DSP "
             "blocks are exact."]
    show(document, json_out, Group(dataflow_table(found, part), *map(bullet, notes)))


def size(network: Annotated[Path | None, typer.Argument(
             metavar="[NETWORK]", help="integer network (.toml), all of whose layers are folded "
                                       "together, instead of --layer")] = None,
         layer: Annotated[Path | None, typer.Option(
             "--layer", help="spec file of one layer; its folding is what is looked for")] = None,
         device_name: DeviceName = "lfe5u-25f",
         budget: Annotated[str | None, typer.Option(
             "--budget", help="lut=5000,dsp=10,bram=20,ff=8000; what is left out is all of the "
                              "device, or 80 % of its LUT4 and FF")] = None,
         kinds: Annotated[list[str] | None, typer.Option(
             "--kind", help="pq, fixed, pot, sp2, mixed or bitplane; may be repeated; by "
                            "default all that the file can be")] = None,
         output: Annotated[Path | None, typer.Option(
             "-o", "--output", help="folder for the specs that were found")] = None,
         route: Annotated[bool, typer.Option(
             "--route/--no-route", help="verify, synthesize and route what was found")] = True,
         seeds: Seeds = "1..3", jobs: Jobs = JOBS, toolchain: Toolchain = "yowasp",
         timeout: Timeout = 3600, json_out: Json = None) -> None:
    """Find the folding with the best rate within a budget, for every engine kind.

    The search takes a second and rests on the estimator; then every kind's best design is measured
    and compared, minutes at first. Of a network the layers are balanced, as pqhw compile does it,
    with parameters built in; nothing is routed.
    Example: pqhw size --layer layer.toml --device lfe5u-25f --budget lut=5000,dsp=10,bram=20
    """
    if (network is None) == (layer is None):
        raise SpecError("size needs one of NETWORK and --layer, but has "
                        f"{'neither' if layer is None else 'both'}.")
    if network is not None:
        if kinds:
            raise SpecError("--kind must be left out for a network, whose layers have kinds, but "
                            f"is {kinds[0]}.")
        _size_network(network, device(device_name), budget, output, json_out)
        return
    assert layer is not None
    from .explore.size import KINDS, parse_budget, size_kinds
    from .flow.compare import compare as measured
    from .report import comparison_table
    from .report.sizes import size_table
    from .spec.files import dump_spec, load_mapping
    part = device(device_name)
    most = parse_budget(budget, part)
    mapping = load_mapping(layer)
    asked = tuple(dict.fromkeys(kinds)) if kinds else KINDS
    found = size_kinds(mapping, asked, part, most)
    chains = [(one.kind, one.chain) for one in found if one.chain is not None]
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for kind, chain in chains:
            (output / f"{layer.stem}-{kind}.toml").write_text(dump_spec(chain), encoding="utf-8")
    result: dict[str, Any] = {
        "schema_version": 1, "document": "size", "device": part.name, "budget": most.model_dump(),
        "kinds": [{"kind": one.kind, "estimate": one.estimate.to_json()} if one.estimate
                  else {"kind": one.kind, "reason": one.reason} for one in found]}
    comparison = None
    if route:
        options = measuring_options(seeds, jobs, toolchain, timeout)
        with progress_bar() as bar:
            task = bar.add_task("measuring", total=len(chains) * (len(options.seeds) + 2))
            comparison = measured(
                default_cache(), chains, part, options=options,
                progress=lambda step: bar.update(task, advance=1, description=step))
        result["comparison"] = comparison.model_dump(mode="json")
    if json_out:
        emit(result, json_out)
    if json_out != "-":
        out.print(size_table(found, part, most))
        if comparison is not None:
            out.print(comparison_table(comparison))
    if comparison is not None:
        succeed_if_verified(comparison.measurements)


def _size_network(path: Path, part: Device, budget: str | None, output: Path | None,
                  json_out: str | None) -> None:
    """The fastest design of a network that a budget holds."""
    from .explore.balance import balance
    from .explore.size import parse_budget
    from .spec.dataflow import dump_design
    network = load_network(path)
    most = parse_budget(budget, part)
    with progress_bar() as bar:
        task = bar.add_task("folding layers", total=len(network.engines))
        found = balance(network, part, most,
                        progress=lambda name: bar.update(task, advance=1, description=name))
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "spec.toml").write_text(dump_design(found.design), encoding="utf-8")
    _show_network(found, part, json_out)


def reproduce(what: Annotated[str, typer.Argument(metavar="WHAT", help="pqa or mapping")],
              device_name: DeviceName = "lfe5u-85f",
              network: Annotated[list[str] | None, typer.Option(
                  "--network", help="of pqa: resnet20, kws or emnist; may be repeated; by default "
                                    "all")
              ] = None,
              model_only: Annotated[bool, typer.Option(
                  "--model-only", help="of pqa, route nothing: the model and our cycles alone")
              ] = False,
              seeds: Seeds = "1..5", jobs: Jobs = JOBS, toolchain: Toolchain = "yowasp",
              timeout: Timeout = 3600, json_out: Json = None) -> None:
    """Repeat published figures: PQA's model beside our cycles and routed designs, or mappings.

    pqa: minutes at first, seconds when repeated; --model-only at once. mapping: access counts, best
    mappings and their number, of Eyeriss-like and Simba-like arrays; within a minute.
    Example: pqhw reproduce pqa --network resnet20
    """
    from .explore.contest import CONTESTS
    from .explore.pqa import SETTINGS
    from .explore.reproduce import check_networks, reproduce_pqa
    from .report.pqa import reproduction_table
    if what == "mapping":
        _reproduce_mapping(json_out)
        return
    if what != "pqa":
        raise SpecError(f"WHAT must be pqa or mapping, but is {what}.")
    names = check_networks(dict.fromkeys(network or SETTINGS))
    part = device(device_name)
    options = measuring_options(seeds, jobs, toolchain, timeout)
    steps = sum(len(CONTESTS[name].designs()) for name in names) * (len(options.seeds) + 2)
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=steps)
        result = reproduce_pqa(
            names, cache=default_cache(), part=None if model_only else part, options=options,
            progress=lambda step: bar.update(task, advance=1, description=step))
    if json_out:
        emit(result.to_json(), json_out)
    if json_out != "-":
        out.print(reproduction_table(result))
    if not result.ok:
        raise typer.Exit(1)


def _reproduce_mapping(json_out: str | None) -> None:
    from .explore.mapping.reproduce import NOTES, STEPS, reproduce_mapping
    from .report.mapping import comparison_of_figures
    from .report.tables import bullet
    with progress_bar() as bar:
        task = bar.add_task("mapping", total=STEPS)
        figures = reproduce_mapping(
            progress=lambda step: bar.update(task, advance=1, description=step))
    show({"schema_version": 1, "document": "mapping-reproduction",
          "figures": [one.to_json() for one in figures], "notes": list(NOTES)},
         json_out, Group(comparison_of_figures(figures), *map(bullet, NOTES)))
    if not all(one.equal for one in figures if one.checked):
        raise typer.Exit(1)
