"""The net change of a commit, from what its tables noted.

What a transaction noted of a table are the rows that stood under the keys it touched;
beside what stands there now they are what it did. Keys where both are equal are left
out: a row that was deleted and inserted again has not changed.

Rows of an event table are told and not kept. `emit` takes them out as soon as their
commit is decided, while readers still read what was noted, and so never see them; who
is told has them from there.
"""

from collections.abc import Container, Iterable
from typing import Protocol

from qsdb.store.images import Images, StoredTable
from qsdb.store.orders import StoredRow

__all__ = ["Noted", "committed_rows", "net_change"]


class Noted(Protocol):
    """A table in a transaction that is about to end, or has just ended."""

    _stored: StoredTable
    _pre: Images
    _emitted: dict[object, StoredRow]
    """Of an event table, once its commit is decided."""


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


def committed_rows(handle: Noted) -> list[StoredRow]:
    """Give the rows that stand where a commit has written, which it has."""
    stored = handle._stored
    find = (handle._emitted if stored.is_event else stored.rows).get
    return [row for key in handle._pre if (row := find(key)) is not None]
