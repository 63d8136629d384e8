"""`Scheduler`: runs what is due, one after the other, in the order of the due times.

A run is one transaction: the reducer takes the row as it is in the table, and with what
it does is committed that it has run: the row of a time goes, an interval is due at its
next time. So a run happens once, whatever is killed when. A reducer that raises has
done nothing; then a transaction of its own counts that, or gives the run up.
(Procedures are another matter: `qsdb.runtime.due_procedures`.)

Where nobody calls `run_due`, a thread does. It sleeps until something is due, and holds
the database by a weak reference meanwhile.
"""

import contextlib
import heapq
import logging
import threading
import weakref
from collections.abc import Iterator
from typing import Any

from qsdb.errors import (
    ClosedError,
    DiskFull,
    InternalError,
    ReducerError,
    StorageError,
)
from qsdb.forks import on_fork
from qsdb.logs import DATABASE
from qsdb.runtime.call_contexts import INTERNAL, Sender
from qsdb.runtime.calls import Calls
from qsdb.runtime.due_procedures import DueProcedures, RunCounts
from qsdb.runtime.due_runs import Number, Run
from qsdb.runtime.procedures import Procedures
from qsdb.runtime.timers import Timers
from qsdb.schema.procedures import Procedure
from qsdb.schema.system import StTimer
from qsdb.store.transactions import WriteTransaction
from qsdb.values.timestamps import Timestamp

__all__ = ["Scheduler"]

SLEEP_MAX = 1.0
"""Seconds that the thread sleeps at most, should somebody set the clock."""

PAUSE, PAUSE_MAX = 1_000_000, 60_000_000
"""Microseconds that the thread waits before it tries again what has failed: at first,
and at most."""


class Scheduler:
    """The schedules of one database.

    Attributes:
        counts: How many functions were run, and failed.
        watched: The scheduled tables: who opens none of them changes no timer.
    """

    def __init__(self, calls: Calls) -> None:
        """Prepare; nothing is run yet."""
        self._calls = calls
        self._writer = calls.writer
        self.timers = Timers(calls)
        self.watched = self.timers.entries
        self.procedures: DueProcedures
        self.counts = RunCounts()
        self._sender = Sender(calls.identity, auth=INTERNAL)
        self._logger = logging.getLogger(f"qsdb.{calls.module.name}.scheduler")
        self._running = threading.RLock()
        """Held by whoever runs what is due."""
        self._bell = _Bell()
        self._paused: dict[Number, int] = {}  # what failed → when it is tried again
        self._database: weakref.ref[object] | None = None
        """Whose thread is wanted; None where whoever has it calls `run_due`."""
        self._writer.timers = self if self.timers.tables else None
        on_fork(self._forked)

    def _forked(self) -> None:
        """In a forked child, go on without the thread of the parent."""
        self._bell = _Bell()
        self._running = threading.RLock()

    def renew(self) -> None:
        """Go on with the module that is published now; twice is once.

        Under the writer lock; `go_on` is to be called after that.
        """
        self.timers.is_retired = True
        self.timers = Timers(self._calls)
        self.watched = self.timers.entries
        self._paused = {}
        self._writer.timers = self if self.timers.tables else None

    def note(self, transaction: WriteTransaction) -> bool:
        """Arm and disarm in a transaction that is about to end; twice is once.

        Raises:
            KindError: an interval is not longer than 0, or too long.
        """
        return self.timers.note(transaction)

    def wake(self) -> None:
        """See when something is due."""
        self._bell.ring()

    def go_on(self) -> None:
        """See when something is due, after `renew`; without the writer lock."""
        self._bell.ring()
        self._start()

    def check(self) -> None:
        """Verify that each timer has its row, and the contrary; as `Timers.faults`.

        Raises:
            InternalError: with a sentence for each that has not.
        """
        faults = [*self.timers.faults()]
        if faults:
            raise InternalError(*faults)

    # Running what is due.

    def run_due(
        self,
        now: Timestamp | None,
        *,
        is_thread: bool = False,
        is_waiting: bool = False,
    ) -> int:
        """Run what is due now, and give how many functions were run.

        What they make due meanwhile is not run any more.

        Args:
            now: What counts as now, if it is later than the clock.
            is_thread: Whether what failed is left alone for a while, and procedures
                go to the pool, and are not counted.
            is_waiting: Whether another thread that runs what is due may wait for this
                one, as for a callback: then nothing is run.

        Raises:
            UsageError: this thread is in a transaction.
            ClosedError: the database is closed.
            StorageError: it cannot be written.
        """
        self._writer.require_outside()
        refused: DiskFull | None = None
        with _held(self._running, is_waiting=is_waiting) as is_held:
            until = self._now() if now is None else max(now.micros, self._now())
            waiting = [*self._due(until, is_thread=is_thread)] if is_held else []
            runs = 0
            while waiting and not (is_thread and self._bell.is_ended):
                due, number = heapq.heappop(waiting)
                timers = self.timers
                if number[0] not in timers.tables:
                    continue  # another module was published meanwhile
                run = Run(timers, self._writer, number, due, until)
                try:
                    self._run(run, is_thread=is_thread)
                except DiskFull as error:  # of one commit; others may be smaller
                    refused = refused or error
                    self.pause(number, 1)
                except ReducerError:  # of a view that lets the timer neither run nor go
                    name, due_text = run.scheduled.function.name, run.due_text
                    self._logger.exception("%s stays due since %s", name, due_text)
                    self.pause(number, 1)
                runs += run.has_begun
                then = run.each_then
                if due < then <= until and self.timers.due_of(number) == then:
                    heapq.heappush(waiting, (then, number))
        if refused is not None:
            raise refused
        return runs

    def _now(self) -> int:
        """Give the time, which never goes back behind what was committed."""
        return max(self._writer.clock.now().micros, self._writer.latest // 1000)

    def _due(self, until: int, *, is_thread: bool) -> Iterator[tuple[int, Number]]:
        """Yield what is due, the first first."""
        for timer in self._soonest(until):
            number = timer.table_id, timer.scheduled_id
            if number in self.procedures.busy:
                continue
            if not is_thread or self._paused.get(number, until) <= until:
                yield timer.due.micros, number

    def _soonest(self, until: int | None) -> Iterator[StTimer]:
        with self._writer.directory.read() as reading:
            index = self.timers.table(reading).due
            if until is None:
                yield from index.range()
            else:
                hi = Timestamp.from_stored(until)
                yield from index.range(hi=hi, include=(True, True))

    def _run(self, run: Run, *, is_thread: bool) -> None:
        """Do what is to be done about a timer."""
        function = run.scheduled.function
        if isinstance(function, Procedure):
            if is_thread:
                self._hand_over(run)
            else:
                self.procedures.run(run)
            return
        try:
            self._calls.run_turn(
                function,
                self._sender,
                before=run.begin,
                after=run.end,
                refuse=_refuse,
            )
        except (ClosedError, StorageError):  # the database's, and not the reducer's
            raise
        except BaseException as error:
            # Nobody else would hear of an exit in the thread.
            if not (is_thread or isinstance(error, Exception)):
                raise
            self.counts.add(0, 1)
            what = error.__cause__ if isinstance(error, _RunError) else error
            text = "%s failed, which was due at %s"
            name, due = function.name, run.due_text
            fields: dict[str, object] = {"module_name": self._calls.module.name}
            fields |= {"reducer": name, "due": str(due)}
            fields[DATABASE] = self._calls.identity
            self._logger.exception(text, name, due, exc_info=what, extra=fields)
            self._calls.run_turn(None, self._sender, before=run.fail)
            if run.failed:
                self.pause(run.number, run.failed)
            else:
                self._paused.pop(run.number, None)
        else:
            self._paused.pop(run.number, None)
        self.counts.add(run.has_begun, 0)

    def _hand_over(self, run: Run) -> None:
        """Have the procedure of a timer run in the pool."""
        timers = self.timers  # retired when a module is published: then it is skipped

        def now() -> Run:
            moment = self._now()
            return Run(timers, self._writer, run.number, run.due, moment)

        def end(error: BaseException | None) -> None:
            if isinstance(error, StorageError) and self.fail(error) is None:
                self._bell.stop()
                return
            if error is not None:
                self.pause(run.number, 1)
            self.wake()

        self.procedures.start(run.number, now, end)

    def pause(self, number: Number, failed: int) -> None:
        """Have the thread leave alone what has failed, each time for longer."""
        pause = min(PAUSE_MAX, PAUSE << min(failed - 1, 10))
        self._paused[number] = self._now() + pause

    # The thread.

    def start(
        self, database: object, procedures: Procedures, *, has_thread: bool
    ) -> None:
        """Begin; a thread that runs what is due ends when nobody has the database."""
        self.procedures = DueProcedures(
            procedures, self._sender, self.counts, self._logger
        )
        if has_thread:
            self._database = weakref.ref(database)
            self._start()

    def _start(self) -> None:
        """Start the thread, if it is wanted and there is something to run."""
        bell = self._bell
        database = None if self._database is None else self._database()
        if database is None or not self.timers.tables:
            return
        with bell.beginning:
            if bell.thread is None and not bell.is_ended:
                weakref.finalize(database, bell.stop)
                bell.thread = threading.Thread(
                    target=_follow,
                    args=(weakref.ref(self), bell),
                    name="qsdb-scheduler",
                    daemon=True,
                )
                bell.thread.start()

    def tick(self) -> float:
        """Run what is due, and give how long to sleep.

        Raises:
            ClosedError: the database is closed.
            StorageError: it cannot be written.
        """
        self.run_due(None, is_thread=True)
        now, sleep = self._now(), SLEEP_MAX
        paused_now = [*self._paused.items()]  # the pool may add one
        self._paused = {each: end for each, end in paused_now if end > now}
        for timer in self._soonest(None):
            due = timer.due.micros
            number = timer.table_id, timer.scheduled_id
            if number in self.procedures.busy:  # who ends it rings the bell
                continue
            paused = self._paused.get(number, due)
            sleep = min(sleep, (max(due, paused) - now) / 1e6)
            if due > now:
                break
        return max(sleep, 0.0)

    def fail(self, error: StorageError) -> float | None:
        """Tell that nothing can be written; give how long to sleep, None for ever."""
        if self._bell.is_ended:
            return None
        if isinstance(error, DiskFull):
            self._logger.warning("what is due waits: %s", error)
            return SLEEP_MAX
        self._logger.error("nothing is run any more by itself: %s", error)
        return None

    def stumble(self) -> float:
        """Tell that something failed that was not to; give how long to sleep."""
        self._logger.exception("running what is due failed, and is tried again")
        return SLEEP_MAX

    def close(self, *, is_waiting: bool) -> None:
        """Let the thread end, and wait for it; the reducer that it runs ends first.

        Args:
            is_waiting: Whether it is not waited for: as where it may wait itself, for
                the callback in which this is called. It meets a closed database then.
        """
        bell = self._bell
        bell.stop()
        is_mine = self._running._is_owned()  # type: ignore[attr-defined]  # noqa: SLF001  as threading.Condition does
        if bell.thread is None or bell.thread is threading.current_thread():
            return
        if not is_waiting and not is_mine:
            bell.thread.join()


@contextlib.contextmanager
def _held(lock: Any, *, is_waiting: bool) -> Iterator[bool]:  # noqa: ANN401  an RLock
    """Hold a lock; give whether it is held: others' is not waited for, if so said."""
    is_mine = lock._is_owned  # noqa: SLF001  as threading.Condition does
    if is_mine():
        yield True
        return
    try:
        yield lock.acquire(blocking=not is_waiting)
    finally:
        if is_mine():
            lock.release()


class _Bell:
    """Wakes the thread, or ends it."""

    def __init__(self) -> None:
        self.thread: threading.Thread | None = None
        self.is_ended = False
        self.beginning = threading.Lock()
        self._rung = threading.Event()

    def ring(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        self.is_ended = True
        self._rung.set()

    def sleep(self, seconds: float) -> None:
        self._rung.wait(seconds)
        self._rung.clear()


def _follow(scheduler_ref: "weakref.ref[Scheduler]", bell: _Bell) -> None:
    """Run what is due for as long as somebody has the database."""
    while not bell.is_ended and (scheduler := scheduler_ref()) is not None:
        try:
            sleep: float | None = scheduler.tick()
        except ClosedError:
            return
        except StorageError as error:
            sleep = scheduler.fail(error)
        except BaseException:  # noqa: BLE001  of a callback, say; it is told
            sleep = scheduler.stumble()
        if sleep is None:
            return
        del scheduler
        bell.sleep(sleep)


class _RunError(Exception):
    """A reducer has failed; what it raised is the cause."""


def _refuse(name: str, _: Exception) -> _RunError:
    return _RunError(name)
