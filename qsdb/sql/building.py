"""The parser itself; imported with the first query, since lark takes its time.

Lark drives the tables of an LALR(1) parser, and calls a method of `_Statements` for
each rule as soon as it is complete: no tree of lark's own is made. Everything that is
not particular to lark stands in `qsdb.sql.tokens`, `qsdb.sql.syntax` and
`qsdb.sql.parsing`.
"""

from collections.abc import Iterator
from typing import Any, cast

from lark import Lark, Transformer
from lark import Token as LarkToken
from lark.common import LexerConf
from lark.exceptions import UnexpectedToken
from lark.lexer import Lexer

from qsdb.sql.commands import (
    Assignment,
    Delete,
    Explain,
    Insert,
    SetVariable,
    Show,
    Statement,
    Update,
)
from qsdb.sql.syntax import (
    Arithmetic,
    ArithmeticOperator,
    Between,
    Call,
    Cases,
    Cast,
    Column,
    CompareOperator,
    Comparison,
    Exists,
    Expression,
    In,
    InQuery,
    IsNull,
    Item,
    Join,
    JoinKind,
    Like,
    Literal,
    LiteralForm,
    Logic,
    Negation,
    Not,
    Ordering,
    Parameter,
    Path,
    Qualify,
    Query,
    Select,
    Star,
    Table,
    United,
)
from qsdb.sql.tokens import tokens_of

__all__ = ["Unexpected", "accepted_at", "build"]


class Unexpected(Exception):  # noqa: N818  it says where, not that it is an error
    """The text does not follow the grammar."""

    def __init__(self, token: LarkToken, expected: frozenset[str]) -> None:
        """Keep where it ends to do so.

        Args:
            token: The first that does not fit; of the type ``$END`` at the end.
            expected: Terminals that would.
        """
        super().__init__(token, expected)
        self.token = token
        self.expected = expected


class _Tokens(Lexer):
    """The lexer as lark wants it."""

    def __init__(self, _: LexerConf) -> None:
        """Begin; there is nothing to configure."""

    def lex(self, query: str) -> Iterator[LarkToken]:  # type: ignore[override]  # lark wraps it
        for token in tokens_of(query):
            yield LarkToken(token.terminal, token.text, token.at)


def build(query: str) -> Statement:
    """Parse one statement.

    Raises:
        QueryError: there are no such tokens.
        Unexpected: the tokens do not follow the grammar.
    """
    try:
        return cast(Statement, _parser.parse(query))
    except UnexpectedToken as error:
        at = len(query) if error.token.type == "$END" else error.token.start_pos
        raise Unexpected(error.token, accepted_at(query, at or 0)) from None


def accepted_at(query: str, at: int) -> frozenset[str]:
    """Give the terminals that could stand at a place, after all before it.

    An error does not tell: it comes after reductions that suited other tokens.
    """
    parser = _parser.parse_interactive(query)
    for token in parser.lexer_thread.lex(parser.parser_state):  # type: ignore[no-untyped-call]
        if token.start_pos >= at:
            break
        parser.feed_token(token)
    return frozenset(parser.accepts())  # type: ignore[no-untyped-call]


def _at(part: Any) -> int:  # noqa: ANN401  a node or a token
    """Give where a node or a token begins."""
    return cast(int, part.start_pos if isinstance(part, LarkToken) else part.at)


Parts = list[Any]
"""What a rule was made of: tokens, nodes, and None for what may be absent."""


class _Expressions(Transformer[LarkToken, Statement]):
    """Makes expressions; a method for each rule of the grammar."""

    def disjunction(self, parts: Parts) -> Logic:
        return Logic(_at(parts[0]), "OR", tuple(parts))

    def conjunction(self, parts: Parts) -> Logic:
        return Logic(_at(parts[0]), "AND", tuple(parts))

    def negated(self, parts: Parts) -> Not:
        return Not(_at(parts[0]), len(parts) - 1, parts[-1])

    def comparison(self, parts: Parts) -> Comparison:
        operators = [_COMPARE_OPERATORS[each] for each in parts[1::2]]
        rest = zip(operators, parts[2::2], strict=True)
        return Comparison(_at(parts[0]), parts[0], tuple(rest))

    def is_null(self, parts: Parts) -> IsNull:
        return IsNull(_at(parts[0]), parts[0], parts[1] is not None)

    def in_list(self, parts: Parts) -> In:
        term, is_not, *choices = parts
        return In(_at(term), term, tuple(choices), is_not is not None)

    def in_query(self, parts: Parts) -> InQuery:
        term, is_not, query = parts
        return InQuery(_at(term), term, query, is_not is not None)

    def exists(self, parts: Parts) -> Exists:
        return Exists(_at(parts[0]), parts[1])

    def call(self, parts: Parts) -> Call:
        name, *rest = parts
        if isinstance(rest[0], LarkToken) and rest[0].type == "STAR":
            return Call(_at(name), str(name), None)
        is_distinct, *arguments = rest
        given = tuple([each for each in arguments if each is not None])
        return Call(_at(name), str(name), given, is_distinct is not None)

    def cast(self, parts: Parts) -> Cast:
        cast, term, kind = parts
        return Cast(_at(cast), term, Path(_at(kind), (str(kind),)))

    def cases(self, parts: Parts) -> Cases:
        case, operand, *branches, _, otherwise, _ = parts
        return Cases(_at(case), operand, tuple(branches), otherwise)

    def when(self, parts: Parts) -> tuple[Expression, Expression]:
        condition, _, value = parts
        return condition, value

    def between(self, parts: Parts) -> Between:
        term, is_not, low, high = parts
        return Between(_at(term), term, low, high, is_not is not None)

    def like(self, parts: Parts) -> Like:
        term, is_not, pattern, _, text = parts
        escape = None if text is None else self.literal([text])
        return Like(_at(term), term, pattern, is_not is not None, escape)

    def arithmetic(self, parts: Parts) -> Arithmetic:
        operators = [cast(ArithmeticOperator, str(each)) for each in parts[1::2]]
        rest = zip(operators, parts[2::2], strict=True)
        return Arithmetic(_at(parts[0]), parts[0], tuple(rest))

    def signed(self, parts: Parts) -> Literal | Negation:
        """Take all signs before a number into it, also those in parentheses."""
        *signs, term = parts
        at, times = _at(signs[0]), signs.count("-")
        if isinstance(term, Literal) and term.form == "number":
            digits = term.text.removeprefix("-")
            is_negative = (times + (digits != term.text)) % 2
            return Literal(at, "number", f"-{digits}" if is_negative else digits)
        return Negation(at, times, term)

    def literal(self, parts: Parts) -> Literal:
        [token] = parts
        form = _FORMS[token.type]
        text = token.lower() if form in ("bool", "null") else str(token)
        return Literal(_at(token), form, text)

    def parameter(self, parts: Parts) -> Parameter:
        return Parameter(_at(parts[0]), str(parts[0]))

    def column(self, parts: Parts) -> Column:
        path: Path = parts[0]
        *qualifier, name = path.parts
        return Column(path.at, ".".join(qualifier) or None, name)

    def path(self, parts: Parts) -> Path:
        first, last = parts[0], str(parts[-1])
        if isinstance(first, Path):
            return Path(first.at, (*first.parts, last))
        return Path(_at(first), (last,))


class _Queries(_Expressions):
    """Makes queries, and the expressions in them."""

    def query(self, parts: Parts) -> Query:
        body, order, limit, offset = parts
        if isinstance(body, Query) and not (order or limit or offset):
            return body
        return Query(_at(body), body, order or (), limit, offset)

    def united(self, parts: Parts) -> United:
        found, *rest = parts
        for (operator, is_all), right in zip(rest[::2], rest[1::2], strict=True):
            kind = operator.type
            found = United(_at(operator), kind, is_all is not None, found, right)
        return cast(United, found)

    def order(self, parts: Parts) -> tuple[Ordering, ...]:
        return tuple(parts)

    def ordering(self, parts: Parts) -> Ordering:
        term, direction, _, place = parts
        is_descending = direction is not None and direction.type == "DESC"
        are_first = None if place is None else place.type == "FIRST"
        return Ordering(_at(term), term, is_descending, are_first)

    def limit(self, parts: Parts) -> Literal | Parameter | None:
        [token] = parts
        return None if token.type == "ALL" else self._number(token)

    def offset(self, parts: Parts) -> Literal | Parameter:
        return self._number(parts[0])

    def _number(self, token: LarkToken) -> Literal | Parameter:
        is_literal = token.type == "NUMBER"
        return self.literal([token]) if is_literal else self.parameter([token])

    def select(self, parts: Parts) -> Select:
        select, distinct, items, tables, *rest = parts
        is_distinct = distinct is not None and distinct.type == "DISTINCT"
        first, *joins = tables
        return Select(
            _at(select),
            tuple(items),
            first,
            tuple(joins),
            rest[0],
            is_distinct,
            *rest[1:],
        )

    def where(self, parts: Parts) -> Expression:
        return cast(Expression, parts[0])

    def group(self, parts: Parts) -> tuple[Expression, ...]:
        return tuple(parts)

    def items(self, parts: Parts) -> Parts:
        return parts

    def star(self, parts: Parts) -> Star:
        qualifier = parts[0].text if isinstance(parts[0], Path) else None
        return Star(_at(parts[0]), qualifier)

    def selected(self, parts: Parts) -> Item:
        return Item(_at(parts[0]), *parts)

    def alias(self, parts: Parts) -> str:
        return str(parts[0])

    def table(self, parts: Parts) -> Table:
        path, arguments, alias = parts
        return Table(path, alias, arguments)

    def arguments(self, parts: Parts) -> tuple[Expression, ...]:
        return tuple([each for each in parts if each is not None])

    def join(self, parts: Parts) -> Join:
        kind, join, table, condition = parts
        if not kind:
            return Join(_at(join), table, condition)
        [token] = kind
        return Join(_at(token), table, condition, cast(JoinKind, str(token.type)))

    def qualify(self, parts: Parts) -> Qualify:
        qualify, call, _, (groups, order), operator, bound = parts
        compare = _COMPARE_OPERATORS[operator]
        number = self._number(bound)
        return Qualify(_at(qualify), call, groups or (), order or (), compare, number)

    def partition(self, parts: Parts) -> tuple[Expression, ...]:
        return tuple(parts[1:])

    having = where
    joiner = intersecting = from_tables = join_kind = window = items


class _Statements(_Queries):
    """Makes statements, and all that is in them."""

    def start(self, parts: Parts) -> Statement:
        return cast(Statement, parts[0])

    def explain(self, parts: Parts) -> Explain:
        return Explain(_at(parts[0]), parts[1])

    def insert(self, parts: Parts) -> Insert:
        insert, table, columns, *rows = parts
        return Insert(_at(insert), table, columns, tuple(rows))

    def columns(self, parts: Parts) -> tuple[Path, ...]:
        return tuple(parts)

    def row(self, parts: Parts) -> tuple[Expression, ...]:
        return tuple(parts)

    def delete(self, parts: Parts) -> Delete:
        return Delete(_at(parts[0]), *parts[1:])

    def update(self, parts: Parts) -> Update:
        update, table, _, *assignments, where = parts
        return Update(_at(update), table, tuple(assignments), where)

    def assignment(self, parts: Parts) -> Assignment:
        return Assignment(parts[0], parts[-1])

    def set_variable(self, parts: Parts) -> SetVariable:
        return SetVariable(_at(parts[0]), parts[1], parts[-1])

    def show(self, parts: Parts) -> Show:
        return Show(_at(parts[0]), parts[1])


_COMPARE_OPERATORS: dict[str, CompareOperator] = {
    "=": "=",
    "==": "=",
    "<>": "<>",
    "!=": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_FORMS: dict[str, LiteralForm] = {
    "NUMBER": "number",
    "TEXT": "text",
    "HEX": "hex",
    "TRUE": "bool",
    "FALSE": "bool",
    "NULL": "null",
}

_parser = Lark.open_from_package(
    "qsdb.sql",
    "grammar.lark",
    parser="lalr",
    lexer=_Tokens,
    transformer=_Statements(),
)
