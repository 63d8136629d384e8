"""Timers of migrated tables: a row that says as before when it is due keeps its timer.

A timer is known by the id of its table and the key of its row (`qsdb.runtime.timers`).
So those of a table that has another id now are written anew; who had no timer, or says
something else, is armed as if it had been inserted in the migration.
"""

from typing import cast

from qsdb.runtime.migrated_tables import Migrated, set_rows
from qsdb.runtime.timers import first_due
from qsdb.schema.system import ST_TIMER
from qsdb.store.images import StoredTable
from qsdb.store.orders import StoredRow
from qsdb.values.timestamps import ScheduleAt, Timestamp

__all__ = ["set_timers"]

Number = tuple[object, object]


def set_timers(found: Migrated, now: Timestamp) -> None:
    """Have a timer for each row of a scheduled table, and no others.

    Args:
        found: The tables, with all of their rows.
        now: When the migration is.

    Raises:
        KindError: an interval is not longer than 0, or beyond the end of time.

    Cost: O(rows of scheduled tables).
    """
    [timers] = [each for each in found.tables if each.table_id == ST_TIMER]
    before = {(row[0], row[1]): row for row in timers.rows.values()}
    rows: list[StoredRow] = []
    for table, bound in zip(found.tables, found.bounds, strict=True):
        schema, schedule = bound.schema, bound.schema.schedule
        if schedule is None:
            continue
        kept = _kept(table, schedule.at, found.sources.get(table), before)
        [place] = schema.primary_key
        for row in table.rows.values():
            number = cast(int, row[place])
            timer = kept.get(number)
            if timer is None:
                when = ScheduleAt.from_stored(row[schedule.at])  # type: ignore[arg-type]
                due = first_due(schema, schedule, when, now)
                timer = (0, number, due.micros, 0)
            rows.append((table.table_id, *timer[1:]))
    set_rows(found, timers, rows)


def _kept(
    table: StoredTable,
    at: int,
    source: StoredTable | None,
    timers: dict[Number, StoredRow],
) -> dict[object, StoredRow]:
    """Give the key → the timer of the rows that say when as they did."""
    was = None if source is None else source.bound.schema.schedule
    if source is None or was is None:
        return {}
    kept: dict[object, StoredRow] = {}
    for key, row in table.rows.items():
        old = source.rows.get(key)
        timer = timers.get((source.table_id, key))
        if old is not None and timer is not None and old[was.at] == row[at]:
            kept[key] = timer
    return kept
