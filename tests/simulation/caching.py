"""What runs have in common is made once: code of the same text, trees of a query.

Each life opens a database, and half of its time went into compiling what the last one
had compiled. Neither code objects nor syntax trees ever change.
"""

import builtins
import contextlib
import functools
from collections.abc import Iterator
from types import CodeType
from typing import Any

from qsdb.sql import building
from qsdb.values import source

__all__ = ["cached"]


@functools.cache
def _compiled(text: str, mode: str) -> CodeType:
    code: CodeType = builtins.compile(text, "<simulated>", mode)
    return code


def _compile(text: str, _: str, mode: str) -> CodeType:
    return _compiled(text, mode)


_build = functools.lru_cache(maxsize=1000)(building.build)


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Have qsdb compile and parse with a cache, for the length of a block."""
    place: Any = source
    build = building.build
    place.compile, building.build = _compile, _build
    try:
        yield
    finally:
        del place.compile
        building.build = build
