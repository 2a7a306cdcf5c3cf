"""From an integer network to a program of an overlay."""

import dataclasses
from collections.abc import Mapping

from ...spec.mac import MACSpec
from ...spec.network import Engine, NetworkSpec
from ...spec.overlay import OverlaySpec, Program
from ...spec.overlay.program import input_port
from ...spec.parameters import Parameters
from ...spec.ports import RowPort
from ...spec.pq import PQSpec
from .jobs import input_block, step_blocks
from .plan import plan_network

__all__ = ["compile_program"]


def compile_program(network: NetworkSpec, parameters: Mapping[str, Parameters],
                    spec: OverlaySpec) -> Program:
    """The program of a network.

    Parameters
    ----------
    parameters: of every engine, by the node's name

    Raises
    ------
    SpecError
        If the overlay cannot do a node, or its memories do not hold what the network needs: one
        sentence that names the node, the rule and the value.
    """
    plan = plan_network(network, spec)
    by_spec = {id(engine): parameters[name] for name, engine in network.engines.items()}
    blocks = [input_block(spec, plan.input)]
    for step in plan.steps:
        own = by_spec[id(step.op.spec)] if isinstance(step.op, Engine) else None
        blocks += step_blocks(spec, step, own)
    final = blocks[-1]
    blocks[-1] = dataclasses.replace(final, job=dataclasses.replace(final.job, last=1))
    shape = network.shapes[network.output]
    results = RowPort(network.ranges[network.output], shape, shape[-1], spec.lanes)
    return Program(
        spec, network.name, tuple(blocks),
        input_port(spec, network.input.shape, plan.input.shape[-1], network.input.range), results,
        plan.depth,
        lookups=sum(engine.layer.units_out * engine.subspaces * engine.layer.row_outputs
                    for engine in network.engines.values() if isinstance(engine, PQSpec)),
        products=sum(engine.layer.multiply_accumulates for engine in network.engines.values()
                     if isinstance(engine, MACSpec)))
