"""`Weights`: how long the rows of tables are, by which it is told what takes long.

Weights are the characters of texts and the bytes of bytes, and `PART_BYTES` for each
part of a value that may have many. What has a size that is the same for all values is
not weighed: there are not many rows, or the rows are counted. Nothing is weighed on
when it is too much already.
"""

from collections.abc import Iterable

import attrs

from qsdb.codec.bsatn import fixed_size
from qsdb.runtime.queries import Queries
from qsdb.store.opened import Entry

__all__ = ["PART_BYTES", "Weight", "Weights", "weigh"]

PART_BYTES = 8


def weigh(values: Iterable[object], most: int) -> int:
    """Give how long values are together; at least `most` and 1, if that is more."""
    found, parts = 0, [*values]
    while parts and found <= most:
        each = parts.pop()
        if isinstance(each, str | bytes):
            found += len(each)
        elif isinstance(each, tuple):
            found += PART_BYTES * len(each)
            if found <= most:
                parts += each
    return found


@attrs.frozen
class Weight:
    """How long the rows of a table are.

    Attributes:
        total: All together, as far as it was looked.
        longest: The longest; None if nobody knows.
        written: How often the table had been written before it was looked.
        is_table: Whether it is one, and not a view.
    """

    total: int = 0
    longest: int | None = None
    written: int = 0
    is_table: bool = True


class Weights:
    """How long the rows of small tables are, as they were written last.

    Attributes:
        queries: What reads the tables; for those of another module there are others.
    """

    __slots__ = ("_columns", "_known", "queries")

    def __init__(self, queries: Queries) -> None:
        """Know nothing yet."""
        self.queries = queries
        self._known: dict[str, Weight] = {}
        self._columns: dict[str, tuple[int, ...]] = {}

    def of(self, name: str, rows_max: int, bytes_max: int) -> Weight:
        """Give how long the rows of a table are.

        Args:
            name: The table, or a view, of which nobody knows.
            rows_max: A table with more rows is not looked at.
            bytes_max: And one with more bytes is not looked at to its end.
        """
        entry = self.queries.entries.get(name)
        if entry is None:
            return _VIEW
        if entry.table.count > rows_max:
            return _LARGE
        found = self._known.get(name)
        if found is None or found.written != entry.table.written:
            found = self._known[name] = self._weighed(entry, bytes_max)
        return found

    def _weighed(self, entry: Entry, most: int) -> Weight:
        name = entry.bound.schema.name
        columns = self._columns.get(name)
        if columns is None:
            kinds = [each.kind for each in entry.bound.schema.columns]
            sized = [n for n, kind in enumerate(kinds) if fixed_size(kind) is None]
            columns = self._columns[name] = tuple(sized)
        written = entry.table.written  # before the rows, which may so be newer
        if not columns:
            return Weight(longest=0, written=written)
        total = longest = 0
        for row in [*entry.table.rows.values()]:
            each = weigh([row[n] for n in columns], most)
            total, longest = total + each, max(longest, each)
            if total > most:
                return Weight(total, written=written)
        return Weight(total, longest, written)


_VIEW, _LARGE = Weight(is_table=False), Weight()
