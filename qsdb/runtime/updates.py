"""`Update`: how a result changed with a commit, as users see it.

Whoever falls behind is told of several commits in one: `merged` adds their updates up,
exactly. Of a row that came and went again nothing is left, so that is never more than
the results before and after it. Rows of event tables do not add up to anything smaller;
of those that wait for somebody there is a bound.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs

from qsdb.errors import QueryError
from qsdb.live.differences import Difference, net
from qsdb.live.states.windows import Move, composed, moves_between
from qsdb.sql.readable import StoredRow

__all__ = ["Shape", "Update", "difference_of", "excess", "merged"]

EVENT_ROWS_MAX = 100_000
"""So many rows of event tables wait for somebody, of several commits."""


@attrs.frozen
class Shape:
    """What the rows of a result are to users.

    Attributes:
        columns: The names of the columns.
        make: Makes rows of stored ones.
        key_of: The primary key of a stored row, or the keys of all tables that it is
            made of; None where a result has none.
        is_event: Whether rows only come, and none is kept.
        is_ordered: Whether the result is sorted.
    """

    columns: tuple[str, ...]
    make: Callable[[list[StoredRow]], list[Any]]
    key_of: Callable[[StoredRow], object] | None
    is_event: bool = False
    is_ordered: bool = False


@attrs.define
class _Made:
    """What users see of an update."""

    inserts: list[Any]
    deletes: list[Any]
    updates: list[tuple[Any, Any]] | None = None


class Update:
    """How a result changed with a commit, or with several.

    Rows are made when they are asked for, once for all who are told; the lists are the
    caller's own.

    Attributes:
        offset: The commit; of several the last, and of a window that was resized the
            one before that.
        difference: The same, as stored rows.
        shape: What those are to users.
    """

    __slots__ = ("_first", "_made", "difference", "offset", "shape")

    def __init__(
        self, offset: int, difference: Difference, shape: Shape, first: int = 0
    ) -> None:
        """Keep what changed.

        Args:
            offset: The last commit.
            difference: What changed.
            shape: What the rows are to users.
            first: The first commit; 0 if it is the last one too.
        """
        self.offset = offset
        self.difference = difference
        self.shape = shape
        self._first = first or offset
        self._made: _Made | None = None  # until somebody asks for rows

    @property
    def offsets(self) -> range:
        """The commits that it is about: one, and more if who is told fell behind."""
        return range(self._first, self.offset + 1)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.shape.columns

    @property
    def is_event(self) -> bool:
        """Whether the rows are told once, and are not in the result afterwards."""
        return self.shape.is_event

    @property
    def inserts(self) -> list[Any]:
        """All rows that came; one that came twice is there twice."""
        return [*self._rows.inserts]

    @property
    def deletes(self) -> list[Any]:
        """All rows that went."""
        return [*self._rows.deletes]

    @property
    def updates(self) -> list[tuple[Any, Any]]:
        """Those that went and came with the same primary key: old and new.

        Columns have one where all of it stands among them: `qsdb.sql.keys`.
        """
        made = self._rows
        if made.updates is None:
            made.updates = [*self._paired()]
        return [*made.updates]

    @property
    def moves(self) -> list[Move] | None:
        """How a list of the rows, sorted as the query says, becomes the new one.

        Each move is of one row, at a place of the list as it is then: it goes from
        there (`was`), or comes to there (`now`). None where a query has no ORDER BY,
        and over the network::

            for move in update.moves:
                if move.now is None:
                    del rows[move.was]
                else:
                    rows.insert(move.now, move.row)
        """
        moves = self.difference.moves
        if moves is None:
            return None
        rows = self.shape.make([each.row for each in moves])
        made = zip(rows, moves, strict=True)
        return [Move(row, each.was, each.now) for row, each in made]

    @property
    def _rows(self) -> "_Made":
        if self._made is None:
            make, difference = self.shape.make, self.difference
            inserts, deletes = make([*difference.inserts]), make([*difference.deletes])
            self._made = _Made(inserts, deletes)
        return self._made

    def _paired(self) -> Iterator[tuple[Any, Any]]:
        """Pair rows of one key, each once; a result can have several with one."""
        key_of = self.shape.key_of
        if key_of is None:
            return
        went: dict[object, list[Any]] = {}
        for stored, row in zip(self.difference.deletes, self.deletes, strict=True):
            went.setdefault(key_of(stored), []).append(row)
        for stored, row in zip(self.difference.inserts, self.inserts, strict=True):
            rows = went.get(key_of(stored))
            if rows:
                yield rows.pop(), row

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return bool(self.difference)

    def __repr__(self) -> str:
        """Say how much changed."""
        came, went = len(self.difference.inserts), len(self.difference.deletes)
        at = f"offset {self.offset}"
        if self._first != self.offset:
            at = f"offsets {self._first} to {self.offset}"
        return f"<Update at {at}: {came} inserts, {went} deletes>"


def merged(updates: Iterable[Update]) -> Update:
    """Give one update that says the same as several, in their order. Cost: O(rows).

    It may have nothing to say.
    """
    updates = [*updates]
    inserts = [row for each in updates for row in each.difference.inserts]
    deletes = [row for each in updates for row in each.difference.deletes]
    last, first = updates[-1], updates[0].offsets.start
    found = net(inserts, deletes)
    if last.shape.is_ordered:
        moves = [move for each in updates for move in each.difference.moves or ()]
        found = attrs.evolve(found, moves=composed(moves))
    return Update(last.offset, found, last.shape, first)


def excess(updates: Sequence[Update]) -> QueryError | None:
    """Say that these updates are more than may wait, if they are. Cost: O(updates).

    One alone may be, for it is one commit.
    """
    if len(updates) < 2 or not updates[0].is_event:
        return None
    count = sum([len(each.difference.inserts) for each in updates])
    if count <= EVENT_ROWS_MAX:
        return None
    return QueryError(
        f"{count} rows of event tables wait to be told, and {EVENT_ROWS_MAX} are the "
        "most: who is told is too slow, and none of them may be left out"
    )


def difference_of(
    before: list[StoredRow], after: list[StoredRow], shape: Shape
) -> Difference:
    """Give the difference of two results of one query. Cost: O(rows)."""
    found = net(after, before)
    if shape.is_ordered:
        return attrs.evolve(found, moves=moves_between(before, after))
    return found
