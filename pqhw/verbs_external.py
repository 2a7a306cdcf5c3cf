"""The verb that measures what generators of others make of a layer."""

from pathlib import Path
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
    progress_bar,
    read_spec,
    show,
)
from .flow.cache import default_cache
from .spec import SpecError
from .spec.devices import device
from .spec.files import load_parameters
from .verbs_measure import measuring_options, succeed_if_verified

__all__ = ["external"]


def external(generator: Annotated[str, typer.Argument(metavar="GENERATOR", help="da4ml")],
             spec: SpecPath,
             params: Annotated[Path, typer.Option(help="parameters (.npz of integers)")],
             device_name: DeviceName = "lfe5u-25f",
             cutoffs: Annotated[str, typer.Option(
                 "--cutoff", help="adders between two registers; of several, as in 1,2,4, each is "
                                  "a design")] = "1",
             beside: Annotated[list[Path] | None, typer.Option(
                 "--beside", metavar="SPEC", help="an engine of ours for the same layer and "
                                                  "integers, measured too; may be repeated")
             ] = None,
             output: Annotated[Path | None, typer.Option(
                 "-o", "--output", help="folder for the Verilog and the result")] = None,
             seeds: Seeds = "1..5", jobs: Jobs = JOBS, toolchain: Toolchain = "yowasp",
             timeout: Timeout = 3600, json_out: Json = None) -> None:
    """Measure a generator of others on a layer with constant weights, as synth does an engine.

    da4ml (pip install 'pqhw\\[da4ml]') makes a dense MAC layer's products a graph of adders. Ports,
    bias and results are ours; it is simulated bit-exact, routed and reported as every design.
    Example: pqhw external da4ml layer.toml --params p.npz --beside layer.toml
    """
    from .external.layer import External
    from .external.measure import compare_external
    from .external.rows import external_verilog
    from .report import comparison_table, measurement_table
    if generator != "da4ml":
        raise SpecError(f"GENERATOR must be da4ml, but is {generator}.")
    part = device(device_name)
    options = measuring_options(seeds, jobs, toolchain, timeout)
    chain = read_spec(spec)
    parameters = load_parameters(chain, params)
    cache = default_cache()
    designs = [(f"{spec.stem}-{generator}-{cutoff}", External(cache, chain, parameters, cutoff))
               for cutoff in _cutoffs(cutoffs)]
    engines = []
    for path in beside or ():
        own = read_spec(path)
        engines.append((path.stem, own, load_parameters(own, params)))
    with progress_bar() as bar:
        task = bar.add_task("measuring", total=(len(designs) + len(engines))
                            * (len(options.seeds) + 2))
        comparison = compare_external(
            cache, designs, part, engines=engines, options=options,
            progress=lambda step: bar.update(task, advance=1, description=step))
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for name, design in designs:
            (output / f"{name}.v").write_text(external_verilog(design, part), encoding="utf-8")
        emit(comparison, str(output / "comparison.json"))
    show(comparison, json_out, measurement_table(comparison.measurements[0])
         if len(comparison.measurements) == 1 else comparison_table(comparison))
    succeed_if_verified(comparison.measurements)


def _cutoffs(text: str) -> list[int]:
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise SpecError(f"--cutoff must be a number or a list like 1,2,4, but is {text}.") from None
