"""Documents of mappings, searches and sweeps, made by hand."""

import json

from pqhw.explore.sweep.results import Row, SweepResult
from pqhw.report import write_report
from pqhw.report.documents import gather

NASTY = '<script>alert(1)</script>"\'&<img src=http://x.invalid/y>'
LEVELS = ("DRAM", "GLB", "psum", "MAC")


def layer(name, *, energy=4.0, cycles=100, waiting=0):
    """A layer whose levels take a quarter of the energy each."""
    return {"name": name, "workload": {"C": 3, "M": 8, "stride": [1, 1]},
            "bits": {"inputs": 8, "weights": 4, "outputs": 8},
            "mapping": {"DRAM": [["M", 8]], "GLB.x": [["C", 3]]},
            "nest": ["DRAM holds inputs", "for m in 0..8"], "optimal": True,
            "energy_uj": energy, "cycles": cycles + waiting,
            "edp_j_cycles": energy * 1e-6 * (cycles + waiting), "multipliers": 3,
            "utilisation": 0.5, "level_energy_uj": dict.fromkeys(LEVELS, energy / 4),
            "level_cycles": {"DRAM": 0, "GLB": cycles + waiting, "psum": 0, "MAC": cycles},
            "accesses": []}


def mapping(*layers, name="net"):
    layers = layers or (layer("conv1"), layer("conv2", energy=12.0, waiting=50))
    energy = sum(own["energy_uj"] for own in layers)
    cycles = sum(own["cycles"] for own in layers)
    return {"schema_version": 1, "document": "mapping", "name": name, "architecture": "small",
            "model": {"compat": "exact", "output_rule": "v0.4", "straddle": False},
            "energy_uj": energy, "cycles": cycles,
            "sum_edp_j_cycles": sum(own["edp_j_cycles"] for own in layers),
            "total_edp_j_cycles": energy * 1e-6 * cycles, "mappings_evaluated": 77,
            "layers": list(layers)}


def bits(genome, loss, energy):
    return {"genome": genome, "loss": loss, "energy_uj": energy, "cycles": 150,
            "sum_edp_j_cycles": energy * 1e-4}


def precision(layers=("conv1", "conv2"), **change):
    count = len(layers)
    front = [bits([[2, 3]] * count, 0.4, 5.0), bits([[4, 5]] * count, 0.05, 9.0),
             bits([[8, 8]] * count, 0.02, 16.0)]
    uniform = {str(width): bits([[width] * 2] * count, 0.02 * (9 - width), 2.0 * width)
               for width in range(2, 9)}
    chosen = {"point": front[1], "mapping": mapping(*(layer(name) for name in layers))}
    return {"schema_version": 1, "document": "precision", "name": "net", "architecture": "small",
            "model": {"compat": "exact"}, "optimal_mappings": True,
            "settings": {"cost": "edp", "operators": "stepwise", "generations": 3, "seed": 0},
            "loss_unit": "error", "layers": list(layers), "front": front, "uniform": uniform,
            "savings": [], "most_that_bits_save": 0.75, "published_claim": 0.37,
            "history": [{"number": number, "evaluated": 10 * number, "hypervolume": 0.1 * number}
                        for number in (1, 2, 3)], "chosen": chosen} | change


def engine(operator, name, lut4, cycles):
    return {"operator": operator, "shape": {"in_features": 6}, "engine": name, "cycles": cycles,
            "fmax_mhz": 100.0, "lut4": lut4, "device": "lfe5u-25f",
            "spec": {"folding": {"outputs_per_cycle": 100 // cycles}}}


def search(layers=("layer",), objectives=("rate", "lut_equivalents", "error"), members=None):
    if members is None:
        members = [{"rate": 1e8 / cycles, "area": {"lut4": lut4, "ff": 9, "bram": 0, "dsp": 0},
                    "lut_equivalents": lut4, "parameter_bits": 1000, "error": error,
                    "energy_proxy": lut4 * cycles,
                    "engines": {own: engine(own, kind, lut4, cycles) for own in layers}}
                   for lut4, cycles, kind, error in (
                       (900, 2, "pq", 0.3), (700, 4, "int4", 0.1), (500, 10, "pq", 0.3))]
    return {"schema_version": 1, "document": "search", "title": "Two ways", "device": "lfe5u-25f",
            "budget": {"lut4": 1000, "ff": 2000, "bram": 0, "dsp": 0},
            "objectives": list(objectives), "exact": True, "combinations": 0,
            "layers": {own: {"points": 40, "ways": 3, "impossible": {"sp2": "it needs loads."}}
                       for own in layers}, "members": members}


def routed():
    good = {"status": "ok", "lut4_estimated": 900, "lut4": 1000, "fmax_mhz_estimated": 100.0,
            "fmax_mhz": 80.0, "cycles": 2, "lut_equivalents": 1000.0, "spec": {}}
    return {"schema_version": 1, "document": "search-routed", "seeds": [1, 2], "lut4_error": 0.1,
            "fmax_error": 0.25, "engines": [
                good | {"name": "layer pq 1"},
                {"name": "layer int4 2", "status": "failed", "reason": "the router gave up.",
                 "lut4_estimated": 700, "fmax_mhz_estimated": 100.0, "cycles": 4, "spec": {}}]}


def point(name, lut4, clock, *, device="lfe5u-25f", cycles=10, **settings):
    return Row(name=name, settings={"spec": "layer", "device": device, **settings}, status="ok",
               key="k", verified="cxxrtl", lut4=lut4, ff=10, bram=0, dsp=0, fmax_mhz=clock,
               fmax_q1=clock - 2, fmax_q3=clock + 3, failed_seeds=0, cycles_per_row=cycles,
               rows_per_second=clock * 1e6 / cycles, lut_equivalents_pqa=float(lut4))


def sweep(*rows, **change):
    rows = list(rows) or [
        point("small", 100, 100.0, lanes=1), point("fast", 200, 90.0, cycles=5, lanes=2),
        point("poor", 300, 80.0, lanes=2), point("other", 50, 40.0, device="ice40up5k", lanes=1),
        Row(name="broken", settings={"spec": "layer", "device": "lfe5u-25f", "lanes": 9},
            status="failed", reason="lanes must be few."),
        Row(name="later", settings={"spec": "layer", "device": "lfe5u-25f", "lanes": 4},
            status="to do", key="q")]
    return SweepResult(title="Lanes", method="measured", columns=["spec", "device", "lanes"],
                       rows=rows).model_dump(mode="json") | change


def page_of(folder, *documents, names=None):
    """The page that `pqhw report` makes of documents."""
    paths = []
    for index, document in enumerate(documents):
        paths.append(folder / (names[index] if names else f"{index}.json"))
        paths[-1].parent.mkdir(exist_ok=True)
        paths[-1].write_text(json.dumps(document), encoding="utf-8")
    comparisons, explored = gather(paths)
    return write_report(comparisons, folder / "page.html", explored).read_text(
        encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
