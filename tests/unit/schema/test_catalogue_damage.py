"""Rows that are no catalogue: each is a ValueError that names the place."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qsdb
from qsdb import Hash, Identity, Timestamp
from qsdb.codec.cbor import to_cbor
from qsdb.schema.catalogue import catalogue_rows
from qsdb.schema.catalogue_reading import (
    module_of,
    reducers_of,
    schemas_of,
    views_of,
)
from qsdb.schema.system import system_tables
from tests.support.strategies import stored_likes

Rows = dict[int, list[tuple[Any, ...]]]
IDS = {bound.schema.name: table_id for table_id, bound in system_tables()}


class User(qsdb.Row):
    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    name: str = qsdb.unique()
    age: qsdb.u8 = 7


def rows() -> Rows:
    """Give the catalogue of one table, 4096, with something of everything."""
    module = qsdb.Module("chat")
    module.add_table(User, indexes=[Hash("age")])

    @module.reducer
    def rename(_: qsdb.ReducerContext, name: str) -> None: ...

    @module.view
    def users(ctx: qsdb.ViewContext) -> list[User]:
        return list(ctx.db[User])

    return catalogue_rows(
        module.compiled(),
        database_identity=Identity.from_bytes(bytes(32)),
        owner_identity=Identity.from_bytes(bytes(32)),
        seed=0,
        created=Timestamp.EPOCH,
        version="",
    )


def read(catalogue: Rows) -> None:
    schemas_of(catalogue)
    reducers_of(catalogue)
    views_of(catalogue)
    module_of(catalogue)


def changed(table: str, column: str, value: object, *, row: int = -1) -> Rows:
    """Give the catalogue with one value changed, in the table's last row."""
    catalogue = rows()
    bound = dict(system_tables())[IDS[table]]
    place = [each.name for each in bound.schema.columns].index(column)
    stored = list(catalogue[IDS[table]][row])
    stored[place] = value
    catalogue[IDS[table]][row] = tuple(stored)
    return catalogue


def extended(table: str, row: object) -> Rows:
    """Give the catalogue with one row more."""
    catalogue = rows()
    catalogue[IDS[table]].append(row)  # type: ignore[arg-type]
    return catalogue


def shortened(table: str) -> Rows:
    """Give the catalogue without the last row of a table."""
    catalogue = rows()
    catalogue[IDS[table]].pop()
    return catalogue


def test_the_catalogue_itself_is_one() -> None:
    read(rows())


U8, STR = to_cbor("u8"), to_cbor("str")
NO_ROW = r"a row of st_\w+: .* is not "


@pytest.mark.parametrize(
    ("catalogue", "message"),
    [
        # Rows that are none of their tables'.
        (extended("st_table", ()), NO_ROW),
        (extended("st_table", (1, 2, 3)), NO_ROW),
        (extended("st_table", [5]), NO_ROW),
        (changed("st_table", "table_id", -1), NO_ROW),
        (changed("st_table", "table_name", "\ud800"), NO_ROW),
        (changed("st_column", "col_type", "u8"), NO_ROW),
        (changed("st_column", "col_default", 7), NO_ROW),
        (changed("st_module", "created", None), NO_ROW),
        (changed("st_reducer", "is_private", 1), NO_ROW),
        # Keys.
        (
            extended("st_table", (4096, "b", "user", "public", ())),
            r"st_table has two rows with the key \(4096,\)",
        ),
        (
            extended("st_column", (4096, 2, "b", "b", U8, False, None)),
            r"st_column has two rows with the key \(4096, 2\)",
        ),
        (
            changed("st_table", "table_name", "st_index"),
            "table st_index: names of system tables begin with st_",
        ),
        # Tables.
        (changed("st_table", "table_name", ""), "table : the name is empty"),
        (
            changed("st_table", "table_type", "system"),
            "table user is 'system' with the id 4096",
        ),
        (changed("st_table", "table_type", "view"), "table user is 'view' with"),
        (
            changed("st_table", "table_type", "user", row=0),
            "table st_table is 'user' with the id 1: system tables are below 4096",
        ),
        (
            changed("st_table", "table_name", "mine", row=0),
            "table mine: names of system tables begin with st_",
        ),
        (
            changed("st_table", "table_access", "secret"),
            "table user: 'secret' is none of 'public', 'private'",
        ),
        (
            changed("st_table", "table_primary_key", (3,)),
            r"table user, primary key: \(3,\) are no places of 3 columns",
        ),
        (
            changed("st_table", "table_primary_key", (0, 0)),
            r"table user, primary key: \(0, 0\) are no places",
        ),
        (
            extended("st_table", (4097, "empty", "user", "private", ())),
            r"table empty: the columns stand at \[\], not at 0, 1, …",
        ),
        # Columns.
        (
            changed("st_column", "col_pos", 3),
            r"table user: the columns stand at \[0, 1, 3\]",
        ),
        (
            changed("st_column", "table_id", 4095),
            "StColumn.* is of no table in the catalogue",
        ),
        (
            changed("st_column", "col_name", "name"),
            "table user, column name stands in the catalogue twice",
        ),
        (
            changed("st_column", "col_attribute", "name"),
            "table user, attribute name stands in the catalogue twice",
        ),
        (changed("st_column", "col_name", ""), "column : the name is empty"),
        (
            changed("st_column", "col_attribute", "_age"),
            "table user, column age: .* cannot begin with an underscore",
        ),
        (
            changed("st_column", "col_attribute", "a, b=print(1)"),
            "table user, column age: a column's attribute must be an identifier",
        ),
        (
            changed("st_column", "col_attribute", "class"),
            "table user, column age: a column's attribute must be an identifier",
        ),
        (
            changed("st_column", "col_type", to_cbor("u24")),
            "table user, column age: 'u24' is no kind",
        ),
        (
            changed("st_column", "col_type", U8[:-1]),
            "table user, column age: .* is not the CBOR of data",
        ),
        (
            changed("st_column", "col_default", to_cbor(256)),
            "table user, column age, default: 256 is not an int from 0 to 255",
        ),
        (
            changed("st_column", "col_default", b""),
            "table user, column age, default: it is not the CBOR of data",
        ),
        (
            changed("st_column", "col_type", STR, row=-3),
            "table user, column id: it is generated, but str is no integer",
        ),
        (
            changed("st_column", "col_default", U8, row=-3),
            "table user, column id: it is generated and has a default",
        ),
        # Sequences.
        (
            shortened("st_sequence"),
            r"table user: sequences for the columns \[\], but \[0\] are generated",
        ),
        (
            extended("st_sequence", (9, 4096, 0)),
            r"table user: sequences for the columns \[0, 0\], but \[0\] are",
        ),
        (
            changed("st_column", "col_auto_inc", value=True),
            r"table user: sequences for the columns \[0\], but \[0, 2\] are",
        ),
        (
            extended("st_sequence", (9, 4097, 0)),
            "StSequence.* is of no table in the catalogue",
        ),
        # Keys and indexes.
        (
            changed("st_index", "index_algorithm", "unique"),
            "table user, index age: 'unique' is none of 'btree', 'hash'",
        ),
        (
            changed("st_index", "index_name", ""),
            "table user, index : the name is empty",
        ),
        (
            changed("st_index", "index_columns", ()),
            "table user, index age: it has no columns",
        ),
        (
            changed("st_index", "index_columns", (0, 3)),
            r"table user, index age: \(0, 3\) are no places of 3 columns",
        ),
        (
            changed("st_constraint", "constraint_columns", (1, 1)),
            r"table user, index name: \(1, 1\) are no places of 3 columns",
        ),
        (
            changed("st_constraint", "table_id", 0),
            "StConstraint.* is of no table in the catalogue",
        ),
        # Reducers.
        (
            changed("st_reducer", "params", STR),
            "reducer rename: its parameters are str, which is no product",
        ),
        (
            changed("st_reducer", "params", b"\xff"),
            "reducer rename: it is not the CBOR",
        ),
        (
            extended(
                "st_reducer", (9, "rename", False, to_cbor(["product", "rename", []]))
            ),
            "reducer rename stands in the catalogue twice",
        ),
        # The module.
        (shortened("st_module"), "st_module has 0 rows in place of 1"),
        (
            extended("st_module", (b"1" * 32, bytes(32), "", 0, 0, "")),
            "st_module has 2 rows in place of 1",
        ),
        ({}, "st_module has 0 rows in place of 1"),
    ],
)
def test_what_is_no_catalogue_is_refused(catalogue: Rows, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(catalogue)


@pytest.mark.parametrize("column", ["params", "row_type"])
def test_a_view_has_two_products(column: str) -> None:
    catalogue = changed("st_view", column, U8)
    with pytest.raises(ValueError, match="view users: its parameters and columns are"):
        read(catalogue)


def test_two_tables_of_one_name_are_refused() -> None:
    catalogue = extended("st_table", (4097, "user", "user", "private", ()))
    catalogue[IDS["st_column"]].append((4097, 0, "x", "x", U8, False, None))

    with pytest.raises(ValueError, match="table user stands in the catalogue twice"):
        read(catalogue)


_likely = st.sampled_from(
    [0, 1, 2, 4095, 4096, 4097, "user", "st_table", "id", b"", U8, STR, (), (0,), None]
)
_values = stored_likes() | _likely


@pytest.mark.slow
@given(st.data())
def test_any_change_leaves_a_catalogue_or_a_value_error(data: st.DataObject) -> None:
    catalogue = rows()
    for _ in range(data.draw(st.integers(1, 3))):
        table = data.draw(st.sampled_from([*filter(None, catalogue.values())]))
        place = data.draw(st.integers(0, len(table) - 1))
        row = list(table[place])
        if row:
            row[data.draw(st.integers(0, len(row) - 1))] = data.draw(_values)
        table[place] = tuple(row)

    try:
        read(catalogue)
    except ValueError:
        return
