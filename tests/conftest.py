"""Settings of all tests, and one cache for the run, which xdist workers share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pqhw.flow.cache import Cache

# hypothesis draws the same examples in every run
settings.register_profile("fixed", derandomize=True, deadline=None, print_blob=False,
                          suppress_health_check=[HealthCheck.too_slow,
                                                 HealthCheck.function_scoped_fixture])
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def cache_root(shared: Path) -> Path:
    """Where what was synthesized, routed and compiled in this run lies."""
    return shared / "runs"


@pytest.fixture
def cache(cache_root: Path) -> Cache:
    """A cache on that folder, with a count of its own."""
    return Cache(cache_root)
