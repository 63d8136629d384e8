"""`Reducers`: the reducers of a module as attributes."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from qsdb.errors import MissingNameError, brief

__all__ = ["Reducers"]


class Reducers:
    """``conn.reducers.send("lobby", "hi")``."""

    __slots__ = ("_call", "_names")

    def __init__(self, call: Callable[..., object], names: Iterable[str]) -> None:
        """Call by name."""
        self._call = call
        self._names = frozenset(names)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give what calls a reducer."""
        if name not in self._names:
            there = ", ".join(sorted(self._names)) or "none"
            raise MissingNameError(f"no reducer {brief(name)}; there are: {there}")
        return functools.partial(self._call, name)
