"""A table as the engine knows it: names, kinds, keys and indexes; no user class.

`TableSchema` is what the store is built from and what a catalogue can hold.
`table_schema` makes one out of a row class's shape and the class keywords; it
gathers all mistakes, so that a user mends a declaration once.
"""

from collections.abc import Iterator, Sequence

import attrs

from qsdb.errors import SchemaError, brief
from qsdb.schema.matching import circles
from qsdb.schema.schedules import Schedule, schedule_of
from qsdb.schema.shapes import Column, Shape
from qsdb.schema.specifiers import MISSING, BTree, Hash
from qsdb.values.kinds import Kind, Stored

__all__ = [
    "ColumnSchema",
    "IndexSchema",
    "RowFilter",
    "TableOptions",
    "TableSchema",
    "fault_of_name",
    "snake_case",
    "table_schema",
]


@attrs.frozen(cache_hash=True)
class ColumnSchema:
    """One column: its names, its kind, and what fills it."""

    name: str
    """The name in SQL, in messages and in the catalogue."""
    attribute: str
    """The name in Python."""
    kind: Kind
    auto_inc: bool = False
    default: Stored = attrs.field(default=MISSING, eq=lambda value: (value,))
    """In stored form and canonical, or `MISSING`; of a generated column `MISSING`.

    Compared inside a tuple, where NaN equals itself.
    """


@attrs.frozen(cache_hash=True)
class IndexSchema:
    """An index or a unique key over columns, reached by `accessor`."""

    accessor: str
    columns: tuple[int, ...]
    """Places of the columns in the table, in the order of the index."""
    algorithm: str
    """``"unique"``, ``"btree"`` or ``"hash"``."""


@attrs.frozen
class RowFilter:
    """A query for the rows of one table.

    Attributes:
        text: In SQL.
        namespace: Where the module is mounted that declared it, as names of tables
            begin there; empty for the outermost one. Names in the text belong to it.
    """

    text: str
    namespace: str = ""

    def __str__(self) -> str:
        """Give the text, and where its names belong."""
        return (
            f"{self.text!r} in {self.namespace}" if self.namespace else repr(self.text)
        )


@attrs.frozen(cache_hash=True)
class TableSchema:
    """All that the engine needs to know of one table."""

    name: str
    columns: tuple[ColumnSchema, ...]
    primary_key: tuple[int, ...]
    """Places of the key's columns; empty where rows are their own key."""
    indexes: tuple[IndexSchema, ...] = ()
    is_public: bool = False
    is_event: bool = False
    """Whether rows are told with their commit, and never stored."""
    schedule: Schedule | None = None
    """What its rows have run; None of most tables."""
    row_filters: tuple[RowFilter, ...] = ()
    """Which rows strangers may see, each that one of them gives; all without any."""

    def column_names(self, places: Sequence[int]) -> tuple[str, ...]:
        """Give the names of the columns at `places`."""
        return tuple([self.columns[place].name for place in places])


@attrs.frozen
class TableOptions:
    """The class keywords of a table, as they were given, but with tuples for lists.

    Users write anything; what belongs there is said where it is looked at.
    """

    name: object = None
    public: object = False
    primary_key: object = ()
    unique: object = ()
    indexes: object = ()
    event: object = False
    scheduled: object = None
    missed: object = None
    retry: object = 0
    renamed_from: object = None

    def table_name(self, class_name: str) -> str:
        """Give the name as it was given, or the class's in snake case."""
        if self.name is None:
            return snake_case(class_name)
        return self.name if isinstance(self.name, str) else repr(self.name)


def snake_case(name: str) -> str:
    """Give a class name as a table name.

    >>> snake_case("PlayerServerPresence"), snake_case("HTTPLog2"), snake_case("user")
    ('player_server_presence', 'http_log2', 'user')
    """
    out: list[str] = []
    for place, letter in enumerate(name):
        before = name[place - 1] if place else "_"
        after = name[place + 1 : place + 2]
        begins_word = letter.isupper() and before != "_"
        if begins_word and (not before.isupper() or after.islower()):
            out.append("_")
        out.append(letter.lower())
    return "".join(out)


def table_schema(
    shape: Shape, options: TableOptions, *, is_system: bool = False
) -> TableSchema:
    """Join a row class's shape with the options of one table.

    Args:
        shape: Of the row class.
        options: The class keywords.
        is_system: Whether the name may begin with ``st_``.

    Raises:
        SchemaError: one sentence for each mistake, each naming table and column.
    """
    name = options.table_name(shape.class_name)
    draft = _Draft(name, shape)
    primary_key = draft.primary_key(options)
    indexes = tuple(draft.indexes(options, primary_key))
    draft.check_names(
        name if options.name is None else options.name, is_system=is_system
    )
    if type(options.public) is not bool:
        draft.mistakes.append(f", public: {brief(options.public)} is not a bool")
    if options.renamed_from is not None:
        fault = fault_of_name(options.renamed_from)
        draft.mistakes += [f", renamed_from: {fault}"] if fault else []
    if type(options.event) is not bool:
        draft.mistakes.append(f", event: {brief(options.event)} is not a bool")
    schedule, mistakes = schedule_of(
        shape.columns, primary_key, options.scheduled, options.missed, options.retry
    )
    draft.mistakes += mistakes
    if options.event is True and schedule is not None:
        draft.mistakes.append(", scheduled: rows of an event table are not kept")
    if draft.mistakes:
        raise SchemaError(*[f"table {name}{each}" for each in draft.mistakes])
    columns = tuple(
        [
            ColumnSchema(
                each.name,
                each.attribute,
                each.binding.kind,
                each.specifier.auto_inc,
                _stored_default(each),
            )
            for each in shape.columns
        ]
    )
    return TableSchema(
        name,
        columns,
        primary_key,
        indexes,
        options.public is True,
        options.event is True,
        schedule,
    )


def _stored_default(column: Column) -> Stored:
    if column.is_generated or column.default is MISSING:
        return MISSING
    return column.binding.enter(column.default)


class _Draft:
    """A table in the making: looks columns up and notes what is wrong."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self.columns = shape.columns
        self.mistakes: list[str] = []
        self._places = {each.attribute: n for n, each in enumerate(shape.columns)}

    def places(self, attributes: object, what: str) -> tuple[int, ...]:
        """Give the places of columns; what is wrong with them is noted."""
        if not isinstance(attributes, tuple):
            given = brief(attributes)
            self.mistakes.append(f", {what}: {given} must be a tuple of columns")
            return ()
        places = [self._place(each) for each in attributes]
        found = tuple([place for place in places if place is not None])
        if len(found) < len(places):
            unknown, known = attributes[places.index(None)], ", ".join(self._places)
            self.mistakes.append(f", {what}: no column {unknown}; there are: {known}")
        elif not found:
            self.mistakes.append(f", {what}: it names no column")
        elif len(set(found)) < len(found):
            self.mistakes.append(f", {what}: it names a column twice")
        else:
            return found
        return ()

    def _place(self, attribute: object) -> int | None:
        return self._places.get(attribute) if isinstance(attribute, str) else None

    def _accessor(self, places: tuple[int, ...]) -> str:
        """Give the name of an index without one."""
        return "_".join([self.columns[place].attribute for place in places])

    def primary_key(self, options: TableOptions) -> tuple[int, ...]:
        """Give the places of the key's columns."""
        marked = [each.attribute for each in self.columns if each.specifier.is_primary]
        if options.primary_key != ():
            if marked:
                self.mistakes.append(
                    f", column {marked[0]}: the table has a primary_key=… already"
                )
            return self.places(options.primary_key, "primary_key")
        if len(marked) > 1:
            self.mistakes.append(
                f", column {marked[1]}: {marked[0]} is the primary key already; for "
                f"both together write the class keyword primary_key={tuple(marked)!r}"
            )
        return self.places(tuple(marked[:1]), "primary_key") if marked else ()

    def indexes(
        self, options: TableOptions, primary_key: tuple[int, ...]
    ) -> Iterator[IndexSchema]:
        """Yield the table's indexes, unique keys first."""
        seen: set[tuple[str, bool]] = set()
        columns: dict[str, tuple[int, ...]] = {
            attribute: (place,) for attribute, place in self._places.items()
        }
        for index in self._declared_indexes(options):
            if index.columns == primary_key and index.algorithm == "unique":
                continue  # the primary key is unique as it is
            key = (index.accessor, index.algorithm == "unique")
            if key in seen:
                self.mistakes.append(f", index {index.accessor}: it is declared twice")
            elif columns.setdefault(index.accessor, index.columns) != index.columns:
                other = [self.columns[n].attribute for n in columns[index.accessor]]
                self.mistakes.append(
                    f", index {index.accessor}: the name stands for an index or "
                    f"column over {', '.join(other)} already"
                )
            seen.add(key)
            yield index

    def _declared_indexes(self, options: TableOptions) -> Iterator[IndexSchema]:
        yield from self._unique_keys(options)
        for place, column in enumerate(self.columns):
            algorithm = column.specifier.algorithm
            if algorithm in ("btree", "hash"):
                yield IndexSchema(column.attribute, (place,), algorithm)
            elif algorithm is not None:
                where, wrong = column.attribute, f"index({algorithm!r})"
                self.mistakes.append(
                    f", column {where}: {wrong} is none of 'btree', 'hash'"
                )
        yield from self._indexes_of_table(options)

    def _unique_keys(self, options: TableOptions) -> Iterator[IndexSchema]:
        for place, column in enumerate(self.columns):
            if column.specifier.is_unique:
                yield IndexSchema(column.attribute, (place,), "unique")
        for attributes in self._items(options.unique, "unique", "tuples of columns"):
            places = self.places(attributes, f"unique {brief(attributes)}")
            if places:
                yield IndexSchema(self._accessor(places), places, "unique")

    def _items(self, given: object, option: str, what: str) -> tuple[object, ...]:
        if isinstance(given, tuple):
            return given
        self.mistakes.append(f", {option}: {brief(given)} must be a list of {what}")
        return ()

    def _indexes_of_table(self, options: TableOptions) -> Iterator[IndexSchema]:
        for given in self._items(options.indexes, "indexes", "BTree(…) and Hash(…)"):
            if not isinstance(given, BTree | Hash):
                shown = brief(given)
                self.mistakes.append(f", indexes: {shown} is no BTree(…) or Hash(…)")
                continue
            places = self.places(given.columns, repr(given))
            accessor = self._accessor(places) if given.name is None else given.name
            fault = fault_of_name(accessor) if places else None
            if fault:
                self.mistakes.append(f", {given!r}: {fault}")
            elif places:
                yield IndexSchema(accessor, places, given.algorithm)

    def check_names(self, table_name: object, *, is_system: bool) -> None:
        """Note what is wrong with the names of the table and its columns."""
        fault = fault_of_name(table_name)
        if fault:
            self.mistakes.append(f": {fault}")
        elif self.name.startswith("st_") and not is_system:
            self.mistakes.append(": names beginning with st_ belong to qsdb")
        if not self.columns:
            self.mistakes.append(": it has no columns")
        names: dict[str, str] = {}
        for column in self.columns:
            fault = fault_of_name(column.name)
            if fault:
                self.mistakes.append(f", column {column.attribute}: {fault}")
            elif names.setdefault(column.name, column.attribute) != column.attribute:
                self.mistakes.append(
                    f", column {column.attribute}: the name {column.name!r} is that "
                    f"of {names[column.name]} already"
                )
            self.check_migration(column)
        formers = [(each.name, each.specifier.renamed_from) for each in self.columns]
        self.mistakes += [f", columns {each}" for each in circles(formers)]

    def check_migration(self, column: Column) -> None:
        """Note what is wrong with the words that a migration heeds."""
        specifier, place = column.specifier, f", column {column.attribute}"
        renamed_from = specifier.renamed_from
        fault = None if renamed_from is None else fault_of_name(renamed_from)
        if fault:
            self.mistakes.append(f"{place}, renamed_from: {fault}")
        fill: object = specifier.fill
        if fill is not None and not callable(fill):
            self.mistakes.append(f"{place}, fill: {brief(fill)} is no function")


def fault_of_name(name: object) -> str | None:
    """Say why a name is none, or None."""
    if not isinstance(name, str):
        return f"the name {brief(name)} is not a str"
    if not name:
        return "the name is empty"
    try:
        name.encode()
    except UnicodeEncodeError:
        return f"the name {name!r} is not valid Unicode"
    return None
