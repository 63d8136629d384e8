"""`Timers`: when the rows of scheduled tables are due, as rows of ``st_timer``.

A timer is armed by the commit that inserts its row, and disarmed by the one that
deletes it: `Timers.note` adds what changes in ``st_timer`` to the transaction, right
before it ends. So timers are rolled back, logged, recovered and copied like any rows,
and there is no other note of them that could differ. A change of a row arms its timer
anew only if it changes when.

==========================  ============================================================
``ScheduleAt.time(t)``      due at t; if that is past, at once
``ScheduleAt.interval(d)``  due d after the timestamp of the transaction that inserted
                            the row, and then d after each time it was due: it never
                            drifts, however late runs are
==========================  ============================================================
"""

from collections.abc import Iterator
from typing import cast

import attrs

from qsdb.errors import KindError
from qsdb.runtime.calls import Calls
from qsdb.runtime.prepared import handle_of
from qsdb.schema.contexts import Table
from qsdb.schema.functions import Reducer
from qsdb.schema.procedures import Procedure
from qsdb.schema.rows import Row, stored_of
from qsdb.schema.schedules import Schedule
from qsdb.schema.system import ST_TIMER, StTimer
from qsdb.schema.tables import TableSchema
from qsdb.store.changes import net_change
from qsdb.store.images import StoredTable
from qsdb.store.opened import Entry, Opened
from qsdb.store.orders import StoredRow
from qsdb.store.transactions import WriteTransaction
from qsdb.values.timestamps import ScheduleAt, Timestamp

__all__ = ["TIME_MAX", "Scheduled", "Timers", "first_due", "next_after"]

TIME_MAX = (1 << 63) - 1
"""Microseconds since 1970: the last timestamp."""


@attrs.frozen(eq=False)
class Scheduled:
    """A scheduled table.

    Attributes:
        entry: The table.
        schedule: What its rows have run.
        function: That.
    """

    entry: Entry
    schedule: Schedule
    function: Reducer | Procedure

    @property
    def table_id(self) -> int:
        """The number of the table."""
        return self.entry.table.table_id

    def number(self, stored: StoredRow | None) -> tuple[int, int]:
        """Give the number of a row's timer: of the table, and the row's key."""
        assert stored is not None
        [place] = self.entry.bound.schema.primary_key
        return self.table_id, cast(int, stored[place])

    def when(self, row: Row) -> ScheduleAt:
        """Give when a row says that it is due."""
        return ScheduleAt.from_stored(stored_of(row)[self.schedule.at])  # type: ignore[arg-type]


def next_after(due: int, interval: int, now: int) -> int:
    """Give when something is due next, later than now; in any unit.

    >>> next_after(10, 10, 35), next_after(10, 10, 40), next_after(10, 10, 3)
    (40, 50, 20)
    """
    return due + interval * max(1, (now - due) // interval + 1)


def first_due(
    schema: TableSchema, schedule: Schedule, when: ScheduleAt, now: Timestamp
) -> Timestamp:
    """Give when a row is due that is inserted now.

    Raises:
        KindError: an interval is not longer than 0, or beyond the end of time.
    """
    _, micros = when.stored
    if when.is_time:
        return Timestamp.from_stored(max(micros, now.micros))
    if not 0 < micros <= TIME_MAX - now.micros:
        column = schema.columns[schedule.at].name
        admitted = "an interval longer than 0 that ends before the end of time"
        raise KindError(schema.name, column, when.value, admitted)
    return Timestamp.from_stored(now.micros + micros)


class Timers:
    """The timers of one database.

    Attributes:
        tables: Those that are scheduled, by their number.
        entries: Those tables.
        is_retired: Whether another module was published, whose timers are others.
    """

    def __init__(self, calls: Calls) -> None:
        """Find the tables that are scheduled."""
        directory = self._directory = calls.writer.directory
        self._entry = directory.system[ST_TIMER]
        self.is_retired = False
        self.tables: dict[int, Scheduled] = {}
        self._by_table: dict[StoredTable, Scheduled] = {}
        entries: list[Entry] = []
        for entry in directory.by_name.values():
            schedule = entry.bound.schema.schedule
            if schedule is not None:
                function = calls.find(calls.owner, schedule.function)
                found = Scheduled(entry, schedule, function)
                self.tables[found.table_id] = found
                self._by_table[entry.table] = found
                entries.append(entry)
        self.entries = frozenset(entries)

    def table(self, transaction: Opened) -> Table[StTimer]:
        """Open ``st_timer``, in a transaction of either kind."""
        return cast(Table[StTimer], handle_of(transaction, self._entry))

    def due_of(self, number: tuple[int, int]) -> int:
        """Give when a timer is due now, in microseconds; -1 if there is none."""
        with self._directory.read() as reading:
            timer = self.table(reading).get(*number)
            return -1 if timer is None else timer.due.micros

    def note(self, transaction: WriteTransaction) -> bool:
        """Arm and disarm, as a transaction that is about to end demands.

        Returns:
            Whether anything is due at another time now.

        Raises:
            KindError: an interval is not longer than 0, or beyond the end of time.
        """
        armed: list[StTimer] = []
        gone: list[tuple[int, int]] = []
        for scheduled, old, new in self._changes(transaction):
            at, number = scheduled.schedule.at, scheduled.number(new or old)
            if new is None:
                gone.append(number)
            elif old is None or old[at] != new[at]:
                when = ScheduleAt.from_stored(new[at])  # type: ignore[arg-type]
                schema = scheduled.entry.bound.schema
                due = first_due(schema, scheduled.schedule, when, transaction.timestamp)
                armed.append(StTimer(*number, due, 0))
        if not armed and not gone:
            return False
        table = self.table(transaction)
        for number in gone:
            table.delete_by_key(*number)
        for timer in armed:
            table.upsert(timer)
        return True

    def _changes(
        self, transaction: WriteTransaction
    ) -> Iterator[tuple[Scheduled, StoredRow | None, StoredRow | None]]:
        """Yield what changes in scheduled tables: old row and new."""
        for handle in [*transaction._opened.values()]:  # noqa: SLF001  its names are the user's tables
            scheduled = self._by_table.get(handle._stored)  # noqa: SLF001
            if scheduled is not None:
                for pairs in net_change([handle]).values():
                    yield from [(scheduled, old, new) for old, new in pairs]

    def faults(self) -> Iterator[str]:
        """Yield a sentence for each timer without its row, and row without timer.

        Under the writer lock. Cost: O(rows).
        """
        timers = {
            (cast(int, table_id), cast(int, number))
            for table_id, number, *_ in self._entry.table.rows.values()
        }
        rows = {
            scheduled.number(stored)
            for scheduled in self.tables.values()
            for stored in scheduled.entry.table.rows.values()
        }
        for number in sorted(timers - rows):
            yield f"st_timer has {number}, and there is no such row"
        for number in sorted(rows - timers):
            yield f"the scheduled row {number} is not in st_timer"
