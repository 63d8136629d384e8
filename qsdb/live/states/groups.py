"""`Groups`: one row for each group of rows, with aggregates of them.

State: for each group how many rows it has, and a fold for each aggregate. A commit
touches the groups of the rows that change, and of each of these the row as it was and
the row as it is are told, where they differ. A group without rows has no row; but where
nothing is grouped by, all rows are one group, and that is always there.

Groups are told apart as stored values are: NULLs are one group, and so are NaNs.
"""

from qsdb.live.states.changes import Change
from qsdb.live.states.grouping import Group, Grouping
from qsdb.sql.readable import StoredRow
from qsdb.values.kinds import Stored

__all__ = ["Groups"]


class Groups:
    """COUNT, SUM and the like, with or without GROUP BY."""

    def __init__(self, grouping: Grouping) -> None:
        """Begin without rows.

        Args:
            grouping: By what rows are grouped, and what is asked of each group.
        """
        self._keys, self._key_of = grouping.keys, grouping.key_of
        self._places, self._makers = grouping.places, grouping.makers
        self._row, self._exchange = grouping.row, grouping.exchange
        self._groups: dict[Stored, Group] = {}
        self._begin()

    def fill(self, rows: list[StoredRow]) -> list[StoredRow]:
        """Have these rows and no others, and give the result. Cost: O(rows)."""
        self._groups = {}
        self._begin()
        for row in rows:
            self._add(row)
        return self.rows()

    def change(self, inserts: list[StoredRow], deletes: list[StoredRow]) -> Change:
        """Take in what came and what went, and give how the result changes.

        Raises:
            QueryError: a sum has no room in its kind.

        Cost: O(changes), and O(log n) for MIN and MAX among n values of a group.
        """
        groups, key_of = self._groups, self._key_of
        if len(inserts) == len(deletes) == 1:  # as with most commits
            key = key_of(deletes[0])
            if key == key_of(inserts[0]):
                return self._exchange(key, groups[key], inserts[0], deletes[0])
        touched: dict[Stored, StoredRow | None] = {}
        for row in deletes:
            key = key_of(row)
            if key not in touched:
                touched[key] = self._row(key, groups[key])
            self._remove(row, groups[key])
        for row in inserts:
            key = key_of(row)
            if key not in touched:
                group = groups.get(key)
                touched[key] = None if group is None else self._row(key, group)
            self._add(row)
        return self._told(touched)

    def rows(self) -> list[StoredRow]:
        """Give the result. Cost: O(groups)."""
        return [self._row(key, group) for key, group in self._groups.items()]

    def __len__(self) -> int:
        """Give the number of groups."""
        return len(self._groups)

    def _begin(self) -> None:
        if not self._keys:
            self._groups[()] = self._made()

    def _made(self) -> Group:
        return Group(tuple([make() for make in self._makers]))

    def _add(self, row: StoredRow) -> None:
        key = self._key_of(row)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = self._made()
        group.count += 1
        for fold, place in zip(group.folds, self._places, strict=True):
            value = row[place]
            if value is not None:
                fold.add(value)

    def _remove(self, row: StoredRow, group: Group) -> None:
        group.count -= 1
        for fold, place in zip(group.folds, self._places, strict=True):
            value = row[place]
            if value is not None:
                fold.remove(value)

    def _told(self, touched: dict[Stored, StoredRow | None]) -> Change:
        """Drop groups without rows, and say which rows are others."""
        inserts: list[StoredRow] = []
        deletes: list[StoredRow] = []
        for key, old in touched.items():
            group, new = self._groups[key], None
            if group.count or not self._keys:
                group.told = new = self._row(key, group)
                if new == old:
                    continue
                inserts.append(new)
            else:
                del self._groups[key]
            if old is not None:
                deletes.append(old)
        return inserts, deletes
