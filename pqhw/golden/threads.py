"""One thread for linear algebra, whose sums then do not depend on cores, nor wait for them."""

import contextlib
import importlib
from typing import Any

__all__ = ["one_thread"]


def one_thread() -> Any:
    """A context in which results do not depend on the machine's cores.

    Needs threadpoolctl, which scikit-learn brings along; without it nothing is limited.
    """
    try:
        threadpoolctl = importlib.import_module("threadpoolctl")
    except ImportError:
        return contextlib.nullcontext()
    return threadpoolctl.threadpool_limits(1)
