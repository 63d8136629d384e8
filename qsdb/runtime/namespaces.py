"""`Functions`: the reducers, or the procedures, of a module as attributes."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from qsdb.errors import MissingNameError, brief

__all__ = ["Functions"]


class Functions:
    """``conn.reducers.send("lobby", "hi")``."""

    __slots__ = ("__call", "__names", "__sort")

    def __init__(
        self, sort: str, call: Callable[..., object], names: Iterable[str]
    ) -> None:
        """Call by name; `sort` says in a word what."""
        self.__sort = sort
        self.__call = call
        self.__names = frozenset(names)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give what calls a function."""
        if name not in self.__names:
            there = ", ".join(sorted(self.__names)) or "none"
            raise MissingNameError(
                f"no {self.__sort} {brief(name)}; there are: {there}"
            )
        return functools.partial(self.__call, name)
