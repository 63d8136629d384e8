"""`Connection`: a connection over the network, for programs without an event loop."""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from typing import Any, Self, TypeVar

from qsdb.cache.events import Event
from qsdb.client.any_connections import AnyConnection
from qsdb.client.clients import Client
from qsdb.client.loop_threads import LoopThread
from qsdb.client.subscriptions import Subscription
from qsdb.errors import ClosedError, QueryError
from qsdb.runtime.live_queries import check_callbacks
from qsdb.schema.results import Result

__all__ = ["Connection"]

T = TypeVar("T")

GRACE_SECONDS = 1.0
"""So much longer than the loop whoever waits for it waits."""


class Connection(AnyConnection):
    """A connection over the network; see `qsdb.client.connect`.

    It may be used by any thread. Callbacks run on the connection's own thread, one at a
    time; while one runs nothing else comes in. What waits for the server cannot be
    called in a callback; `close` can, of the connection and of subscriptions.
    """

    def __init__(self, client: Client, thread: LoopThread) -> None:
        """Show a client that lives in a thread."""
        super().__init__(client, self.call)
        self._thread = thread

    def call(self, function: object, /, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  what the function gives
        """Run a reducer or procedure on the server, and give what it returns.

        The cache has what it did, then, and callbacks have run.

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
            UsageError: this is a callback.
            ClosedError: the connection is closed.
        """
        client = self._client
        return self._wait(client.call(*client.prepare(function, args, kwargs)))

    def start(
        self, function: object, /, *args: object, **kwargs: object
    ) -> Future[Any]:
        """As `call`, but give a future at once; also in callbacks.

        Many calls may be under way: they run in the order in which they were started.
        What can be known now is raised now; all else the future has.

        Raises:
            NotFoundError, ArgumentError, NotConnectedError, ClosedError: as `call`
                does.
        """
        client = self._client
        found, data = client.prepare(function, args, kwargs)
        return self._thread.begin(client.call(found, data))

    async def call_async(
        self, function: object, /, *args: object, **kwargs: object
    ) -> Any:  # noqa: ANN401  what the function gives
        """As `call`, to be awaited in an event loop, which goes on meanwhile.

        Raises:
            Whatever `call` raises.
        """
        return await asyncio.wrap_future(self.start(function, *args, **kwargs))

    def sql(self, text: str, params: Mapping[str, object] | None = None) -> Result:
        """Run a query on the server.

        Args:
            text: A SELECT.
            params: The values of its parameters.

        Raises:
            QueryError: it is wrong.
            ArgumentError: parameters do not fit, or are none that can be sent.
            NotConnectedError, UnansweredError, UsageError, ClosedError: as `call` does.
        """
        return self._wait(self._client.sql(text, params))

    def subscribe(
        self,
        *queries: str,
        on_applied: Callable[[Event], object] | None = None,
        on_error: Callable[[QueryError], object] | None = None,
        params: Mapping[str, object] | None = None,
    ) -> Subscription:
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
            NotConnectedError, UnansweredError, UsageError, ClosedError: as `call` does.
        """
        conversation = self._client.conversation
        conversation.require_online()
        check_callbacks(on_applied=on_applied, on_error=on_error)
        questions = conversation.known.questions.live(queries, params)
        subscription = Subscription(self, questions, on_applied, on_error)
        self._wait(self._client.begin(subscription))
        return subscription

    def end(self, subscription: Subscription) -> None:
        """End a subscription, as its user wishes; twice is no error."""
        self._thread.soon(functools.partial(self._client.end, subscription))
        if not LoopThread.is_here():
            with contextlib.suppress(ClosedError):  # and so all that was subscribed
                self._wait(_nothing())  # what was to be done is done before

    def close(self) -> None:
        """End: once this has returned nothing of it is told; twice is no error.

        What it knew can still be read. Who waits for an answer is told that none came.
        From a callback, it ends what can be told at once and all else soon. A callback
        of its own that does not return is waited for as ``close_timeout`` says.
        """
        client, thread = self._client, self._thread
        thread.soon(client.conversation.close)
        thread.finish(client.close)
        if not LoopThread.is_here():
            thread.join(client.settings.close_timeout + GRACE_SECONDS)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        seconds = self._client.settings.timeout
        if seconds is not None:
            seconds += GRACE_SECONDS
        return self._thread.wait(work, seconds)

    def __enter__(self) -> Self:
        """Give the connection itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()


async def _nothing() -> None:
    """Be done when its turn comes."""
