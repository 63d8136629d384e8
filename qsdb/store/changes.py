"""The net change of a commit, from what its tables noted.

What a transaction noted of a table are the rows that stood under the keys it touched;
beside what stands there now they are what it did. Keys where both are equal are left
out: a row that was deleted and inserted again has not changed.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from qsdb.store.images import Images, StoredTable
from qsdb.store.orders import StoredRow

__all__ = ["Noted", "net_change"]


class Noted(Protocol):
    """A table in a transaction that is about to end, or has just ended."""

    _stored: StoredTable
    _pre: Images


def net_change(
    opened: Iterable[Noted],
) -> Iterator[tuple[str, list[tuple[StoredRow | None, StoredRow | None]]]]:
    """Yield what changed: a table's name, and old and new row of each key.

    Args:
        opened: The tables that the transaction may have changed, while nobody has
            changed them since.
    """
    for handle in opened:
        if handle._pre:
            stored = handle._stored
            find = stored.rows.get
            pairs = [
                (old, new)
                for key, old in handle._pre.items()
                if (new := find(key)) != old
            ]
            if pairs:
                yield stored.bound.schema.name, pairs
