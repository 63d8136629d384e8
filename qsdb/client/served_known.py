"""What a client knows of a database whose module it has not: what the server says.

Rows are named tuples then, as of a database that is read without its module
(`qsdb.schema.stored`).
"""

from collections.abc import Mapping

from qsdb.client.definition_reading import ServedFunction, ServedModule
from qsdb.client.functions import Encode, RemoteFunction, result_decoder
from qsdb.client.known import Known
from qsdb.client.questions import Questions
from qsdb.codec.bsatn import encoder
from qsdb.errors import ArgumentError, SchemaError, brief
from qsdb.schema.bindings import Binding
from qsdb.schema.stored import stored_module
from qsdb.schema.system import system_tables
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import MismatchError

__all__ = ["known_of_served"]

_NOTHING = ProductKind("Product", ())
"""What functions give that do not say what they give."""


def known_of_served(name: str, served: ServedModule) -> Known:
    """Make row classes and functions of what a server says.

    Raises:
        SchemaError: there can be no such classes.
    """
    functions = [*served.functions.values()]
    kinds = [_kinds_of(each) for each in functions]
    try:
        module = stored_module(name, [*served.tables.values(), *kinds])
    except ValueError as error:
        raise SchemaError(
            f"of the tables of {name} no classes can be made: {error}; give the "
            "module with module=…"
        ) from None
    count = len(served.tables)
    users = {each.schema.name: each for each in module.tables[:count]}
    system = {each.schema.name: each for _, each in system_tables()}
    tables = {**users, **system}
    made: dict[str, RemoteFunction] = {}
    for each, bound in zip(functions, module.tables[count:], strict=True):
        *parameters, returns = [column.binding for column in bound.shape.columns]
        made[each.name] = RemoteFunction(
            each.name,
            each.is_reducer,
            each.is_private,
            _arguments_encoder(each, parameters),
            result_decoder(None if returns.kind == _NOTHING else returns),
        )
    return Known(name, tables, {}, made, {}, Questions(tables))


def _kinds_of(function: ServedFunction) -> TableSchema:
    """Give a table with a column for each parameter, and one for what it returns.

    So all classes are made together, and each once.
    """
    fields = (*function.parameters, Field("returns", function.returns))
    columns = [
        ColumnSchema(each.name, f"column_{place}", each.kind)
        for place, each in enumerate(fields)
    ]
    return TableSchema(function.name, tuple(columns), ())


def _arguments_encoder(function: ServedFunction, bindings: list[Binding]) -> Encode:
    names = [each.name for each in function.parameters]
    encode = encoder(ProductKind(function.name, function.parameters))

    def encode_arguments(
        args: tuple[object, ...], kwargs: Mapping[str, object]
    ) -> bytes:
        given = dict(zip(names, args, strict=False))
        twice = [each for each in kwargs if each in given or each not in names]
        if len(args) > len(names) or twice or len(given) + len(kwargs) < len(names):
            what = f"{len(args)} by place and {brief([*kwargs])} by name"
            raise ArgumentError(f"{function.name}({', '.join(names)}) was given {what}")
        given |= kwargs
        values = []
        for name, binding in zip(names, bindings, strict=True):
            try:
                values.append(binding.kind.canonical(binding.enter(given[name])))
            except MismatchError as mismatch:
                raise ArgumentError(
                    f"{function.name}(), argument {name}: {brief(mismatch.value)} is "
                    f"not {mismatch.admitted}"
                ) from None
        return encode(tuple(values))

    return encode_arguments
