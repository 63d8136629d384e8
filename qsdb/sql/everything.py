"""``SELECT * FROM *``: all public tables, for lists of queries to subscribe to.

It is no statement of the language but a text that is known as a whole, in any case and
spacing, as in SpacetimeDB.
"""

import re

__all__ = ["asks_for_everything", "select_all"]

_EVERYTHING = re.compile(r"\s*select\s+\*\s+from\s+\*\s*", re.IGNORECASE)


def asks_for_everything(text: object) -> bool:
    """Whether a text asks for all public tables.

    >>> asks_for_everything(" select * FROM  * ")
    True
    >>> asks_for_everything("SELECT * FROM *;")
    False
    """
    return isinstance(text, str) and _EVERYTHING.fullmatch(text) is not None


def select_all(table: str) -> str:
    """Give the query for all rows of a table.

    >>> print(select_all('odd"name'))
    SELECT * FROM "odd""name"
    """
    quoted = table.replace('"', '""')
    return f'SELECT * FROM "{quoted}"'  # noqa: S608  it is quoted
