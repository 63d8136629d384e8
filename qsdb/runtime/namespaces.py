"""`Functions`: the reducers, or the procedures, of a module as attributes."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from qsdb.errors import MissingNameError, brief

__all__ = ["Functions"]


class Functions:
    """``conn.reducers.send("lobby", "hi")``, and ``conn.reducers.auth.login()``."""

    __slots__ = ("__call", "__names", "__path", "__sort")

    def __init__(
        self,
        sort: str,
        call: Callable[..., object],
        names: Iterable[str],
        path: str = "",
    ) -> None:
        """Call by name.

        Args:
            sort: Says in a word what.
            call: Takes the name of a function and its arguments.
            names: All names.
            path: With what those begin that are meant.
        """
        self.__sort = sort
        self.__call = call
        self.__path = path
        self.__names = frozenset([each for each in names if each.startswith(path)])

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a function or a namespace
        """Give what calls a function, or those of a mounted module."""
        whole = self.__path + name
        if whole in self.__names:
            return functools.partial(self.__call, whole)
        if any(each.startswith(f"{whole}.") for each in self.__names):
            return Functions(self.__sort, self.__call, self.__names, f"{whole}.")
        there = ", ".join(sorted(self.__names)) or "none"
        raise MissingNameError(f"no {self.__sort} {brief(whole)}; there are: {there}")
