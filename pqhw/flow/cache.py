"""Content-addressed run folders: what went in decides where the result lies.

A folder appears under its final name only when it is complete (an atomic rename), so a run that
is killed leaves nothing that looks like a result. A lock per key keeps parallel runs from doing
the same work twice; the lock of a killed process is free again.
"""

import datetime
import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import platformdirs

__all__ = ["Cache", "default_cache", "digest", "record"]


RECORD = "run.json"


def digest(inputs: Any) -> str:
    """SHA-256 of plain JSON values, the same on every machine."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


class Cache:
    """A folder of finished runs, `root/<kind>/<key>`.

    Members
    -------
    root: where the runs lie; safe to delete at any time
    fresh: number of runs that were not found and had to be made
    """

    def __init__(self, root: str | os.PathLike[str]):
        self.root = Path(root)
        self.fresh = 0

    def path(self, kind: str, inputs: Any) -> Path:
        """Where the run of these inputs lies or would lie."""
        return self.root / kind / digest(inputs)[:32]

    def get(self, kind: str, inputs: Any, make: Callable[[Path], None]) -> Path:
        """The folder of a run, made by `make(folder)` if it is not there.

        What `make` raises is passed on, and nothing is kept.
        """
        final = self.path(kind, inputs)
        if final.is_dir():
            return final
        final.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{final}.lock"):
            if final.is_dir():
                return final
            for stale in final.parent.glob(f"{final.name}.tmp*"):
                shutil.rmtree(stale, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{final.name}.tmp", dir=final.parent))
            try:
                begun = time.monotonic()
                make(folder)
                record = {"host": platform.node(), "time": _now(),
                          "seconds": round(time.monotonic() - begun, 1)}
                (folder / RECORD).write_text(json.dumps(record))
                (folder / "inputs.json").write_text(json.dumps(inputs, indent=2, sort_keys=True))
                os.replace(folder, final)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            self.fresh += 1
        return final


def record(folder: Path) -> dict[str, Any]:
    """Where, when (UTC) and in how many seconds a run was made."""
    values: dict[str, Any] = json.loads((folder / RECORD).read_text())
    return values


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def default_cache() -> Cache:
    """The user's cache: PQHW_CACHE, or the platform's cache folder."""
    return Cache(os.environ.get("PQHW_CACHE") or platformdirs.user_cache_dir("pqhw"))
