"""Verbs that answer from a spec alone, or hold models of others against ours."""

from typing import Annotated

import typer

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
    read_spec,
    show,
)
from .flow.cache import default_cache
from .spec import SpecError
from .spec.devices import device
from .verbs_measure import measuring_options

__all__ = ["estimate", "reproduce"]


def estimate(spec: SpecPath, device_name: DeviceName = "lfe5u-25f", json_out: Json = None) -> None:
    """Estimate area, clock and rate from a spec alone, with the estimate's error.

    Block RAMs, DSP blocks, LUT RAM and cycles are exact; LUT4, flip-flops and Fmax are fitted on
    routed designs and stand beside their error on designs that the fit has not seen.
    Example: pqhw estimate layer.toml --device lfe5u-25f
    """
    from .explore.estimate import estimate as run
    from .report.estimates import estimate_table
    result = run(read_spec(spec), device(device_name))
    show(result.to_json(), json_out, estimate_table(result))


def reproduce(what: Annotated[str, typer.Argument(metavar="WHAT", help="pqa")],
              device_name: DeviceName = "lfe5u-85f",
              network: Annotated[list[str] | None, typer.Option(
                  "--network", help="resnet20, kws or emnist; may be repeated; by default all")
              ] = None,
              model_only: Annotated[bool, typer.Option(
                  "--model-only", help="route nothing: the model and our cycles alone")] = False,
              seeds: Seeds = "1..5", jobs: Jobs = JOBS, toolchain: Toolchain = "yowasp",
              timeout: Timeout = 3600, json_out: Json = None) -> None:
    """Repeat a published comparison: PQA's model beside our cycles and routed designs.

    Minutes at first, seconds when repeated; --model-only at once.
    Example: pqhw reproduce pqa --network resnet20
    """
    from .explore.contest import CONTESTS
    from .explore.pqa import SETTINGS
    from .explore.reproduce import check_networks, reproduce_pqa
    from .report.pqa import reproduction_table
    if what != "pqa":
        raise SpecError(f"WHAT must be pqa, but is {what}.")
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
