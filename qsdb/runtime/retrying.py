"""`Retrying`: begins optimistic transactions, and runs functions as such.

Who conflicts has lost to somebody who has committed, so all together always get on; but
one of them may lose again and again, above all a long one among short ones. So the
first retry is at once, later ones wait for a random time that grows, and the last run
is a serial one, which cannot lose.

A coroutine that awaits cannot have a serial run: nobody could write meanwhile, nor
even wait, in the same event loop. So coroutines spread out over longer times, measured
by how long they take themselves: fifty that want the same row come to have it one
after the other.
"""

import threading
from collections.abc import Callable, Coroutine
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, TypeVar

from qsdb.errors import ArgumentError, ConflictError, LimitError, brief
from qsdb.runtime.blocks import WriteBlock
from qsdb.runtime.clock import nanosecond_reader, tick_reader
from qsdb.runtime.coroutines import cancel, pause
from qsdb.runtime.optimistic import SqlOptimisticTransaction
from qsdb.runtime.seeds import Seeds
from qsdb.runtime.writer import Writer
from qsdb.schema.procedures import ProcedureTransaction
from qsdb.store.limits import PinLimits, TransactionLimits
from qsdb.store.undo import Pin

__all__ = ["Retrying"]

T = TypeVar("T")

SERIALIZABLE, SNAPSHOT = "serializable", "snapshot"
"""The levels: what is read is noted, or what is written alone."""

_STREAM = 3 << 61
"""Waiting has random numbers of its own, so that those of calls stay as they are."""

SECONDS_LEAST, SECONDS_MAX = 0.0001, 0.01
"""The retry number n waits for up to 2ⁿ times as long, and none longer than that."""

AWAITED_LEAST, AWAITED_MAX = 0.001, 5.0
"""As above, for coroutines; of which one that takes longer begins with its own time."""


class Retrying:
    """Runs functions as optimistic transactions of one database.

    Attributes:
        fallbacks: How many were run serially in the end.
    """

    def __init__(
        self,
        writer: Writer,
        seeds: Seeds,
        limits: TransactionLimits,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        """Begin with none.

        Args:
            writer: Of the database.
            seeds: Of its calls.
            limits: How much a transaction may take.
            wait: Waits for so many seconds, on this thread.
        """
        self._writer = writer
        self._now = nanosecond_reader(writer.clock)
        self._ticks = tick_reader(writer.clock)
        self._seeds = seeds.after(_STREAM)
        self._rows_max = limits.written_rows
        writer.directory.store.limits = PinLimits(limits, self._now)
        self._wait = wait or threading.Event().wait
        self.fallbacks = 0

    def begin(
        self, isolation: str, *, is_led: bool = False
    ) -> SqlOptimisticTransaction:
        """Begin a transaction at the last commit.

        Args:
            isolation: Its level.
            is_led: Whether it is ended here, and not by whoever uses it.

        Raises:
            ArgumentError, ReadOnlyError, UsageError, ClosedError: as `optimistic` of a
                database does.
        """
        notes_reads = isolation == SERIALIZABLE
        if not notes_reads and isolation != SNAPSHOT:
            names = f"{SERIALIZABLE!r} or {SNAPSHOT!r}"
            raise ArgumentError(f"isolation is {names}, not {brief(isolation)}")
        # On CPython 3.11 what a slot holds costs twice if it is called at once.
        writer, now = self._writer, self._now
        writer.require_writable()
        directory, rows_max = writer.directory, self._rows_max
        nanoseconds = now()
        while True:
            optimistic_class: Any = directory.optimistic_class
            transaction: SqlOptimisticTransaction = optimistic_class(
                nanoseconds, rows_max, notes_reads
            )
            # Tables and offset change together, in one step.
            if optimistic_class is directory.optimistic_class:
                break
            transaction._end()
        if is_led:
            transaction._is_led = True
        return transaction

    def run(
        self,
        function: Callable[[ProcedureTransaction], T],
        retries: int,
        isolation: str,
    ) -> T:
        """Run a function as one transaction, and give what it returns.

        Raises:
            Whatever `transact` of a database raises.
        """
        for number in range(_checked(function, retries) + 1):
            if number > 1:
                self._wait(self._seconds(number, SECONDS_LEAST, SECONDS_MAX))
            try:
                return self._once(function, isolation)
            except _BeatenError:
                continue
        with WriteBlock(self._writer) as serial:
            self.fallbacks += 1
            assert isinstance(serial, ProcedureTransaction)
            return _called(function, serial)

    async def run_async(
        self,
        function: Callable[[ProcedureTransaction], Coroutine[Any, Any, T]],
        retries: int,
        isolation: str,
    ) -> T:
        """Run a coroutine function as one transaction, and give what it returns.

        Raises:
            Whatever `transact_async` of a database raises.
        """
        spent = 0.0
        for number in range(_checked(function, retries) + 1):
            if number > 1:
                least = max(AWAITED_LEAST, spent)
                await pause(self._seconds(number, least, AWAITED_MAX))
            began = self._ticks()
            try:
                return await self._once_async(function, isolation)
            except _BeatenError:
                spent = (self._ticks() - began) / 1e9
        with WriteBlock(self._writer) as serial:
            self.fallbacks += 1
            assert isinstance(serial, ProcedureTransaction)
            return self._in_one_go(_begun(function, serial))

    def _once(self, function: Callable[[ProcedureTransaction], T], isolation: str) -> T:
        """Run a function beside others, and give what it returns.

        Raises:
            _BeatenError: it is to run again.
        """
        transaction = self.begin(isolation, is_led=True)
        pin = transaction._hold.pin
        try:
            result = _called(function, transaction)
        except BaseException as error:
            transaction._end()
            _require_kept(pin, error)
            raise
        try:
            transaction._commit(waits=True)
        except (ConflictError, LimitError) as error:
            raise _BeatenError from error
        return result

    async def _once_async(
        self,
        function: Callable[[ProcedureTransaction], Coroutine[Any, Any, T]],
        isolation: str,
    ) -> T:
        """As `_once`, with a coroutine function."""
        transaction = self.begin(isolation, is_led=True)
        pin = transaction._hold.pin
        try:
            result = await _begun(function, transaction)
        except BaseException as error:
            transaction._end()
            _require_kept(pin, error)
            raise
        try:
            await transaction._commit_async()
        except (ConflictError, LimitError) as error:
            raise _BeatenError from error
        return result

    def _in_one_go(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that is not to be suspended, and give what it returns."""
        try:
            coroutine.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        failure = cancel(coroutine)
        raise ConflictError(
            None,
            "always been faster, and the last run, which none can be faster than, "
            "awaited something",
            self._writer.directory.store.offset,
        ) from failure

    def _seconds(self, number: int, least: float, most: float) -> float:
        """Give how long to wait before a retry, at random."""
        within = min(least * 2.0 ** min(number, 30), most)
        return within * self._seeds.draw(32) / (1 << 32)


class _BeatenError(Exception):
    """Others were faster, or more than may be kept for who is slow; never told."""


def _require_kept(pin: Pin | None, error: BaseException) -> None:
    """Have a function run again that could not go on reading.

    Raises:
        _BeatenError: its offset was given up.
    """
    if isinstance(error, LimitError) and pin is not None and pin.lost is not None:
        raise _BeatenError from error


def _checked(function: object, retries: object) -> int:
    if not callable(function):
        raise ArgumentError(
            f"a function of a transaction is to be run, not {brief(function)}"
        )
    if type(retries) is not int or retries < 0:
        raise ArgumentError(f"retries is an int from 0 on, not {brief(retries)}")
    return retries


def _begun(
    function: Callable[[ProcedureTransaction], Coroutine[Any, Any, T]],
    transaction: ProcedureTransaction,
) -> Coroutine[Any, Any, T]:
    coroutine = function(transaction)
    if not isinstance(coroutine, Coroutine):
        raise ArgumentError(
            "transact_async takes a coroutine function, and this one has given "
            f"{brief(coroutine)}; what it did is rolled back; use transact"
        )
    return coroutine


def _called(
    function: Callable[[ProcedureTransaction], T], transaction: ProcedureTransaction
) -> T:
    result = function(transaction)
    if isinstance(result, GeneratorType | AsyncGeneratorType):
        raise ArgumentError(
            "transact was given a generator function, of which nothing has run; its "
            "function is to do all of it and return"
        )
    if isinstance(result, CoroutineType):
        result.close()
        raise ArgumentError(
            "transact was given a coroutine function, of which nothing has run; await "
            "transact_async"
        )
    return result
