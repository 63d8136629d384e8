"""`Run`: one timer that is due: whether its function is run, and what becomes of it.

===========  ==========================================  ============================
``missed``   an interval of which several runs are due   a time that is late
===========  ==========================================  ============================
``"one"``    runs once, and goes on after now            runs
``"none"``   runs once if the last of them is on time,   does not run, and its row is
             and goes on after now                       gone
``"all"``    runs for each of them, in its turn          runs
===========  ==========================================  ============================

On time is what is late by `GRACE` at most. ``ctx.timestamp`` is that of the
transaction, and never earlier than the due time.

"""

from typing import cast

from qsdb.runtime.call_contexts import Arguments
from qsdb.runtime.prepared import handle_of
from qsdb.runtime.timers import TIME_MAX, Timers, next_after
from qsdb.runtime.writer import Writer
from qsdb.schema.contexts import Table
from qsdb.schema.rows import Row
from qsdb.schema.system import StTimer
from qsdb.store.transactions import WriteTransaction
from qsdb.values.timestamps import ScheduleAt, Timestamp

__all__ = ["GRACE", "Number", "Run"]

GRACE = 1_000_000
"""Microseconds by which a run may be late and is not missed."""

Number = tuple[int, int]
"""Of a timer: the table and the row."""


class Run:
    """One timer that is due, and what becomes of it.

    Attributes:
        number: Of the timer.
        due: When it was due, in microseconds since 1970.
        row: The row that it is run with.
        has_begun: Whether the function was run.
        failed: How often it has failed, if it is tried again.
        each_then: Where each missed run counts: when the next one is due.
    """

    def __init__(
        self,
        timers: Timers,
        writer: Writer,
        number: Number,
        due: int,
        now: int,
    ) -> None:
        self.scheduled = timers.tables[number[0]]
        self.number = number
        self.row: Row | None = None
        self.has_begun = False
        self.each_then = -1
        self.failed = 0
        self._timers_of = timers
        self._writer = writer
        self.due = due
        self._now = now
        self._when: ScheduleAt | None = None

    @property
    def due_text(self) -> Timestamp:
        """When it was due."""
        return Timestamp.from_stored(self.due)

    def begin(self, transaction: WriteTransaction) -> Arguments | None:
        """Find the row, and say that it has run; give it if it is to be run."""
        found = self._find(transaction)
        if found is None:
            return None
        timer, row = found
        self._writer.postpone(transaction, max(self.due, self._now))
        is_run, then = self._decide(timer, row)
        if then is not None:
            self._set(transaction, timer, then)
        elif not is_run:
            self._rows(transaction).delete(row)
        if not is_run:
            return None
        self._when = self.scheduled.when(row)
        self.row = row
        self.has_begun = True
        return (row,)

    def end(self, transaction: WriteTransaction) -> None:
        """Delete the row of a time, unless the reducer has given it another."""
        assert self._when is not None
        if self._when.is_time:
            row = self._rows(transaction).get(self.number[1])
            if row is not None and self.scheduled.when(row) == self._when:
                self._rows(transaction).delete(row)

    def fail(self, transaction: WriteTransaction) -> Arguments:
        """Count a run that failed, or give it up."""
        found = self._find(transaction)
        if found is not None:
            timer, row = found
            failed = timer.failed + 1
            _, then = self._decide(timer, row)
            if failed <= self.scheduled.schedule.retry:
                self._timers(transaction).update(timer.replace(failed=failed))
                self.failed = failed
            elif then is not None:
                self._set(transaction, timer, then)
            else:
                self._rows(transaction).delete(row)
        return ()

    def _decide(self, timer: StTimer, row: Row) -> tuple[bool, int | None]:
        """Say whether a row is run, and when it is due next; None for a time."""
        when, missed = self.scheduled.when(row), self.scheduled.schedule.missed
        is_any = missed != "none" or timer.failed > 0  # what is tried again is not late
        _, interval = when.stored
        if when.is_time:
            return is_any or self._now - self.due <= GRACE, None
        if missed == "all":
            self.each_then = min(self.due + interval, TIME_MAX)
            return True, self.each_then
        then = next_after(self.due, interval, self._now)
        is_on_time = self._now - (then - interval) <= GRACE
        return is_any or is_on_time, min(then, TIME_MAX)

    def _find(self, transaction: WriteTransaction) -> tuple[StTimer, Row] | None:
        """Find the timer and its row, if they still are as they were."""
        if self._timers_of.is_retired:
            return None
        timer = self._timers(transaction).get(*self.number)
        if timer is None or timer.due.micros != self.due:
            return None
        row = self._rows(transaction).get(self.number[1])
        assert row is not None
        return timer, row

    def _set(self, transaction: WriteTransaction, timer: StTimer, due: int) -> None:
        due_then = Timestamp.from_stored(due)
        self._timers(transaction).update(timer.replace(due=due_then, failed=0))

    def _rows(self, transaction: WriteTransaction) -> Table[Row]:
        return cast(Table[Row], handle_of(transaction, self.scheduled.entry))

    def _timers(self, transaction: WriteTransaction) -> Table[StTimer]:
        return self._timers_of.table(transaction)
