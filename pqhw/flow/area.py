"""Area as a vector and as prices: what a router's units mean on each family."""

from ..spec.devices import Device
from .results import Area, LutEquivalents

__all__ = ["available", "device_share", "equivalents", "routed_area", "subtract"]

PQA_DSP = 80
"""LUT4 that PQA's price list gives for a DSP block (30 ALM)."""

PQA_BRAM_18K = 95
"""LUT4 that PQA's price list gives for an 18-kbit block RAM (40 ALM per M20K)."""


def routed_area(part: Device, used: dict[str, int], ffs: int) -> Area:
    """Units that nextpnr reports, as LUT4, flip-flops, block RAMs and DSP blocks.

    On ECP5 a LUT RAM's two write slices count beside the logic (2 LUT4 per TRELLIS_RAMW); on
    iCE40 a logic cell is a LUT4 and flip-flops, which share it, are counted in the netlist.
    """
    if part.family == "ecp5":
        return Area(lut4=used["TRELLIS_COMB"] + 2 * used.get("TRELLIS_RAMW", 0),
                    ff=used["TRELLIS_FF"], bram=used.get("DP16KD", 0),
                    dsp=used.get("MULT18X18D", 0))
    return Area(lut4=used["ICESTORM_LC"], ff=ffs, bram=used.get("ICESTORM_RAM", 0),
                dsp=used.get("ICESTORM_DSP", 0))


def flip_flops(counts: dict[str, int]) -> int:
    """Flip-flops among a netlist's cells by type."""
    return sum(count for kind, count in counts.items()
               if kind.startswith("SB_DFF") or kind == "TRELLIS_FF")


def subtract(area: Area, harness: Area) -> Area:
    """The design's own share."""
    return Area(lut4=area.lut4 - harness.lut4, ff=area.ff - harness.ff,
                bram=area.bram - harness.bram, dsp=area.dsp - harness.dsp)


def available(part: Device) -> Area:
    """What the device has."""
    return Area(lut4=part.luts, ff=part.ffs, bram=part.brams, dsp=part.dsps)


def device_share(area: Area, part: Device) -> tuple[str, float]:
    """The resource of which the design uses the largest share, and that share."""
    has = available(part).model_dump()
    shares = {name: used / has[name] for name, used in area.model_dump().items() if used}
    limiting = max(shares, key=shares.__getitem__)
    return limiting, shares[limiting]


def equivalents(area: Area, part: Device) -> LutEquivalents:
    """Area in LUT4 at PQA's prices and at the device's scarcity."""
    bram = PQA_BRAM_18K * part.bram_bits / 18432
    scarcity = area.lut4 + area.bram * part.luts / part.brams
    if part.dsps:
        scarcity += area.dsp * part.luts / part.dsps
    return LutEquivalents(pqa=round(area.lut4 + area.dsp * PQA_DSP + area.bram * bram, 1),
                          scarcity=round(scarcity, 1))
