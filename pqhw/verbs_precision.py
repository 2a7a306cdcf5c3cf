"""The verb that searches the bits of all layers."""

from pathlib import Path
from typing import Annotated, Any

import typer

from .console import Json, progress_bar, read_data, show, write_page
from .flow.cache import default_cache
from .spec import SpecError

__all__ = ["explore"]

SEARCH, COSTS = "The search", "What bits cost"


def explore(network: Annotated[str, typer.Argument(
                metavar="NETWORK", help="a network of the zoo, or a graph (.npz)")],
            arch: Annotated[str, typer.Option(
                rich_help_panel=COSTS,
                help="eyeriss-16, eyeriss-8, simba-16, or a .toml or .yaml file")] = "eyeriss-16",
            data: Annotated[str | None, typer.Option(
                help="digits, glyphs, or what else pqhw data reads")] = None,
            accuracy: Annotated[str, typer.Option(
                help="converted: of the integer network on --data; noise: of quantization, fast, "
                     "and no accuracy; a .json file of what each layer's bits lose; auto: the "
                     "first where there is --data, else noise")] = "auto",
            output: Annotated[Path | None, typer.Option(
                "-o", "--output", help="folder for explore.json and explore.html")] = None,
            classes: Annotated[int | None, typer.Option(
                min=1, help="outputs of a network of the zoo; as published where left out")] = None,
            cost: Annotated[str, typer.Option(
                rich_help_panel=SEARCH, help="edp (summed over layers), energy or cycles")] = "edp",
            operators: Annotated[str, typer.Option(
                rich_help_panel=SEARCH, help="stepwise, which begins where noise is least for the "
                                             "cost, or published")] = "stepwise",
            generations: Annotated[int, typer.Option(rich_help_panel=SEARCH)] = 25,
            parents: Annotated[int, typer.Option(rich_help_panel=SEARCH)] = 10,
            offspring: Annotated[int, typer.Option(rich_help_panel=SEARCH)] = 10,
            seed: Annotated[int, typer.Option(
                min=0, help="of the search and of all random draws")] = 0,
            samples: Annotated[int, typer.Option(
                rich_help_panel=COSTS, min=1,
                help="random mappings per layer, where there are too many for all")] = 50_000,
            compat: Annotated[str, typer.Option(
                rich_help_panel=COSTS, help="timeloop-q, with the published model's "
                                            "simplifications, or exact")] = "timeloop-q",
            json_out: Json = None) -> None:
    """Search activation and weight bits of every layer: accuracy against energy and cycles.

    Every layer's best mapping is tabulated for all bits first, in half a minute on eyeriss-16 and
    minutes on simba-16, once; the search itself takes seconds, but for measuring accuracy.
    Example: pqhw explore mobilenet-v1 --arch eyeriss-16 -o explored
    """
    from .explore.mapping.cost import CostModel
    from .explore.mapping.files import load_architecture
    from .explore.mapping.network import SearchSettings
    from .explore.mapping.request import graph_of
    from .explore.mapping.workload import network_workloads
    from .explore.precision.search import TradeSettings, search_bits
    from .explore.precision.tables import cost_table
    from .explore.precision.trades import Trades, noise_of, random_inputs
    from .report.precision import trades_table
    from .report.precision_page import write_trades
    architecture, model = load_architecture(arch), CostModel(compat=compat)
    settings = TradeSettings(cost=cost, operators=operators, parents=parents,
                             offspring=offspring, generations=generations, seed=seed)
    graph = graph_of(network, classes=classes)
    images = None if data is None else read_data(data)
    inputs = random_inputs(graph, seed=seed) if images is None \
        else graph.check_inputs(images.train_images[:32])
    noise = noise_of(graph, inputs)
    evaluator = _evaluator(accuracy, graph, images, noise, seed)
    workloads = network_workloads(graph)
    with progress_bar(remaining=True) as bar:
        task = bar.add_task("mappings", total=len(workloads))
        table = cost_table(workloads, architecture, model,
                           SearchSettings(samples=samples, seed=seed), cache=default_cache(),
                           progress=lambda layer: bar.update(task, advance=1, description=layer))
        task = bar.add_task("generations", total=generations)
        result = search_bits(table, evaluator, settings, noise=noise,
                             progress=lambda one: bar.update(task, completed=one.number))
    trades = Trades(graph.name, architecture, model, table, result)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        show(trades.to_json(), str(output / "explore.json"), "")
        write_page(write_trades, trades, output / "explore.html")
    show(trades.to_json(), json_out, trades_table(trades))


def _evaluator(accuracy: str, graph: Any, images: Any, noise: Any, seed: int) -> Any:
    from .explore.precision.accuracy import Converted, Tabulated
    if accuracy == "auto":
        accuracy = "noise" if images is None else "converted"
    if accuracy == "noise":
        return noise
    if accuracy == "converted":
        if images is None:
            raise SpecError("--accuracy converted needs --data, on which accuracy is measured.")
        return Converted(graph, images, seed=seed)
    if not accuracy.endswith(".json"):
        raise SpecError(f"--accuracy must be auto, converted, noise or a .json file, "
                        f"but is {accuracy}.")
    return Tabulated(accuracy, [node.name for node in graph.layers])
