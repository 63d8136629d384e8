"""Generated numbers for transactions that may never commit.

A serial transaction takes the next number of a table's sequence and gives it back if it
rolls back. One that others write beside cannot: so such transactions draw from a count
of their own, which never goes back. A number drawn is the transaction's among all of
these, and gaps are left where it does not commit.

A serial transaction knows nothing of that count, so that what it does follows from the
log alone, and may take the same number first. That is to be known at the other one's
commit, also if the row with the number has changed or gone by then: rows do not tell.
So each commit that hands out a number which somebody has drawn, or may have, says so to
whom has drawn it, and who is told so is a conflict::

    drawn:  5 ── row 5 ──────────────────────────────────► is told: refused
    serial:         5 ── row 5 commits, or another one: row 5 is deleted again

Who has drawn is known as long as it has its numbers: a transaction that nobody ended
is forgotten with them.
"""

import threading
import weakref
from collections.abc import Iterable, Sequence

__all__ = ["Drawn", "Draws"]


class Drawn:
    """The numbers that one transaction has drawn for one table.

    Attributes:
        numbers: Place of a generated column → its numbers; changed by `Draws` alone.
        taken: The place of a column of which others have committed one; None if none.
    """

    __slots__ = ("__weakref__", "numbers", "taken")

    def __init__(self, places: Iterable[int]) -> None:
        """Begin without any, of the columns at some places."""
        self.numbers: dict[int, set[int]] = {place: set() for place in places}
        self.taken: int | None = None

    def has_any(self, place: int, numbers: set[int], more: range) -> bool:
        """Say whether any of some numbers was drawn for a column."""
        mine = self.numbers[place]
        if not mine.isdisjoint(numbers):
            return True
        if more.stop - more.start <= len(mine):
            return not mine.isdisjoint(more)
        return any(each in more for each in [*mine])  # others draw meanwhile


class Draws:
    """What is drawn for one table by all transactions beside each other.

    Attributes:
        places: Of the generated columns.
        drawers: Whoever has drawn; each goes from here when nobody has it any more.
    """

    __slots__ = ("_following", "drawers", "places")

    def __init__(self, places: Sequence[int]) -> None:
        """Begin with none drawn."""
        self.places = tuple(places)
        self.drawers: set[weakref.ref[Drawn]] = set()
        self._following = [1] * len(self.places)

    def begin(self) -> Drawn:
        """Give a transaction what its numbers are kept in."""
        drawn = Drawn(self.places)
        # No lock may be taken where a finalizer runs; this is one step.
        self.drawers.add(weakref.ref(drawn, self.drawers.discard))
        return drawn

    def draw(
        self,
        drawn: Drawn,
        number: int,
        least: int,
        sequences: Sequence[int],
        lock: "threading.RLock",
    ) -> int:
        """Give the next number of a generated column.

        Args:
            drawn: Of the transaction.
            number: Which of the generated columns.
            least: The number is not below it, since the transaction has stored that
                much less one itself. From there on it counts for itself alone:
                otherwise one great number, never committed, would use up the sequence
                for all.
            sequences: Of the table, which a serial transaction may change meanwhile.
            lock: Held while numbers are drawn.
        """
        mine = drawn.numbers[self.places[number]]
        with lock:
            while True:
                found = max(self._following[number], sequences[number])
                if least > found:
                    found = least
                else:
                    self._following[number] = found + 1
                mine.add(found)
                # First it is noted, then looked at again: a commit moves the sequence
                # first, and then looks at what is noted. One of the two sees the other.
                if sequences[number] <= found:
                    return found
                mine.discard(found)

    def note_commit(self, place: int, numbers: set[int], more: range) -> None:
        """Tell whoever has drawn a number that a commit has handed out.

        Args:
            place: Of the column.
            numbers: Those of the commit.
            more: Those that may be.
        """
        for each in list(self.drawers):
            drawn = each()
            if drawn is not None and drawn.has_any(place, numbers, more):
                drawn.taken = place
