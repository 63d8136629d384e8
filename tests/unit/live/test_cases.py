"""The cases of the reference about subscriptions, as somebody who is not the owner."""

from typing import Any

import attrs
import pytest

from qsdb.errors import QueryError
from qsdb.live.results import LiveResult
from qsdb.runtime.asked import first_result
from qsdb.runtime.clock import SystemClock
from qsdb.runtime.module_tables import new_tables
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.transactions import queries_of, sql_directory
from qsdb.runtime.writer import Writer
from qsdb.schema.stored import stored_module
from qsdb.schema.tables import TableSchema
from qsdb.sql.everything import asks_for_everything
from qsdb.values.identity import Identity
from tests.unit.sql.reference import CASES, TABLES

OF_SUBSCRIPTIONS = [each for each in CASES if each["kind"] == "subscribe"]
REFUSED = {
    "int-54": "an L behind a number",
    "str-11": "digits as text",
    "bytes-10": "digits as hex",
}
"""What the engine takes and is refused here."""
TAKEN = {"int-47": "a point in a whole number of 256 bits, as in all others"}
"""The contrary."""


class Listener:
    """Subscribes, and is never told anything."""

    result: LiveResult | None = None
    count = 0
    confirmed = False
    is_prompt = False
    moments = 0

    def moment_of(self, _: object) -> int:
        return self.moments

    @property
    def receiver(self) -> "Listener":
        return self

    def receive(self, batch: object) -> None:
        raise AssertionError(batch)

    def ended(self) -> None:
        raise AssertionError


def with_attributes(table: TableSchema) -> TableSchema:
    """Give a table whose columns have names in Python too."""
    columns = [
        attrs.evolve(each, attribute=f"c{place}")
        for place, each in enumerate(table.columns)
    ]
    return attrs.evolve(table, columns=tuple(columns))


@pytest.fixture(scope="module")
def subscriptions() -> Subscriptions:
    schema = stored_module("cases", map(with_attributes, TABLES.values()))
    writer = Writer(sql_directory(new_tables(schema)), SystemClock())
    return Subscriptions(queries_of(writer, Identity.ZERO), writer)


def subscribe(subscriptions: Subscriptions, text: str) -> None:
    """Have a query entered, answered and taken out again."""
    if asks_for_everything(text):
        return
    asked = subscriptions.asked(text, False)  # noqa: FBT003  the key of a cache
    caller, listener = bytes(31) + b"\1", Listener()
    with subscriptions.enter([(listener, asked, ())], caller) as reading:
        assert first_result(asked, reading, caller, ()) == []
    subscriptions.leave([listener])


@pytest.mark.parametrize(
    "case", OF_SUBSCRIPTIONS, ids=[each["id"] for each in OF_SUBSCRIPTIONS]
)
def test_the_cases_are_subscribed_to_or_refused(
    case: dict[str, Any], subscriptions: Subscriptions
) -> None:
    is_accepted = case["expect"] == "accept" or case["id"] in TAKEN
    if is_accepted and case["id"] not in REFUSED:
        subscribe(subscriptions, case["sql"])
    elif not case.get("liftable"):
        with pytest.raises(QueryError):
            subscribe(subscriptions, case["sql"])
    assert set(subscriptions.engine.sizes.values()) == {0}
