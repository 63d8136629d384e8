"""Following a query over a connection: its rows, and then each that comes or goes.

Of whole rows of a table the connection's cache tells; of other results the subscription
does. A connection that follows one query alone is told of nothing else.
"""

import queue
from collections.abc import Iterator, Sequence
from typing import Any

from qsdb.cli.plain_values import columns_of, plain_row
from qsdb.cli.targets import Change

__all__ = ["followed"]

LOOK_SECONDS = 1.0
"""So often it is looked whether the connection is still there."""


def followed(connection: Any, query: str) -> Iterator[Change]:  # noqa: ANN401  of a client or of this process
    """Subscribe, and give what is told, until the query ends.

    Args:
        connection: A `qsdb.client.Connection`, or one in this process; nobody else
            uses it.
        query: What to subscribe to.

    Raises:
        QueryError: the query is refused, or ends.
        ClosedError: the connection is closed, as when a server refuses to have it
            again.
    """
    told = _Told()
    for name in connection.db._by_name:  # noqa: SLF001  public ones are the tables'
        table = connection.db.table(name)
        table.on_insert(told.inserted)
        table.on_delete(told.deleted)
        table.on_update(told.replaced)
    subscription = connection.subscribe(query, on_error=told.queue.put)
    subscription.on_update(told.updated)
    if told.queue.empty():  # a result that is in no table of the cache, or no row
        for row in subscription.rows:
            told.put("initial", row, 0)
    while True:
        try:
            change = told.queue.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            if connection.is_closed:
                connection.subscribe(query)  # which says why not
            continue
        if isinstance(change, Exception):
            raise change
        yield change


class _Told:
    """Takes what callbacks are told.

    Attributes:
        queue: All of it, in order; an error ends it.
    """

    def __init__(self) -> None:
        self.queue: queue.SimpleQueue[Change | Exception] = queue.SimpleQueue()
        self._first: object = None

    def put(
        self, sort: str, row: object, offset: int, columns: Sequence[str] | None = None
    ) -> None:
        """Take one row."""
        names = columns_of(row) if columns is None else columns
        self.queue.put(Change(sort, names, plain_row(row), offset))

    def inserted(self, event: Any, row: object) -> None:  # noqa: ANN401  a qsdb.Event
        """Take a row that came.

        A connection that was lost and made again is told of the difference, as if
        something was applied; only the first time that is the beginning.
        """
        if event.kind == "applied" and self._first is None:
            self._first = event
        self.put("initial" if event is self._first else "insert", row, event.offset)

    def deleted(self, event: Any, row: object) -> None:  # noqa: ANN401  likewise
        """Take a row that went."""
        self.put("delete", row, event.offset)

    def replaced(self, event: Any, old: object, new: object) -> None:  # noqa: ANN401
        """Take a row in the place of another."""
        self.deleted(event, old)
        self.inserted(event, new)

    def updated(self, _: object, update: Any) -> None:  # noqa: ANN401  a qsdb.Update
        """Take what changed in a result."""
        for row in update.deletes:
            self.put("delete", row, update.offset, update.columns)
        for row in update.inserts:
            self.put("insert", row, update.offset, update.columns)
