"""The definition of a module, as a server gives it, read back.

It is what ``GET /v1/database/{name}/schema?version=10`` answers (`ServedModule`). A
definition comes from outside: whatever is in it, reading it ends, and if it is none,
with `DefinitionError`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from qsdb.client.type_reading import DefinitionError, TypeReader
from qsdb.schema.shapes import fault_of_attribute
from qsdb.schema.tables import ColumnSchema, IndexSchema, TableSchema
from qsdb.schema.views import ViewParameter, ViewSchema
from qsdb.values.compounds import ArrayKind, Field, OptionKind, ProductKind
from qsdb.values.kinds import Kind

__all__ = ["ServedFunction", "ServedModule", "read_definition"]

NESTING_MAX = 8
"""So many modules may be mounted inside each other."""


@attrs.frozen
class ServedFunction:
    """A reducer or procedure.

    Attributes:
        name: It.
        is_reducer: Whether it is a reducer.
        is_private: Whether it is hidden from all but the owner.
        parameters: Those behind the context.
        returns: What it gives.
    """

    name: str
    is_reducer: bool
    is_private: bool
    parameters: tuple[Field, ...]
    returns: Kind


@attrs.frozen
class ServedModule:
    """What a server says of a module.

    Attributes:
        tables: Name → table or view, as it would be declared.
        functions: Name → function.
    """

    tables: Mapping[str, TableSchema]
    functions: Mapping[str, ServedFunction]


def read_definition(body: bytes) -> ServedModule:
    """Read a definition of version 10, as JSON.

    Raises:
        DefinitionError: it is none.
    """
    tables: dict[str, TableSchema] = {}
    functions: dict[str, ServedFunction] = {}
    try:
        for part in _parts(json.loads(body), "", 0):
            tables |= part.tables
            functions |= part.functions
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise DefinitionError(f"{type(error).__name__}: {error}") from None
    except ValueError as error:  # of JSON, or an own one
        raise DefinitionError(str(error)) from None
    return ServedModule(tables, functions)


def _parts(data: Any, prefix: str, depth: int) -> Iterator[ServedModule]:  # noqa: ANN401  JSON
    if depth > NESTING_MAX:
        raise DefinitionError(f"modules nest over {NESTING_MAX} levels deep")
    sections: dict[str, Any] = {}
    for section in data["sections"]:
        sections |= section
    names = {
        each["ty"]: each["source_name"]["source_name"]
        for each in sections.get("Types", ())
    }
    types = TypeReader(sections.get("Typespace", {"types": []})["types"], names)
    part = _Part(sections, types, prefix)
    yield ServedModule(part.tables(), part.functions())
    for each in sections.get("Submodules", ()):
        yield from _parts(each["module"], f"{prefix}{each['namespace']}.", depth + 1)


class _Part:
    """One module of those that are mounted in each other."""

    def __init__(
        self, sections: Mapping[str, Any], types: TypeReader, prefix: str
    ) -> None:
        self._sections = sections
        self._types = types
        self._prefix = prefix

    def tables(self) -> dict[str, TableSchema]:
        """Give tables and views."""
        found: dict[str, TableSchema] = {}
        for each in self._sections.get("Tables", ()):
            schema = self._table(each)
            found[schema.name] = schema
        keys = {
            each["view_source_name"]: each["columns"]
            for each in self._sections.get("ViewPrimaryKeys", ())
        }
        for each in self._sections.get("Views", ()):
            view = self._view(each, keys.get(each["source_name"], ()))
            found[view.name] = view
        return found

    def _table(self, data: Any) -> TableSchema:  # noqa: ANN401  JSON
        row = self._types.kind({"Ref": data["product_type_ref"]})
        columns = _columns(row)
        key = tuple(data["primary_key"])
        return TableSchema(
            self._prefix + data["source_name"],
            columns,
            tuple([each for each in key if columns[each]]),
            tuple(_indexes(data, key)),
            is_public="Public" in data["table_access"],
            is_event=data["is_event"] is True,
        )

    def _view(self, data: Any, key: Any) -> ViewSchema:  # noqa: ANN401  JSON
        returned = self._types.kind(data["return_type"])
        if not isinstance(returned, ArrayKind | OptionKind):
            raise DefinitionError(f"view {data['source_name']} gives no rows")
        row = returned.item if isinstance(returned, ArrayKind) else returned.inner
        columns = _columns(row)
        names = [each.name for each in columns]
        parameters = self._types.fields(data["params"]["elements"])
        return ViewSchema(
            self._prefix + data["source_name"],
            columns,
            tuple([names.index(each) for each in key]),
            is_public=data["is_public"] is True,
            parameters=tuple([ViewParameter(p.name, p.kind) for p in parameters]),
        )

    def functions(self) -> dict[str, ServedFunction]:
        """Give reducers and procedures."""
        reducers = [
            self._function(each, each["ok_return_type"], is_reducer=True)
            for each in self._sections.get("Reducers", ())
        ]
        procedures = [
            self._function(each, each["return_type"], is_reducer=False)
            for each in self._sections.get("Procedures", ())
        ]
        return {each.name: each for each in (*reducers, *procedures)}

    def _function(
        self,
        data: Any,  # noqa: ANN401  JSON
        returned: Any,  # noqa: ANN401  JSON
        *,
        is_reducer: bool,
    ) -> ServedFunction:
        return ServedFunction(
            self._prefix + data["source_name"],
            is_reducer,
            "Private" in data["visibility"],
            self._types.fields(data["params"]["elements"]),
            self._types.kind(returned),
        )


def _columns(row: Kind) -> tuple[ColumnSchema, ...]:
    if not isinstance(row, ProductKind):
        raise DefinitionError(f"rows are products, not {row.name}")
    return tuple(
        [
            ColumnSchema(each.name, _attribute(each.name, place), each.kind)
            for place, each in enumerate(row.fields)
        ]
    )


def _attribute(name: str, place: int) -> str:
    """Give the attribute of a column: its name, if that can be one."""
    return name if fault_of_attribute(name) is None else f"column_{place}"


def _indexes(data: Any, key: tuple[int, ...]) -> Iterator[IndexSchema]:  # noqa: ANN401  JSON
    """Give the indexes of a table, but for that of the primary key."""
    unique = [tuple(each["data"]["Unique"]["columns"]) for each in data["constraints"]]
    for each in data["indexes"]:
        ((algorithm, columns),) = each["algorithm"].items()
        columns = (columns,) if isinstance(columns, int) else tuple(columns)
        accessor = each["accessor_name"].get("some")
        if columns == key or accessor is None:
            continue
        sort = "hash" if algorithm == "Hash" else "btree"
        yield IndexSchema(accessor, columns, "unique" if columns in unique else sort)
