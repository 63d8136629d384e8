"""`KnownRows`: what a client of versions 2 and 3 knows, by what it was told.

Rows are kept as clients keep them, counted for each of the client's query sets; it is a
failure to be told of a row to go that is not there.
"""

from collections import Counter
from collections.abc import Sequence

from qsdb.protocol import server_messages as s
from qsdb.protocol.tables import (
    EncodedRows,
    EncodedUpdate,
    PersistentTable,
    read_table_rows,
    read_table_update,
)

__all__ = ["KnownRows", "Rows", "counted"]

Rows = Counter[tuple[str, bytes]]
"""Table and bytes of a row → how often."""


class KnownRows:
    """What a client knows.

    Attributes:
        rows: By query set.
        events: Rows of event tables that it was told of.
    """

    def __init__(self) -> None:
        self.rows: dict[int, Rows] = {}
        self.events: list[tuple[int, str, bytes]] = []

    def take(self, message: s.ServerMessage) -> None:
        """Take in what the client is told."""
        match message:
            case s.SubscribeApplied(query_set_id=number, rows=rows):
                assert number not in self.rows
                self.rows[number] = counted(rows)
            case s.UnsubscribeApplied(query_set_id=number, rows=rows):
                gone = self.rows.pop(number)
                assert rows is None or counted(rows) == +gone
            case s.SubscriptionError(request_id=None, query_set_id=number):
                del self.rows[number]
            case s.TransactionUpdate():
                assert message.query_sets
                self._update(message)
            case s.ReducerResult(outcome=s.ReducerOk(transaction_update=update)):
                self._update(update)
            case _:
                pass

    def _update(self, update: s.TransactionUpdate) -> None:
        for query_set in update.query_sets:
            assert query_set.tables
            for part in query_set.tables:
                self._update_table(query_set.query_set_id, part)

    def _update_table(self, number: int, part: EncodedUpdate) -> None:
        rows, update = self.rows[number], read_table_update(part)
        for entry in update.rows:
            if not isinstance(entry, PersistentTable):
                told = [(number, update.table_name, e) for e in entry.events.split()]
                self.events += told
                continue
            rows.update([(update.table_name, each) for each in entry.inserts.split()])
            rows.subtract([(update.table_name, each) for each in entry.deletes.split()])
        assert min(rows.values(), default=0) >= 0, "a row went that was not there"


def counted(parts: Sequence[EncodedRows]) -> Rows:
    """Count the rows of a result."""
    rows: Rows = Counter()
    for part in parts:
        table = read_table_rows(part)
        rows.update([(table.table, each) for each in table.rows.split()])
    return rows
