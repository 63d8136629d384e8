"""Who else is asked where it is installed: a peer that is missing is named.

sqlite3 comes with Python and is always there. Others are imported by name and at
run time, so that neither the benchmarks nor their checks need them: ``pip install
--group bench`` has them all, but for the server of Redis, a program of its own.
"""

import importlib
import importlib.metadata
import importlib.util
import shutil
from collections.abc import Sequence
from types import ModuleType

__all__ = [
    "LIBRARIES",
    "is_installed",
    "left_out",
    "library",
    "redis_server",
    "versions",
]

LIBRARIES = ("apsw", "duckdb", "lmdb", "redis")
REDIS_SERVERS = ("redis-server", "valkey-server")


def is_installed(name: str) -> bool:
    """Whether a peer can be asked here; Redis needs a server too."""
    if importlib.util.find_spec(name) is None:
        return False
    return name != "redis" or redis_server() is not None


def redis_server() -> str | None:
    """Give the program that serves Redis, if there is one."""
    found = [path for path in map(shutil.which, REDIS_SERVERS) if path]
    return found[0] if found else None


def left_out(names: Sequence[str]) -> tuple[str, ...]:
    """Give a sentence for each peer that is missing."""
    missing = [name for name in names if not is_installed(name)]
    return tuple([f"{name} (not installed)" for name in missing])


def library(name: str) -> ModuleType:
    """Import a peer that is installed."""
    return importlib.import_module(name)


def versions() -> dict[str, str]:
    """Give the versions of the peers that are installed."""
    return {
        name: importlib.metadata.version(name)
        for name in LIBRARIES
        if is_installed(name)
    }
