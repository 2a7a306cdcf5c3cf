"""The verb that writes an integer network for other tools."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from .console import Json, out, show
from .spec import SpecError

__all__ = ["export"]


def export(network: Annotated[Path, typer.Argument(
               metavar="NETWORK", help="integer network (.toml), as pqhw convert writes it; its "
                                       "parameters lie beside it, in the .npz file of the same "
                                       "name")],
           output: Annotated[Path | None, typer.Option(
               "-o", "--output", help="file to write (.onnx); NETWORK.onnx where left out")] = None,
           params: Annotated[Path | None, typer.Option(
               help="parameters (.npz) from elsewhere")] = None,
           json_out: Json = None) -> None:
    """Write an integer network as an ONNX file, whose results are the hardware's, bit for bit.

    Layers with tables become the operators PQEncode and PQLookup of the domain pqhw; the file also
    holds them as functions of ONNX's own operators, so that onnxruntime 1.20 and later executes it
    as it is. All else is ONNX's own. Images are [N, C, H, W], of integers; what an integer stands
    for is a property of the file, pqhw.step/TENSOR.
    Example: pqhw export int8/digits-cnn.toml -o digits.onnx
    """
    from .network.onnx import export_integer_onnx
    from .quant.files import load_integer_network
    from .quant.real import real_steps
    if network.suffix != ".toml":
        raise SpecError(f"NETWORK must be the .toml file of an integer network, but is {network}.")
    path = network.with_suffix(".onnx") if output is None else output
    if path.suffix != ".onnx":
        raise SpecError(f"--output must end in .onnx, but is {path}.")
    own = load_integer_network(network, params)
    spec = own.spec
    operators = export_integer_onnx(spec, own.parameters, path, steps=real_steps(own))
    size = path.stat().st_size
    table = Table("node", "kind", Column("operators of the file", overflow="fold"),
                  title=escape(f"{spec.name}, {len(operators)} nodes"))
    for node in spec.nodes:
        table.add_row(escape(node.name), node.op.KIND, ", ".join(operators[node.name]))
    show({"schema_version": 1, "document": "export", "network": spec.name, "file": str(path),
          "bytes": size,
          "nodes": [{"node": node.name, "kind": node.op.KIND,
                     "operators": list(operators[node.name])} for node in spec.nodes]},
         json_out, table)
    if json_out != "-":
        out.print(f"ONNX file: {path}, {size:,} bytes", soft_wrap=True, highlight=False,
                  markup=False)
