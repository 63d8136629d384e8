"""Values of parameters, written into the text of a query.

The protocol carries texts alone, so parameters become literals on the way. That is done
exactly or not at all: the text with the literals is read again, and must ask what the
text with the parameters asks for these values.

>>> from qsdb.values.kinds import F64, STR, U8
>>> written(STR, "it's"), written(F64, float("inf")), written(U8, 7)
("'it''s'", '1e999', '7')

``:sender`` stays: the server knows who asks.
"""

import re
from collections.abc import Callable, Mapping

import attrs

from qsdb.errors import ArgumentError, QueryError, brief
from qsdb.sql.checking import SENDER
from qsdb.sql.queries import Query
from qsdb.sql.relations import Selected, mapped, with_leaves
from qsdb.sql.statements import Checked
from qsdb.sql.tokens import tokens_of
from qsdb.sql.typed import Argument, Constant, Typed, parts_of, with_parts
from qsdb.values.compounds import EnumKind, OptionKind
from qsdb.values.kinds import (
    TIMESTAMP,
    BigEndianKind,
    BoolKind,
    BytesKind,
    FloatKind,
    IntKind,
    Kind,
    Stored,
    StrKind,
)
from qsdb.values.timestamps import Timestamp

__all__ = ["bound_text", "written"]

_PARAMETER = re.compile(r":\s*[^\W\d][\w$]*")


def bound_text(
    text: str,
    query: Selected,
    values: Mapping[str, Stored],
    check: Callable[[str], Checked],
) -> str:
    """Give the text of a query with literals for its parameters.

    Args:
        text: The query.
        query: What it asks.
        values: Parameter → its value.
        check: Reads a text.

    Raises:
        ArgumentError: a value cannot be written as a literal.
    """
    if not values:
        return text
    literals = {
        name: _literal(name, query.parameters[name], value)
        for name, value in values.items()
    }
    found = _replaced(text, literals)
    try:
        is_same = check(found) == _with_values(query, values)
    except QueryError:
        is_same = False
    if not is_same:
        raise ArgumentError(
            f"params {brief(dict(values))} cannot be written into {brief(text)} as "
            "they are; write literals instead"
        )
    return found


def _literal(name: str, kind: Kind, value: Stored) -> str:
    if isinstance(kind, OptionKind):
        kind = kind.inner
    literal = None if value is None else written(kind, value)
    if literal is None:
        raise ArgumentError(
            f"the parameter :{name} is {brief(value)}, a value of {kind.name}, which "
            "no literal is; so it cannot be sent to a server"
        )
    return literal


def written(kind: Kind, value: object) -> str | None:  # noqa: PLR0911  a table
    """Give the literal of a stored value; None if there is none."""
    match kind:
        case BoolKind():
            return "TRUE" if value else "FALSE"
        case IntKind():
            return f"{value}"
        case FloatKind():
            return _written_float(value)
        case StrKind():
            return _quoted(f"{value}")
        case BytesKind() | BigEndianKind():
            assert isinstance(value, bytes)
            return f"0x{value.hex()}"
        case EnumKind(variants=variants):
            assert isinstance(value, int)
            return _quoted(variants[value])
        case _ if kind == TIMESTAMP:
            assert isinstance(value, int)
            return _quoted(str(Timestamp.from_stored(value)))
        case _:
            return None


def _written_float(value: object) -> str | None:
    assert isinstance(value, float)
    if value != value:
        return None
    return repr(value).replace("inf", "1e999")


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"


def _replaced(text: str, literals: Mapping[str, str]) -> str:
    """Put literals where parameters are; blanks keep them from what is beside."""
    parts: list[str] = []
    end = 0
    for token in tokens_of(text):
        if token.terminal == "PARAMETER" and token.text != SENDER:
            found = _PARAMETER.match(text, token.at)
            assert found is not None
            parts += [text[end : token.at], f" {literals[token.text]} "]
            end = found.end()
    return "".join([*parts, text[end:]])


def _with_values(query: Selected, values: Mapping[str, Stored]) -> Selected:
    def put(node: Typed) -> Typed:
        if isinstance(node, Argument) and node.name != SENDER:
            return Constant(values[node.name], node.kind)
        return with_parts(node, [put(each) for each in parts_of(node)])

    def put_all(leaf: Query) -> Query:
        sources = [
            attrs.evolve(each, arguments=tuple(map(put, each.arguments)))
            for each in leaf.sources
        ]
        return attrs.evolve(leaf, sources=tuple(sources), parameters={})

    if isinstance(query, Query):
        return put_all(query.mapped(put))
    root = with_leaves(mapped(query.root, put), put_all)
    return attrs.evolve(query, root=root, parameters={})
