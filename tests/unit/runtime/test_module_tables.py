"""States become tables of a module, or are refused by name."""

import re
from collections.abc import Callable

import pytest

import qsdb
from qsdb import u8
from qsdb.codec.cbor import to_cbor
from qsdb.recovery.opening import read_state
from qsdb.recovery.state import State
from qsdb.runtime.module_tables import (
    load_tables,
    make_module,
    new_tables,
    stored_row_of_module,
)
from qsdb.schema.kind_data import kind_to_data
from qsdb.values.compounds import EnumKind
from tests.unit.runtime.ledger import bank, written_bank


@pytest.fixture
def state() -> State:
    disk, _ = written_bank()
    return read_state(disk).state


def names(tables: list[object]) -> list[str]:
    return [table.bound.schema.name for table in tables]  # type: ignore[attr-defined]


def test_new_tables_are_those_of_the_module_and_of_the_system() -> None:
    tables = new_tables(bank.compiled())

    assert names([*tables])[:4] == ["account", "entry", "audit", "st_table"]
    assert [table.table_id for table in tables][:4] == [4096, 4097, 4098, 1]
    assert not any(table.rows for table in tables)


def test_loaded_tables_have_rows_indexes_and_sequences(state: State) -> None:
    tables = load_tables(state, bank.compiled(), "path")

    assert names([*tables]) == names([*new_tables(bank.compiled())])
    accounts = tables[0]
    assert (accounts.count, accounts.sequences) == (3, [4])
    assert [*accounts.problems()] == []


def test_a_module_is_made_of_what_is_stored(state: State) -> None:
    module = make_module(state, "path")

    assert module.name == "bank"
    assert [bound.schema for bound in module.tables] == [
        bound.schema for bound in bank.compiled().tables
    ]
    assert names([*load_tables(state, module, "path")])[:3] == [
        "account",
        "entry",
        "audit",
    ]


def test_the_row_of_the_module_tells_of_the_database(state: State) -> None:
    assert stored_row_of_module(state, "path").module_name == "bank"


def test_tables_of_another_module_are_refused_with_both_schemas(state: State) -> None:
    other = qsdb.Module("other")

    class Account(qsdb.Row, module=other):
        id: u8

    with pytest.raises(qsdb.SchemaError) as caught:
        load_tables(state, other.compiled(), "the path")
    assert all(each.startswith("the path: ") for each in caught.value.mistakes)
    *_, last = caught.value.mistakes
    _, stored, declared = re.split("\nstored is:\n|\nmodule other has:\n", last)
    assert "account" in stored
    assert "account" in declared


def without_the_module(state: State) -> None:
    state.tables[6].rows.clear()


def without_columns(state: State) -> None:
    state.tables[2].rows.clear()


def with_a_strange_enum(state: State) -> None:
    columns = state.tables[2].rows
    kind = to_cbor(kind_to_data(EnumKind("E", ("mro",))))
    for key, row in [*columns.items()]:
        if row[2] == "balance":
            columns[key] = (*row[:4], kind, *row[5:])


def load(state: State) -> object:
    return load_tables(state, bank.compiled(), "path")


def make(state: State) -> object:
    return make_module(state, "path")


def look(state: State) -> object:
    return stored_row_of_module(state, "path")


@pytest.mark.parametrize(
    ("damage", "use"),
    [
        (without_the_module, look),
        (without_the_module, make),
        (without_columns, make),
        (without_columns, load),
        (with_a_strange_enum, make),
    ],
)
def test_a_catalogue_that_is_none_is_damage(
    state: State, damage: Callable[[State], None], use: Callable[[State], object]
) -> None:
    damage(state)

    with pytest.raises(qsdb.CorruptionError, match="path, byte 0: its catalogue: "):
        use(state)
