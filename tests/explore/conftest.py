"""One cache for the run, shared with the tests of the other folders and by xdist workers."""

import os
from pathlib import Path

import pytest

from pqhw.flow.cache import Cache


@pytest.fixture(scope="session")
def cache_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what was synthesized, routed and compiled in this run lies."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return shared / "runs"


@pytest.fixture
def cache(cache_root: Path) -> Cache:
    """A cache on that folder, with a count of its own."""
    return Cache(cache_root)
