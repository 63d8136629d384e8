"""`DueProcedures`: scheduled procedures, each run once at most.

A reducer has run if its transaction has committed. What a procedure does outside of the
database has no such end: if the process is killed in the middle, nobody can say how far
it came. So a run is taken first: one commit says that it has run, as it would say of a
reducer (`qsdb.runtime.due_runs`), and only when that is on the disk does the procedure
begin. Whatever happens then, it is not run again.

Where a thread runs what is due, procedures run in the pool, and hold nobody up. While
one runs, its timer is left alone; if it takes longer than its interval, the ticks in
between are ticks that were missed, and ``missed`` says what becomes of them when it has
ended.
"""

import logging
import threading
from collections.abc import Callable

from qsdb.errors import ClosedError, StorageError
from qsdb.forks import on_fork
from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.coroutines import is_loop_running
from qsdb.runtime.due_runs import Number, Run
from qsdb.runtime.procedures import Procedures
from qsdb.schema.procedures import Procedure

__all__ = ["DueProcedures", "RunCounts"]


class RunCounts:
    """What was run because it was due, counted by any thread.

    Attributes:
        runs: How many functions were run, those that failed too.
        failures: How many failed.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.runs = self.failures = 0
        self._renew_lock()
        on_fork(self._renew_lock)

    def _renew_lock(self) -> None:
        self._lock = threading.Lock()

    def add(self, runs: int, failures: int) -> None:
        """Count some more."""
        with self._lock:
            self.runs += runs
            self.failures += failures


class DueProcedures:
    """The runs of scheduled procedures.

    Attributes:
        busy: The timers whose procedures run, or wait for a thread.
    """

    def __init__(
        self,
        procedures: Procedures,
        sender: Sender,
        counts: RunCounts,
        logger: logging.Logger,
    ) -> None:
        """Prepare.

        Args:
            procedures: Of the database.
            sender: Who is behind what is due.
            counts: Takes what was run.
            logger: Is told of failures.
        """
        self._procedures = procedures
        self._calls = procedures.calls
        self._sender = sender
        self._counts = counts
        self._logger = logger
        self.busy: set[Number] = set()
        on_fork(self._forked)

    def _forked(self) -> None:
        """In a forked child, none of them runs."""
        self.busy.clear()

    def run(self, run: Run) -> None:
        """Take a run, and run its procedure here, to its end.

        What it raises is logged, and counted.

        Raises:
            StorageError: the run cannot be written; the procedure has not begun.
            ClosedError: likewise, the database is closed.
        """
        self.busy.add(run.number)
        try:
            self._run(run)
        finally:
            self.busy.discard(run.number)

    def start(
        self,
        number: Number,
        run_of: Callable[[], Run],
        then: Callable[[BaseException | None], object],
    ) -> None:
        """Do the same in the pool.

        Args:
            number: Of the timer.
            run_of: Gives the run, when a thread is there for it.
            then: Is called at the end, with why the run was not taken; not when the
                database is closed.

        Raises:
            ClosedError: the database is closed.
        """
        self.busy.add(number)
        try:
            self._procedures.pool.submit(self._work, number, run_of, then)
        except BaseException:
            self.busy.discard(number)
            raise

    def _work(
        self,
        number: Number,
        run_of: Callable[[], Run],
        then: Callable[[BaseException | None], object],
    ) -> None:
        reason: BaseException | None = None
        try:
            self._run(run_of())
        except ClosedError:  # what is not taken is due when it is opened again
            return
        except StorageError as error:
            reason = error
        except BaseException as error:  # nobody else would hear of an exit
            self._logger.exception("running what is due failed")
            reason = error
        finally:
            self.busy.discard(number)
        then(reason)

    def _run(self, run: Run) -> None:
        calls = self._calls
        try:
            calls.run_turn(None, self._sender, before=run.begin, after=run.end)
            if calls.writer.log is not None:
                calls.writer.log.wait_durable(calls.writer.directory.store.offset)
        except BaseException:
            run.has_begun = False
            raise
        if run.has_begun:
            self._call(run)

    def _call(self, run: Run) -> None:
        """Call the procedure of a run that is taken."""
        procedure, sender, values = run.scheduled.function, self._sender, (run.row,)
        assert isinstance(procedure, Procedure)
        failures, procedures = 1, self._procedures
        try:
            if procedure.is_async and is_loop_running():  # of whoever calls run_due
                pool = procedures.pool
                pool.submit(procedures.run, sender, procedure, values).result()
            else:
                procedures.run(sender, procedure, values)
            failures = 0
        except Exception as error:
            text = "%s failed, which was due at %s, and is not run again"
            if isinstance(error, ClosedError) and self._is_closed():
                text = "%s was cut off, which was due at %s: the database is closed"
                self._logger.warning(text, procedure.name, run.due_text)
            else:
                self._logger.exception(text, procedure.name, run.due_text)
        finally:
            self._counts.add(1, failures)

    def _is_closed(self) -> bool:
        return self._calls.writer.directory.store.is_closed
