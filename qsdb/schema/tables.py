"""A table as the engine knows it: names, kinds, keys and indexes; no user class.

`TableSchema` is what the store is built from and what a catalogue can hold.
`table_schema` makes one out of a row class's shape and the class keywords; it
gathers all mistakes, so that a user mends a declaration once.
"""

from collections.abc import Iterator, Sequence

import attrs

from qsdb.errors import SchemaError
from qsdb.schema.shapes import Shape
from qsdb.schema.specifiers import BTree, Hash
from qsdb.values.kinds import Kind

__all__ = [
    "ColumnSchema",
    "IndexSchema",
    "TableOptions",
    "TableSchema",
    "fault_of_name",
    "snake_case",
    "table_schema",
]


@attrs.frozen
class ColumnSchema:
    """One column: its names, its kind, and what fills it."""

    name: str
    """The name in SQL, in messages and in the catalogue."""
    attribute: str
    """The name in Python."""
    kind: Kind
    auto_inc: bool = False


@attrs.frozen
class IndexSchema:
    """An index or a unique key over columns, reached by `accessor`."""

    accessor: str
    columns: tuple[int, ...]
    """Places of the columns in the table, in the order of the index."""
    algorithm: str
    """``"unique"``, ``"btree"`` or ``"hash"``."""


@attrs.frozen
class TableSchema:
    """All that the engine needs to know of one table."""

    name: str
    columns: tuple[ColumnSchema, ...]
    primary_key: tuple[int, ...]
    """Places of the key's columns; empty where rows are their own key."""
    indexes: tuple[IndexSchema, ...] = ()
    is_public: bool = False

    def column_names(self, places: Sequence[int]) -> tuple[str, ...]:
        """Give the names of the columns at `places`."""
        return tuple([self.columns[place].name for place in places])


@attrs.frozen
class TableOptions:
    """The class keywords of a table, as they were given."""

    name: str | None = None
    public: bool = False
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[object, ...] = ()
    """Of `BTree` and `Hash`, if the user made no mistake."""


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


def table_schema(shape: Shape, options: TableOptions) -> TableSchema:
    """Join a row class's shape with the options of one table.

    Raises:
        SchemaError: one sentence for each mistake, each naming table and column.
    """
    name = snake_case(shape.class_name) if options.name is None else options.name
    draft = _Draft(name, shape)
    primary_key = draft.primary_key(options)
    indexes = tuple(draft.indexes(options, primary_key))
    draft.check_names()
    if draft.mistakes:
        raise SchemaError(*[f"table {name}{each}" for each in draft.mistakes])
    columns = tuple(
        [
            ColumnSchema(
                each.name, each.attribute, each.binding.kind, each.specifier.auto_inc
            )
            for each in shape.columns
        ]
    )
    return TableSchema(name, columns, primary_key, indexes, options.public)


class _Draft:
    """A table in the making: looks columns up and notes what is wrong."""

    def __init__(self, name: str, shape: Shape) -> None:
        self.name = name
        self.columns = shape.columns
        self.mistakes: list[str] = []
        self._places = {each.attribute: n for n, each in enumerate(shape.columns)}

    def places(self, attributes: Sequence[str], what: str) -> tuple[int, ...]:
        """Give the places of columns; what is wrong with them is noted."""
        if isinstance(attributes, str):
            self.mistakes.append(f", {what}: {attributes!r} must be a tuple of columns")
            return ()
        unknown = [each for each in attributes if each not in self._places]
        if unknown:
            known = ", ".join(self._places)
            self.mistakes.append(
                f", {what}: no column {unknown[0]}; there are: {known}"
            )
        elif not attributes:
            self.mistakes.append(f", {what}: it names no column")
        elif len(set(attributes)) < len(attributes):
            self.mistakes.append(f", {what}: it names a column twice")
        else:
            return tuple([self._places[each] for each in attributes])
        return ()

    def primary_key(self, options: TableOptions) -> tuple[int, ...]:
        """Give the places of the key's columns."""
        marked = [each.attribute for each in self.columns if each.specifier.is_primary]
        if options.primary_key:
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
        return self.places(marked[:1], "primary_key") if marked else ()

    def indexes(
        self, options: TableOptions, primary_key: tuple[int, ...]
    ) -> Iterator[IndexSchema]:
        """Yield the table's indexes, unique keys first."""
        seen: dict[tuple[str, bool], tuple[int, ...]] = {}
        for index in self._declared_indexes(options):
            if index.columns == primary_key and index.algorithm == "unique":
                continue  # the primary key is unique as it is
            key = (index.accessor, index.algorithm == "unique")
            if key in seen:
                self.mistakes.append(f", index {index.accessor}: it is declared twice")
            clash = self._places.get(index.accessor)
            if clash is not None and (clash,) != index.columns:
                self.mistakes.append(
                    f", index {index.accessor}: a column of another content has "
                    "that name"
                )
            seen[key] = index.columns
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
        for attributes in options.unique:
            places = self.places(attributes, f"unique {attributes!r}")
            if places:
                yield IndexSchema("_".join(attributes), places, "unique")

    def _indexes_of_table(self, options: TableOptions) -> Iterator[IndexSchema]:
        for given in options.indexes:
            if not isinstance(given, BTree | Hash):  # users write anything
                self.mistakes.append(f", indexes: {given!r} is no BTree(…) or Hash(…)")
                continue
            places = self.places(given.columns, repr(given))
            if places:
                accessor = given.name or "_".join(given.columns)
                yield IndexSchema(accessor, places, given.algorithm)

    def check_names(self) -> None:
        """Note what is wrong with the names of the table and its columns."""
        fault = fault_of_name(self.name)
        if fault:
            self.mistakes.append(f": {fault}")
        elif self.name.startswith("st_"):
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


def fault_of_name(name: object) -> str | None:
    """Say why a name is none, or None."""
    if not isinstance(name, str):
        return f"the name {name!r} is not a str"
    if not name:
        return "the name is empty"
    try:
        name.encode()
    except UnicodeEncodeError:
        return f"the name {name!r} is not valid Unicode"
    return None
