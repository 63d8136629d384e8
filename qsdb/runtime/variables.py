"""Variables of a database: what ``SET`` sets and ``SHOW`` shows.

There is one, ``row_limit``: the most rows, by estimate, that a query of somebody who is
not the owner may look at. It is not stored: a database that is opened again has none.
"""

from collections.abc import Mapping

from qsdb.errors import QueryError
from qsdb.sql.estimating import estimate
from qsdb.sql.planning import Plan

__all__ = ["Variables"]


class Variables:
    """The variables of one database.

    Attributes:
        row_limit: None where there is no limit.
    """

    def __init__(self) -> None:
        """Begin without limits."""
        self.row_limit: int | None = None

    def set_limit(self, values: object) -> None:
        """Set `row_limit` to the one value of a tuple."""
        assert type(values) is tuple
        [self.row_limit] = values

    def require_cheap(self, plan: Plan, sizes: Mapping[str, int]) -> None:
        """Refuse a query that looks at too many rows.

        Args:
            plan: Of the query.
            sizes: Name of each table → number of its rows.

        Raises:
            QueryError: it does, by estimate.
        """
        if self.row_limit is None:
            return
        rows = sum(estimate(plan, sizes))
        if rows > self.row_limit:
            raise QueryError(
                f"this looks at some {rows:,} rows, and row_limit is "
                f"{self.row_limit:,}; ask for fewer, or have an index made"
            )
