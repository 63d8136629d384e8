"""An independent reader of module definitions: bytes by a grammar, types as shapes.

The grammar is section 7 of wire.md, written down once more. `read_definition` gives the
data that the bytes stand for, in the named form of SATS-JSON. `shape_of_type` follows
references, and gives what `shape_of_kind` gives of the kind that was meant.
"""

from typing import Any

from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind

__all__ = ["UNIT", "read_as", "read_definition", "shape_of_kind", "shape_of_type"]

GRAMMAR = """
RawModuleDef = V8BackCompat | V9 V9 | V10 V10
Type = Ref u32 | Sum Sum | Product Product | Array Type | String | Bool | I8 | U8 | I16
     | U16 | I32 | U32 | I64 | U64 | I128 | U128 | I256 | U256 | F32 | F64
Product { elements [Part] }
Sum { variants [Part] }
Part { name ?str, algebraic_type Type }
Typespace { types [Type] }
Algorithm = BTree [u16] | Hash [u16] | Direct u16
Columns { columns [u16] }
Key = Unique Columns
TableType = System | User
Access = Public | Private
Turn = Init | OnConnect | OnDisconnect
Visibility = Private | ClientCallable
Filter { sql str }

V9 { typespace Typespace, tables [Table9], reducers [Reducer9], types [TypeDef9],
     misc_exports [Misc9], row_level_security [Filter] }
Table9 { name str, product_type_ref u32, primary_key [u16], indexes [Index9],
         constraints [Constraint9], sequences [Sequence9], schedule ?Schedule9,
         table_type TableType, table_access Access }
Index9 { name ?str, accessor_name ?str, algorithm Algorithm }
Constraint9 { name ?str, data Key }
Sequence9 { name ?str, column u16, start ?i128, min_value ?i128, max_value ?i128,
            increment i128 }
Schedule9 { name ?str, reducer_name str, scheduled_at_column u16 }
Reducer9 { name str, params Product, lifecycle ?Turn }
TypeDef9 { name TypeName9, ty u32, custom_ordering bool }
TypeName9 { scope [str], name str }
Misc9 = ColumnDefaultValue Default9 | Procedure Procedure9 | View View9
Default9 { table str, col_id u16, value bytes }
Procedure9 { name str, params Product, return_type Type }
View9 { name str, index u32, is_public bool, is_anonymous bool, params Product,
        return_type Type }

V10 { sections [Section] }
Section = Typespace Typespace | Types [Type10] | Tables [Table10] | Reducers [Reducer10]
        | Procedures [Procedure10] | Views [View10] | Schedules [Schedule10]
        | LifeCycleReducers [LifeCycle] | RowLevelSecurity [Filter]
        | CaseConversionPolicy Policy | ExplicitNames | HttpHandlers [HttpHandler]
        | HttpRoutes [HttpRoute]
        | ViewPrimaryKeys [ViewKey] | Submodules [Submodule]
Policy = None | SnakeCase
HttpHandler { source_name str }
HttpRoute { handler_function str, method Methods, path str }
Methods = Any | Method HttpMethod
HttpMethod = Get | Head | Post | Put | Delete | Connect | Options | Trace | Patch
           | Extension str
Type10 { source_name TypeName10, ty u32, custom_ordering bool }
TypeName10 { scope [str], source_name str }
Table10 { source_name str, product_type_ref u32, primary_key [u16], indexes [Index10],
          constraints [Constraint10], sequences [Sequence10], table_type TableType,
          table_access Access, default_values [Default10], is_event bool }
Index10 { source_name ?str, accessor_name ?str, algorithm Algorithm }
Constraint10 { source_name ?str, data Key }
Sequence10 { source_name ?str, column u16, start ?i128, min_value ?i128,
             max_value ?i128, increment i128 }
Default10 { col_id u16, value bytes }
Reducer10 { source_name str, params Product, visibility Visibility, ok_return_type Type,
            err_return_type Type }
Procedure10 { source_name str, params Product, return_type Type, visibility Visibility }
View10 { source_name str, index u32, is_public bool, is_anonymous bool, params Product,
         return_type Type }
Schedule10 { source_name ?str, table_name str, schedule_at_col u16, function_name str }
LifeCycle { lifecycle_spec Turn, function_name str }
ViewKey { view_source_name str, columns [str] }
Submodule { namespace str, module V10 }
"""

Rule = tuple[bool, list[tuple[str, str]]]
"""Whether it is a sum; names of its parts, and what they are."""


def _rules() -> dict[str, Rule]:
    text = GRAMMAR.replace("\n ", " ")
    rules: dict[str, Rule] = {}
    for line in filter(None, text.splitlines()):
        name, sign, rest = line.split(maxsplit=2)
        parts = rest.rstrip("}").split("|" if sign == "=" else ",")
        pairs = [[*each.split(), ""][:2] for each in parts]
        rules[name] = (sign == "=", [(each[0], each[1]) for each in pairs])
    return rules


RULES = _rules()


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        assert len(taken) == count, f"{count} bytes at {self.at} are too many"
        self.at += count
        return taken

    def number(self, count: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(count), "little", signed=signed)

    def read(self, what: str) -> Any:
        """Read one value."""
        match what[:1]:
            case "":
                return []
            case "?":
                return (
                    {"some": self.read(what[1:])} if not self.flag() else {"none": []}
                )
            case "[":
                return [self.read(what[1:-1]) for _ in range(self.number(4))]
            case _ if what in RULES:
                return self.compound(*RULES[what])
            case _:
                return self.scalar(what)

    def scalar(self, what: str) -> Any:
        match what:
            case "str":
                return self.take(self.number(4)).decode()
            case "bytes":
                return self.take(self.number(4)).hex()
            case "bool":
                return self.flag()
            case "i128":
                return self.number(16, signed=True)
            case _:
                return self.number(int(what[1:]) // 8)

    def flag(self) -> bool:
        found = self.number(1)
        assert found in (0, 1)
        return found == 1

    def compound(self, is_sum: bool, parts: list[tuple[str, str]]) -> Any:  # noqa: FBT001  a Rule
        if is_sum:
            name, what = parts[self.number(1)]
            return {name: self.read(what)}
        return {name: self.read(what) for name, what in parts}


def read_as(what: str, data: bytes) -> Any:
    """Read bytes that are one value of a rule of the grammar, and nothing else."""
    cursor = _Cursor(data)
    found = cursor.read(what)
    assert cursor.at == len(data)
    return found


def read_definition(data: bytes, version: int) -> Any:
    """Read a ``RawModuleDef`` of a version."""
    found = read_as("RawModuleDef", data)
    assert [*found] == [f"V{version}"]
    return found[f"V{version}"]


Shape = Any
"""Nested tuples: ``("product", (name, shape), …)``, ``("array", shape)``, ``"U8"``."""

UNIT: Shape = ("product",)


def shape_of_type(algebraic_type: Any, types: list[Any]) -> Shape:
    """Give a type as nested tuples, with references followed."""
    ((name, payload),) = algebraic_type.items()
    match name:
        case "Ref":
            return shape_of_type(types[payload], types)
        case "Array":
            return ("array", shape_of_type(payload, types))
        case "Product" | "Sum":
            parts = payload["elements" if name == "Product" else "variants"]
            shapes = [
                (each["name"]["some"], shape_of_type(each["algebraic_type"], types))
                for each in parts
            ]
            return (name.lower(), *shapes)
        case _:
            assert payload == []
            return name


SPECIAL: dict[Kind, Shape] = {
    k.STR: "String",
    k.BYTES: ("array", "U8"),
    k.IDENTITY: ("product", ("__identity__", "U256")),
    k.CONNECTION_ID: ("product", ("__connection_id__", "U128")),
    k.UUID: ("product", ("__uuid__", "U128")),
    k.TIMESTAMP: ("product", ("__timestamp_micros_since_unix_epoch__", "I64")),
    k.TIME_DURATION: ("product", ("__time_duration_micros__", "I64")),
}
SPECIAL[k.SCHEDULE_AT] = (
    "sum",
    ("Interval", SPECIAL[k.TIME_DURATION]),
    ("Time", SPECIAL[k.TIMESTAMP]),
)


def shape_of_kind(kind: Kind) -> Shape:
    """Give a kind as nested tuples: what it is in SATS."""
    match kind:
        case OptionKind():
            return ("sum", ("some", shape_of_kind(kind.inner)), ("none", UNIT))
        case ArrayKind():
            return ("array", shape_of_kind(kind.item))
        case EnumKind():
            return ("sum", *[(name, UNIT) for name in kind.variants])
        case ProductKind():
            prefix = "_" if kind.is_tuple else ""
            fields = [
                (prefix + each.name, shape_of_kind(each.kind)) for each in kind.fields
            ]
            return ("product", *fields)
        case SumKind():
            variants = [(each.name, shape_of_kind(each.kind)) for each in kind.variants]
            return ("sum", *variants)
        case _:
            return SPECIAL.get(kind, kind.name.upper() if kind != k.BOOL else "Bool")
