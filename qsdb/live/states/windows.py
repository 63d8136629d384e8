"""`Window`: the rows from one place to another of all rows in order.

State: all rows in order, as entries (`qsdb.live.states.sorting`), and the entries at
which the window begins and ends. A commit moves rows in and out of the order; after
that both ends stand at other entries, and what lies between where an end was and where
it is has crossed it. So what a commit costs depends on the rows that change and on
those that cross, and neither on the size of the window nor on what lies beside it.

The result is a list, and a change of it is told as *moves*, by which a list on a screen
becomes the new one.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import attrs

from qsdb.live.states.changes import Change
from qsdb.live.states.ordered import Ordered
from qsdb.live.states.sorting import Entry
from qsdb.sql.readable import StoredRow
from qsdb.values.ranges import TOP

__all__ = [
    "Move",
    "Window",
    "change_of",
    "composed",
    "moves_along",
    "moves_between",
    "patched",
]

_BEGIN: Entry = ()
"""Less than every entry."""
_END: Entry = (TOP,)
"""Greater than every entry."""

PART = 4096
"""Many moves patch parts of this length, so that little of a list moves up or down."""

FEW = 64
"""So many patch the list."""


@attrs.frozen
class Move:
    """A row that leaves a window, or comes into it.

    Attributes:
        row: The row.
        was: Its place in the window before; None if it comes.
        now: Its place in the window after; None if it leaves.
    """

    row: StoredRow
    was: int | None
    now: int | None


def patched(rows: Sequence[StoredRow], moves: Sequence[Move]) -> list[StoredRow]:
    """Give the list that another becomes by moves, one after the other.

    >>> patched([(1,), (2,), (3,)], [Move((1,), 0, None), Move((4,), None, 2)])
    [(2,), (3,), (4,)]
    """
    return _patched(rows, moves)[0]


def _patched(rows: Sequence[Any], moves: Sequence[Move]) -> tuple[list[Any], list[Any]]:
    """Give the list, and what was taken out of it, one after the other."""
    taken: list[Any] = []
    parts = [[*rows]]
    if len(moves) > FEW and len(rows) > PART:
        whole = parts[0]
        parts = [whole[begin : begin + PART] for begin in range(0, len(whole), PART)]
    for move in moves:
        place = move.was if move.now is None else move.now
        assert place is not None
        for part in parts:
            if place < len(part):
                break
            place -= len(part)
        else:  # behind all
            place = len(part)
        if move.now is None:
            taken.append(part.pop(place))
        else:
            part.insert(place, move.row)
    return [*chain.from_iterable(parts)] if len(parts) > 1 else parts[0], taken


def composed(moves: Sequence[Move]) -> list[Move]:
    """Give moves that come to the same as many, one after the other.

    There is one at most for each row that was there and for each that is, and none
    where all that came went again, and all that went came to its place again. So they
    are bounded by the rows before and after, however many these are; and nobody has to
    know the rows.

    Cost: O(rows), as far as they are moved.

    >>> composed([Move((1,), 0, None), Move((4,), None, 2), Move((4,), 2, None)])
    [Move(row=(1,), was=0, now=None)]
    """
    count = _length(moves)
    rows, taken = _patched(range(count), moves)  # each row that stays is its place
    left = [move.row for move in moves if move.now is None]
    went = dict(zip(taken, left, strict=True))
    gone, come = list[Move](), list[Move]()
    begin, came = 0, list[StoredRow]()
    for now, item in enumerate([*rows, count]):
        if type(item) is not int:
            came.append(item)
            continue
        if came or begin < item:  # between rows that stay
            there = [went[place] for place in range(begin, item)]
            for move in moves_between(there, came):
                if move.now is None:
                    gone.append(Move(move.row, begin + (move.was or 0), None))
                else:
                    come.append(Move(move.row, None, now - len(came) + move.now))
        begin, came = item + 1, []
    gone.sort(key=attrgetter("was"), reverse=True)
    return [*gone, *come]


def _length(moves: Sequence[Move]) -> int:
    """Say how many rows a list has at least, if it can be moved like this."""
    least = grown = 0
    for move in moves:
        if move.now is None:
            least = max(least, (move.was or 0) + 1 - grown)
            grown -= 1
        else:
            least = max(least, move.now - grown)
            grown += 1
    return least


def moves_between(
    before: Sequence[StoredRow], after: Sequence[StoredRow]
) -> list[Move]:
    """Give moves from one list to another, without the rows at both their ends.

    They are the fewest only where it is one run of rows that has changed. Cost:
    O(rows).
    """
    begin, least = 0, min(len(before), len(after))
    while begin < least and before[begin] == after[begin]:
        begin += 1
    end = 0
    while end < least - begin and before[-1 - end] == after[-1 - end]:
        end += 1
    gone = range(len(before) - end - 1, begin - 1, -1)
    come = range(begin, len(after) - end)
    return [
        *[Move(before[place], place, None) for place in gone],
        *[Move(after[place], None, place) for place in come],
    ]


def moves_along(
    before: Sequence[StoredRow], was: int, after: Sequence[StoredRow], now: int
) -> list[Move]:
    """Give the fewest moves from one window to another on the same rows in order.

    Args:
        before: The rows in the one.
        was: Its offset.
        after: The rows in the other.
        now: Its offset.

    Cost: O(rows in both).
    """
    stay = range(max(was, now), min(was + len(before), now + len(after)))
    gone = [place for place in range(len(before)) if was + place not in stay]
    come = [place for place in range(len(after)) if now + place not in stay]
    return [
        *[Move(before[place], place, None) for place in reversed(gone)],
        *[Move(after[place], None, place) for place in come],
    ]


def change_of(moves: Sequence[Move]) -> Change:
    """Give what came and what went by moves."""
    inserts = [move.row for move in moves if move.now is not None]
    return inserts, [move.row for move in moves if move.now is None]


class Window:
    """ORDER BY with LIMIT and OFFSET.

    The rows are a set: no two of them have equal entries. A bag becomes one by
    `qsdb.live.states.numbering`.

    Attributes:
        offset: How many rows stand before the window.
        limit: How many it has at most; None for all.
    """

    def __init__(
        self,
        entry_of: Callable[[StoredRow], Entry],
        offset: int = 0,
        limit: int | None = None,
    ) -> None:
        """Begin without rows.

        Args:
            entry_of: Gives the entry of a row.
            offset: How many rows to leave out.
            limit: How many to have at most.
        """
        self._entry_of = entry_of
        self.offset, self.limit = offset, limit
        self._entries: Ordered[Entry] = Ordered()
        # Bounds have no row at their end: an entry with the same terms lies behind.
        self._low = self._high = _END
        self._set_ends()

    def fill(self, rows: list[StoredRow]) -> list[StoredRow]:
        """Have these rows and no others, and give the window. Cost: O(n log n)."""
        self._entries = Ordered(map(self._entry_of, rows))
        self._set_ends()
        return self.rows()

    def change(self, inserts: list[StoredRow], deletes: list[StoredRow]) -> Change:
        """Take in what came and what went, and give how the result changes.

        Cost: O(d log n) for d rows that change, among n.
        """
        return change_of(self.moves(inserts, deletes))

    def moves(
        self, inserts: list[StoredRow], deletes: list[StoredRow]
    ) -> Sequence[Move]:
        """Do the same, and say at which places."""
        entry_of, high = self._entry_of, self._high
        gone, come = [*map(entry_of, deletes)], [*map(entry_of, inserts)]
        gone, come = self._take(gone, come)
        if (not gone or high < min(gone)) and (not come or high < min(come)):
            return ()  # for all of that is behind the window
        return self._moved(gone, come, self.offset)

    def resize(self, offset: int, limit: int | None) -> Sequence[Move]:
        """Have another window on the same rows. Cost: O(rows that come or leave)."""
        before, self.offset, self.limit = self.offset, offset, limit
        return self._moved([], [], before)

    def rows(self) -> list[StoredRow]:
        """Give the rows in the window, in order."""
        found = self._entries.between(self._low, self._high)
        return [entry[-1] for entry in found]

    def __len__(self) -> int:
        """Give the number of all rows."""
        return len(self._entries)

    def _take(
        self, gone: list[Entry], come: list[Entry]
    ) -> tuple[list[Entry], list[Entry]]:
        """Take entries out and in; give those of them that matter."""
        entries = self._entries
        for entry in gone:
            entries.remove(entry)
        for entry in come:
            entries.add(entry)
        return gone, come

    def _set_ends(self) -> None:
        offset, entries, count = self.offset, self._entries, len(self._entries)
        last = count if self.limit is None else offset + self.limit
        self._high = entries[last][:-1] if last < count else _END
        if not offset:
            self._low = _BEGIN
        else:
            self._low = entries[offset][:-1] if offset < count else _END

    def _moved(
        self, gone: list[Entry], come: list[Entry], offset_was: int
    ) -> list[Move]:
        """Set the ends anew, and say who crossed them, or came or went between."""
        low_was, high_was = self._low, self._high
        self._set_ends()
        low, high = self._low, self._high
        left = [each for each in gone if _is_within(each, low_was, high_was)]
        entered = [each for each in come if _is_within(each, low, high)]
        new = {*map(id, come)}
        for entry in self._crossing(low_was, high_was):
            was = _is_within(entry, low_was, high_was)
            if id(entry) not in new and was != _is_within(entry, low, high):
                (left if was else entered).append(entry)
        if not left and not entered:
            return []
        left.sort(reverse=True)
        entered.sort()
        gone_keys = sorted([each[:-1] for each in gone])
        come_keys = sorted([each[:-1] for each in come])
        rank = self._entries.rank
        moves: list[Move] = []
        for entry in left:
            key = entry[:-1]
            newer = bisect_left(come_keys, key) - bisect_left(gone_keys, key)
            moves.append(Move(entry[-1], rank(key) - newer - offset_was, None))
        offset = self.offset
        moves += [Move(x[-1], None, rank(x[:-1]) - offset) for x in entered]
        return moves

    def _crossing(self, low_was: Entry, high_was: Entry) -> list[Entry]:
        """Give what stands between where the ends were and where they are."""
        low, high = self._low, self._high
        found: list[Entry] = []
        behind = max(low_was, low)
        if low != low_was:
            found += self._entries.between(min(low_was, low), behind)
        if high != high_was:
            first = max(behind, min(high_was, high))
            found += self._entries.between(first, max(high_was, high))
        return found


def _is_within(entry: Entry, low: Entry, high: Entry) -> bool:
    # What stands for values and bounds knows no other comparison.
    return not entry < low and entry < high
