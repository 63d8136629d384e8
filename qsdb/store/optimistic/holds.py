"""`OptimisticHold`: what all tables of one optimistic transaction stand on.

It keeps the offset readable, as any `Hold`, and knows what is asked of the whole
transaction at each write: whether a savepoint is open, and how many rows there may be.
The tables know it and it does not know them, so a transaction that nobody ended goes
with the last one who has it.
"""

from collections.abc import Callable

from qsdb.store.pins import Hold

__all__ = ["OptimisticHold"]


class OptimisticHold(Hold):
    """One transaction's hold.

    Attributes:
        notes_reads: Whether what is read is noted, and not only what is written.
        rows_max: How many rows may wait for the commit, in all tables together.
        rows: How many do.
        depth: How many savepoints are open.
        undo: While any is: what takes back the writes since, the last one first.
    """

    __slots__ = ("depth", "notes_reads", "rows", "rows_max", "undo")

    def __init__(self, rows_max: int, notes_reads: bool) -> None:  # noqa: FBT001  hot
        """Begin with nothing written, and nothing pinned: see `Store.pin`."""
        self.rows_max = rows_max
        self.notes_reads = notes_reads
        self.rows = self.depth = 0
        self.undo: list[Callable[[], object]] = []

    def take_back(self, mark: int) -> None:
        """Take back all writes since `undo` had a length."""
        while len(self.undo) > mark:
            self.undo.pop()()

    def leave(self) -> None:
        """Take in that a savepoint ends."""
        self.depth -= 1
        if not self.depth:
            self.undo.clear()
