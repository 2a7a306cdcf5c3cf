"""Convolutions for tests: named cases and hypothesis strategies."""

from typing import Any

from builders import FLAGS, mac, output_specs, pq, weight_codes
from hypothesis import strategies as st

from pqhw.spec import MACSpec, PQSpec, Requantize


def conv_cases() -> dict[str, PQSpec | MACSpec]:
    """Named convolutions."""
    few = {"activation_bits": 4, "prototype_bits": 4, "table_bits": 4}
    u4 = Requantize(bits=4, shift=3)
    return {
        "pixel, a position without a pixel": pq(
            C=2, N=2, F=(2, 1), H=1, W=1, V=1, K=3, padding=(1, 0), groups=2, convolution="pixel",
            activation_bits=2, prototype_bits=2, table_bits=2, bram_register=False,
            subspaces_per_cycle=2, prototypes_per_cycle=2),
        "pixel, padded, K a power of two": pq(
            C=4, N=3, F=3, H=4, W=5, V=2, K=4, padding=1, convolution="pixel", **few,
            subspaces_per_cycle=5, outputs_per_cycle=2, encoders_per_cycle=2, output=u4),
        "pixel, padded, K no power of two": pq(
            C=3, N=2, F=3, H=4, W=4, V=2, K=5, padding=1, convolution="pixel", **few,
            subspaces_per_cycle=4, prototypes_per_cycle=5),
        "pixel, depthwise, stride": pq(
            C=3, N=3, F=3, H=5, W=5, V=1, K=3, padding=1, stride=2, groups=3, convolution="pixel",
            **few, subspaces_per_cycle=9),
        "pixel, constant tables": pq(
            C=4, N=4, F=3, H=3, W=3, V=2, K=4, padding=1, groups=2, convolution="pixel", **few,
            table_storage="rom", prototype_storage="rom", subspaces_per_cycle=3, output=u4),
        "im2col, a channel's window is a sub-vector": pq(
            C=2, N=3, F=3, H=4, W=4, V=9, K=4, padding=1, **few, subspaces_per_cycle=1,
            outputs_per_cycle=2, elements_per_cycle=3),
        "im2col, groups, nothing divides": pq(
            C=6, N=4, F=(2, 3), H=5, W=4, V=5, K=4, stride=(2, 1), padding=(1, 2), groups=2, **few,
            subspaces_per_cycle=2, shared_prototypes=True, channels_per_cycle=2),
        "im2col, a short last transfer waits": pq(
            C=3, N=2, F=1, H=3, W=4, V=1, K=4, **few, prototypes_per_cycle=1,
            encoders_per_cycle=2, subspaces_per_cycle=2, channels_per_cycle=1),
        "im2col, 27 elements in transfers of eight": pq(
            C=3, N=2, F=3, H=5, W=7, V=1, K=4, padding=1, **few, subspaces_per_cycle=8,
            prototypes_per_cycle=1),
        "mac, even kernel, full padding": mac(
            C=2, N=3, F=2, H=3, W=3, padding=1, activation_bits=4, weight_bits=4,
            inputs_per_cycle=3, outputs_per_cycle=2,
            output=Requantize(bits=6, signed=True, mode="scale")),
        "mac, mixed, two groups": mac(
            C=4, N=12, F=2, H=3, W=3, groups=2, padding=1, activation_bits=4, weight_bits=4,
            scheme="mixed", inputs_per_cycle=2, outputs_per_cycle=4, ratio="1:1",
            output=Requantize(bits=5, mode="scale")),
        "mac, two pixels at once": mac(
            C=3, N=5, F=2, H=3, W=5, activation_bits=4, weight_bits=4, inputs_per_cycle=4,
            outputs_per_cycle=2, pixels_per_cycle=2, products_per_dsp=2,
            output=Requantize(bits=6, signed=True, mode="scale")),
        "mac, mixed, three pixels at once, raw": mac(
            C=4, N=13, F=3, H=3, W=3, padding=1, activation_bits=4, weight_bits=4, scheme="mixed",
            inputs_per_cycle=5, outputs_per_cycle=4, pixels_per_cycle=3, ratio="2:2"),
        "mac, sp2, four pixels at once, double-buffered": mac(
            C=5, N=8, F=1, H=2, W=4, activation_bits=4, weight_bits=4, scheme="sp2",
            inputs_per_cycle=1, outputs_per_cycle=2, pixels_per_cycle=4, double_buffered=True,
            output=Requantize(bits=4, shift=3)),
        "mac, one pixel": mac(C=3, N=2, F=1, H=1, W=1, activation_bits=4, weight_bits=4),
    }


@st.composite
def conv_layers(draw: Any, most_pixels: int = 6, most_channels: int = 6) -> dict[str, Any]:
    """Fields of any small convolution."""
    groups = draw(st.integers(1, 3))
    channels = groups * draw(st.integers(1, max(1, most_channels // groups)))
    fields = {"C": channels, "N": groups * draw(st.integers(1, 3)), "groups": groups}
    axes = []
    for _ in range(2):
        size, kernel = draw(st.integers(1, most_pixels)), draw(st.integers(1, 4))
        padding = draw(st.integers(0, kernel - 1))
        axes.append((size, min(kernel, size + 2 * padding), draw(st.integers(1, 3)),
                     min(padding, min(kernel, size + 2 * padding) - 1)))
    (h, fh, sh, ph), (w, fw, sw, pw) = axes
    return {**fields, "H": max(h, fh - 2 * ph), "W": max(w, fw - 2 * pw), "F": (fh, fw),
            "stride": (sh, sw), "padding": (ph, pw)}


@st.composite
def conv_pq_specs(draw: Any, **layers: int) -> PQSpec:
    """Any small PQ engine of a convolution."""
    layer = draw(conv_layers(**layers))
    mode = draw(st.sampled_from(("im2col", "pixel")))
    inputs = layer["C"] // layer["groups"]
    if mode == "im2col":
        inputs *= layer["F"][0] * layer["F"][1]
    knobs = dict(
        V=st.integers(1, min(inputs, 8)), K=st.integers(2, 9), convolution=st.just(mode),
        encoder=st.sampled_from(("l2", "l1", "chebyshev", "dot")), shared_prototypes=st.booleans(),
        table_storage=st.sampled_from(("auto", "lutram", "bram", "rom")),
        prototype_storage=st.sampled_from(("auto", "lutram", "bram", "rom")),
        line_storage=st.sampled_from(("auto", "lutram", "bram")),
        prototype_bits=st.integers(2, 8), table_bits=st.integers(2, 8),
        subspaces_per_cycle=st.integers(1, 6), outputs_per_cycle=st.integers(1, 4),
        prototypes_per_cycle=st.integers(1, 9), elements_per_cycle=st.integers(1, 8),
        channels_per_cycle=st.none() | st.integers(1, 4),
        output=output_specs(("shift",)), **FLAGS)
    fields = draw(st.fixed_dictionaries(knobs))
    if draw(st.integers(0, 4)) == 0:
        fields |= {"encoder": "tree", "K": 1 << draw(st.integers(1, 3))}
    if mode == "pixel" and pq(**layer, V=1, K=2).layer.inner_tap is None:
        fields["table_storage"] = "auto"
    return pq(**layer, **fields)


@st.composite
def conv_mac_specs(draw: Any, **layers: int) -> MACSpec:
    """Any small MAC engine of a convolution."""
    knobs = dict(
        inputs_per_cycle=st.integers(1, 12), outputs_per_cycle=st.integers(1, 4),
        weight_storage=st.sampled_from(("auto", "lutram", "bram")),
        line_storage=st.sampled_from(("auto", "lutram", "bram")),
        channels_per_cycle=st.none() | st.integers(1, 4),
        output=output_specs(("shift", "scale")), **FLAGS)
    fields = {**draw(conv_layers(**layers)), **draw(st.fixed_dictionaries(knobs)),
              **draw(weight_codes())}
    spec = mac(**fields)
    if spec.sets > 1 or draw(st.integers(0, 2)):
        return spec
    pixels = [count for count in range(2, min(spec.tiles, spec.groups) + 1)
              if spec.layer.units_out % count == 0]
    return mac(**fields, pixels_per_cycle=draw(st.sampled_from(pixels))) if pixels else spec
