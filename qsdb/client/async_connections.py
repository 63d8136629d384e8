"""`AsyncConnection`: a connection over the network, in the user's event loop."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from qsdb.cache.events import Event
from qsdb.client.any_connections import AnyConnection
from qsdb.client.clients import Client
from qsdb.client.subscriptions import AsyncSubscription
from qsdb.errors import QueryError
from qsdb.runtime.live_queries import check_callbacks
from qsdb.schema.results import Result

__all__ = ["AsyncConnection"]


class AsyncConnection(AnyConnection):
    """A connection whose methods are awaited; see `qsdb.client.connect_async`.

    Callbacks are plain functions. They run in the event loop, one at a time, and
    nothing else of the connection happens meanwhile; what takes long is for a task.
    """

    def __init__(self, client: Client) -> None:
        """Show a client."""
        super().__init__(client, self.call)

    async def call(self, function: object, /, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  what the function gives
        """Run a reducer or procedure on the server, and give what it returns.

        Args:
            function: It, or its name.
            args: Its arguments.
            kwargs: Likewise.

        Raises:
            ReducerError: the reducer refuses.
            RemoteError: it failed.
            NotFoundError, ArgumentError: as in process; nothing was sent.
            NotConnectedError: the connection is lost; nothing was sent.
            UnansweredError: no answer came; it may have run.
            ClosedError: the connection is closed.
        """
        client = self._client
        return await client.call(*client.prepare(function, args, kwargs))

    async def sql(
        self, text: str, params: Mapping[str, object] | None = None
    ) -> Result:
        """Run a query on the server.

        Args:
            text: A SELECT.
            params: The values of its parameters.

        Raises:
            QueryError: it is wrong.
            ArgumentError: parameters do not fit, or are none that can be sent.
            NotConnectedError, UnansweredError, ClosedError: as `call` does.
        """
        return await self._client.sql(text, params)

    async def subscribe(
        self,
        *queries: str,
        on_applied: Callable[[Event], object] | None = None,
        on_error: Callable[[QueryError], object] | None = None,
        params: Mapping[str, object] | None = None,
    ) -> AsyncSubscription:
        """Have the results of queries in the cache, as a whole and from one commit.

        Args:
            queries: Each a SELECT; ``SELECT * FROM *`` is all public tables.
            on_applied: Is told when the rows are in the cache, before callbacks of
                rows are.
            on_error: Is told if a query fails later; then all of them end.
            params: The values of their parameters.

        Raises:
            QueryError: one is wrong, or cannot be kept current; then none begins.
            ArgumentError: an argument is of a wrong kind, or cannot be sent.
            NotConnectedError, UnansweredError, ClosedError: as `call` does.
        """
        conversation = self._client.conversation
        conversation.require_online()
        check_callbacks(on_applied=on_applied, on_error=on_error)
        questions = conversation.known.questions.live(queries, params)
        subscription = AsyncSubscription(self, questions, on_applied, on_error)
        await self._client.begin(subscription)
        return subscription

    async def end(self, subscription: AsyncSubscription) -> None:
        """End a subscription, as its user wishes; twice is no error."""
        self._client.end(subscription)

    async def close(self) -> None:
        """End: nothing of it is told any more; twice is no error.

        What it knew can still be read. Who waits for an answer is told that none came.
        """
        await self._client.close()

    async def __aenter__(self) -> Self:
        """Give the connection itself."""
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        await self.close()
