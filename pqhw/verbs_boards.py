"""Verbs about boards: a bitstream, and rows through a board that holds it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from .console import Json, Timeout, Toolchain, out, parse_seeds, progress_bar, read_design, show
from .flow.cache import default_cache
from .spec import SpecError
from .spec.design import Design
from .spec.devices import device
from .spec.files import load_rows_with_precisions

__all__ = ["build", "run"]

BoardName = Annotated[str | None, typer.Option(
    "--board", help="ulx3s-85f, ecp5-evn, orangecrab, icebreaker, ice40-hx8k, tang-nano-9k, or "
                    "sim")]


def build(spec: Annotated[Path, typer.Argument(
              metavar="DESIGN", help="spec file (TOML) of an engine or a compiled network, or the "
                                     "folder that holds it as spec.toml; or a network that is yet "
                                     "to be compiled")],
          board_name: BoardName = None,
          params: Annotated[Path | None, typer.Option(
              help="parameters (.npz); the folder keeps them, and pqhw run loads them; of a "
                   "network the file beside it where left out")] = None,
          output: Annotated[Path | None, typer.Option(
              "-o", "--output", help="folder; DESIGN-BOARD where left out")] = None,
          freq: Annotated[float | None, typer.Option(
              min=0.01, help="clock in MHz that must be held; where left out, one that routing "
                             "reaches")] = None,
          baud: Annotated[int, typer.Option(min=1, help="bits per second of the serial line")
                          ] = 1_000_000,
          seeds: Annotated[str, typer.Option(
              help="placement seeds that are tried until the clock is held: 1..5, or 1,2,7")] = "1",
          budget: Annotated[str | None, typer.Option(
              help="of a network that is yet to be compiled, what the accelerator may take: "
                   "lut=4000,dsp=4,bram=20,ff=4000; where left out, what the serial link leaves")
          ] = None,
          interval: Annotated[int | None, typer.Option(
              min=1, help="of such a network, cycles from an image to the next that are enough; as "
                          "few as fit where left out")] = None,
          toolchain: Toolchain = "yowasp", timeout: Timeout = 3600,
          json_out: Json = None) -> None:
    """Make a bitstream: the design behind a serial line, on a board.

    The clock is held, or the build fails and says which clock is. With --board sim no bitstream is
    made, and pqhw run simulates the same Verilog at its pins. A network is compiled first, as pqhw
    compile does it, with room left for the serial link.
    Example: pqhw build layer.toml --board icebreaker --params p.npz -o build
    """
    from boards.catalog import SIMULATED, board

    from .host.folder import build_board
    from .spec.network import is_network
    if board_name is None:
        raise SpecError("--board must be given, but is missing.")
    if board_name != SIMULATED:
        board(board_name)
    path = spec / "spec.toml" if spec.is_dir() else spec
    if is_network(path):
        params = path.with_suffix(".npz") if params is None else params
        design = _compiled(path, params, board_name, budget, interval, json_out)
    else:
        for option, value in (("--budget", budget), ("--interval", interval)):
            if value is not None:
                raise SpecError(f"{option} must be left out for a design whose folding is decided, "
                                f"but is {value}.")
        design = read_design(path)
    folder = Path(f"{spec.stem}-{board_name}") if output is None else output
    with progress_bar() as bar:
        task = bar.add_task("building", total=None)
        about = build_board(default_cache(), design, folder, board_name, parameters=params,
                            freq_mhz=freq, baud=baud, seeds=parse_seeds(seeds),
                            toolchain=toolchain, timeout=timeout,
                            progress=lambda step: bar.update(task, description=step))
    show(about, json_out, _built(about, folder))


def _compiled(path: Path, params: Path, board_name: str, budget: str | None,
              interval: int | None, json_out: str | None) -> Design:
    """A network as an accelerator that leaves room for the board's link, and its table."""
    from boards.catalog import BOARDS, SIMULATED

    from .explore.on_board import balance_on_board
    from .report.dataflow import dataflow_table
    from .spec.network import load_network, load_network_parameters, with_rows_as_given
    network = load_network(path)
    network = with_rows_as_given(network, load_network_parameters(network, params))
    own = None if board_name == SIMULATED else BOARDS[board_name]
    with progress_bar() as bar:
        task = bar.add_task("folding layers", total=len(network.engines))
        found = balance_on_board(network, own, budget=budget, interval=interval,
                                 progress=lambda name: bar.update(task, advance=1,
                                                                  description=name))
    if json_out != "-":
        out.print(dataflow_table(found, device("lfe5u-25f") if own is None else own.part))
    return found.design


def _built(about: dict[str, Any], folder: Path) -> Table:
    table = Table(title=f"{about['board']} in {escape(str(folder))}", show_header=False)
    rows = [("clock", f"{about['clock_hz'] / 1e6:g} MHz")]
    if "reached_mhz" in about:
        rows.append(("routing reached", f"{about['reached_mhz']:g} MHz, seed {about['seed']}"))
    rate = about["clock_hz"] / about["cycles_per_row"]
    rows += [("rows per second, accelerator alone", f"{rate:,.0f}"),
             ("line", f"{about['baud']} baud"), ("identity", about["identity"])]
    if "program" in about:
        rows.append(("to load it", about["program"]))
    for name, value in rows:
        table.add_row(name, escape(value))
    return table


def run(folder: Annotated[Path | None, typer.Option(
            "--design", help="folder that pqhw build wrote")] = None,
        rows_path: Annotated[Path | None, typer.Option(
            "--images", help="rows [R, D] or images [R, H, W, C] (.npy), or rows and precision "
                             "(.npz)")] = None,
        output: Annotated[Path | None, typer.Option("-o", "--output",
                                                    help="results [R, N] (.npy)")] = None,
        expect: Annotated[Path | None, typer.Option(
            help="results to compare with (.npy)")] = None,
        golden: Annotated[bool, typer.Option(
            "--golden", help="compare with the integer model")] = False,
        test: Annotated[bool, typer.Option(
            "--self-test", help="patterns over the line, then random rows against the integer "
                                "model")] = False,
        board_name: BoardName = None,
        port: Annotated[str | None, typer.Option(
            help="serial port; where left out, the board's own is looked for")] = None,
        simulate: Annotated[bool, typer.Option(
            "--simulate", help="simulate the board, its Verilog at its pins")] = False,
        serve_: Annotated[bool, typer.Option(
            "--serve", help="put the simulated board at a pseudo-terminal until Ctrl-C")] = False,
        params: Annotated[Path | None, typer.Option(
            help="parameters (.npz) to load instead of those it was built with")] = None,
        latency: Annotated[float | None, typer.Option(
            min=0.001, help="seconds that a port may take on top of its bit times")] = None,
        json_out: Json = None) -> None:
    """Run rows through a board and compare what comes back.

    Whatever the line loses or changes is sent again, and a board that lost its power is loaded
    again. The board must hold the bitstream of the folder, which is asked of it first.
    Example: pqhw run --design build --images x.npy --golden --simulate
    """
    from boards.catalog import SIMULATED

    from .host.folder import BoardFolder
    from .host.run import connect, run_board, self_test, simulated_board
    if folder is None:
        raise SpecError("--design must be given, but is missing.")
    own = BoardFolder.read(folder)
    if board_name not in (None, own.board, SIMULATED):
        raise SpecError(f"--board must be {own.board}, which {folder} was built for, or sim, but "
                        f"is {board_name}.")
    if serve_:
        from .host.pty import serve
        serve(simulated_board(default_cache(), own), lambda name: out.print(name))
        return
    if test == (rows_path is not None):
        raise SpecError("run needs one of --images and --self-test, but has "
                        f"{'both' if test else 'neither'}.")
    rows, precisions = (None, None) if rows_path is None else load_rows_with_precisions(
        own.design, rows_path)
    expected = None if expect is None else _expected(expect)
    opened, name = connect(default_cache(), own, port=port, latency=latency,
                           simulated=simulate or board_name == SIMULATED)
    try:
        with progress_bar(remaining=True) as bar:
            task = bar.add_task("opening", total=None)

            def tell(what: str, done: int, total: int) -> None:
                bar.update(task, description=what, completed=done, total=total)

            if rows is None:
                report = self_test(own, opened, name, parameters=params, progress=tell)
            else:
                report = run_board(own, opened, name, rows, precisions=precisions,
                                   parameters=params, expected=expected, golden=golden,
                                   progress=tell)
    finally:
        opened.close()
    if output is not None and report.run is not None:
        import numpy as np
        with output.open("wb") as file:
            np.save(file, report.run.results)
    show(report.to_json(), json_out, report.table())
    if not report.ok:
        raise typer.Exit(1)


def _expected(path: Path) -> Any:
    from .spec.files import load_results
    return load_results(path)
