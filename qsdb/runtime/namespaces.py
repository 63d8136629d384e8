"""`Reducers`: the reducers of a module as attributes."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from qsdb.errors import MissingNameError, brief

__all__ = ["Reducers"]


class Reducers:
    """``conn.reducers.send("lobby", "hi")``."""

    __slots__ = ("__call", "__names")

    def __init__(self, call: Callable[..., object], names: Iterable[str]) -> None:
        """Call by name."""
        self.__call = call
        self.__names = frozenset(names)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give what calls a reducer."""
        if name not in self.__names:
            there = ", ".join(sorted(self.__names)) or "none"
            raise MissingNameError(f"no reducer {brief(name)}; there are: {there}")
        return functools.partial(self.__call, name)
