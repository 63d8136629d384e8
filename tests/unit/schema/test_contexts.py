"""The types that user code names: all of them abstract, and what they fix."""

import inspect
from typing import Any

import pytest

import qsdb
from qsdb.schema.contexts import (
    UNBOUNDED,
    Auth,
    Index,
    ReducerContext,
    Savepoint,
    Table,
    Transaction,
)


@pytest.mark.parametrize(
    "contract", [Index, Table, Savepoint, Transaction, ReducerContext]
)
def test_a_contract_is_abstract(contract: type[Any]) -> None:
    assert inspect.isabstract(contract)
    with pytest.raises(TypeError):
        contract()


def test_an_empty_table_is_true() -> None:
    members = {name: lambda _: 0 for name in Table.__abstractmethods__}
    held: Any = type("Held", (Table,), members)()

    assert len(held) == 0
    assert held


def test_a_missing_end_of_a_range_is_shown_by_name() -> None:
    assert repr(UNBOUNDED) == "UNBOUNDED"
    assert "UNBOUNDED" in str(inspect.signature(Index.range))


def test_little_is_known_of_a_caller_by_itself() -> None:
    assert Auth() == Auth(is_internal=False, claims=None)
    assert Auth(is_internal=True).is_internal
    with pytest.raises(AttributeError):
        Auth().is_internal = True  # type: ignore[misc]


def test_the_front_door_shows_the_contracts() -> None:
    assert qsdb.Table is Table
    assert qsdb.Index is Index
    assert qsdb.Transaction is Transaction
    assert qsdb.ReducerContext is ReducerContext
