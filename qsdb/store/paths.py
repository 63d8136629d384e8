"""Access paths: how ``table.room.filter("lobby")`` becomes keys to look up.

A `Path` is what one accessor of a table leads to: the primary key, a unique
key, a hash or an ordered index, or several of them where a column is both
unique and indexed. It knows the columns, turns the values that a user gives
into stored ones, and says what the declaration does not carry. It belongs to
the table, not to a transaction.
"""

from collections.abc import Mapping

import attrs

from qsdb.errors import ArgumentError, KindError, UsageError, brief
from qsdb.schema.bindings import Binding
from qsdb.schema.contexts import UNBOUNDED
from qsdb.schema.modules import BoundTable
from qsdb.schema.tables import IndexSchema
from qsdb.store.indexes import HashIndex, OrderedIndex, UniqueIndex
from qsdb.values.kinds import MismatchError
from qsdb.values.ranges import TOP, Bound, Range

__all__ = ["Path", "count_in", "enter_key", "paths_of"]

_INCLUDES = ((True, False), (True, True), (False, False), (False, True))
"""What can be said of the ends of a range."""


def count_in(
    index: UniqueIndex | HashIndex | OrderedIndex, within: Range | None, value: object
) -> int:
    """Give the number of rows in a range of an index, or with a value.

    Args:
        index: The index.
        within: The range, for an ordered index.
        value: The value, for the others.

    Cost: O(log n).
    """
    if isinstance(index, OrderedIndex):
        assert within is not None
        return index.count_between(within.low, within.high)
    return index.count_equal(value)


@attrs.frozen
class Path:
    """One accessor of a table."""

    table: str
    accessor: str
    columns: tuple[int, ...]
    names: tuple[str, ...]
    bindings: tuple[Binding, ...]
    is_primary: bool = False
    unique: int | None = None
    """Which of the table's indexes is the unique one."""
    lookup: int | None = None
    """Which of the table's indexes answers `filter`."""
    is_ordered: bool = False
    is_naturally_ordered: bool = attrs.field(init=False)
    """Whether stored values of all columns sort by themselves."""

    @is_naturally_ordered.default
    def _is_natural(self) -> bool:
        return all(each.kind.is_naturally_ordered for each in self.bindings)

    def stored_prefix(self, values: tuple[object, ...]) -> tuple[object, ...]:
        """Turn a user's values for the first columns into stored ones.

        Raises:
            KindError: a value is of a wrong kind.
            UsageError: there are too many or, for a hash index, too few.
        """
        if len(values) == 1:  # as with most
            name, binding = self.names[0], self.bindings[0]
            return (enter_key(self.table, name, binding, values[0]),)
        if not 1 <= len(values) <= len(self.columns):
            raise UsageError(
                f"table {self.table}, index {self.accessor}: {len(values)} values "
                f"for the columns {', '.join(self.names)}"
            )
        return tuple(
            [
                enter_key(self.table, name, binding, value)
                for name, binding, value in zip(
                    self.names, self.bindings, values, strict=False
                )
            ]
        )

    def stored_key(self, values: tuple[object, ...]) -> object:
        """Turn values for all columns into what a dict of the index maps from.

        Raises:
            KindError: a value is of a wrong kind.
            UsageError: it is not one value for each column.
        """
        stored = self.stored_prefix(values)
        if len(stored) < len(self.columns):
            raise UsageError(
                f"table {self.table}, index {self.accessor}: a key has values for "
                f"all of {', '.join(self.names)}, not {len(values)}; prefixes need "
                "a btree"
            )
        return stored[0] if len(stored) == 1 else stored

    def bound(self, values: tuple[object, ...], *, after: bool) -> Bound:
        """Give the bound before or after all entries that begin with values."""
        low = self._order_keys(values)
        return (*low, TOP) if after else low

    def prefix_range(self, values: tuple[object, ...]) -> Range:
        """Give the range of the entries that begin with values."""
        low = self._order_keys(values)
        return Range(low, (*low, TOP))

    def _order_keys(self, values: tuple[object, ...]) -> Bound:
        stored = self.stored_prefix(values)
        if self.is_naturally_ordered:
            return stored
        pairs = zip(self.bindings, stored, strict=False)
        return tuple([binding.kind.order(value) for binding, value in pairs])

    def range(self, lo: object, hi: object, include: tuple[bool, bool]) -> Range:
        """Give the range between two ends; an end left out is open.

        Raises:
            UsageError: the index has no order, or an end has too many values.
            KindError: a value is of a wrong kind.
            ArgumentError: `include` is not a bool for each end.
        """
        self.require(self.is_ordered, "a range needs a btree")
        if include not in _INCLUDES:
            raise ArgumentError(
                f"table {self.table}, index {self.accessor}: include is a tuple of "
                f"two bools, for the lower and the upper end, not {brief(include)}"
            )
        low = high = None
        if lo is not UNBOUNDED:
            low = self.bound(_as_tuple(lo, self.columns), after=not include[0])
        if hi is not UNBOUNDED:
            high = self.bound(_as_tuple(hi, self.columns), after=include[1])
        return Range(low, high)

    def require(self, holds: bool, what: str) -> None:  # noqa: FBT001  reads well
        """Refuse what the declaration does not carry.

        Raises:
            UsageError: `holds` is false.
        """
        if not holds:
            raise UsageError(f"table {self.table}, index {self.accessor}: {what}")


def _as_tuple(end: object, columns: tuple[int, ...]) -> tuple[object, ...]:
    """Give an end of a range as one value for each of its columns.

    In an index over one column a tuple is a value, for arrays are.
    """
    return end if len(columns) > 1 and type(end) is tuple else (end,)


def enter_key(table: str, column: str, binding: Binding, value: object) -> object:
    """Turn a user's value into its stored, canonical form.

    Raises:
        KindError: it is of a wrong kind or out of range.
    """
    try:
        return binding.kind.canonical(binding.enter(value))
    except MismatchError as mismatch:
        given, admitted = mismatch.value, mismatch.admitted
        raise KindError(table, column, given, admitted) from None


def paths_of(bound: BoundTable) -> Mapping[str, Path]:
    """Give a table's access paths: accessor → path."""
    schema = bound.schema
    paths: dict[str, Path] = {}
    accessor = "_".join([schema.columns[n].attribute for n in schema.primary_key])
    # A composite key cannot be named by the user, so it yields to what has its name.
    named = {index.accessor: index.columns for index in schema.indexes}
    named |= {column.attribute: (n,) for n, column in enumerate(schema.columns)}
    if accessor and named.get(accessor, schema.primary_key) == schema.primary_key:
        path = _path(bound, accessor, schema.primary_key)
        paths[accessor] = attrs.evolve(path, is_primary=True)
    for number, index in enumerate(schema.indexes):
        path = paths.get(index.accessor) or _path(bound, index.accessor, index.columns)
        paths[index.accessor] = _extended(path, number, index)
    return paths


def _path(bound: BoundTable, accessor: str, columns: tuple[int, ...]) -> Path:
    return Path(
        table=bound.schema.name,
        accessor=accessor,
        columns=columns,
        names=bound.schema.column_names(columns),
        bindings=tuple([bound.shape.columns[place].binding for place in columns]),
    )


def _extended(path: Path, number: int, index: IndexSchema) -> Path:
    if index.algorithm == "unique":
        return attrs.evolve(path, unique=number)
    is_ordered = index.algorithm == "btree"
    return attrs.evolve(path, lookup=number, is_ordered=is_ordered)
