"""The cases of the reference, and the tables that they are about."""

import json
from pathlib import Path
from typing import Any

from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.values import kinds
from qsdb.values.compounds import ArrayKind, Field, OptionKind, ProductKind
from qsdb.values.kinds import Kind

__all__ = ["CASES", "TABLES", "VISIBLE"]

_FOUND: dict[str, Any] = json.loads(
    Path(__file__).with_name("cases.json").read_text("utf-8")
)

CASES: list[dict[str, Any]] = _FOUND["cases"]

_NAMES = {
    "String": kinds.STR,
    "Bytes": kinds.BYTES,
    "Identity": kinds.IDENTITY,
    "ConnectionId": kinds.CONNECTION_ID,
    "Timestamp": kinds.TIMESTAMP,
    "TimeDuration": kinds.TIME_DURATION,
    "Uuid": kinds.UUID,
    "Bool": kinds.BOOL,
}


def _kind(name: str) -> Kind:
    outer, _, inner = name.rstrip(">").partition("<")
    match outer:
        case "Option":
            return OptionKind(_kind(inner))
        case "Array":
            return ArrayKind(_kind(inner))
        case _ if name.startswith("Product"):
            return ProductKind("Position", (Field("x", kinds.F32),))
        case _:
            found = _NAMES.get(name) or getattr(kinds, name)
            assert isinstance(found, Kind)
            return found


def _table(found: dict[str, Any]) -> TableSchema:
    columns = [(each["name"], _kind(each["type"])) for each in found["columns"]]
    names = [name for name, _ in columns]
    return TableSchema(
        found["name"],
        tuple([ColumnSchema(name, name, kind) for name, kind in columns]),
        (names.index(found["primary_key"]),) if found["primary_key"] else (),
        (),
        found["access"] == "public",
    )


TABLES = {each["name"]: _table(each) for each in _FOUND["tables"]}
"""Name → table, all of them."""

VISIBLE = {name: table for name, table in TABLES.items() if table.is_public}
"""Those that everybody may see."""
