"""What other databases have in their SQL and qsdb does not: what to say to it."""

from collections.abc import Sequence

__all__ = ["reason_for"]

_ONE_SELECT = "a query is one SELECT, with no other in it"
_TRANSACTIONS = "transactions are blocks in Python: with db.write() as tx"
_TABLES = "tables and indexes are declared in a module"
_ORDER = "rows come in no order that can be asked for; sort them in Python"
_GROUPS = "of the aggregates there is COUNT(*), of all rows"

_REASONS = {
    "ALTER": _TABLES,
    "BEGIN": _TRANSACTIONS,
    "BY": "there is neither ORDER BY nor GROUP BY",
    "CASE": "there is no CASE",
    "COMMIT": _TRANSACTIONS,
    "CREATE": _TABLES,
    "DISTINCT": "there is no DISTINCT; a set in Python has each row once",
    "DROP": _TABLES,
    "EXCEPT": _ONE_SELECT,
    "FULL": "joins are inner joins",
    "GROUP": _GROUPS,
    "HAVING": _GROUPS,
    "INTERSECT": _ONE_SELECT,
    "LEFT": "joins are inner joins",
    "NATURAL": "a join says by ON what belongs together",
    "OFFSET": _ORDER,
    "ORDER": _ORDER,
    "OUTER": "joins are inner joins",
    "RETURNING": "the rows are not given back; insert in Python",
    "RIGHT": "joins are inner joins",
    "ROLLBACK": _TRANSACTIONS,
    "SELECT": _ONE_SELECT,
    "TRUNCATE": "DELETE FROM a table without WHERE empties it",
    "UNION": _ONE_SELECT,
    "USING": "a join says by ON what belongs together",
    "WITH": _ONE_SELECT,
}

_AGGREGATES = {"AVG", "COUNT", "MAX", "MIN", "SUM", "TOTAL"}
_BEFORE_QUERIES = {"EXISTS", "FROM", "JOIN"}


def reason_for(word: str, before: Sequence[str]) -> str | None:
    """Say why a word has no meaning where it stands; None if it never had one.

    Args:
        word: It.
        before: The words before it.

    >>> reason_for("union", ["FROM", "t"])
    'a query is one SELECT, with no other in it'
    >>> reason_for("(", ["SELECT", "lower"])
    'there are no functions'
    """
    *_, called, last = ("", "", *[each.upper() for each in before[-2:]])
    if last == "(" and called in _AGGREGATES:
        return _GROUPS
    if word != "(":
        return _REASONS.get(word.upper())
    if last in _AGGREGATES:
        return _GROUPS
    if last in _BEFORE_QUERIES:
        return _ONE_SELECT
    return "there are no functions" if last.isidentifier() else None
