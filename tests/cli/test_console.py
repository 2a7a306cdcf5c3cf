"""What all verbs share: where JSON goes, and how the program is stopped."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from builders import chain, tiny
from cli_files import SIM, write

from pqhw.console import with_json_target


@pytest.mark.parametrize(("given", "understood"), [
    ("doctor --json", "doctor --json -"),
    ("doctor --json -", "doctor --json -"),
    ("doctor --json out.json", "doctor --json out.json"),
    ("doctor --json=out.json", "doctor --json=out.json"),
    ("synth --json a.toml -d x", "synth --json - a.toml -d x"),
    ("synth --json -d x a.toml", "synth --json - -d x a.toml"),
    ("compare --json a.toml b.toml", "compare --json - a.toml b.toml"),
    ("compare --json c.json a.toml b.toml", "compare --json c.json a.toml b.toml")])
def test_json_without_a_file_is_standard_output(given, understood):
    assert with_json_target(given.split()) == understood.split()


def test_json_goes_to_a_file_beside_the_table(pqhw, folder):
    status, out, _ = pqhw(*SIM, "--level", "golden", "--json", "out.json")
    assert status == 0 and "reference" in out
    assert json.loads((folder / "out.json").read_text())["document"] == "simulation"


def test_json_does_not_swallow_a_spec(pqhw, folder):
    before = (folder / "layer.toml").read_text()
    status, out, _ = pqhw("verilog", "-o", "build", "--json", "layer.toml")
    assert status == 0 and json.loads(out)["kind"] == "pq"
    assert (folder / "layer.toml").read_text() == before


def test_json_alone_prints_nothing_else(pqhw, folder):
    write(chain(tiny(table_storage="lutram")))
    status, out, err = pqhw("synth", "layer.toml", "-d", "ice40hx8k", "--json")
    document = json.loads(out)
    assert (status, document["status"]) == (1, "failed")
    assert "LUT RAM" in document["reason"]
    assert err == ""


# -- Being stopped -----------------------------------------------------------------------------

SLOW_TOOL = """#!{python}
import os, sys, time
if "--version" in sys.argv:
    print("slow 1")
else:
    with open({started!r}, "a") as file:
        print(os.getpid(), file=file)
    time.sleep(600)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_program_stops_its_tools(folder, number):
    """Tools run in sessions of their own, so the terminal's Ctrl-C does not reach them."""
    write(chain(tiny(table_storage="bram")))
    started = folder / "started"
    programs = folder / "bin"
    programs.mkdir()
    for name in ("yosys", "nextpnr-ice40"):
        (programs / name).write_text(SLOW_TOOL.format(python=sys.executable, started=str(started)))
        (programs / name).chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "pqhw.cli", "synth", "layer.toml", "-d", "ice40up5k", "--seeds",
         "1", "--toolchain", "native"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"PATH": str(programs), "PQHW_CACHE": str(folder / "runs")})
    with process:
        deadline = time.monotonic() + 60
        while not (started.exists() and started.read_text().strip()):
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        output = process.communicate(timeout=60)[0].decode()
    assert process.returncode not in (0, None)
    assert "Traceback" not in output
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
