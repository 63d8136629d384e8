"""`Caller`: a database as one identity sees it."""

from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from qsdb.runtime.calls import Calls
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.schema.contexts import ReducerContext
from qsdb.schema.results import Result
from qsdb.values.identity import Identity

__all__ = ["Caller"]

P = ParamSpec("P")
T = TypeVar("T")


class Caller:
    """A database as one identity sees it."""

    __slots__ = ("_calls", "_subscriptions", "identity")

    def __init__(
        self, calls: Calls, subscriptions: Subscriptions, identity: Identity
    ) -> None:
        """Act as `identity`."""
        self._calls = calls
        self._subscriptions = subscriptions
        self.identity = identity

    @overload
    def call(
        self,
        reducer: Callable[Concatenate[ReducerContext, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T: ...

    @overload
    def call(self, reducer: str, /, *args: object, **kwargs: object) -> Any: ...  # noqa: ANN401

    def call(self, reducer: object, /, *args: object, **kwargs: object) -> object:
        """Run a reducer as this identity; otherwise as `Database.call`.

        Raises:
            NotFoundError: there is no such reducer, or it is private and this
                is not the owner.
            ArgumentError, UsageError, ClosedError: as `Database.call` does.
        """
        return self._calls.call(self.identity, reducer, args, kwargs)

    def sql(self, text: str, params: Mapping[str, object] | None = None) -> Result:
        """Run a query as this identity; otherwise as `Database.sql`.

        Raises:
            AccessError: it changes something, and this is not the owner.
            QueryError, ArgumentError, ClosedError: as `Database.sql` does.
        """
        return self._subscriptions.queries.run(text, params, self.identity)
