"""The net change of a commit, from what its tables noted.

What a transaction noted of a table are the rows that stood under the keys it touched;
beside what stands there now they are what it did. Keys where both are equal are left
out: a row that was deleted and inserted again has not changed.

Rows of an event table are told and not kept. `emit` takes them out as soon as their
commit is decided, while readers still read what was noted, and so never see them; who
is told has them from there.
"""

from collections.abc import Container, Iterable
from typing import Any, Protocol

from qsdb.store.images import Images, StoredTable
from qsdb.store.orders import StoredRow

__all__ = ["Noted", "given_numbers", "net_change"]


class Noted(Protocol):
    """A table in a transaction that is about to end, or has just ended."""

    _stored: StoredTable
    _pre: Images
    _emitted: dict[object, StoredRow]
    """Of an event table, once its commit is decided."""


_NOTHING = range(0)


def emit(opened: Iterable[Noted]) -> None:
    """Take the rows of event tables out, when a commit is decided; twice is once."""
    for handle in opened:
        stored = handle._stored
        if stored.is_event:
            if not hasattr(handle, "_emitted"):
                handle._emitted = dict(stored.rows)
            stored.restore(handle._pre)


def net_change(
    opened: Iterable[Noted], wanted: Container[str] | None = None
) -> dict[str, list[tuple[StoredRow | None, StoredRow | None]]]:
    """Give what changed: the name of a table → old and new row of each key.

    Args:
        opened: The tables that the transaction may have changed, while nobody has
            changed them since.
        wanted: The names of those that anybody wants to know of; all if not given.
    """
    changes = {}
    for handle in opened:
        if noted := handle._pre:
            stored = handle._stored
            name = stored.bound.schema.name
            if wanted is not None and name not in wanted:
                continue
            rows = handle._emitted if stored.is_event else stored.rows
            if len(noted) == 1:  # as with most commits
                [(key, old)] = noted.items()
                new = rows.get(key)
                if new != old:
                    changes[name] = [(old, new)]
                continue
            find = rows.get
            pairs = [
                (old, new) for key, old in noted.items() if (new := find(key)) != old
            ]
            if pairs:
                changes[name] = pairs
    return changes


def given_numbers(handle: Noted, place: int, moved: range) -> tuple[set[int], range]:
    """Give what a commit has handed out, or may have, of a generated column.

    Also where the row is gone again, since somebody may have been told the number.

    Args:
        handle: A table that it has changed.
        place: Of the column.
        moved: From where to where its sequence has moved.

    Returns:
        Numbers, and a range where it cannot be known: a row that came and went, or
        was given another number, shows only in a row key that has the column.
    """
    stored = handle._stored
    # Of what was merged, it is known what was drawn for it.
    drawn: dict[int, set[int]] | None = getattr(handle, "_drawn", None)
    in_key = stored.bound.schema.primary_key
    if drawn is None and (not in_key or place in in_key):
        keys: list[Any] = [key for key, old in handle._pre.items() if old is None]
        if len(in_key) != 1:  # no key: the row is it
            at = in_key.index(place) if in_key else place
            keys = [key[at] for key in keys]
        # One from its end on was given back: a savepoint was undone.
        return {number for number in keys if number < moved.stop}, _NOTHING
    find = (handle._emitted if stored.is_event else stored.rows).get
    rows = [row for key in handle._pre if (row := find(key)) is not None]
    numbers: set[Any] = {row[place] for row in rows}
    if drawn is None:
        return numbers, moved
    return numbers | drawn.get(place, set()), _NOTHING
