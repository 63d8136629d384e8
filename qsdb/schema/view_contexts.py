"""What views are handed, and the query that a view may give in place of rows.

A view with a `ViewContext` has a result for each caller; one with an
`AnonymousViewContext` knows no caller, and so has one result for all.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from qsdb.errors import ArgumentError, brief
from qsdb.schema.contexts import Transaction
from qsdb.values.identity import Identity

__all__ = ["AnonymousViewContext", "Query", "ViewContext"]

R = TypeVar("R")


class AnonymousViewContext:
    """What a view knows that has one result for all callers.

    Attributes:
        db: The tables, to be read while the view runs: what it looks at is noted, and
            the view runs again when that changes. Writing raises `ReadOnlyError`.
    """

    __slots__ = ("db",)

    def __init__(self, db: Transaction) -> None:
        """Hand the tables over."""
        self.db = db


class ViewContext(AnonymousViewContext):
    """What a view knows that has a result for each caller.

    Attributes:
        sender: The caller.
    """

    __slots__ = ("sender",)

    def __init__(self, db: Transaction, sender: Identity) -> None:
        """Hand the tables over, and say who asks."""
        super().__init__(db)
        self.sender = sender


class Query(Generic[R]):
    """A query as the result of a view: ``-> qsdb.Query[Message]``.

    >>> Query("SELECT * FROM message WHERE room = :room", {"room": "lobby"})
    Query('SELECT * FROM message WHERE room = :room', {'room': 'lobby'})
    """

    __slots__ = ("params", "text")

    def __init__(self, text: str, params: Mapping[str, Any] | None = None) -> None:
        """Say what is asked.

        Args:
            text: A SELECT on tables, private ones too, that gives the columns of the
                view's row class; ``:sender`` is the caller of the view.
            params: The values of its other parameters.

        Raises:
            ArgumentError: `text` is no str, or `params` is no dict.
        """
        if type(text) is not str:
            raise ArgumentError(f"a query is a str, not {brief(text)}")
        if params is not None and not isinstance(params, Mapping):
            raise ArgumentError(f"params is a dict, not {brief(params)}")
        self.text = text
        self.params = {} if params is None else dict(params)

    def __repr__(self) -> str:
        """Show the text and the values."""
        return f"Query({self.text!r}, {self.params!r})"
