"""`LiveResult`: what a client knows of the result of one query that is kept current.

It is a bag of rows, each with the number of times that it is there. While a query is
being asked, for the first time or again after the connection was lost, what the server
says is gathered beside it, and takes its place when all that was asked together has
been answered: then the difference of the two is what changed.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from qsdb.client.questions import Question
from qsdb.live.differences import Difference
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.row_lists import RowList
from qsdb.protocol.tables import EncodedRows, read_table_rows
from qsdb.sql.readable import StoredRow

__all__ = ["LiveResult"]

Counts = dict[StoredRow, int]


class LiveResult:
    """The result of one query.

    Attributes:
        question: The query.
        request_id: Of the request that asked it last.
        counts: Row → how often it is in the result, as users see it.
        fresh: The same, of what has been asked again and is not shown yet; None when
            nothing of it has come.
    """

    __slots__ = ("counts", "fresh", "question", "request_id")

    def __init__(self, question: Question) -> None:
        """Begin without rows."""
        self.question = question
        self.request_id = -1
        self.counts: Counts = {}
        self.fresh: Counts | None = None

    @property
    def rows(self) -> list[Any]:
        """The rows as users see them."""
        stored = [row for row, n in [*self.counts.items()] for _ in range(n)]
        return self.question.shape.make(stored)

    def begin(self, parts: Iterable[EncodedRows]) -> None:
        """Take in what the server answers.

        Raises:
            ProtocolError: it is no result of this query.
        """
        fresh: Counts = {}
        for part in parts:
            table, received = read_table_rows(part)
            for row in self.read(table, received):
                fresh[row] = fresh.get(row, 0) + 1
        self.fresh = {} if self.question.shape.is_event else fresh

    def read(self, table: str, received: RowList) -> list[StoredRow]:
        """Read rows of a part that is about a table.

        Raises:
            ProtocolError: they are no rows of this query.
        """
        expected = self.question.table
        if expected is not None and table != expected:
            reason = f"rows of {table} came for a query that gives those of {expected}"
            raise ProtocolError("rows", 0, reason)
        return self.question.rows(received)

    def after(self, difference: Difference) -> Counts:
        """Give what is to be noted of each row that changes.

        Raises:
            ProtocolError: a row goes more often than it was there.
        """
        counts = self.counts if self.fresh is None else self.fresh
        changed: Counts = {}
        for row in difference.inserts:
            changed[row] = changed.get(row, counts.get(row, 0)) + 1
        for row in difference.deletes:
            left = changed.get(row, counts.get(row, 0)) - 1
            if left < 0:
                name = self.question.table or "a result"
                raise ProtocolError(
                    "rows", 0, f"a row of {name} goes that is not there"
                )
            changed[row] = left
        return changed

    def note(self, changed: Counts) -> None:
        """Take in what `after` gave; who reads sees all of it or nothing."""
        counts = self.counts if self.fresh is None else self.fresh
        counts.update(changed)  # in one go
        for row, count in changed.items():
            if not count:
                del counts[row]

    def difference(self) -> Difference:
        """Say how what came beside differs from what is shown."""
        fresh = self.fresh or {}
        return Difference(_more(fresh, self.counts), _more(self.counts, fresh))

    def settle(self) -> None:
        """Show what came beside."""
        self.counts, self.fresh = self.fresh or {}, None


def _more(these: Counts, those: Counts) -> Sequence[StoredRow]:
    """Give the rows that are more often in one bag than in another."""
    return [
        row for row, count in these.items() for _ in range(count - those.get(row, 0))
    ]
