"""Definitions of modules as tables to look at.

They are read from `RawModuleDef`, version 10, so a server's and a file's look the same.
Types are written as a Python program would: ``u64``, ``str | None``, ``list[Place]``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
from rich.table import Table

from qsdb.cli.grids import grid
from qsdb.cli.plain_types import AlgebraicType, special_name, variant_names
from qsdb.errors import NotFoundError, brief

__all__ = ["all_grids", "function_grids", "table_grids", "tables_grid", "type_text"]

Definition = Mapping[str, Any]


@attrs.frozen
class _Part:
    """One module of a definition, which others may be mounted in.

    Attributes:
        prefix: What its names begin with outside: ``"auth."``.
        sections: By name.
    """

    prefix: str
    sections: Mapping[str, Any]

    def section(self, name: str) -> Sequence[Mapping[str, Any]]:
        """Give the objects of a section."""
        found: Sequence[Mapping[str, Any]] = self.sections.get(name, ())
        return found

    @property
    def types(self) -> Sequence[AlgebraicType]:
        """What references mean."""
        found: Sequence[AlgebraicType] = self.sections.get("Typespace", {}).get(
            "types", ()
        )
        return found

    @property
    def type_names(self) -> Mapping[int, str]:
        """What references are called."""
        return {
            each["ty"]: each["source_name"]["source_name"]
            for each in self.section("Types")
        }

    def text(self, described: AlgebraicType) -> str:
        """Write a type."""
        return type_text(described, self.type_names)


def _parts(definition: Definition, prefix: str = "") -> Iterator[_Part]:
    sections = {
        name: each for part in definition["sections"] for name, each in part.items()
    }
    yield _Part(prefix, sections)
    for each in sections.get("Submodules", ()):
        yield from _parts(each["module"], f"{prefix}{each['namespace']}.")


def type_text(described: AlgebraicType, names: Mapping[int, str]) -> str:
    """Write a type as an annotation.

    >>> type_text({"Array": {"Ref": 1}}, {1: "Place"})
    'list[Place]'
    """
    [(sort, inner)] = described.items()
    if sort == "Ref":
        return names.get(inner, f"type {inner}")
    if sort == "String":
        return "str"
    if sort == "Array":
        return "bytes" if inner == {"U8": []} else f"list[{type_text(inner, names)}]"
    if sort == "Product":
        special = special_name(described)
        elements = inner["elements"]
        return special or ("None" if not elements else f"({len(elements)} fields)")
    if sort == "Sum":
        return _sum_text(described, names)
    return sort.lower()


def _sum_text(described: AlgebraicType, names: Mapping[int, str]) -> str:
    variants = variant_names(described)
    if variants == ["some", "none"]:
        some = described["Sum"]["variants"][0]["algebraic_type"]
        return f"{type_text(some, names)} | None"
    if variants == ["Interval", "Time"]:
        return "ScheduleAt"
    return " | ".join(variants)


def _columns(part: _Part, table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = part.types[table["product_type_ref"]]["Product"]["elements"]
    return [*found]


def _name(element: Mapping[str, Any]) -> str:
    name: str = element["name"].get("some", "?")
    return name


def _sort_of(part: _Part, table: Mapping[str, Any]) -> str:
    scheduled = {each["table_name"] for each in part.section("Schedules")}
    words = ["public" if "Public" in table["table_access"] else "private"]
    words += ["event"] if table["is_event"] else []
    words += ["scheduled"] if table["source_name"] in scheduled else []
    return ", ".join(words)


def tables_grid(definition: Definition) -> Table:
    """List tables and views."""
    found = grid("Tables and views", ["name", "sort", "columns"])
    for part in _parts(definition):
        for table in part.section("Tables"):
            columns = ", ".join([_name(each) for each in _columns(part, table)])
            name = f"{part.prefix}{table['source_name']}"
            found.add_row(name, _sort_of(part, table), columns)
        for view in part.section("Views"):
            access = "public" if view["is_public"] else "private"
            gives = part.text(view["return_type"])
            found.add_row(view["source_name"], f"{access}, view", gives)
    return found


def table_grids(definition: Definition, name: str) -> Iterator[Table]:
    """Give the columns of a table or view, and the indexes of a table.

    Raises:
        NotFoundError: there is none of this name.
    """
    there: list[str] = []
    for part in _parts(definition):
        for table in part.section("Tables"):
            there.append(f"{part.prefix}{table['source_name']}")
            if there[-1] == name:
                yield from _table_pages(part, table, name)
                return
        for view in part.section("Views"):
            there.append(view["source_name"])
            if there[-1] == name:
                yield _signatures("View", part, [view])
                return
    raise NotFoundError(
        f"no table or view {brief(name)}; there are: {', '.join(there) or 'none'}"
    )


def _table_pages(part: _Part, table: Mapping[str, Any], name: str) -> Iterator[Table]:
    columns = _columns(part, table)
    names = [_name(each) for each in columns]
    keys: dict[int, str] = {}
    for constraint in table["constraints"]:
        [*places] = constraint["data"]["Unique"]["columns"]
        if len(places) == 1:
            keys[places[0]] = "unique"
    keys |= dict.fromkeys(table["primary_key"], "primary key")
    sequences = {each["column"] for each in table["sequences"]}
    defaults = {each["col_id"] for each in table["default_values"]}
    page = grid(f"{name} ({_sort_of(part, table)})", ["column", "type", "key", ""])
    for place, column in enumerate(columns):
        notes = ["generated"] if place in sequences else []
        notes += ["has a default"] if place in defaults else []
        kind = part.text(column["algebraic_type"])
        page.add_row(names[place], kind, keys.get(place, ""), ", ".join(notes))
    yield page
    if table["indexes"]:
        page = grid(None, ["index", "algorithm", "columns", ""])
        unique = [{*each["data"]["Unique"]["columns"]} for each in table["constraints"]]
        for index in table["indexes"]:
            [(algorithm, places)] = index["algorithm"].items()
            shown = ", ".join([names[place] for place in places])
            accessor = index["accessor_name"].get("some", "")
            is_unique = "unique" if {*places} in unique else ""
            page.add_row(accessor, algorithm.lower(), shown, is_unique)
        yield page


def _signatures(
    title: str, part: _Part, functions: Sequence[Mapping[str, Any]]
) -> Table:
    page = grid(title, ["name", "parameters", "gives", ""])
    _add_signatures(page, part, functions)
    return page


def _add_signatures(
    page: Table, part: _Part, functions: Sequence[Mapping[str, Any]]
) -> None:
    turns = {each["function_name"] for each in part.section("LifeCycleReducers")}
    for each in functions:
        parameters = _fields_text(part, each["params"]["elements"])
        gives = each.get("return_type", each.get("ok_return_type"))
        shown = "" if gives is None else part.text(gives)
        notes = "private" if "Private" in each.get("visibility", ()) else ""
        if each["source_name"] in turns:
            notes = "lifecycle"
        if "is_public" in each:
            notes = "public" if each["is_public"] else "private"
        name = f"{part.prefix}{each['source_name']}"
        page.add_row(name, parameters, "" if shown == "None" else shown, notes)


def function_grids(definition: Definition) -> Iterator[Table]:
    """List reducers, procedures and views, with their parameters."""
    parts = [*_parts(definition)]
    for section in ("Reducers", "Procedures", "Views"):
        page = grid(section, ["name", "parameters", "gives", ""])
        for part in parts:
            _add_signatures(page, part, part.section(section))
        if page.row_count:
            yield page


def types_grid(definition: Definition) -> Iterator[Table]:
    """List the types that have a name, but for those of rows."""
    page = grid("Types", ["name", "is"])
    for part in _parts(definition):
        rows = {each["product_type_ref"] for each in part.section("Tables")}
        for place, name in part.type_names.items():
            if place not in rows:
                page.add_row(f"{part.prefix}{name}", _inside_text(part, place))
    if page.row_count:
        yield page


def _inside_text(part: _Part, place: int) -> str:
    """Write what a named type is made of."""
    described = part.types[place]
    if "Product" not in described:
        return part.text(described)
    elements = described["Product"]["elements"]
    return _fields_text(part, elements) or "nothing"


def _fields_text(part: _Part, elements: Sequence[Mapping[str, Any]]) -> str:
    fields = [(_name(each), part.text(each["algebraic_type"])) for each in elements]
    return ", ".join([f"{name}: {kind}" for name, kind in fields])


def all_grids(definition: Definition) -> Iterator[Table]:
    """Give all there is to tell: each table, and all functions."""
    for part in _parts(definition):
        for table in part.section("Tables"):
            yield from _table_pages(part, table, f"{part.prefix}{table['source_name']}")
    yield from types_grid(definition)
    yield from function_grids(definition)
