"""What other databases have in their SQL and qsdb does not: what to say to it."""

from collections.abc import Sequence

__all__ = ["reason_for"]

_TRANSACTIONS = "transactions are blocks in Python: with db.write() as tx"
_TABLES = "tables and indexes are declared in a module"
_OVER = "aggregates are of groups: write GROUP BY; ROW_NUMBER() stands behind QUALIFY"
_SUBQUERY = "a query in another one stands behind EXISTS or IN"

_REASONS = {
    "ALTER": _TABLES,
    "BEGIN": _TRANSACTIONS,
    "COMMIT": _TRANSACTIONS,
    "CREATE": _TABLES,
    "DROP": _TABLES,
    "FETCH": "write LIMIT",
    "FILTER": "write CASE in the aggregate",
    "NATURAL": "a join says by ON what belongs together",
    "OVER": _OVER,
    "RETURNING": "the rows are not given back; insert in Python",
    "ROLLBACK": _TRANSACTIONS,
    "SELECT": _SUBQUERY,
    "TRUNCATE": "DELETE FROM a table without WHERE empties it",
    "USING": "a join says by ON what belongs together",
    "WITH": _SUBQUERY,
}


def reason_for(word: str, before: Sequence[str]) -> str | None:
    """Say why a word has no meaning where it stands; None if it never had one.

    Args:
        word: It.
        before: The words before it.

    >>> reason_for("over", ["SUM", "(", "x", ")"])
    'aggregates are of groups: write GROUP BY; ROW_NUMBER() stands behind QUALIFY'
    >>> reason_for("(", ["SELECT", "*", "FROM"])
    'FROM names tables and views, and no queries'
    >>> reason_for(",", ["SELECT", "*", "FROM", "p"])
    'tables are joined by words: write JOIN … ON, or CROSS JOIN'
    """
    last = before[-1].upper() if before else ""
    if word == "(":
        if last in ("FILTER", "OVER"):  # which were taken for an alias
            return _REASONS[last]
        is_from = last in ("FROM", "JOIN")
        return "FROM names tables and views, and no queries" if is_from else None
    if word == "," and _is_among_tables([each.upper() for each in before]):
        return "tables are joined by words: write JOIN … ON, or CROSS JOIN"
    return _REASONS.get(word.upper())


_BEHIND_FROM = {
    *("WHERE", "GROUP", "HAVING", "QUALIFY", "ORDER", "LIMIT", "OFFSET"),
    *("UNION", "INTERSECT", "EXCEPT"),
}


def _is_among_tables(before: Sequence[str]) -> bool:
    """Whether a place is in FROM of a SELECT, and in no parenthesis there."""
    if "FROM" not in before or "SELECT" not in before:
        return False
    tables = before[len(before) - [*reversed(before)].index("FROM") :]
    is_even = tables.count("(") == tables.count(")")
    return is_even and _BEHIND_FROM.isdisjoint(tables)
