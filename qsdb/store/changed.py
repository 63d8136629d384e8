"""`ChangedRows`: what has changed in a table since an offset, for look-ups.

Who reads at an old offset finds rows by the live index, and lays over them what has
changed since (`qsdb.store.reading`). With many changes, and many look-ups between two
commits, that is gathered once and not for each: the old rows as one dict, and from the
second look-up in an index on, an index of them.

Whether it still holds is seen by the places that it was gathered from. Each is a dict
that gets more keys and never loses or changes one (`qsdb.store.images`), so the same
dicts with as many keys say the same.
"""

from collections.abc import Iterator, Sequence

from qsdb.schema.modules import BoundTable
from qsdb.store.images import AnyIndex, Images, make_index
from qsdb.store.indexes import OrderedIndex
from qsdb.store.orders import StoredRow
from qsdb.values.ranges import Range

__all__ = ["ChangedRows", "keys_of", "matches"]


class ChangedRows:
    """The old rows of one table.

    Attributes:
        rows: Row key → the row that was there, of all keys changed since the offset.
    """

    __slots__ = ("_bound", "_indexes", "_places", "rows")

    def __init__(self, bound: BoundTable, places: Sequence[Images]) -> None:
        """Gather them.

        Args:
            bound: The table.
            places: Where they stand, from the newest to the oldest.
        """
        self._bound = bound
        # The lengths first: what comes meanwhile is then no part of them.
        self._places = [(each, len(each)) for each in places]
        self.rows: Images = {}
        for images in places:
            self.rows.update(images)
        self._indexes: dict[int, AnyIndex | None] = {}
        """Of what was asked for; None after the first time."""

    def are_of(self, places: Sequence[Images]) -> bool:
        """Whether the rows that stand in some places are these."""
        return len(places) == len(self._places) and all(
            each is known and len(each) == count
            for each, (known, count) in zip(places, self._places, strict=True)
        )

    def found(
        self, number: int, index: AnyIndex, within: Range | None, value: object
    ) -> Iterator[tuple[object, StoredRow]]:
        """Yield the keys and rows that an index would have found.

        Args:
            number: Of the index.
            index: The live one.
            within: The range; None for an index without order.
            value: The value.
        """
        rows = self.rows
        if number not in self._indexes:  # for one look-up none is made
            self._indexes[number] = None
            for key, row in rows.items():
                if row is not None and matches(index, row, within, value):
                    yield key, row
            return
        own = self._indexes[number]
        if own is None:
            own = make_index(self._bound, number)
            own.add_many([row for row in rows.values() if row is not None])
            self._indexes[number] = own
        for key in keys_of(own, within, value):
            row = rows[key]
            assert row is not None
            yield key, row


def keys_of(index: AnyIndex, within: Range | None, value: object) -> list[object]:
    """Give the row keys in a range of an ordered index, or under a value of another."""
    if isinstance(index, OrderedIndex):
        assert within is not None
        return index.keys_between(within.low, within.high)
    return index.keys_equal(value)


def matches(
    index: AnyIndex, row: StoredRow, within: Range | None, value: object
) -> bool:
    """Whether an index would find a row, in a range of it or under a value."""
    if isinstance(index, OrderedIndex):
        assert within is not None
        return within.holds(index.entry_of(row))
    found = index.value_of(row)
    return found is value or found == value
