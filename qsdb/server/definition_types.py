"""`RawModuleDef`: the meta-types of a module's definition, in its two versions.

Names, orders and numbers are SpacetimeDB's: they are the wire format of what
``GET /v1/database/…/schema`` answers and of what `spacetime generate` reads.

*Source*: SpacetimeDB's module definitions, version 9 (1.x) and 10 (2.x).
"""

from qsdb.server.meta_types import NOTHING, Choice, Later, Many, Maybe, Meta, Record
from qsdb.values.kinds import BOOL, BYTES, I128, STR, U16, U32

__all__ = ["ALGEBRAIC_TYPE", "MODULE", "MODULE_V9", "MODULE_V10", "PRODUCT_TYPE"]


def _named(name: str) -> Record:
    """Give a part of a type: a field or a variant, which may have a name."""
    algebraic_type = Later(lambda: ALGEBRAIC_TYPE)
    return Record(name, {"name": Maybe(STR), "algebraic_type": algebraic_type})


def _plain(*variants: str) -> dict[str, Meta]:
    """Give variants without payload."""
    return dict.fromkeys(variants, NOTHING)


PRODUCT_TYPE = Record("ProductType", {"elements": Many(_named("element"))})

ALGEBRAIC_TYPE: Meta = Choice(
    "AlgebraicType",
    {
        "Ref": U32,
        "Sum": Record("SumType", {"variants": Many(_named("variant"))}),
        "Product": PRODUCT_TYPE,
        "Array": Later(lambda: ALGEBRAIC_TYPE),
        **_plain("String", "Bool", "I8", "U8", "I16", "U16", "I32", "U32", "I64"),
        **_plain("U64", "I128", "U128", "I256", "U256", "F32", "F64"),
    },
)

_TYPESPACE = Record("Typespace", {"types": Many(ALGEBRAIC_TYPE)})
_COLUMNS = Many(U16)
_ALGORITHM = Choice("algorithm", {"BTree": _COLUMNS, "Hash": _COLUMNS, "Direct": U16})
_CONSTRAINT = Choice(
    "constraint", {"Unique": Record("unique key", {"columns": _COLUMNS})}
)
_LIFECYCLE = Choice("lifecycle", _plain("Init", "OnConnect", "OnDisconnect"))
_SORT = Choice("table_type", _plain("System", "User"))
_ACCESS = Choice("table_access", _plain("Public", "Private"))
_VISIBILITY = Choice("visibility", _plain("Private", "ClientCallable"))
_ROW_FILTERS = Many(Record("row filter", {"sql": STR}))


def _keys(name_field: str) -> dict[str, Meta]:
    """Give the fields of a table that say what its rows are, and are found by."""
    name: dict[str, Meta] = {name_field: Maybe(STR)}
    index: dict[str, Meta] = {
        **name,
        "accessor_name": Maybe(STR),
        "algorithm": _ALGORITHM,
    }
    bounds: dict[str, Meta] = dict.fromkeys(
        ("start", "min_value", "max_value"), Maybe(I128)
    )
    sequence: dict[str, Meta] = {**name, "column": U16, **bounds, "increment": I128}
    return {
        name_field: STR,
        "product_type_ref": U32,
        "primary_key": _COLUMNS,
        "indexes": Many(Record("index", index)),
        "constraints": Many(Record("constraint", {**name, "data": _CONSTRAINT})),
        "sequences": Many(Record("sequence", sequence)),
    }


def _type_definition(name_field: str) -> Record:
    name = Record("type name", {"scope": Many(STR), name_field: STR})
    fields: dict[str, Meta] = {name_field: name, "ty": U32, "custom_ordering": BOOL}
    return Record("type", fields)


def _function(name_field: str) -> dict[str, Meta]:
    return {name_field: STR, "params": PRODUCT_TYPE}


def _view(name_field: str) -> Record:
    flags: dict[str, Meta] = {"index": U32, "is_public": BOOL, "is_anonymous": BOOL}
    result: dict[str, Meta] = {"params": PRODUCT_TYPE, "return_type": ALGEBRAIC_TYPE}
    return Record("view", {name_field: STR, **flags, **result})


_SCHEDULE_V9 = Record(
    "schedule",
    {"name": Maybe(STR), "reducer_name": STR, "scheduled_at_column": U16},
)
_TABLE_V9 = Record(
    "table",
    {
        **_keys("name"),
        "schedule": Maybe(_SCHEDULE_V9),
        "table_type": _SORT,
        "table_access": _ACCESS,
    },
)
_MISC_V9 = Choice(
    "misc_export",
    {
        "ColumnDefaultValue": Record(
            "default", {"table": STR, "col_id": U16, "value": BYTES}
        ),
        "Procedure": Record(
            "procedure", {**_function("name"), "return_type": ALGEBRAIC_TYPE}
        ),
        "View": _view("name"),
    },
)

MODULE_V9 = Record(
    "RawModuleDefV9",
    {
        "typespace": _TYPESPACE,
        "tables": Many(_TABLE_V9),
        "reducers": Many(
            Record("reducer", {**_function("name"), "lifecycle": Maybe(_LIFECYCLE)})
        ),
        "types": Many(_type_definition("name")),
        "misc_exports": Many(_MISC_V9),
        "row_level_security": _ROW_FILTERS,
    },
)

_NAME = "source_name"
_TABLE_V10 = Record(
    "table",
    {
        **_keys(_NAME),
        "table_type": _SORT,
        "table_access": _ACCESS,
        "default_values": Many(Record("default", {"col_id": U16, "value": BYTES})),
        "is_event": BOOL,
    },
)
_REDUCER_V10 = Record(
    "reducer",
    {
        **_function(_NAME),
        "visibility": _VISIBILITY,
        "ok_return_type": ALGEBRAIC_TYPE,
        "err_return_type": ALGEBRAIC_TYPE,
    },
)
_PROCEDURE_V10 = Record(
    "procedure",
    {
        **_function(_NAME),
        "return_type": ALGEBRAIC_TYPE,
        "visibility": _VISIBILITY,
    },
)
_SCHEDULE_V10 = Record(
    "schedule",
    {
        _NAME: Maybe(STR),
        "table_name": STR,
        "schedule_at_col": U16,
        "function_name": STR,
    },
)
_TURN_V10 = Record(
    "lifecycle reducer", {"lifecycle_spec": _LIFECYCLE, "function_name": STR}
)
_VIEW_KEY_V10 = Record("view key", {"view_source_name": STR, "columns": Many(STR)})
_SUBMODULE_V10 = Record(
    "submodule", {"namespace": STR, "module": Later(lambda: MODULE_V10)}
)
_HTTP_METHOD_V10 = Choice(
    "method",
    {
        **_plain("Get", "Head", "Post", "Put", "Delete", "Connect", "Options"),
        **_plain("Trace", "Patch"),
        "Extension": STR,
    },
)
_HTTP_ROUTE_V10 = Record(
    "http route",
    {
        "handler_function": STR,
        "method": Choice("methods", {**_plain("Any"), "Method": _HTTP_METHOD_V10}),
        "path": STR,
    },
)
_SECTION_V10 = Choice(
    "section",
    {
        "Typespace": _TYPESPACE,
        "Types": Many(_type_definition(_NAME)),
        "Tables": Many(_TABLE_V10),
        "Reducers": Many(_REDUCER_V10),
        "Procedures": Many(_PROCEDURE_V10),
        "Views": Many(_view(_NAME)),
        "Schedules": Many(_SCHEDULE_V10),
        "LifeCycleReducers": Many(_TURN_V10),
        "RowLevelSecurity": _ROW_FILTERS,
        "CaseConversionPolicy": Choice("policy", _plain("None", "SnakeCase")),
        # Modules of qsdb have none; it is here for its number.
        **_plain("ExplicitNames"),
        "HttpHandlers": Many(Record("handler", {_NAME: STR})),
        "HttpRoutes": Many(_HTTP_ROUTE_V10),
        "ViewPrimaryKeys": Many(_VIEW_KEY_V10),
        "Submodules": Many(_SUBMODULE_V10),
    },
)

MODULE_V10: Meta = Record("RawModuleDefV10", {"sections": Many(_SECTION_V10)})

MODULE = Choice(
    "RawModuleDef", {"V8BackCompat": NOTHING, "V9": MODULE_V9, "V10": MODULE_V10}
)
