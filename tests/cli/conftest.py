"""The program as a function of its words, and a folder to run it in."""

import pytest
from cli_files import PQ, write

from pqhw.cli import main


@pytest.fixture
def pqhw(monkeypatch, capsys, cache_root):
    """Function of words: (exit status, standard output, standard error)."""
    monkeypatch.setenv("PQHW_CACHE", str(cache_root))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("PQHW_TRACEBACK", raising=False)

    def run(*words):
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        said = capsys.readouterr()
        return stop.value.code or 0, said.out, said.err
    return run


@pytest.fixture
def refused(pqhw):
    """Function of words: the one sentence with which they are refused."""
    def run(*words):
        status, out, err = pqhw(*words)
        assert status == 1, err
        assert out == ""
        assert err.startswith("error: ") and err.endswith((".\n", "?\n")), err
        assert err.count("\n") == 1, err
        assert "Traceback" not in err
        return err.removeprefix("error: ").strip()
    return run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with layer.toml, p.npz and x.npy."""
    monkeypatch.chdir(tmp_path)
    write(PQ)
    return tmp_path
