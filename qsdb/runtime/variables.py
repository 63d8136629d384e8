"""Variables of a database: what ``SET`` sets and ``SHOW`` shows.

There is one, ``row_limit``: the most rows that a query of somebody who is not the owner
may look at: by count of the indexes, where they know, and else by estimate. It is not
stored: a database that is opened again has none.

A write transaction that sets one has a `Draft`: it sees what it has set, and others do
when it commits. A savepoint that is undone takes back what was set in it.
"""

from collections.abc import Mapping

from qsdb.errors import QueryError
from qsdb.sql.arranging import AnyPlan
from qsdb.sql.counting import IndexCounts
from qsdb.sql.estimating import estimate, estimate_looks
from qsdb.store.optimistic.transactions import OptimisticTransaction
from qsdb.store.transactions import WriteTransaction

__all__ = ["Draft", "Variables"]


class Variables:
    """The variables of one database.

    Attributes:
        row_limit: None where there is no limit.
    """

    def __init__(self) -> None:
        """Begin without limits."""
        self.row_limit: int | None = None

    def limit_in(self, transaction: object) -> int | None:
        """Give `row_limit` as a transaction sees it."""
        draft = _draft_of(transaction)
        return self.row_limit if draft is None else draft.row_limit

    def set_limit(self, transaction: object, limit: int | None) -> None:
        """Set `row_limit`: in a write transaction for that, else for all at once."""
        if isinstance(transaction, WriteTransaction):
            depth = transaction._depth  # noqa: SLF001  its names are the user's tables
        elif isinstance(transaction, OptimisticTransaction):
            depth = transaction._hold.depth  # noqa: SLF001  likewise
        else:
            self.row_limit = limit
            return
        draft = _draft_of(transaction) or Draft(self)
        draft.set_limit(depth, limit)
        transaction._beside = draft  # noqa: SLF001  likewise

    def require_cheap(
        self,
        plan: AnyPlan,
        sizes: Mapping[str, int],
        rows_max: int | None = None,
        counts: IndexCounts | None = None,
    ) -> None:
        """Refuse a query that looks at too many rows.

        Args:
            plan: Of the query.
            sizes: Name of each table → number of its rows.
            rows_max: The limit where nobody has set `row_limit`; even so each row of
                each table may be looked at once, so that it is joins that it refuses.
            counts: Counts what indexes know.

        Raises:
            QueryError: it does, by estimate.
        """
        name, limit = "row_limit", self.row_limit
        if limit is None and rows_max is not None:
            name, limit = "the server's limit", max(rows_max, sum(sizes.values()))
        if limit is None:
            return
        rows = sum(estimate(plan, sizes, counts)) + estimate_looks(plan, sizes, counts)
        if rows > limit:
            raise QueryError(
                f"this looks at some {rows:,} rows, and {name} is {limit:,}; ask for "
                "fewer, or have an index made"
            )


class Draft:
    """The variables as one write transaction sets them."""

    def __init__(self, variables: Variables) -> None:
        """Begin with nothing set.

        Args:
            variables: Those of the database.
        """
        self._variables = variables
        self._limits: list[tuple[int, int | None]] = []
        """In how many savepoints a limit was set, and which; the last one counts."""

    @property
    def row_limit(self) -> int | None:
        """What the transaction sees."""
        return self._limits[-1][1] if self._limits else self._variables.row_limit

    def set_limit(self, depth: int, limit: int | None) -> None:
        """Set `row_limit` for the transaction.

        Args:
            depth: How many savepoints are open.
            limit: The limit.
        """
        self._limits = [*self._limits, (depth, limit)]

    def pop(self, depth: int, *, undo: bool) -> None:
        """Take in that a savepoint ends; what was set in it is the outer one's then."""
        if undo:
            self._limits = [each for each in self._limits if each[0] < depth]
        else:
            self._limits = [(min(each, depth - 1), n) for each, n in self._limits]

    def commit(self) -> None:
        """Set the variables of the database."""
        self._variables.row_limit = self.row_limit


def _draft_of(transaction: object) -> Draft | None:
    """Give the variables that a transaction has set, if it has."""
    beside = getattr(transaction, "_beside", None)
    return beside if isinstance(beside, Draft) else None
