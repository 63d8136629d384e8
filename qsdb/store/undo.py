"""`Pin`: an offset that somebody reads at, and what has changed since.

Read transactions at the same offset share one. `qsdb.store.pins` moves notes to it, and
gives it up; the rules are those of `qsdb.store.images`.
"""

from qsdb.errors import LimitError
from qsdb.store.images import Images, StoredTable, merge

__all__ = ["Pin"]


class Pin:
    """An offset that somebody reads at, and what has changed since.

    Attributes:
        offset: The commit whose state is read.
        undo: Table → images of rows changed after this offset and before the
            next newer pin's.
        counts: Table → its number of rows at this offset, for those changed.
        holders: How many read transactions share the pin.
        began: When the last of them began, in nanoseconds; 0 if nobody asks.
        is_kept: Whether it is never given up before they go; nor is it taken over.
        lost: Why it was; None while its undo is there. Who reads looks at this last.
    """

    __slots__ = ("began", "counts", "holders", "is_kept", "lost", "offset", "undo")

    def __init__(self, offset: int) -> None:
        """Begin with one holder."""
        self.offset = offset
        self.undo: dict[StoredTable, Images] = {}
        self.counts: dict[StoredTable, int] = {}
        self.holders = 1
        self.began = 0
        self.is_kept = False
        self.lost: str | None = None

    def require_kept(self) -> None:
        """Refuse what was read, if it may be wrong.

        Raises:
            LimitError: the offset was given up.
        """
        if self.lost is not None:
            raise LimitError(
                f"offset {self.offset} cannot be read any more: {self.lost}"
            )

    def note(self, table: StoredTable) -> None:
        """Take a copy of a table's notes, inner savepoints last: rules 3 and 4."""
        self.counts.setdefault(table, table.count)
        undo = self.undo.get(table)
        if undo is None:
            undo = self.undo[table] = {}
        for images in table.layers:
            merge(undo, images)

    def take_over(self, newer: "Pin") -> None:
        """Take a copy of what the next newer pin has, before that is gone: rule 5."""
        for table, images in newer.undo.items():
            undo = self.undo.get(table)
            if undo is None:
                undo = self.undo[table] = {}
            merge(undo, images)
        for table, count in newer.counts.items():
            self.counts.setdefault(table, count)
