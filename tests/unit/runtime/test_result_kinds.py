"""The kinds of results: what whoever reads their bytes needs to know."""

import pytest

import qsdb
from qsdb import i64, u8
from qsdb.runtime.result_kinds import result_kind
from qsdb.schema.modules import Module
from qsdb.sql.parsing import parse
from qsdb.sql.queries import Query
from qsdb.sql.relations import Derived
from qsdb.sql.statements import check_statement
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import BOOL, I64, STR, U8, U64, Kind

module = Module("kinds")


class Thing(qsdb.Row, module=module):
    number: i64
    maybe: u8 | None
    text: str


def kinds_of(text: str) -> dict[str, Kind]:
    schemas = {each.schema.name: each.schema for each in module.compiled().tables}
    query = check_statement(text, parse(text), schemas)
    assert isinstance(query, Query | Derived)
    return {each.name: each.kind for each in result_kind(query).fields}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "SELECT * FROM thing",
            {"number": I64, "maybe": OptionKind(U8), "text": STR},
        ),
        ("SELECT text, maybe AS m FROM thing", {"text": STR, "m": OptionKind(U8)}),
        ("SELECT number + 1 AS next FROM thing", {"next": I64}),
        ("SELECT maybe + 1 AS next FROM thing", {"next": OptionKind(U8)}),
        ("SELECT COUNT(*) AS n FROM thing", {"n": U64}),
        (
            "SELECT NULL AS nothing, 7 AS seven, TRUE AS yes FROM thing",
            {"nothing": OptionKind(STR), "seven": I64, "yes": BOOL},
        ),
    ],
    ids=["whole", "columns", "sum", "sum with NULL", "count", "constants"],
)
def test_kinds_of_results(text: str, expected: dict[str, Kind]) -> None:
    assert kinds_of(text) == expected
