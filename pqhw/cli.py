"""The command line: every verb calls one public function and prints what it returns."""

from typing import Annotated

import typer

from . import __version__, console
from .verbs_boards import build, run
from .verbs_compile import compile_
from .verbs_convert import convert
from .verbs_design import doctor, schema, sim, verilog
from .verbs_evaluate import evaluate
from .verbs_explore import estimate, reproduce, size
from .verbs_export import export
from .verbs_external import external
from .verbs_import import import_
from .verbs_map import map_
from .verbs_measure import compare, demo, report, synth
from .verbs_network import data
from .verbs_precision import explore
from .verbs_search import search
from .verbs_study import study
from .verbs_sweep import sweep
from .verbs_train import train

__all__ = ["app", "main"]

VERBS = (verilog, sim, estimate, size, synth, compare, sweep, search, external, report, reproduce,
         map_, explore, import_, data, train, convert, evaluate, export, compile_, build, run,
         study, doctor, schema, demo)
"""In the order in which the help lists them."""

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
                  pretty_exceptions_enable=False,
                  help="Neural-network layers as FPGA accelerators that look results up instead "
                       "of multiplying: generate Verilog, simulate it bit-exact, synthesize and "
                       "route it, compare.")
for verb in VERBS:
    app.command(verb.__name__.rstrip("_"))(verb)


@app.callback(invoke_without_command=True)
def _program(version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
             ) -> None:
    if version:
        console.out.print(f"pqhw {__version__}")
        raise typer.Exit()


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; user errors are one sentence on standard error and exit code 1."""
    console.run(app, arguments)


if __name__ == "__main__":
    main()
