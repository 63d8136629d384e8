"""`Groups`: one row for each group of rows, with aggregates of them.

State: for each group how many rows it has, and a fold for each aggregate. A commit
touches the groups of the rows that change, and of each of these the row as it was and
the row as it is are told, where they differ. A group without rows has no row; but where
nothing is grouped by, all rows are one group, and that is always there.

Groups are told apart as stored values are: NULLs are one group, and so are NaNs.
"""

import functools
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from qsdb.live.states.aggregates import Aggregate, count_of
from qsdb.live.states.changes import Change
from qsdb.live.states.folds import Fold
from qsdb.sql.readable import StoredRow
from qsdb.values.kinds import Stored
from qsdb.values.source import Names, compile_source

__all__ = ["Groups"]


class _Group:
    """The rows of one group, as far as they matter."""

    __slots__ = ("count", "folds", "told")

    def __init__(self, folds: tuple[Fold, ...]) -> None:
        self.count = 0
        self.folds = folds
        self.told: StoredRow | None = None
        """Its row, as it was told last; None before."""


class Groups:
    """COUNT, SUM and the like, with or without GROUP BY."""

    def __init__(
        self,
        keys: Sequence[int],
        aggregates: Sequence[Aggregate],
    ) -> None:
        """Begin without rows.

        Args:
            keys: Places of the columns by which rows are grouped.
            aggregates: What is asked of each group.
        """
        self._keys = tuple(keys)
        self._key_of = _key_function(self._keys)
        columns = [
            (each.place, each.make) for each in aggregates if each.place is not None
        ]
        shared = [*dict.fromkeys(columns)]
        self._places = [place for place, _ in shared]
        self._makers = [make for _, make in shared]
        self._numbered = [*enumerate(self._places)]
        reads = [
            (
                None if each.place is None else shared.index((each.place, each.make)),
                each.read,
            )
            for each in aggregates
        ]
        self._row = row_reader(len(self._keys), reads)
        self._groups: dict[Stored, _Group] = {}
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
                return self._change_one(key, inserts[0], deletes[0])
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

    def _made(self) -> _Group:
        return _Group(tuple([make() for make in self._makers]))

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

    def _remove(self, row: StoredRow, group: _Group) -> None:
        group.count -= 1
        for fold, place in zip(group.folds, self._places, strict=True):
            value = row[place]
            if value is not None:
                fold.remove(value)

    def _change_one(self, key: Stored, new: StoredRow, old: StoredRow) -> Change:
        """Exchange a row of a group by another one."""
        group = self._groups[key]
        was, folds = group.told or self._row(key, group), group.folds
        for number, place in self._numbered:
            value, before = new[place], old[place]
            if value is not before:
                fold = folds[number]
                if before is not None:
                    fold.remove(before)
                if value is not None:
                    fold.add(value)
        group.told = now = self._row(key, group)
        return ([], []) if now == was else ([now], [was])

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


def _key_function(keys: tuple[int, ...]) -> Callable[[StoredRow], Stored]:
    if not keys:
        return lambda _: ()
    return itemgetter(*keys)


Read = Callable[[Any], Stored]


def row_reader(
    keys: int, reads: Sequence[tuple[int | None, Read]]
) -> Callable[[Stored, _Group], StoredRow]:
    """Compile what gives the row that is told of a group.

    Args:
        keys: By how many columns rows are grouped.
        reads: Of each aggregate the number of its fold, None where rows are counted,
            and what reads it off that.
    """
    is_count = [read is count_of for _, read in reads]
    bind = _bind(
        keys, tuple(zip([number for number, _ in reads], is_count, strict=True))
    )
    found: Callable[[Stored, _Group], StoredRow] = bind(*[read for _, read in reads])
    return found


@functools.lru_cache(256)
def _bind(keys: int, reads: tuple[tuple[int | None, bool], ...]) -> Callable[..., Any]:
    values = ["key" if keys == 1 else "*key"]
    for place, (number, is_count) in enumerate(reads):
        source = "group" if number is None else f"folds[{number}]"
        values.append(f"{source}.count" if is_count else f"read{place}({source})")
    arguments = ", ".join([f"read{place}" for place in range(len(reads))])
    code = (
        f"def bind({arguments}):\n"
        "    def row(key, group):\n"
        "        folds = group.folds\n"
        f"        return ({', '.join(values)},)\n"
        "    return row\n"
    )
    bind = compile_source("group", code, Names())["bind"]
    assert callable(bind)
    return bind
