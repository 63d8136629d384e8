"""Compares the definition of a module with the module, object by object.

It looks at the data of a definition, and follows its references; of the code that made
them it uses nothing.
"""

from collections.abc import Mapping
from typing import Any

from qsdb.codec.bsatn import decoder
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.parameters import Parameters
from qsdb.schema.specifiers import MISSING
from tests.support.definition_reader import UNIT, shape_of_kind, shape_of_type

__all__ = ["judge_version_9", "judge_version_10", "sections_of"]

TURNS = {
    "init": "Init",
    "client_connected": "OnConnect",
    "client_disconnected": "OnDisconnect",
}


def sections_of(data: Any) -> dict[str, Any]:
    """Give the sections of version 10 by name; none is there twice, or empty."""
    found = {name: each for part in data["sections"] for name, each in part.items()}
    assert len(found) == len(data["sections"])
    assert all(found.values())
    return found


def judge_version_9(module: ModuleSchema, data: Any) -> None:
    """Refuse a definition of version 9 that is not the module's."""
    types = data["typespace"]["types"]
    _judge_types(data["types"], types, "name")
    tables = {each["name"]: each for each in data["tables"]}
    assert [*tables] == [each.schema.name for each in module.tables]
    for bound in module.tables:
        found = tables[bound.schema.name]
        _judge_table(bound, found, types)
        schedule = found["schedule"].get("some")
        expected = bound.schema.schedule
        assert (schedule is None) == (expected is None)
        if schedule is not None and expected is not None:
            assert schedule["reducer_name"] == expected.function
            assert schedule["scheduled_at_column"] == expected.at
    _judge_names(data["tables"], "name")
    reducers = {
        each["name"]: each for each in data["reducers"] if "none" in each["lifecycle"]
    }
    _judge_functions(module.reducers, reducers, types, module)
    turns = [
        each["lifecycle"]["some"]
        for each in data["reducers"]
        if "some" in each["lifecycle"]
    ]
    assert [{TURNS[turn]: []} for turn in module.lifecycle] == turns
    misc: dict[str, list[Any]] = {}
    for each in data["misc_exports"]:
        for name, payload in each.items():
            misc.setdefault(name, []).append(payload)
    procedures = {each["name"]: each for each in misc.get("Procedure", [])}
    _judge_functions(module.procedures, procedures, types, module)
    _judge_procedures(module.procedures, procedures, types)
    _judge_views(module, module.views, misc.get("View", []), types, "name")
    for bound in module.tables:
        name = bound.schema.name
        defaults = misc.get("ColumnDefaultValue", [])
        _judge_defaults(bound, [each for each in defaults if each["table"] == name])
    filters = [
        each.text for bound in module.tables for each in bound.schema.row_filters
    ]
    assert [each["sql"] for each in data["row_level_security"]] == filters


def judge_version_10(module: ModuleSchema, data: Any, prefix: str = "") -> None:
    """Refuse a definition of version 10 that is not the module's, below a prefix."""
    found = sections_of(data)
    types = found.get("Typespace", {"types": []})["types"]
    _judge_types(found.get("Types", []), types, "source_name")
    bounds = {
        bound.schema.name.removeprefix(prefix): bound
        for bound in module.tables
        if _is_in(bound.schema.name, prefix)
    }
    tables = {each["source_name"]: each for each in found.get("Tables", [])}
    assert [*tables] == [*bounds]
    for name, bound in bounds.items():
        _judge_table(bound, tables[name], types)
        assert tables[name]["is_event"] == bound.schema.is_event
        _judge_defaults(bound, tables[name]["default_values"])
    _judge_names(found.get("Tables", []), "source_name")
    schedules = [
        (name, each.at, each.function.removeprefix(prefix))
        for name, bound in bounds.items()
        if (each := bound.schema.schedule) is not None
    ]
    assert schedules == [
        (each["table_name"], each["schedule_at_col"], each["function_name"])
        for each in found.get("Schedules", [])
    ]
    turns = {each["function_name"] for each in found.get("LifeCycleReducers", [])}
    reducers = {
        each["source_name"]: each
        for each in found.get("Reducers", [])
        if each["source_name"] not in turns
    }
    _judge_functions(_below(module.reducers, prefix), reducers, types, module)
    _judge_others(module, found, types, prefix)
    assert found["CaseConversionPolicy"] == {"None": []}
    if not prefix:
        _judge_outermost(module, found)
    for each in found.get("Submodules", []):
        judge_version_10(module, each["module"], f"{prefix}{each['namespace']}.")


def _http_method(data: Any) -> str:
    if data == {"Any": []}:
        return "ANY"
    [(name, payload)] = data["Method"].items()
    assert payload == []
    return str(name).upper()


def _below(named: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): each
        for name, each in named.items()
        if _is_in(name, prefix)
    }


def _is_in(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and "." not in name.removeprefix(prefix)


def _judge_outermost(module: ModuleSchema, found: Any) -> None:
    turns = [each["lifecycle_spec"] for each in found.get("LifeCycleReducers", [])]
    assert [{TURNS[turn]: []} for turn in module.lifecycle] == turns
    handlers = {each.handler.name for each in module.http_routes}
    assert {each["source_name"] for each in found.get("HttpHandlers", [])} == handlers
    assert [
        (each["handler_function"], _http_method(each["method"]), each["path"])
        for each in found.get("HttpRoutes", [])
    ] == [(each.handler.name, each.method, each.path) for each in module.http_routes]


def _judge_others(
    module: ModuleSchema, found: Any, types: list[Any], prefix: str
) -> None:
    """Judge procedures and views."""
    declared = _below(module.procedures, prefix)
    procedures = {each["source_name"]: each for each in found.get("Procedures", [])}
    _judge_functions(declared, procedures, types, module)
    _judge_procedures(declared, procedures, types)
    views = _below(module.views, prefix)
    _judge_views(module, views, found.get("Views", []), types, "source_name")
    keys = {
        each["view_source_name"]: tuple(each["columns"])
        for each in found.get("ViewPrimaryKeys", [])
    }
    for name, view in views.items():
        schema = view.bound.schema
        assert keys.get(name, ()) == schema.column_names(schema.primary_key)


def _judge_types(names: list[Any], types: list[Any], name_field: str) -> None:
    assert [each["ty"] for each in names] == [*range(len(types))]
    given = [each[name_field][name_field] for each in names]
    assert len(set(given)) == len(given)
    assert all(name.isidentifier() for name in given)
    assert all(each["custom_ordering"] is True for each in names)


def _judge_table(bound: BoundTable, found: Any, types: list[Any]) -> None:
    schema = bound.schema
    shape = shape_of_type({"Ref": found["product_type_ref"]}, types)
    columns = [(each.name, shape_of_kind(each.kind)) for each in schema.columns]
    assert shape == ("product", *columns)
    key = schema.primary_key
    assert found["primary_key"] == ([*key] if len(key) == 1 else [])
    assert found["table_access"] == {"Public" if schema.is_public else "Private": []}
    assert found["table_type"] == {"User": []}
    unique = {each.columns for each in schema.indexes if each.algorithm == "unique"}
    constraints = [
        tuple(each["data"]["Unique"]["columns"]) for each in found["constraints"]
    ]
    assert set(constraints) == unique | ({key} if key else set())
    assert len(set(constraints)) == len(constraints)
    sequences = [each["column"] for each in found["sequences"]]
    generated = [n for n, each in enumerate(schema.columns) if each.auto_inc]
    assert sequences == generated
    _judge_indexes(bound, found["indexes"], constraints)


def _judge_indexes(bound: BoundTable, found: Any, keys: list[tuple[int, ...]]) -> None:
    indexes = [
        (each["accessor_name"]["some"], algorithm, tuple(columns))
        for each in found
        for algorithm, columns in each["algorithm"].items()
    ]
    words = {"btree": "BTree", "hash": "Hash"}
    declared = [
        (index.accessor, words[index.algorithm], index.columns)
        for index in bound.schema.indexes
        if index.algorithm != "unique"
    ]
    covered = {frozenset(columns) for _, _, columns in declared}
    needed = {frozenset(key) for key in keys} - covered
    added = [each for each in indexes if each not in declared]
    assert len(indexes) == len(declared) + len(added)
    # Each key has one index over its columns, and only one.
    assert sorted(map(sorted, needed)) == sorted(sorted(each[2]) for each in added)
    assert all(algorithm == "BTree" for _, algorithm, _ in added)


def _judge_names(tables: list[Any], name_field: str) -> None:
    names = [each[name_field] for each in tables]
    for table in tables:
        for objects in ("indexes", "constraints", "sequences"):
            names += [each[name_field]["some"] for each in table[objects]]
    assert len(set(names)) == len(names)


def _judge_defaults(bound: BoundTable, found: list[Any]) -> None:
    schema = bound.schema
    keyed = {*schema.primary_key}
    for index in schema.indexes:
        keyed |= {*index.columns} if index.algorithm == "unique" else set()
    expected = {
        place: column.default
        for place, column in enumerate(schema.columns)
        if column.default is not MISSING and place not in keyed
    }
    values = {
        each["col_id"]: decoder(schema.columns[each["col_id"]].kind)(
            bytes.fromhex(each["value"])
        )
        for each in found
    }
    assert values == expected


def _judge_functions(
    expected: Any, found: dict[str, Any], types: list[Any], module: ModuleSchema
) -> None:
    assert [*found] == [*expected]
    for name, function in expected.items():
        _judge_parameters(function.parameters, found[name]["params"], types, module)
        if "visibility" in found[name]:
            access = "Private" if function.is_private else "ClientCallable"
            assert found[name]["visibility"] == {access: []}


def _judge_parameters(
    parameters: Parameters, found: Any, types: list[Any], module: ModuleSchema
) -> None:
    rows = {bound.shape.kind: bound.schema for bound in reversed(module.tables)}
    expected = []
    for each in parameters.parameters:
        schema = rows.get(each.binding.kind)  # type: ignore[call-overload]
        shape = shape_of_kind(each.binding.kind)
        if schema is not None:  # a row has the names of its table's columns
            columns = [(one.name, shape_of_kind(one.kind)) for one in schema.columns]
            shape = ("product", *columns)
        expected.append((each.name, shape))
    assert shape_of_type({"Product": found}, types) == ("product", *expected)


def _judge_procedures(
    declared: Mapping[str, Any], found: Any, types: list[Any]
) -> None:
    for name, procedure in declared.items():
        returns = procedure.returns
        expected = UNIT if returns is None else shape_of_kind(returns.kind)
        assert shape_of_type(found[name]["return_type"], types) == expected


def _judge_views(
    module: ModuleSchema,
    views: Mapping[str, Any],
    found: list[Any],
    types: list[Any],
    name_field: str,
) -> None:
    assert [each[name_field] for each in found] == [*views]
    for each, view in zip(found, views.values(), strict=True):
        schema = view.bound.schema
        columns = [(one.name, shape_of_kind(one.kind)) for one in schema.columns]
        row = ("product", *columns)
        option = ("sum", ("some", row), ("none", UNIT))
        expected = option if view.gives == "option" else ("array", row)
        assert shape_of_type(each["return_type"], types) == expected
        assert each["is_public"] == schema.is_public
        assert each["is_anonymous"] == view.is_anonymous
        _judge_parameters(view.parameters, each["params"], types, module)
    for is_anonymous in (True, False):
        numbers = [
            each["index"] for each in found if each["is_anonymous"] is is_anonymous
        ]
        assert numbers == [*range(len(numbers))]
