"""Hand-built measurements: figures follow from a few inputs, as the flow computes them."""

from statistics import quantiles

from pqhw.flow.results import (Area, Comparison, Fmax, LutEquivalents, Measurement, Provenance,
                               Seed, Verification)
from pqhw.spec.chain import ChainSpec
from pqhw.spec.devices import device

EQUAL = (Verification(level="amaranth", status="equal", rows=16),
         Verification(level="cxxrtl", status="equal", rows=1000),
         Verification(level="cocotb", status="not run", reason="cocotb is not installed"))

SPEC = ChainSpec.from_mapping({"layer": {"in_features": 64, "out_features": 10},
                               "engine": {"kind": "mac"},
                               "folding": {"inputs_per_cycle": 8}}).to_mapping()


def measured(name="mac", kind="mac", part="lfe5u-25f", *, area=(1000, 500, 4, 0),
             clocks=(100.0,), cycles=10, accuracy=0.95, **changes):
    """A verified measurement with its derived figures."""
    known = device(part)
    used = Area(**dict(zip(("lut4", "ff", "bram", "dsp"), area)))
    available = Area(lut4=known.luts, ff=known.ffs, bram=known.brams, dsp=known.dsps)
    shares = {key: getattr(used, key) / getattr(available, key)
              for key in ("lut4", "ff", "bram", "dsp") if getattr(available, key)}
    fullest = max(shares, key=shares.get)
    routed = sorted(clocks)
    q1, median, q3 = (quantiles(routed, n=4, method="inclusive") if len(routed) > 1
                      else routed * 3)
    rows = median * 1e6 / cycles
    fields = {
        "name": name, "kind": kind, "device": part, "package": known.package,
        "speed_grade": known.speed, "spec": SPEC, "status": "ok", "verified": "cxxrtl",
        "verification": list(EQUAL), "accuracy": accuracy,
        "area": used, "area_available": available,
        "area_raw": used.model_copy(update={"lut4": used.lut4 + 60, "ff": used.ff + 110}),
        "cells": {"TRELLIS_COMB": used.lut4, "TRELLIS_FF": used.ff},
        "fmax_mhz": Fmax(median=median, q1=q1, q3=q3, all=list(clocks)),
        "seeds": [Seed(seed=index, fmax_mhz=clock)
                  for index, clock in enumerate(clocks, start=1)],
        "cycles_per_row": cycles, "cycles_per_row_measured": float(cycles),
        "latency_cycles": cycles + 9, "rows_per_second": rows,
        "device_limited_rows_per_second": rows / shares[fullest], "limiting_resource": fullest,
        "lut_equivalents": LutEquivalents(
            pqa=used.lut4 + 80 * used.dsp + 95 * used.bram * known.bram_bits / 18432,
            scarcity=used.lut4 + used.bram * known.luts / known.brams
            + (used.dsp * known.luts / known.dsps if known.dsps else 0)),
        "multiply_accumulates_per_row": 640, "memory_bits": 5120,
        "provenance": Provenance(
            pqhw="0.1.0", rtl_sha256="5f2b" * 16, host="bench", time="2025-01-31T12:00:00",
            tools={"yosys": "0.50", "nextpnr-ecp5": "0.8"}, constraint_mhz=400.0, target="ecp5",
            parameters="given")}
    return Measurement(**fields | changes)


def failed(name="pq-wide", kind="pq", part="lfe5u-25f", *, reason="nextpnr-ecp5: 61 block RAMs "
           "are needed, but the device has 56"):
    """A design that did not fit."""
    known = device(part)
    return Measurement(name=name, kind=kind, device=part, package=known.package,
                       speed_grade=known.speed, spec={}, status="failed", reason=reason,
                       verified="cxxrtl", verification=list(EQUAL))


def realistic():
    """Two devices with several designs, one of them failed."""
    return Comparison(
        title="MNIST, 784–64–10 perceptron", task="classify 28 × 28 digits",
        float_accuracy=0.9712, test_rows=10000,
        notes=["Hidden layer only; the output layer is a MAC engine in all designs."],
        measurements=[
            measured("pq-l1-k16-v4", "pq", area=(5210, 3980, 26, 0), accuracy=0.9604, cycles=14,
                     clocks=(131.2, 127.9, 134.4, 129.8, 133.0)),
            measured("pq-l1-k8-v8-shared", "pq", area=(2140, 1710, 12, 0), accuracy=0.9428,
                     cycles=14, clocks=(141.0, 138.2, 139.9, 144.1, 137.5)),
            measured("mac-int8-dsp", "mac", area=(2960, 3105, 16, 28), accuracy=0.9698, cycles=28,
                     clocks=(118.4, 121.7, 116.0, 119.5, 123.3)),
            failed("pq-l2-k64-v4"),
            measured("pq-l1-k16-v4", "pq", "ice40up5k", area=(3120, 2210, 22, 0), accuracy=0.9604,
                     cycles=56, clocks=(31.2, 29.7, 30.4, 32.0, 30.8)),
            measured("mac-int8-dsp", "mac", "ice40up5k", area=(1480, 1320, 18, 8),
                     accuracy=0.9698, cycles=98, clocks=(28.9, 27.3, 28.1, 29.4, 27.7))])
