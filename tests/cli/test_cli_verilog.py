"""pqhw verilog: its files, byte for byte."""

import hashlib
import importlib.util
import json
import re

import pytest
from cli_files import BOTH, PQ, write

from pqhw import __version__
from pqhw.emit.design import design_verilog
from pqhw.spec.files import load_spec


@pytest.mark.parametrize("options", [(), ("--target", "ecp5"), ("-d", "lfe5u-85f"),
                                     ("-d", "ice40up5k", "--target", "ice40")])
def test_verilog_writes_the_same_bytes_twice(pqhw, folder, options):
    for name in ("one", "two"):
        design_verilog.cache_clear()
        assert pqhw("verilog", "layer.toml", "-o", name, "--params", "p.npz", *options)[0] == 0
    assert design_verilog.cache_info().misses == 1, "the second time was written anew"
    names = sorted(path.name for path in (folder / "one").iterdir())
    assert names == ["manifest.json", "parameters.bin", "pqhw_top.core", "pqhw_top.v",
                     "spec.toml"]
    for name in names:
        content = (folder / "one" / name).read_bytes()
        assert content == (folder / "two" / name).read_bytes(), name
        assert str(folder).encode() not in content, name


def test_the_manifest_tells_what_a_user_of_the_verilog_needs(pqhw, folder):
    assert pqhw("verilog", "layer.toml", "-o", "build", "--params", "p.npz")[0] == 0
    manifest = json.loads((folder / "build" / "manifest.json").read_text())
    verilog = (folder / "build" / "pqhw_top.v").read_text()
    head = verilog[verilog.index("module pqhw_top ("):]
    head = head[:head.index(");")]
    ports = {(name, direction, int(high or 0) + 1) for direction, high, name in re.findall(
        r"(input|output) (?:wire|reg)(?: \[(\d+):0\])? (\w+)", head)}
    assert {(port["name"], port["direction"], port["bits"])
            for port in manifest["ports"]} == ports
    assert (manifest["cycles_per_row"], manifest["latency_cycles"]) == (PQ.cycles_per_row,
                                                                        PQ.latency)
    assert manifest["spec"] == PQ.to_mapping()
    assert manifest["hashes"]["file_sha256"] == hashlib.sha256(verilog.encode()).hexdigest()
    assert manifest["versions"]["pqhw"] == __version__
    assert manifest["image"]["bytes"] == (folder / "build" / "parameters.bin").stat().st_size
    assert manifest["streams"]["i"] == {"elements": 5, "lanes": 2, "transfers_per_row": 3,
                                        "lane_bits": 3, "signed": True, "last_offset": 6}
    assert load_spec(folder / "build" / "spec.toml") == PQ


def test_the_core_file_names_the_verilog(pqhw, folder):
    pqhw("verilog", "layer.toml", "-o", "build")
    text = (folder / "build" / "pqhw_top.core").read_text()
    assert text.startswith("CAPI=2:\n")
    assert "      - pqhw_top.v\n" in text and f"name: ::pqhw_top:{__version__}\n" in text
    assert "\t" not in text and "{" not in text
    for line in text.splitlines():
        assert re.fullmatch(r"CAPI=2:|( *)(- .+|[\w<]+: ?.*)", line), line
        assert (len(line) - len(line.lstrip())) % 2 == 0, line
    if importlib.util.find_spec("yaml"):
        import yaml
        core = yaml.safe_load(text.removeprefix("CAPI=2:\n"))
        assert core["targets"]["lint"]["toplevel"] == "pqhw_top"


def test_parameters_are_only_written_when_given(pqhw, folder):
    pqhw("verilog", "layer.toml", "-o", "build")
    assert not (folder / "build" / "parameters.bin").exists()


def test_verilog_tells_its_manifest_as_json(pqhw, folder):
    status, out, err = pqhw("verilog", "layer.toml", "-o", "build", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == json.loads((folder / "build" / "manifest.json").read_text())


def test_verilog_of_a_chain(pqhw, folder):
    write(BOTH)
    status, out, _ = pqhw("verilog", "layer.toml", "-o", "build")
    assert status == 0 and "pq+mac" in out
    assert json.loads((folder / "build" / "manifest.json").read_text())["latency_cycles"] is None
