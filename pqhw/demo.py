"""The main job: digits, from training to routed and bit-exact PQ and MAC accelerators."""

import concurrent.futures
import dataclasses
import hashlib
import importlib.metadata
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .emit.product import write_product
from .flow.cache import Cache
from .flow.measure import Options, Work, measure
from .flow.results import Comparison, Measurement
from .flow.tools import TOOLS, ToolError, run_tool, tool_version
from .network import DenseNetwork, Digits, load_digits, train_digits, variations
from .quant import accuracy, mac_network, mac_preset, pq_network, pq_preset
from .report import write_report
from .sim.levels import LevelName
from .spec import ChainSpec, MACFolding, PQFolding
from .spec.devices import device, resolve
from .spec.files import dump_spec, load_parameters, load_spec, save_parameters
from .spec.parameters import Parameters

__all__ = ["DESIGNS", "MORE_DESIGNS", "Design", "run_demo"]

LEVELS: tuple[LevelName, ...] = ("cxxrtl", "cocotb")
"""Levels every design of the demo must pass: the whole test set, and the protocol."""

Progress = Callable[[str, int, int | None], None]


@dataclasses.dataclass(frozen=True)
class Design:
    """A way to build the network on a device.

    Members
    -------
    kind, preset: pq or mac, and the settings in `pqhw.quant.presets`
    folding: per layer
    engine: per layer, fields of the engine to replace
    """
    name: str
    kind: str
    preset: str
    device: str
    folding: tuple[PQFolding, ...] | tuple[MACFolding, ...]
    engine: tuple[dict[str, object], ...]


def _pq(*layers: tuple[int, int, int, int]) -> tuple[PQFolding, ...]:
    """Subspaces, outputs, prototypes and results per cycle, layer by layer."""
    return tuple(PQFolding(subspaces_per_cycle=subspaces, outputs_per_cycle=outputs,
                           prototypes_per_cycle=prototypes, elements_per_cycle=64,
                           results_per_cycle=results)
                 for subspaces, outputs, prototypes, results in layers)


def _mac(*layers: tuple[int, int, int]) -> tuple[MACFolding, ...]:
    """Inputs, outputs and results per cycle, layer by layer."""
    return tuple(MACFolding(inputs_per_cycle=inputs, outputs_per_cycle=outputs,
                            results_per_cycle=results) for inputs, outputs, results in layers)


BRAM: dict[str, object] = {"table_storage": "bram", "prototype_storage": "lutram"}
ICE40: dict[str, object] = {"table_storage": "bram", "bram_register": False}
LOGIC: dict[str, object] = {"multiplier": "lut", "weight_storage": "bram"}
DSP: dict[str, object] = {"multiplier": "dsp", "weight_storage": "bram"}
NO_REGISTER: dict[str, object] = {"bram_register": False}

DESIGNS = (
    Design("pq-ecp5", "pq", "ecp5", "lfe5u-25f",
           _pq((2, 16, 4, 1), (2, 16, 4, 1), (1, 5, 8, 1)), (BRAM,) * 3),
    Design("mac-int8-ecp5", "mac", "low", "lfe5u-25f",
           _mac((4, 4, 1), (4, 4, 1), (1, 3, 1)), (LOGIC, LOGIC, DSP)),
    Design("pq-ice40", "pq", "ice40", "ice40up5k",
           _pq((4, 16, 1, 1), (2, 16, 1, 1), (1, 10, 2, 1)), (ICE40,) * 3),
    Design("mac-int8-ice40", "mac", "low", "ice40up5k",
           _mac((4, 4, 1), (4, 4, 1), (1, 3, 1)),
           ({**LOGIC, **NO_REGISTER}, {**LOGIC, **NO_REGISTER}, {**DSP, **NO_REGISTER})),
)
"""Every layer of a chain takes the same number of cycles per row. Tables and weights that are
read a few words at a time stand in block RAM, prototypes in LUT RAM where the device has it.
The MAC designs have 8-bit weights and the hidden activations of the PQ designs, 3 bits: as accurate
as with 8 bits, and smaller, so the stronger baseline."""

MORE_DESIGNS = (
    Design("mac-int8-a8-ecp5", "mac", "int8", "lfe5u-25f",
           _mac((4, 4, 1), (4, 4, 1), (1, 3, 1)), (LOGIC, LOGIC, DSP)),
)
"""Measured on request: the same with hidden activations of 8 bits."""


def _learn(folder: Path, digits: Digits) -> None:
    """Train once, convert for every design, and keep specs, parameters and accuracies."""
    network = train_digits(digits)
    rows = variations(digits.train_rows)
    found: dict[str, float] = {
        "float": float(network.accuracy(digits.test_rows, digits.test_labels))}
    for design in DESIGNS + MORE_DESIGNS:
        chain, parameters = _convert(design, network, rows)
        (folder / f"{design.name}.toml").write_text(dump_spec(chain), encoding="utf-8")
        save_parameters(folder / f"{design.name}.npz", chain, parameters)
        found[design.name] = accuracy(chain, parameters, digits.test_rows, digits.test_labels)
    (folder / "accuracy.json").write_text(json.dumps(found))


def _convert(design: Design, network: DenseNetwork,
             rows: np.ndarray) -> tuple[ChainSpec, tuple[Parameters, ...]]:
    is_pq = design.kind == "pq"
    folding: Any = design.folding
    preset: Any = (pq_preset if is_pq else mac_preset)(design.preset, folding=folding)
    settings = [dataclasses.replace(own, engine=dataclasses.replace(own.engine, **engine))
                for own, engine in zip(preset, design.engine)]
    return (pq_network if is_pq else mac_network)(network, rows, settings)


def _warm_up(cache: Cache) -> None:
    """Let the tools compile their WebAssembly, once per machine, while the network is trained."""
    def make(folder: Path) -> None:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda tool: run_tool(tool, ["--version"], folder), TOOLS))

    try:
        cache.get("tools", [tool_version(tool) for tool in TOOLS], make)
    except ToolError:
        pass  # What is wrong with a tool is said where it is used.


def _sources() -> dict[str, str]:
    """What decides the learned integers besides the designs: our code and the libraries."""
    code = hashlib.sha256()
    for part in ("demo.py", "quant", "network", "golden", "spec"):
        path = Path(__file__).parent / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            code.update(file.read_bytes())
    return {"code": code.hexdigest(), **{package: importlib.metadata.version(package)
                                         for package in ("numpy", "scikit-learn")}}


def run_demo(cache: Cache, folder: Path, *, options: Options | None = None,
             designs: Sequence[Design] | None = None,
             progress: Progress = lambda step, done, total: None) -> Comparison:
    """Train, convert, verify, route and compare; write everything into `folder`.

    Parameters
    ----------
    designs:
        Which to measure; by default all of `DESIGNS`.
    progress:
        Called with what has been done, steps done and steps in all.

    Returns
    -------
    What is also written as `comparison.json` and, where its packages are there, `report.html`.
    """
    options = Options() if options is None else options
    designs = DESIGNS if designs is None else designs
    folder.mkdir(parents=True, exist_ok=True)
    progress("training and converting", 0, None)
    warming = threading.Thread(target=_warm_up, args=(cache,), daemon=True)
    warming.start()
    digits = load_digits()
    learned = cache.get("learning", {"designs": repr(DESIGNS + MORE_DESIGNS), **_sources()},
                        lambda made: _learn(made, digits))
    warming.join()
    accuracies = json.loads((learned / "accuracy.json").read_text())
    steps = len(designs) * (len(LEVELS) + 1 + len(options.seeds))
    done = 0

    def step(text: str) -> None:
        nonlocal done
        done += 1
        progress(text, done, steps)

    def one(design: Design) -> Measurement:
        chain = load_spec(learned / f"{design.name}.toml")
        parameters = load_parameters(chain, learned / f"{design.name}.npz")
        _write(folder / design.name, chain, parameters, design)
        result = measure(
            cache, chain, device(design.device), name=design.name, options=options,
            work=Work(parameters=parameters, rows=digits.test_rows, levels=LEVELS),
            accuracy=accuracies[design.name],
            progress=lambda text: step(f"{design.name}: {text}"))
        text = result.model_dump_json(indent=2) + "\n"
        (folder / design.name / "measurement.json").write_text(text, encoding="utf-8")
        return result

    with concurrent.futures.ThreadPoolExecutor(len(designs)) as pool:
        measurements = list(pool.map(one, designs))
    comparison = Comparison(
        title="Handwritten digits", task="a 64-64-64-10 classifier of 8x8 images",
        float_accuracy=accuracies["float"], test_rows=len(digits.test_rows),
        notes=_notes(measurements),
        measurements=measurements)
    (folder / "comparison.json").write_text(comparison.model_dump_json(indent=2) + "\n",
                                            encoding="utf-8")
    write_report([comparison], folder / "report.html")
    return comparison


def _notes(measurements: Sequence[Measurement]) -> list[str]:
    """What was left out, why, and what bit-exactness then rests on."""
    notes = {f"{level.level} not run: {level.reason}": None for one in measurements
             for level in one.verification if level.status == "not run"}
    if any(one.verified == "amaranth" for one in measurements):
        notes["Bit-exactness rests on Amaranth's own simulator, over fewer rows; it runs the "
              "portable RTL, not the device's primitives."] = None
    return list(notes)


def _write(folder: Path, chain: ChainSpec, parameters: Sequence[Parameters],
           design: Design) -> None:
    part = device(design.device)
    write_product(resolve(chain, part), folder, target=part.family, parameters=parameters)
    save_parameters(folder / "parameters.npz", chain, parameters)
