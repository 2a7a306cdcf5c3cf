"""Layers of PQA's networks as engines of ours: cycles of all layers, and designs to route."""

import dataclasses
from collections.abc import Callable, Iterable

from ..flow.cache import Cache
from ..flow.measure import Options, measure
from ..flow.results import Comparison
from ..network.shapes import NETWORKS, ConvShape
from ..spec import (ChainSpec, Layer, MACEngine, MACFolding, MACPrecision, MACSpec, PQEngine,
                    PQFolding, PQPrecision, PQSpec, Requantize)
from ..spec.devices import Device
from ..spec.tables import LOAD_BITS
from .pqa import PQA, Memory, PQASetting

__all__ = ["CONTESTS", "Contest", "EngineCycles", "engine_cycles", "engine_of_layer",
           "measure_contest"]

def engine_of_layer(array: PQA, layer: ConvShape, *, load_bits: int = 8) -> PQSpec:
    """An engine over the layer's unrolled window with as many lanes as PQA's array.

    Its rows are the layer's output pixels; results are raw sums. Its memories hold two images, so
    that a layer loads while the one before is computed. Entries of 16 bits come with sums that
    wrap, as PQA's do.
    """
    setting = array.setting
    bits, entry = setting.prototype_bits, setting.table_bits
    return PQSpec(
        layer=Layer(in_features=layer.window, out_features=layer.out_channels),
        engine=PQEngine(subvector_length=setting.subvector_length, prototypes=setting.prototypes,
                        load_bits=load_bits, double_buffered=True),
        precision=PQPrecision(activation_bits=bits, activation_signed=False, prototype_bits=bits,
                              table_bits=entry,
                              compatibility="wrap16" if entry == 16 else "none"),
        folding=PQFolding(subspaces_per_cycle=array.subspaces, outputs_per_cycle=array.outputs,
                          prototypes_per_cycle=array.prototype_lanes,
                          elements_per_cycle=array.element_lanes))


@dataclasses.dataclass(frozen=True)
class EngineCycles:
    """Cycles of one engine that computes layers one after the other.

    Members
    -------
    compute: cycles per row times output pixels
    load: words of the parameter images, one per cycle
    total: the larger of both in every layer, as loading goes on while rows are computed
    load_bits: width of such a word
    """
    compute: int
    load: int
    total: int
    load_bits: int


def engine_cycles(array: PQA, layers: Iterable[ConvShape], memory: Memory) -> EngineCycles:
    """Cycles of our engines with the lanes of PQA's array, whose folding is the same everywhere.

    The parameter port is the widest that the memory can feed.
    """
    load_bits = max(bits for bits in LOAD_BITS if bits <= memory.bits_per_cycle)
    compute, load = [], []
    for layer in layers:
        chain = ChainSpec((engine_of_layer(array, layer, load_bits=load_bits),))
        image = chain.image
        compute.append(chain.cycles_per_row * layer.pixels)
        load.append(8 * (len(image.header()) + image.body_bytes) // load_bits)
    return EngineCycles(sum(compute), sum(load), sum(map(max, compute, load)), load_bits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contest:
    """One layer of a network, as PQ and as MAC engines that do the same work.

    Activations are unsigned and of as many bits in all of them; weights are as wide as table
    entries; every engine adds a bias, shifts and clamps to the next layer's activations.

    Parameters
    ----------
    network, layer: names in `pqhw.network.shapes`
    setting: PQA's low-bit setting
    pq, mac, mac_dsp: how much of the layer one cycle does, with MAC products in logic and in DSP
        blocks; no lane is idle but in a padded group
    encoder: the distance
    pq_shift, mac_shift: bits that the sums lose
    """
    network: str
    layer: str
    setting: PQASetting
    pq: PQFolding
    mac: MACFolding
    mac_dsp: MACFolding
    encoder: str = "l1"
    pq_shift: int
    mac_shift: int

    @property
    def shape(self) -> ConvShape:
        """The layer."""
        return NETWORKS[self.network].layer(self.layer)

    def designs(self) -> list[tuple[str, ChainSpec]]:
        """Names and specs: PQ, then MAC with products in logic and in DSP blocks."""
        shape, setting = self.shape, self.setting
        layer = Layer(in_features=shape.window, out_features=shape.out_channels)
        bits = setting.prototype_bits
        engine = PQEngine(subvector_length=setting.subvector_length,
                          prototypes=setting.prototypes, encoder=self.encoder,
                          table_storage="bram", prototype_storage="lutram")
        pq = PQSpec(layer=layer, engine=engine, folding=self.pq,
                    precision=PQPrecision(activation_bits=bits, activation_signed=False,
                                          prototype_bits=bits, table_bits=setting.table_bits,
                                          output=Requantize(bits=bits, shift=self.pq_shift)))
        mac = MACSpec(layer=layer, folding=self.mac,
                      engine=MACEngine(weight_bits=setting.table_bits, multiplier="lut",
                                       weight_storage="bram"),
                      precision=MACPrecision(activation_bits=bits, activation_signed=False,
                                             output=Requantize(bits=bits, shift=self.mac_shift)))
        dsp = dataclasses.replace(mac, folding=self.mac_dsp, engine=dataclasses.replace(
            mac.engine, multiplier="dsp"))
        return [(f"{self.network}-pq", ChainSpec((pq,))),
                (f"{self.network}-mac-lut", ChainSpec((mac,))),
                (f"{self.network}-mac-dsp", ChainSpec((dsp,)))]


def _low(length: int, prototypes: int, prototype_bits: int, table_bits: int) -> PQASetting:
    return PQASetting(subvector_length=length, prototypes=prototypes,
                      prototype_bits=prototype_bits, table_bits=table_bits)


CONTESTS = {contest.network: contest for contest in (
    Contest(network="resnet20", layer="stage2.2.a", setting=_low(9, 8, 6, 5),
            pq=PQFolding(subspaces_per_cycle=4, outputs_per_cycle=16, prototypes_per_cycle=4,
                         elements_per_cycle=9, results_per_cycle=2),
            mac=MACFolding(inputs_per_cycle=36, outputs_per_cycle=4, results_per_cycle=2),
            mac_dsp=MACFolding(inputs_per_cycle=36, outputs_per_cycle=8, results_per_cycle=2),
            pq_shift=4, mac_shift=11),
    Contest(network="kws", layer="pointwise3", setting=_low(8, 8, 2, 6),
            pq=PQFolding(subspaces_per_cycle=11, outputs_per_cycle=6, prototypes_per_cycle=1,
                         elements_per_cycle=8, results_per_cycle=6),
            mac=MACFolding(inputs_per_cycle=84, outputs_per_cycle=3),
            mac_dsp=MACFolding(inputs_per_cycle=84, outputs_per_cycle=2),
            pq_shift=7, mac_shift=9),
    Contest(network="emnist", layer="pointwise3", setting=_low(8, 8, 5, 5),
            pq=PQFolding(subspaces_per_cycle=5, outputs_per_cycle=20, prototypes_per_cycle=1,
                         elements_per_cycle=8, results_per_cycle=10),
            mac=MACFolding(inputs_per_cycle=120, outputs_per_cycle=1),
            mac_dsp=MACFolding(inputs_per_cycle=120, outputs_per_cycle=2),
            pq_shift=3, mac_shift=9),
)}
"""By network: its layer of middle size, with the lanes of which `pqhw estimate` expects most rows
per second and LUT equivalent, of PQ and of MAC alike, among engines of up to 7,000 LUT4."""


def measure_contest(cache: Cache, contest: Contest, part: Device, *, options: Options,
                    progress: Callable[[str], None] = lambda step: None) -> Comparison:
    """Verify and route the designs of a contest; what was measured before is in the cache."""
    measurements = [
        measure(cache, chain, part, name=name, options=options,
                progress=lambda step, name=name: progress(f"{name}: {step}"))  # type: ignore[misc]
        for name, chain in contest.designs()]
    shape = contest.shape
    return Comparison(
        title=f"{NETWORKS[contest.network].title}: layer {contest.layer} on {part.title}",
        task=f"{shape.window} to {shape.out_channels}, {shape.pixels} rows per image, "
             f"{contest.setting.prototype_bits}-bit activations",
        measurements=measurements)
