"""`Reducers`: the reducers of a module as attributes."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from qsdb.errors import MissingNameError, brief

__all__ = ["Reducers"]


class Reducers:
    """``conn.reducers.send("lobby", "hi")``, and ``conn.reducers.auth.login()``."""

    __slots__ = ("__call", "__names", "__path")

    def __init__(
        self, call: Callable[..., object], names: Iterable[str], path: str = ""
    ) -> None:
        """Call by name.

        Args:
            call: Takes the name of a reducer and its arguments.
            names: All names.
            path: With what those begin that are meant.
        """
        self.__call = call
        self.__path = path
        self.__names = frozenset([each for each in names if each.startswith(path)])

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a function or a namespace
        """Give what calls a reducer, or those of a mounted module."""
        whole = self.__path + name
        if whole in self.__names:
            return functools.partial(self.__call, whole)
        if any(each.startswith(f"{whole}.") for each in self.__names):
            return Reducers(self.__call, self.__names, f"{whole}.")
        there = ", ".join(sorted(self.__names)) or "none"
        raise MissingNameError(f"no reducer {brief(whole)}; there are: {there}")
