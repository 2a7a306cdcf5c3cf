"""Specs of engines on planes of bits: named odd cases, and any small one."""

from typing import Any

from builders import chain, mac, output_specs, small_mac, tiny
from conv_builders import conv_layers
from hypothesis import strategies as st

from pqhw.spec import BitplaneSpec, ChainSpec, Requantize
from pqhw.spec.tables import LOAD_BITS

U4 = Requantize(bits=4)


def planes(**values: Any) -> BitplaneSpec:
    """A spec on planes of bits from its fields, whatever table they stand in."""
    shape = {} if "C" in values else {"D": 5, "N": 3}
    spec = mac(**{**shape, "scheme": "bitplane", "weight_bits": 3, "activation_bits": 3, **values})
    assert isinstance(spec, BitplaneSpec)
    return spec


def plane_cases() -> dict[str, ChainSpec]:
    """Named configurations at the edges of what a spec admits."""
    two = {"weight_planes_per_cycle": 2, "activation_planes_per_cycle": 2}
    three = [[3, 3], [1, 2], [2, 1]]
    cases = {
        "nothing divides": planes(D=37, N=11, inputs_per_cycle=5, outputs_per_cycle=3,
                                  precisions=three, output=U4),
        "nothing divides, pm1": planes(
            D=37, N=11, inputs_per_cycle=9, outputs_per_cycle=4, planes="pm1", precisions=three,
            output=Requantize(bits=8, signed=True, mode="scale")),
        "one bit each": planes(D=11, N=4, weight_bits=1, activation_bits=1, planes="pm1",
                               activation_signed=False, inputs_per_cycle=4),
        "one bit each, two's complement": planes(weight_bits=1, activation_bits=1,
                                                 activation_signed=False, inputs_per_cycle=5),
        "one input, one output": planes(D=1, N=1, precisions=[[1, 1], [3, 3]]),
        "one group, tiles": planes(D=7, N=5, inputs_per_cycle=7, outputs_per_cycle=2,
                                   precisions=[[1, 3], [3, 3]], output=U4),
        "blocks of two": planes(D=9, N=4, weight_bits=4, activation_bits=4, **two,
                                inputs_per_cycle=4, outputs_per_cycle=4,
                                precisions=[[4, 4], [2, 4], [2, 2]]),
        "all planes at once": planes(D=6, N=6, weight_planes_per_cycle=3, inputs_per_cycle=6,
                                     activation_planes_per_cycle=3, outputs_per_cycle=6),
        "all planes at once, unsigned pm1": planes(
            D=7, N=6, weight_planes_per_cycle=3, inputs_per_cycle=3, activation_signed=False,
            activation_planes_per_cycle=3, outputs_per_cycle=6, planes="pm1", bias_bits=0),
        "weights whole, activations in turn": planes(
            D=8, N=4, weight_bits=5, weight_planes_per_cycle=5, inputs_per_cycle=3,
            precisions=[[5, 3], [5, 1]], outputs_per_cycle=2, output=Requantize(bits=5, shift=1)),
        "none uses all planes": planes(D=8, weight_bits=8, activation_bits=8, inputs_per_cycle=8,
                                       precisions=[[3, 2], [5, 1], [1, 1], [2, 2], [4, 5]]),
        "double-buffered": planes(D=9, N=6, precisions=three, double_buffered=True, load_bits=64,
                                  inputs_per_cycle=4, outputs_per_cycle=2,
                                  output=Requantize(bits=4, mode="scale")),
        "convolution": planes(C=2, N=4, F=3, H=3, W=4, padding=1, inputs_per_cycle=9,
                              precisions=[[3, 3], [1, 2]], outputs_per_cycle=2, output=U4),
        "convolution, groups, pm1": planes(C=4, N=6, F=(2, 3), H=4, W=5, groups=2, stride=(1, 2),
                                           planes="pm1", precisions=[[1, 2], [3, 3]],
                                           inputs_per_cycle=5, outputs_per_cycle=2),
    }
    named = {name: ChainSpec((spec,)) for name, spec in cases.items()}
    unsigned = {"activation_bits": 4, "activation_signed": False}
    first = planes(D=9, N=6, inputs_per_cycle=4, outputs_per_cycle=3, precisions=three, output=U4)
    last = planes(D=6, N=4, inputs_per_cycle=3, planes="pm1", **unsigned,
                  precisions=[[1, 1], [3, 4], [2, 2]])
    between = small_mac(D=6, N=6, inputs_per_cycle=6, outputs_per_cycle=6, output=U4,
                        activation_signed=False)
    named["two stages that choose"] = chain(first, between, last)
    named["lanes beyond the row in front of an encoder"] = chain(
        planes(D=4, N=5, planes="pm1", outputs_per_cycle=3, results_per_cycle=3,
               precisions=[[3, 3], [1, 1]], output=Requantize(bits=4, signed=True)),
        tiny(D=5, N=3, V=3, K=6))
    whole = {"D": 6, "inputs_per_cycle": 6, "outputs_per_cycle": 6}
    named["rows of one cycle"] = chain(
        small_mac(N=6, output=U4, **whole), planes(
            N=4, weight_planes_per_cycle=3, activation_planes_per_cycle=4, **whole, **unsigned,
            precisions=[[3, 4], [3, 4], [3, 4]]))
    named["the second stage chooses"] = chain(
        tiny(D=6, N=6, outputs_per_cycle=6, output=U4), last)
    return named


@st.composite
def foldings(draw: Any, widest: int) -> dict[str, Any]:
    """Planes, their folding, and precisions that fit it."""
    bits, most = draw(st.integers(1, widest)), draw(st.integers(1, widest))
    steps = {"serial": (1, 1), "pairs": (2, 2), "threes": (3, 3), "weights": (bits, 1),
             "activations": (2, most), "whole": (bits, most)}[draw(st.sampled_from(
                 ("serial", "serial", "pairs", "threes", "weights", "activations", "whole")))]

    def used(all_of: int, step: int) -> st.SearchStrategy[int]:
        step = min(step, all_of)
        return st.integers(1, all_of // step).map(lambda blocks: blocks * step)

    rows = st.tuples(used(bits, steps[0]), used(most, steps[1])).map(list)
    return {"weight_bits": bits, "activation_bits": most,
            "activation_signed": most > 1 and draw(st.booleans()),
            "planes": draw(st.sampled_from(("twos", "pm1"))),
            "weight_planes_per_cycle": steps[0], "activation_planes_per_cycle": steps[1],
            "precisions": draw(st.lists(rows, min_size=1, max_size=5))}


KNOBS = {
    "inputs_per_cycle": st.integers(1, 12), "outputs_per_cycle": st.integers(1, 4),
    "weight_storage": st.sampled_from(("auto", "lutram", "bram")), "bram_register": st.booleans(),
    "double_buffered": st.booleans(), "load_bits": st.sampled_from(LOAD_BITS),
    "output": output_specs(("shift", "scale"))}


@st.composite
def plane_specs(draw: Any, widest: int = 4) -> BitplaneSpec:
    """Any small engine on planes of bits."""
    knobs = st.fixed_dictionaries({"D": st.integers(1, 24), "N": st.integers(1, 8), **KNOBS})
    return planes(**draw(foldings(widest)), **draw(knobs))


@st.composite
def conv_plane_specs(draw: Any, widest: int = 3, **layers: int) -> BitplaneSpec:
    """Any small one of a convolution."""
    values = draw(foldings(widest)) | draw(st.fixed_dictionaries(KNOBS))
    values |= draw(conv_layers(**layers))
    if values["planes"] == "pm1":
        values |= {"padding": 0, "F": tuple(min(*pair) for pair in zip(
            values["F"], (values["H"], values["W"])))}
    return planes(**values)
