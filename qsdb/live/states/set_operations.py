"""`SetOperation`: UNION, INTERSECT and EXCEPT of two results, as sets and as bags.

With *l* and *r* for how often a row is on the left and on the right, it is so often in
the result:

| | plain | with ALL |
|---|---|---|
| UNION | 1 if l + r > 0 | l + r |
| INTERSECT | 1 if l > 0 and r > 0 | the lesser of l and r |
| EXCEPT | 1 if l > 0 and r = 0 | l - r, if that is above 0 |

State: how often each row is on each side. NULLs are alike here, and NaNs.
"""

from collections.abc import Callable, Mapping

from qsdb.live.states.changes import Change
from qsdb.sql.readable import StoredRow
from qsdb.sql.syntax import SetOperator

__all__ = ["SetOperation"]

_TIMES: Mapping[tuple[SetOperator, bool], Callable[[int, int], int]] = {
    ("UNION", False): lambda left, right: int(left + right > 0),
    ("UNION", True): lambda left, right: left + right,
    ("INTERSECT", False): lambda left, right: int(left > 0 and right > 0),
    ("INTERSECT", True): min,
    ("EXCEPT", False): lambda left, right: int(left > 0 and right == 0),
    ("EXCEPT", True): lambda left, right: max(left - right, 0),
}


class SetOperation:
    """Two results made one."""

    def __init__(self, operator: SetOperator, *, is_all: bool) -> None:
        """Begin without rows.

        Args:
            operator: Which of them.
            is_all: Whether rows count as often as they are there.
        """
        self._times = _TIMES[operator, is_all]
        self._left: dict[StoredRow, int] = {}
        self._right: dict[StoredRow, int] = {}

    def fill(self, left: list[StoredRow], right: list[StoredRow]) -> list[StoredRow]:
        """Have these rows and no others, and give the result. Cost: O(rows)."""
        self._left, self._right = {}, {}
        return self.change((left, []), (right, []))[0]

    def change(self, left: Change, right: Change) -> Change:
        """Take in what came and what went on each side; give how the result changes.

        Cost: O(changes).
        """
        before: dict[StoredRow, int] = {}
        for side, (inserts, deletes) in ((self._left, left), (self._right, right)):
            for rows, sign in ((inserts, 1), (deletes, -1)):
                for row in rows:
                    if row not in before:
                        before[row] = self._count(row)
                    count = side.get(row, 0) + sign
                    if count:
                        side[row] = count
                    else:
                        del side[row]
        came: list[StoredRow] = []
        went: list[StoredRow] = []
        for row, was in before.items():
            more = self._count(row) - was
            if more:
                (came if more > 0 else went).extend([row] * abs(more))
        return came, went

    def rows(self) -> list[StoredRow]:
        """Give the result. Cost: O(rows)."""
        return [
            row
            for row in {**self._left, **self._right}
            for _ in range(self._count(row))
        ]

    def __len__(self) -> int:
        """Give the number of different rows."""
        return len({**self._left, **self._right})

    def _count(self, row: StoredRow) -> int:
        return self._times(self._left.get(row, 0), self._right.get(row, 0))
