"""A network on an overlay layer by layer, for people and for machines."""

from typing import Any

from rich.markup import escape
from rich.table import Column, Table

from ..spec.overlay import Program
from ..spec.overlay.cycles import SETTLING, program_timeline

__all__ = ["overlay_json", "overlay_table"]


def overlay_json(program: Program) -> dict[str, Any]:
    """Plain values: of every node its jobs, cycles of work and of waiting for parameters, and port
    words, in an image that follows another."""
    times = program_timeline(program, 3)
    count = len(program.blocks)
    cycles = times.image_ends[2] - times.image_ends[1]
    nodes: dict[str, dict[str, Any]] = {}
    for block, (_, loaded), (first, last), free in zip(
            program.blocks, times.loads[-count:], times.steps[-count:], times.begins[-count:]):
        own = nodes.setdefault(block.node, {"node": block.node, "kinds": [], "jobs": 0,
                                            "cycles": 0, "waiting": 0, "port_words": 0})
        if block.job.kind.name.lower() not in own["kinds"]:
            own["kinds"].append(block.job.kind.name.lower())
        own["jobs"] += 1
        own["cycles"] += last - first + 1
        own["waiting"] += max(0, loaded + SETTLING - free)
        own["port_words"] += block.beats(program.spec)
    waiting = sum(own["waiting"] for own in nodes.values())
    spec = program.spec
    return {"schema_version": 1, "document": "overlay", "network": program.name,
            "overlay": spec.to_mapping(), "cycles_per_image": cycles,
            "waiting_for_parameters": waiting,
            "lookups": program.lookups, "products": program.products,
            "lookup_utilisation": round(program.lookups / spec.lookups_per_cycle / cycles, 4)
            if spec.lookups_per_cycle else None,
            "product_utilisation": round(program.products / spec.products_per_cycle / cycles, 4),
            "port_words": program.beats, "activation_words": program.depth,
            "nodes": list(nodes.values())}


def overlay_table(document: dict[str, Any]) -> Table:
    """A row per node: what its jobs do, and what they take."""
    cycles = document["cycles_per_image"]
    table = Table(Column("node", overflow="fold"), "jobs", *(
        Column(name, justify="right") for name in ("count", "cycles", "share", "waiting",
                                                   "port words")),
        title=escape(f"{document['network']} on an overlay: {cycles:,} cycles per image"))
    for node in document["nodes"]:
        table.add_row(escape(node["node"]), ", ".join(node["kinds"]), str(node["jobs"]),
                      f"{node['cycles']:,}", f"{100 * node['cycles'] / cycles:.1f} %",
                      f"{node['waiting']:,}", f"{node['port_words']:,}")
    table.add_section()
    waiting = document["waiting_for_parameters"]
    table.add_row("all", "", str(sum(node["jobs"] for node in document["nodes"])), f"{cycles:,}",
                  "", f"{waiting:,}, {100 * waiting / cycles:.1f} %",
                  f"{document['port_words']:,}")
    for name, title in (("lookup_utilisation", "lookups"), ("product_utilisation", "products")):
        if document[name] is not None:
            table.add_row(f"{title}, of what a cycle can", "", "", "",
                          f"{100 * document[name]:.1f} %", "", "")
    return table
