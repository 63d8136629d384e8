"""Nodes: the operators of one live query, through which its changes go up.

A node is told what came to the leaves and what went, and gives the same of its rows.
Each has its inputs below it; those that need a state have one of `qsdb.live.states`.
"""

import abc
from collections.abc import Callable, Sequence

from qsdb.live.states.changes import Change, cancelled
from qsdb.live.states.distinct import DistinctRows
from qsdb.live.states.groups import Groups
from qsdb.live.states.numbering import Numbered
from qsdb.live.states.set_operations import SetOperation
from qsdb.live.states.tops import Tops
from qsdb.live.states.windows import Move, Window, change_of
from qsdb.sql.readable import StoredRow

__all__ = ["Both", "Kept", "Leaf", "Mapped", "Node", "Picked", "Shown", "United"]

Rows = list[StoredRow]


class Node(abc.ABC):
    """An operator of one live query.

    Attributes:
        moves: At which places the last change was; None where rows are in no order.
    """

    moves: Sequence[Move] | None = None

    @abc.abstractmethod
    def fill(self, leaves: Sequence[Rows]) -> Rows:
        """Begin anew with the rows of all leaves, and give one's own."""
        ...

    @abc.abstractmethod
    def change(self, leaves: Sequence[Change]) -> Change:
        """Take in changes of the leaves, and give that of one's own rows."""
        ...

    @abc.abstractmethod
    def rows(self, leaves: Sequence[Rows]) -> Rows:
        """Give one's own rows: those that are kept, above the rows of the leaves."""
        ...


class Leaf(Node):
    """A query on tables.

    Attributes:
        number: Which of them.
    """

    def __init__(self, number: int) -> None:
        """Stand for a leaf."""
        self.number = number

    def fill(self, leaves: Sequence[Rows]) -> Rows:
        return leaves[self.number]

    def change(self, leaves: Sequence[Change]) -> Change:
        return leaves[self.number]

    def rows(self, leaves: Sequence[Rows]) -> Rows:
        return leaves[self.number]


class Picked(Node):
    """Rows for which a condition is true."""

    def __init__(self, source: Node, test: Callable[[StoredRow], object]) -> None:
        """Stand above an input."""
        self._source, self._test = source, test

    def fill(self, leaves: Sequence[Rows]) -> Rows:
        return self._picked(self._source.fill(leaves))

    def change(self, leaves: Sequence[Change]) -> Change:
        inserts, deletes = self._source.change(leaves)
        return self._picked(inserts), self._picked(deletes)

    def rows(self, leaves: Sequence[Rows]) -> Rows:
        return self._picked(self._source.rows(leaves))

    def _picked(self, rows: Rows) -> Rows:
        test = self._test
        return [row for row in rows if test(row)]


class Mapped(Node):
    """What is made of each row; those that are in order stay so."""

    def __init__(self, source: Node, make: Callable[[StoredRow], StoredRow]) -> None:
        """Stand above an input."""
        self._source, self._make = source, make

    def fill(self, leaves: Sequence[Rows]) -> Rows:
        return [*map(self._make, self._source.fill(leaves))]

    def change(self, leaves: Sequence[Change]) -> Change:
        source, make = self._source, self._make
        inserts, deletes = source.change(leaves)
        moves = source.moves
        if moves is not None:
            self.moves = self._made(moves)
        return cancelled([*map(make, inserts)], [*map(make, deletes)])

    def rows(self, leaves: Sequence[Rows]) -> Rows:
        return [*map(self._make, self._source.rows(leaves))]

    def resize(self, offset: int, limit: int | None) -> Sequence[Move]:
        """Have another window, of which this shows what is made."""
        source = self._source
        assert isinstance(source, Shown)
        return self._made(source.resize(offset, limit))

    def _made(self, moves: Sequence[Move]) -> Sequence[Move]:
        make = self._make
        return [Move(make(each.row), each.was, each.now) for each in moves]


class Kept(Node):
    """Groups, rows that are each there once, or the first of each group."""

    def __init__(self, source: Node, state: Groups | DistinctRows | Tops) -> None:
        """Stand above an input."""
        self._source, self._state = source, state
        self._leaf = source.number if isinstance(source, Leaf) else None

    def fill(self, leaves: Sequence[Rows]) -> Rows:
        return self._state.fill(self._source.fill(leaves))

    def change(self, leaves: Sequence[Change]) -> Change:
        leaf = self._leaf  # as with most: what need not be called costs nothing
        change = self._source.change(leaves) if leaf is None else leaves[leaf]
        inserts, deletes = change
        if not inserts and not deletes:
            return change
        return self._state.change(inserts, deletes)

    def rows(self, leaves: Sequence[Rows]) -> Rows:
        return self._state.rows()


class Shown(Node):
    """A window on rows in order; where they are a bag, they are numbered for that."""

    def __init__(self, source: Node, window: Window, numbered: Numbered | None) -> None:
        """Stand above an input."""
        self._source, self._window, self._numbered = source, window, numbered

    def fill(self, leaves: Sequence[Rows]) -> Rows:
        rows, numbered = self._source.fill(leaves), self._numbered
        if numbered is None:
            return self._window.fill(rows)
        return [row[:-1] for row in self._window.fill(numbered.fill(rows))]

    def change(self, leaves: Sequence[Change]) -> Change:
        inserts, deletes = self._source.change(leaves)
        numbered = self._numbered
        if numbered is not None:
            inserts, deletes = numbered.change(inserts, deletes)
        moves = self._shown(self._window.moves(inserts, deletes))
        self.moves = moves
        found = change_of(moves)
        # Of equal rows one may have left, and another one entered.
        return found if numbered is None else cancelled(*found)

    def rows(self, leaves: Sequence[Rows]) -> Rows:
        rows = self._window.rows()
        return rows if self._numbered is None else [row[:-1] for row in rows]

    def resize(self, offset: int, limit: int | None) -> Sequence[Move]:
        """Have another window on the same rows, and say how the rows shown change."""
        return self._shown(self._window.resize(offset, limit))

    def _shown(self, moves: Sequence[Move]) -> Sequence[Move]:
        """Give moves of rows as they are without their numbers."""
        if self._numbered is None:
            return moves
        return [Move(each.row[:-1], each.was, each.now) for each in moves]


class United(Node):
    """The rows of two inputs, as often as they are there: UNION ALL."""

    def __init__(self, left: Node, right: Node) -> None:
        """Stand above two inputs."""
        self._left, self._right = left, right

    def fill(self, leaves: Sequence[Rows]) -> Rows:
        return self._left.fill(leaves) + self._right.fill(leaves)

    def change(self, leaves: Sequence[Change]) -> Change:
        left, right = self._left.change(leaves), self._right.change(leaves)
        return cancelled(left[0] + right[0], left[1] + right[1])

    def rows(self, leaves: Sequence[Rows]) -> Rows:
        return self._left.rows(leaves) + self._right.rows(leaves)


class Both(Node):
    """The rows of two inputs, where it matters how often each row is in either."""

    def __init__(self, left: Node, right: Node, state: SetOperation) -> None:
        """Stand above two inputs."""
        self._left, self._right, self._state = left, right, state

    def fill(self, leaves: Sequence[Rows]) -> Rows:
        return self._state.fill(self._left.fill(leaves), self._right.fill(leaves))

    def change(self, leaves: Sequence[Change]) -> Change:
        return self._state.change(self._left.change(leaves), self._right.change(leaves))

    def rows(self, leaves: Sequence[Rows]) -> Rows:
        return self._state.rows()
