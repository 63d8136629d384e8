"""The definition of a module, as SpacetimeDB's tools and clients read it.

``GET /v1/database/{name}/schema?version=10`` answers with `definition`, printed; the
bytes of `definition_bsatn` are the same, with the version in front. Equal modules have
equal definitions: everything stands in the order of declaration.

Versions:

9
    for SDKs of 1.x, and tools that know no other. It has no word for event tables (they
    look like others, and stay empty), private functions (they are there, and a call
    says that there is no such function), handlers of HTTP (they are left out) and
    mounted modules: a module in which something is mounted is refused.
10
    has all of these. Names are as they are: the policy of case conversion is None.

Rules of both, besides those of `qsdb.server.definition_tables`,
`qsdb.server.algebraic_types` and `qsdb.server.definition_names`:

1. Views give an option or an array of rows; what gives a query is an array too. They
   are numbered in the order of declaration, those for all callers by themselves.
2. A procedure whose annotation is no kind returns the unit.
3. A reducer returns the unit, whatever it gives: SpacetimeDB's reducers give nothing,
   and its tools refuse a definition in which one does. Who can do with it (qsdb's own
   client and command line) asks for version 10 ``has_returns``, and is told as far as
   names in it are identifiers.
4. A lifecycle function that has the name of a reducer gets a number behind it.
"""

from collections.abc import Mapping
from typing import Literal

from qsdb.errors import SchemaError
from qsdb.schema.functions import CONNECTED, DISCONNECTED, INIT, Reducer
from qsdb.schema.http_routes import ANY
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.parameters import Parameters
from qsdb.schema.procedures import Procedure
from qsdb.schema.views import View
from qsdb.server.algebraic_types import UNIT_TYPE, Data, Typespace
from qsdb.server.definition_names import FreeNames
from qsdb.server.definition_parts import Part, has_identifiers, parts_of
from qsdb.server.definition_tables import (
    access_of,
    column_defaults,
    row_kind,
    rows_and_keys,
)
from qsdb.server.definition_types import MODULE
from qsdb.server.meta_types import bsatn_of
from qsdb.values.compounds import Field, ProductKind

__all__ = ["Version", "definition", "definition_bsatn"]

Version = Literal[9, 10]

TURNS: Mapping[str, str] = {
    INIT: "Init",
    CONNECTED: "OnConnect",
    DISCONNECTED: "OnDisconnect",
}


def definition(
    module: ModuleSchema, version: Version, *, has_returns: bool = False
) -> Data:
    """Give the definition of a module, in the named form of SATS-JSON.

    Args:
        module: It.
        version: Of the definition.
        has_returns: Whether it says what reducers give; see above. Version 9 has no
            word for that.

    Raises:
        SchemaError: a name in it is no identifier, or something is mounted in it and
            the version is 9; each is told.

    Cost: about 20 µs for each column and parameter; keep it with the module.
    """
    part = parts_of(module)
    if version == 10:
        return _version_10(part, has_returns=has_returns)
    if part.inner:
        there = [
            f"module {module.name}: {name} is mounted in it, for which a definition of "
            f"version 9 has no form; ask for version 10"
            for name in part.inner
        ]
        raise SchemaError(*there)
    return _version_9(part)


def definition_bsatn(module: ModuleSchema, version: Version) -> bytes:
    """Give the definition as bytes, with the version in front: a ``RawModuleDef``.

    Raises:
        SchemaError: as `definition`.

    Cost: several times that of `definition`.
    """
    return bsatn_of(MODULE, {f"V{version}": definition(module, version)})


def _version_9(part: Part) -> Data:
    typespace = Typespace()
    free = FreeNames({*part.tables, *part.views})
    tables = [
        {
            **rows_and_keys(name, bound, typespace, free, "name"),
            "schedule": _schedule_9(name, part, free),
            "table_type": {"User": []},
            "table_access": access_of(bound.schema),
        }
        for name, bound in part.tables.items()
    ]
    reducers: list[Data] = [
        {**_function(name, each.parameters, typespace, "name"), "lifecycle": _NONE}
        for name, each in part.reducers.items()
    ]
    reducers += [
        {"name": name, "params": {"elements": []}, "lifecycle": {"some": {turn: []}}}
        for turn, name in _turns(part)
    ]
    misc: list[Data] = [
        {"ColumnDefaultValue": {"table": name, **each}}
        for name, bound in part.tables.items()
        for each in column_defaults(bound.schema)
    ]
    misc += [
        {"Procedure": _procedure(name, each, typespace, "name")}
        for name, each in part.procedures.items()
    ]
    misc += [{"View": each} for each in _views(part, typespace, "name")]
    return {
        "typespace": {"types": typespace.types},
        "tables": tables,
        "reducers": reducers,
        "types": _types(typespace, "name"),
        "misc_exports": misc,
        "row_level_security": [{"sql": each.text} for each in part.row_filters],
    }


_NONE: Data = {"none": []}
_NAME = "source_name"


def _version_10(part: Part, *, has_returns: bool) -> Data:
    typespace = Typespace()
    free = FreeNames({*part.tables, *part.views})
    tables = [
        {
            **rows_and_keys(name, bound, typespace, free, _NAME),
            "table_type": {"User": []},
            "table_access": access_of(bound.schema),
            "default_values": column_defaults(bound.schema),
            "is_event": bound.schema.is_event,
        }
        for name, bound in part.tables.items()
    ]
    functions = _functions_10(part, typespace, has_returns=has_returns)
    sections: dict[str, object] = {
        "Typespace": {"types": typespace.types},
        "Types": _types(typespace, _NAME),
        "Tables": tables,
        **functions,
        "Schedules": _schedules_10(part, free),
        "LifeCycleReducers": [
            {"lifecycle_spec": {turn: []}, "function_name": name}
            for turn, name in _turns(part)
        ],
        "RowLevelSecurity": [{"sql": each.text} for each in part.row_filters],
        "CaseConversionPolicy": {"None": []},
        "HttpHandlers": [{_NAME: name} for name in _handlers(part)],
        "HttpRoutes": [
            {
                "handler_function": each.handler.name,
                "method": _method(each.method),
                "path": each.path,
            }
            for each in part.http_routes
        ],
        "ViewPrimaryKeys": [
            {"view_source_name": name, "columns": [*key]}
            for name, view in part.views.items()
            if (key := view.bound.schema.column_names(view.bound.schema.primary_key))
        ],
        "Submodules": [
            {"namespace": name, "module": _version_10(inner, has_returns=has_returns)}
            for name, inner in part.inner.items()
        ],
    }
    return {"sections": [{name: each} for name, each in sections.items() if each]}


def _handlers(part: Part) -> list[str]:
    return [*dict.fromkeys([each.handler.name for each in part.http_routes])]


def _method(method: str) -> Data:
    return {"Any": []} if method == ANY else {"Method": {method.capitalize(): []}}


def _functions_10(
    part: Part, typespace: Typespace, *, has_returns: bool
) -> dict[str, object]:
    """Give the sections of functions."""
    reducers: list[Data] = [
        {
            **_function(name, each.parameters, typespace, _NAME),
            "visibility": _visibility(is_private=each.is_private),
            "ok_return_type": _given(each, typespace) if has_returns else UNIT_TYPE,
            "err_return_type": {"String": []},
        }
        for name, each in part.reducers.items()
    ]
    reducers += [
        {
            _NAME: name,
            "params": {"elements": []},
            "visibility": _visibility(is_private=True),
            "ok_return_type": UNIT_TYPE,
            "err_return_type": {"String": []},
        }
        for _, name in _turns(part)
    ]
    procedures = [
        {
            **_procedure(name, each, typespace, _NAME),
            "visibility": _visibility(is_private=each.is_private),
        }
        for name, each in part.procedures.items()
    ]
    views = _views(part, typespace, _NAME)
    return {"Reducers": reducers, "Procedures": procedures, "Views": views}


def _given(reducer: Reducer, typespace: Typespace) -> Data:
    """Give the type of what a reducer gives, if there is one for it elsewhere."""
    returns = reducer.returns
    if returns is None or not has_identifiers(returns.kind):
        return UNIT_TYPE
    return typespace.type_of(returns.kind)


def _visibility(*, is_private: bool) -> Data:
    return {"Private" if is_private else "ClientCallable": []}


def _function(
    name: str, parameters: Parameters, typespace: Typespace, name_field: str
) -> Data:
    fields = [Field(each.name, each.binding.kind) for each in parameters.parameters]
    params = typespace.product(ProductKind(name, tuple(fields)))
    return {name_field: name, "params": params}


def _procedure(
    name: str, procedure: Procedure, typespace: Typespace, name_field: str
) -> Data:
    returns = procedure.returns
    returned = UNIT_TYPE if returns is None else typespace.type_of(returns.kind)
    return {
        **_function(name, procedure.parameters, typespace, name_field),
        "return_type": returned,
    }


def _views(part: Part, typespace: Typespace, name_field: str) -> list[Data]:
    numbers = {True: 0, False: 0}
    views: list[Data] = []
    for name, view in part.views.items():
        function = _function(name, view.parameters, typespace, name_field)
        views.append(
            {
                name_field: name,
                "index": numbers[view.is_anonymous],
                "is_public": view.bound.schema.is_public,
                "is_anonymous": view.is_anonymous,
                "params": function["params"],
                "return_type": _returned(view, typespace),
            }
        )
        numbers[view.is_anonymous] += 1
    return views


def _returned(view: View, typespace: Typespace) -> Data:
    row = typespace.type_of(row_kind(view.bound))
    if view.gives != "option":
        return {"Array": row}
    some = {"name": {"some": "some"}, "algebraic_type": row}
    none = {"name": {"some": "none"}, "algebraic_type": UNIT_TYPE}
    return {"Sum": {"variants": [some, none]}}


def _types(typespace: Typespace, name_field: str) -> list[Data]:
    """Give the names of types; the order of their fields is that of declaration."""
    return [
        {
            name_field: {"scope": [], name_field: name},
            "ty": place,
            "custom_ordering": True,
        }
        for place, name in enumerate(typespace.names)
    ]


def _turns(part: Part) -> list[tuple[str, str]]:
    """Give the turns of a module's life, and what the functions are called."""
    free = FreeNames({*part.reducers, *part.procedures})
    return [
        (TURNS[turn], free.take(function.name))
        for turn, function in part.lifecycle.items()
    ]


def _schedule_9(name: str, part: Part, free: FreeNames) -> Data:
    schedule = part.tables[name].schema.schedule
    if schedule is None:
        return _NONE
    return {
        "some": {
            "name": {"some": free.take(f"{name}_sched")},
            "reducer_name": schedule.function,
            "scheduled_at_column": schedule.at,
        }
    }


def _schedules_10(part: Part, free: FreeNames) -> list[Data]:
    return [
        {
            _NAME: {"some": free.take(f"{name}_sched")},
            "table_name": name,
            "schedule_at_col": schedule.at,
            "function_name": schedule.function.rpartition(".")[2],
        }
        for name, bound in part.tables.items()
        if (schedule := bound.schema.schedule) is not None
    ]
