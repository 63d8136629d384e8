"""Running procedures: on the thread that calls, in the pool, in an event loop.

==================  =================================  ==============================
                    a plain function                   a coroutine function
==================  =================================  ==============================
``call``            runs on the thread that calls      runs there, in an event loop of
                                                       its own
``start``           runs in the pool                   runs in the pool, in an event
                                                       loop of its own
``call_async``      runs in the pool                   runs in the caller's event loop
==================  =================================  ==============================

A procedure is no transaction, so it takes no lock, and none is begun inside of one: it
could wait for what everybody who writes would wait for too. Nor is one waited for
inside of a transaction, since it may want another. When the database is
closed, procedures that wait for a thread are cancelled, and those that run are left
alone: the next transaction that they want is a `ClosedError`.
"""

import contextlib
import functools
import threading
from collections.abc import Coroutine, Iterator
from types import CoroutineType
from typing import Any, cast

from qsdb.errors import ClosedError, UsageError
from qsdb.forks import on_fork
from qsdb.runtime.call_contexts import Arguments, Sender
from qsdb.runtime.calls import Calls, checked
from qsdb.runtime.coroutines import is_loop_running, run_to_end
from qsdb.runtime.pools import Pool
from qsdb.runtime.procedure_contexts import CallOfProcedure
from qsdb.runtime.tallies import Tallies
from qsdb.runtime.writer import Writer
from qsdb.schema.functions import Reducer
from qsdb.schema.procedures import Procedure
from qsdb.values.timestamps import Timestamp

__all__ = ["THREADS", "Procedures"]

THREADS = 16
"""Threads of the pool, if nothing is said."""

_Coroutine = Coroutine[Any, Any, object]

_STREAM = 1 << 62
"""Procedures have random numbers of their own: they are numbered without the lock."""


class Procedures:
    """Runs the procedures of one database.

    Attributes:
        calls: Of the same database.
        count: Calls that began.
        tallies: What they cost, by name; handlers of HTTP, too.
        pool: Threads for them.
    """

    def __init__(self, calls: Calls, threads_max: int) -> None:
        """Serve these calls, with so many threads at most."""
        self.calls = calls
        self._writer = calls.writer
        self._seeds = calls.seeds.after(_STREAM)
        self.count = 0
        self.tallies = Tallies(calls.writer.clock)
        check = functools.partial(_require_outside, calls.writer)
        self.pool = Pool("qsdb-procedure", threads_max, check)
        self._renew_lock()
        on_fork(self._renew_lock)
        calls.call_procedure = self.call

    def _renew_lock(self) -> None:
        self._counting = threading.Lock()

    def prepare(
        self,
        sender: Sender,
        key: object,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> tuple[Reducer | Procedure, Arguments]:
        """Find what is to be run, also later or elsewhere; give its arguments, checked.

        Raises:
            NotFoundError: there is no such function for this sender.
            ArgumentError: the arguments do not fit.
            UsageError: this thread is in a transaction.
            ClosedError: the database is closed.
        """
        found = self.calls.find(sender.identity, key)
        values = checked(found, args, kwargs)
        writer = self._writer
        if _is_inside(writer):
            raise UsageError(
                f"{found.name} cannot be begun inside of a transaction or a reducer: "
                "it may wait, and all who write would wait with it; call it when that "
                "is over, or insert a row into a table that is scheduled for it"
            )
        if writer.directory.store.is_closed:
            raise ClosedError("the database is closed")
        return found, values

    def call(
        self,
        sender: Sender,
        key: object,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> object:
        """Run a procedure on this thread, to its end.

        Raises:
            NotFoundError, ArgumentError, ClosedError: as `prepare` does.
            UsageError: this thread is in a transaction; or in an event loop, and the
                procedure is a coroutine function.
        """
        procedure, values = self.prepare(sender, key, args, kwargs)
        assert isinstance(procedure, Procedure)
        if procedure.is_async and is_loop_running():
            raise UsageError(
                f"{procedure.name} is a coroutine function, and this thread is in an "
                "event loop, which would stand still; write await call_async(…)"
            )
        return self.run(sender, procedure, values)

    def run(self, sender: Sender, procedure: Procedure, values: Arguments) -> object:
        """Run a procedure on checked arguments, on this thread, to its end."""
        with self._begun(sender, procedure) as context:
            result = procedure.run(context, values)
            if procedure.is_async:
                return run_to_end(cast(_Coroutine, result))
            if type(result) is CoroutineType:
                result.close()
                raise UsageError(
                    f"procedure {procedure.name} gave a coroutine, of which nothing "
                    "has run; declare it with async def"
                )
            return result

    async def run_async(
        self, sender: Sender, procedure: Procedure, values: Arguments
    ) -> object:
        """Run a coroutine procedure in the event loop of this thread."""
        with self._begun(sender, procedure) as context:
            return await cast(_Coroutine, procedure.run(context, values))

    @contextlib.contextmanager
    def _begun(self, sender: Sender, procedure: Procedure) -> Iterator[CallOfProcedure]:
        """Begin a call, and end it, and count it."""
        context = self._context(sender, procedure)
        with self.tallies.counted(procedure.name):
            try:
                yield context
            finally:
                context.end()

    def _context(self, sender: Sender, procedure: Procedure) -> CallOfProcedure:
        with self._counting:
            self.count = number = self.count + 1
        writer = self._writer
        micros = max(writer.clock.now().micros, writer.latest // 1000)
        return CallOfProcedure(
            self.calls,
            procedure,
            sender,
            Timestamp.from_stored(micros),
            self._seeds.of_call(number),
        )

    def close(self) -> None:
        """Begin none any more, and cancel those that wait for a thread."""
        self.pool.close()


def _is_inside(writer: Writer) -> bool:
    """Whether this thread is in a transaction, or in what others wait for likewise."""
    return writer.is_mine() or writer.directory.store.is_busy_here()


def _require_outside(writer: Writer) -> None:
    """Refuse to wait for what a thread of the pool does.

    Raises:
        UsageError: this thread is in a transaction.
    """
    if _is_inside(writer):
        raise UsageError(
            "this would wait inside of a transaction or a reducer for what runs in "
            "another thread: that may want the writer lock, and neither would go on; "
            "ask for the result before, or when the transaction is over"
        )
