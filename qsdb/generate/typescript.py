"""TypeScript bindings: what the npm package ``spacetimedb`` needs to know of a module.

The source imports the package, declares the module's types and tables in its terms, and
exports `DbConnection`, from which a client begins::

    const connection = DbConnection.builder()
      .withUri("ws://127.0.0.1:3000").withDatabaseName("chat").build();

Rules:

1. Accessors are in camel case; on the wire, and in the SQL that the package writes, are
   the module's own names.
2. All indexes are B-trees: the package knows no others in a client, and scans anyway. A
   key of several columns is an index over them.
3. A column is a key for the package (``primaryKey``, ``unique``) if its kind can be one
   there; of others, floats for example, there is an index.
4. What is private is left out, unless it is asked for: clients are not shown it.

*Source*: the package's declarations of its types, version 2.10, and what it sends.
"""

from collections.abc import Iterator, Mapping, Sequence

from qsdb.errors import SchemaError
from qsdb.generate.headers import header_lines, seen_functions, seen_tables
from qsdb.generate.typescript_names import (
    TABLE_MEMBERS,
    accessors,
    quoted,
    sdk_accessor,
    shown_key,
)
from qsdb.generate.typescript_types import TypeDeclarations, call_lines, object_lines
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.functions import Reducer
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.schema.parameters import Parameters
from qsdb.schema.procedures import Procedure
from qsdb.schema.tables import TableSchema
from qsdb.server.algebraic_types import Data, Typespace
from qsdb.server.definition_names import FreeNames
from qsdb.server.definition_tables import row_kind, rows_and_keys
from qsdb.values.compounds import EnumKind
from qsdb.values.kinds import (
    BigEndianKind,
    BoolKind,
    IntKind,
    Kind,
    MicrosKind,
    StrKind,
)

__all__ = ["typescript_bindings"]

_IMPORTS = """\
import {
  DbConnectionBuilder,
  DbConnectionImpl,
  SubscriptionBuilderImpl,
  convertToAccessorMap,
  makeQueryBuilder,
  procedureSchema,
  procedures as declareProcedures,
  reducerSchema,
  reducers as declareReducers,
  schema,
  t,
  table,
  type DbConnectionConfig,
  type ErrorContextInterface,
  type EventContextInterface,
  type Infer,
  type ReducerEventContextInterface,
  type SubscriptionEventContextInterface,
} from "spacetimedb";"""

_ENDING = """\
/** All that the package knows of the module. */
export const REMOTE_MODULE = {
  versionInfo: { cliVersion: "2.10.1" as const },
  tables: tablesOfModule.schemaType.tables,
  reducers: reducersOfModule.reducersType.reducers,
  ...proceduresOfModule,
};

/** Begins queries: tables.user.where(row => row.online.eq(true)). */
export const tables = makeQueryBuilder(tablesOfModule.schemaType);

/** What is known of reducers, by accessor. */
export const reducers = convertToAccessorMap(
  reducersOfModule.reducersType.reducers,
);

export type EventContext = EventContextInterface<typeof REMOTE_MODULE>;
export type ReducerEventContext =
  ReducerEventContextInterface<typeof REMOTE_MODULE>;
export type SubscriptionEventContext =
  SubscriptionEventContextInterface<typeof REMOTE_MODULE>;
export type ErrorContext = ErrorContextInterface<typeof REMOTE_MODULE>;

export class SubscriptionBuilder
  extends SubscriptionBuilderImpl<typeof REMOTE_MODULE> {}

/** A client's connection; begin with DbConnection.builder(). */
export class DbConnection extends DbConnectionImpl<typeof REMOTE_MODULE> {
  static builder = (): DbConnectionBuilder<DbConnection> =>
    new DbConnectionBuilder<DbConnection>(
      REMOTE_MODULE,
      (config: DbConnectionConfig<typeof REMOTE_MODULE>) =>
        new DbConnection(config),
    );

  override subscriptionBuilder = (): SubscriptionBuilder =>
    new SubscriptionBuilder(this);
}"""


def typescript_bindings(
    module: ModuleSchema, *, command: str, private: bool = False
) -> str:
    """Give the source of a module's bindings.

    Args:
        module: It.
        command: What made it, for the header.
        private: Whether tables and functions are in it that only the owner sees.

    Raises:
        SchemaError: two functions have one accessor; each pair is told.
    """
    made = _Bindings(module, private=private)
    header = [
        f"// {each}" for each in header_lines(module, "TypeScript bindings", command)
    ]
    lines = [*header, "", _IMPORTS, "", *made.types.lines, *made.lines, _ENDING]
    return "\n".join([*lines, ""])


class _Bindings:
    """Writes what a module declares.

    Attributes:
        types: Its named types.
        lines: Its tables and functions.
    """

    def __init__(self, module: ModuleSchema, *, private: bool) -> None:
        typespace = Typespace()
        self.types = TypeDeclarations(typespace)
        bounds = [*module.tables, *[each.bound for each in module.views.values()]]
        free = FreeNames({each.schema.name for each in bounds})
        told = {
            each.schema.name: rows_and_keys(
                each.schema.name, each, typespace, free, "name"
            )
            for each in bounds
        }
        shown = seen_tables(module, private=private)
        names = accessors([each.schema.name for each in shown])
        declared = [
            (name, self._table(bound, told[bound.schema.name]))
            for name, bound in zip(names, shown, strict=True)
        ]
        self.lines = ["const tablesOfModule = schema({"]
        for name, (begin, *rest) in declared:
            self.lines += [f"  {shown_key(name)}: {begin}"]
            self.lines += [f"  {each}" for each in rest]
            self.lines[-1] += ","
        self.lines += ["});", ""]
        reducers = seen_functions(module.reducers, private=private)
        procedures = seen_functions(module.procedures, private=private)
        self._functions("Reducers", reducers)
        self._functions("Procedures", procedures)

    def _table(self, bound: BoundTable, told: Data) -> list[str]:
        """Write one table."""
        schema = bound.schema
        kind = row_kind(bound)
        self.types.named(kind)
        keys = {places[0]: method for places, method in _keys(schema)}
        names = [each.name for each in schema.columns]
        columns = accessors(names)
        for place in keys:  # the SDK makes an index of it, under this name
            if columns[place] in TABLE_MEMBERS:
                columns[place] += "_"
        parts: list[tuple[str, str]] = []
        for place, column in enumerate(schema.columns):
            builder = self.types.builder(column.kind) + keys.get(place, "")
            if columns[place] != column.name:
                builder += f".name({quoted(column.name)})"
            parts.append((columns[place], builder))
        options: list[tuple[str, str]] = [("name", quoted(schema.name))]
        if schema.is_event:
            options.append(("event", "true"))
        options.append(("indexes", _listed(_indexes(told, columns, keys))))
        options.append(("constraints", _listed(_constraints(told, columns, keys))))
        begin, *rest = object_lines(options)
        lines = [f"table({begin}", *rest]
        row = call_lines("t.row", quoted(bound.shape.class_name), object_lines(parts))
        lines[-1] += f", {row[0]}"
        lines += row[1:]
        lines[-1] += ")"
        return lines

    def _functions(self, sort: str, functions: Sequence[Reducer | Procedure]) -> None:
        """Write all reducers, or all procedures."""
        mistakes: list[str] = []
        by_accessor: dict[str, str] = {}
        one = sort.removesuffix("s").lower()
        self.lines.append(f"const {sort.lower()}OfModule = declare{sort}(")
        for each in functions:
            other = by_accessor.setdefault(sdk_accessor(each.name), each.name)
            if other != each.name:
                mistakes.append(
                    f"{one} {each.name}: in TypeScript it is "
                    f"{sdk_accessor(each.name)}, as {other} is"
                )
            parts = self._parameters(each.parameters)
            lines = call_lines(f"{one}Schema", quoted(each.name), object_lines(parts))
            if isinstance(each, Procedure):
                returns = each.returns
                builder = (
                    "t.unit()" if returns is None else self.types.builder(returns.kind)
                )
                lines[-1] = f"{lines[-1][:-1]}, {builder})"
            self.lines += [f"  {line}" for line in lines]
            self.lines[-1] += ","
        self.lines += [");", ""]
        if mistakes:
            raise SchemaError(*mistakes)

    def _parameters(self, parameters: Parameters) -> list[tuple[str, str]]:
        names = accessors([each.name for each in parameters.parameters])
        builders = [
            self.types.builder(each.binding.kind) for each in parameters.parameters
        ]
        return [*zip(names, builders, strict=True)]


def _keys(schema: TableSchema) -> Iterator[tuple[tuple[int, ...], str]]:
    """Give the single columns that are keys for the SDK, and what says so."""
    if len(schema.primary_key) == 1:
        kind = schema.columns[schema.primary_key[0]].kind
        if _can_be_key(kind) or isinstance(kind, EnumKind):
            yield schema.primary_key, ".primaryKey()"
    for index in schema.indexes:
        is_other = index.columns != schema.primary_key
        is_single = index.algorithm == "unique" and len(index.columns) == 1
        if (
            is_other
            and is_single
            and _can_be_key(schema.columns[index.columns[0]].kind)
        ):
            yield index.columns, ".unique()"


def _can_be_key(kind: Kind) -> bool:
    return isinstance(kind, BigEndianKind | BoolKind | IntKind | MicrosKind | StrKind)


def _indexes(
    told: Data, columns: Sequence[str], keys: Mapping[int, str]
) -> Iterator[str]:
    """Write the indexes that no key of one column brings with it."""
    taken = {*TABLE_MEMBERS, *[columns[place] for place in keys]}
    free = FreeNames(taken)
    indexes = told["indexes"]
    assert isinstance(indexes, list)
    for index in indexes:
        ((_, places),) = index["algorithm"].items()
        if len(places) == 1 and places[0] in keys:
            continue
        accessor = free.take(accessors([index["accessor_name"]["some"]])[0])
        names = ", ".join([quoted(columns[place]) for place in places])
        yield (
            f"{{ accessor: {quoted(accessor)}, name: {quoted(index['name']['some'])}, "
            f'algorithm: "btree", columns: [{names}] }}'
        )


def _constraints(
    told: Data, columns: Sequence[str], keys: Mapping[int, str]
) -> Iterator[str]:
    """Write the keys of one column."""
    constraints = told["constraints"]
    assert isinstance(constraints, list)
    for constraint in constraints:
        places = constraint["data"]["Unique"]["columns"]
        if len(places) == 1 and places[0] in keys:
            name = quoted(constraint["name"]["some"])
            column = quoted(columns[places[0]])
            yield f'{{ name: {name}, constraint: "unique", columns: [{column}] }}'


def _listed(items: Iterator[str]) -> str:
    """Write a list inside the options of a table."""
    lines = [f"\n      {each}," for each in items]
    return f"[{''.join(lines)}\n    ]" if lines else "[]"
