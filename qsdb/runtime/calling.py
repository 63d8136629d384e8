"""`Calling`: calling functions as somebody, now, later or in an event loop.

What has this behind it: a `Database`, for its owner; a `Caller`, for an identity; a
`Connection`, for a client. The three ways take the same arguments and run the same
functions; `qsdb.runtime.procedures` says where each is run.
"""

from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.calls import Calls
from qsdb.runtime.coroutines import result_of
from qsdb.runtime.procedures import Procedures
from qsdb.schema.contexts import ReducerContext
from qsdb.schema.procedures import Procedure, ProcedureContext

__all__ = ["Calling"]

C = TypeVar("C", ReducerContext, ProcedureContext)
P = ParamSpec("P")
T = TypeVar("T")


class Calling:
    """Calls functions as somebody."""

    __slots__ = ()

    _calls: Calls
    _procedures: Procedures
    _sender: Sender
    """Who calls."""
    confirmed = False
    """Whether calls return when what they did is on the disk."""

    @overload
    def call(
        self,
        function: Callable[Concatenate[ProcedureContext, P], Coroutine[Any, Any, T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T: ...

    @overload
    def call(
        self,
        function: Callable[Concatenate[C, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T: ...

    @overload
    def call(self, function: str, /, *args: object, **kwargs: object) -> Any: ...  # noqa: ANN401

    def call(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Run a reducer or a procedure, by function or name; give what it returns.

        On this thread. A procedure that is a coroutine function is run to its end, in
        an event loop of its own.

        Raises:
            NotFoundError: there is no such function, or it is private and this is not
                the owner.
            ArgumentError: the arguments do not fit; nothing was begun.
            UsageError: this thread is inside a transaction already; or it is in an
                event loop, and the procedure is a coroutine function.
            ReadOnlyError: the database is only read.
            ClosedError: the database is closed.
        """
        return self._calls.call(self._sender, function, args, kwargs)

    @overload
    async def call_async(
        self,
        function: Callable[Concatenate[ProcedureContext, P], Coroutine[Any, Any, T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T: ...

    @overload
    async def call_async(
        self,
        function: Callable[Concatenate[C, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T: ...

    @overload
    async def call_async(
        self, function: str, /, *args: object, **kwargs: object
    ) -> Any: ...  # noqa: ANN401

    async def call_async(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """As `call`, to be awaited in an event loop, which goes on meanwhile.

        A procedure that is a coroutine function runs in that loop, and is cancelled
        with the task that awaits it. All else runs in the database's pool, and is
        cancelled only while it waits for a thread.

        Raises:
            Whatever `call` raises.
        """
        self._require_open()
        procedures, sender = self._procedures, self._sender
        found, values = procedures.prepare(sender, function, args, kwargs)
        if not isinstance(found, Procedure) or not found.is_async:
            return await result_of(self.start(function, *args, **kwargs))
        result = await procedures.run_async(sender, found, values)
        if self.confirmed:
            await result_of(procedures.pool.submit(self._settle))
        return result

    @overload
    def start(
        self,
        function: Callable[Concatenate[ProcedureContext, P], Coroutine[Any, Any, T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Future[T]: ...

    @overload
    def start(
        self,
        function: Callable[Concatenate[C, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Future[T]: ...

    @overload
    def start(
        self, function: str, /, *args: object, **kwargs: object
    ) -> Future[Any]: ...

    def start(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As `call`, in a thread of the database's pool; give its future at once.

        Closing the database cancels what waits for a thread. A procedure that waits
        for others which it has started needs more threads than one. Inside of a
        transaction the future refuses to be waited for, as a `UsageError`.

        Raises:
            NotFoundError, ArgumentError, UsageError, ReadOnlyError, ClosedError: as
                `call` does, and now; what the function raises, the future has.
        """
        self._require_open()
        self._procedures.prepare(self._sender, function, args, kwargs)
        return self._procedures.pool.submit(self.call, function, *args, **kwargs)

    # What a connection does besides.

    def _require_open(self) -> None:
        """Refuse what has been closed.

        Raises:
            ClosedError: it has.
        """

    def _settle(self) -> None:
        """Wait until what was committed is on the disk."""
