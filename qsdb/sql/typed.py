"""The typed tree: expressions whose names are found and whose kinds are known.

`qsdb.sql.checking` makes it of the syntax tree. What can be said in several ways is
said in one here: BETWEEN of a column is two comparisons, a sign before a number is part
of it, and constants are stored values. Whether a value can be absent is told by the
columns and parameters that it is made of (`is_optional`), and not by its `kind`.

Where a value is absent (NULL) truth has three values, as in SQL: a comparison with it
is neither true nor false but unknown, NOT of unknown is unknown, AND is false if any
term is false, OR is true if any is true; WHERE takes what is true.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal as Choice

import attrs

from qsdb.sql.functions import function_of
from qsdb.sql.places import AnyPlace
from qsdb.sql.syntax import ArithmeticOperator, CompareOperator
from qsdb.values.kinds import BOOL, IntKind, Kind, Stored

__all__ = [
    "Aggregate",
    "AggregateName",
    "Argument",
    "Between",
    "Calculation",
    "Call",
    "Cases",
    "Cell",
    "Coalesce",
    "Comparison",
    "Constant",
    "Exists",
    "IsNull",
    "Like",
    "Logic",
    "Negation",
    "Not",
    "Typed",
    "Within",
    "all_exists",
    "can_fail",
    "is_optional",
    "parts_of",
    "renumbered",
    "sources_of",
    "with_parts",
    "without_places",
]


_PLACES = attrs.field(default=(), eq=False, repr=False)
"""Where what can fail stands; empty where that is not to be told. Expressions that
differ in nothing else are equal."""


@attrs.frozen
class Cell:
    """A column of a row of one of the tables in FROM."""

    source: int
    """Which of the tables, from 0."""
    place: int
    """Which of its columns, from 0."""
    kind: Kind
    is_optional: bool


@attrs.frozen
class Constant:
    """A value."""

    value: Stored
    kind: Kind


@attrs.frozen
class Argument:
    """A parameter, whose value comes when the query is run."""

    name: str
    kind: Kind
    is_optional: bool = False


@attrs.frozen
class Calculation:
    """Operands of one precedence, from the left; the result is of the same kind.

    A result that the kind has no room for, and a division by 0, end the query.
    """

    first: "Typed"
    rest: tuple[tuple[ArithmeticOperator, "Typed"], ...]
    kind: Kind
    places: tuple[AnyPlace, ...] = _PLACES
    """Of the whole, and of each operand in `rest`."""


@attrs.frozen
class Negation:
    """A number with the other sign."""

    term: "Typed"
    kind: Kind
    places: tuple[AnyPlace, ...] = _PLACES
    """One, of the whole."""


@attrs.frozen
class Comparison:
    """Two values of one kind."""

    operator: CompareOperator
    left: "Typed"
    right: "Typed"
    kind: Kind = BOOL


@attrs.frozen
class Logic:
    """Terms joined by AND, or by OR."""

    operator: Choice["AND", "OR"]
    terms: tuple["Typed", ...]
    kind: Kind = BOOL


@attrs.frozen
class Not:
    """The contrary."""

    term: "Typed"
    kind: Kind = BOOL


@attrs.frozen
class IsNull:
    """Whether a value is absent; never unknown."""

    term: "Typed"
    kind: Kind = BOOL


@attrs.frozen
class Within:
    """Whether a value is one of several."""

    term: "Typed"
    choices: tuple["Typed", ...]
    kind: Kind = BOOL


@attrs.frozen
class Between:
    """Whether what is worked out once lies between two values, both included."""

    term: "Typed"
    low: "Typed"
    high: "Typed"
    kind: Kind = BOOL


@attrs.frozen
class Like:
    """Whether a text follows a pattern, in which a character may escape others."""

    term: "Typed"
    pattern: "Typed"
    escape: str | None = None
    kind: Kind = BOOL


@attrs.frozen
class Exists:
    """Whether other tables have rows that go with those at hand; never unknown.

    Attributes:
        sources: Those tables, as `qsdb.sql.queries.Query.tables` numbers them.
        conditions: What must be true of a row of each, together with those at hand.
    """

    sources: tuple[int, ...]
    conditions: tuple["Typed", ...]
    kind: Kind = BOOL


@attrs.frozen
class Call:
    """What a function gives (`qsdb.sql.functions`); absent where an argument is."""

    name: str
    arguments: tuple["Typed", ...]
    kind: Kind
    places: tuple[AnyPlace, ...] = _PLACES
    """One, of the whole."""


@attrs.frozen
class Coalesce:
    """The first of several values that is not absent."""

    terms: tuple["Typed", ...]
    kind: Kind


@attrs.frozen
class Cases:
    """The value of the first condition that is true, or else another one."""

    branches: tuple[tuple["Typed", "Typed"], ...]
    otherwise: "Typed"
    kind: Kind


AggregateName = Choice["COUNT", "SUM", "AVG", "MIN", "MAX"]


@attrs.frozen
class Aggregate:
    """What is made of all rows of a group; it stands in no condition of single rows.

    Attributes:
        term: What is taken of each row, where it is not absent; None: the row itself.
        is_distinct: Whether equal values are taken once.
    """

    function: AggregateName
    term: "Typed | None"
    is_distinct: bool
    kind: Kind
    places: tuple[AnyPlace, ...] = _PLACES
    """One, of the whole."""


Typed = (
    Cell
    | Constant
    | Argument
    | Calculation
    | Negation
    | Comparison
    | Logic
    | Not
    | IsNull
    | Within
    | Between
    | Like
    | Exists
    | Call
    | Coalesce
    | Cases
    | Aggregate
)


def is_optional(node: Typed) -> bool:
    """Whether the value of an expression can be absent, or unknown."""
    if isinstance(node, Cell | Argument):
        return node.is_optional
    if isinstance(node, Constant):
        return node.value is None
    if isinstance(node, Coalesce):
        return all(map(is_optional, node.terms))
    if isinstance(node, Cases):
        return any(map(is_optional, (node.otherwise, *[v for _, v in node.branches])))
    if isinstance(node, Aggregate):
        return node.function != "COUNT"
    is_known = isinstance(node, IsNull | Exists)
    return not is_known and any(map(is_optional, parts_of(node)))


def can_fail(node: Typed) -> bool:
    """Whether an expression may have no value that its kind has room for."""
    match node:
        case Calculation(rest=rest, kind=kind):
            # Floats become infinite, and are not divided by 0.
            if isinstance(kind, IntKind) or any(each == "/" for each, _ in rest):
                return True
        case Negation(kind=IntKind()):
            return True
        case Call(name=name):
            if function_of(name).can_fail:
                return True
        case _:
            pass
    return any(map(can_fail, parts_of(node)))


def parts_of(node: Typed) -> Iterator[Typed]:  # noqa: C901, PLR0912  a table
    """Yield the expressions that an expression is made of."""
    match node:
        case Comparison(left=left, right=right):
            yield from (left, right)
        case Logic(terms=terms):
            yield from terms
        case Not(term=term) | Negation(term=term) | IsNull(term=term):
            yield term
        case Within(term=term, choices=choices):
            yield from (term, *choices)
        case Between(term=term, low=low, high=high):
            yield from (term, low, high)
        case Like(term=term, pattern=pattern):
            yield from (term, pattern)
        case Calculation(first=first, rest=rest):
            yield from (first, *[operand for _, operand in rest])
        case Exists(conditions=conditions):
            yield from conditions
        case Call(arguments=arguments):
            yield from arguments
        case Coalesce(terms=terms):
            yield from terms
        case Cases(branches=branches, otherwise=otherwise):
            yield from (*[each for pair in branches for each in pair], otherwise)
        case Aggregate(term=term) if term is not None:
            yield term
        case _:
            pass


def with_parts(node: Typed, parts: Sequence[Typed]) -> Typed:  # noqa: C901, PLR0911, PLR0912  a table
    """Give an expression with other parts, as `parts_of` gives them."""
    match node:
        case Comparison():
            left, right = parts
            return attrs.evolve(node, left=left, right=right)
        case Logic():
            return attrs.evolve(node, terms=tuple(parts))
        case Not() | Negation() | IsNull():
            [term] = parts
            return attrs.evolve(node, term=term)
        case Within():
            term, *choices = parts
            return attrs.evolve(node, term=term, choices=tuple(choices))
        case Between():
            term, low, high = parts
            return attrs.evolve(node, term=term, low=low, high=high)
        case Like():
            term, pattern = parts
            return attrs.evolve(node, term=term, pattern=pattern)
        case Calculation():
            first, *operands = parts
            operators = [operator for operator, _ in node.rest]
            rest = tuple(zip(operators, operands, strict=True))
            return attrs.evolve(node, first=first, rest=rest)
        case Exists():
            return attrs.evolve(node, conditions=tuple(parts))
        case Call():
            return attrs.evolve(node, arguments=tuple(parts))
        case Coalesce():
            return attrs.evolve(node, terms=tuple(parts))
        case Cases():
            *each, otherwise = parts
            branches = tuple(zip(each[::2], each[1::2], strict=True))
            return attrs.evolve(node, branches=branches, otherwise=otherwise)
        case Aggregate(term=term) if term is not None:
            return attrs.evolve(node, term=parts[0])
        case _:
            return node


def sources_of(node: Typed) -> frozenset[int]:
    """Give the tables whose rows an expression looks at, but for those it finds."""
    if isinstance(node, Cell):
        return frozenset({node.source})
    found = frozenset().union(*map(sources_of, parts_of(node)))
    return found.difference(node.sources) if isinstance(node, Exists) else found


def renumbered(node: Typed, numbers: Mapping[int, int]) -> Typed:
    """Give an expression in which tables have other numbers."""
    if isinstance(node, Cell):
        return attrs.evolve(node, source=numbers[node.source])
    parts = [renumbered(each, numbers) for each in parts_of(node)]
    if isinstance(node, Exists):
        sources = tuple([numbers[each] for each in node.sources])
        return Exists(sources, tuple(parts))
    return with_parts(node, parts)


def without_places(node: Typed) -> Typed:
    """Give an expression whose errors do not tell where it stands."""
    found = with_parts(node, [*map(without_places, parts_of(node))])
    if isinstance(found, Calculation | Negation | Call | Aggregate):
        return attrs.evolve(found, places=())
    return found


def all_exists(nodes: Iterable[Typed]) -> Iterator[Exists]:
    """Yield each `Exists` in expressions, an outer one before those inside of it."""
    for node in nodes:
        if isinstance(node, Exists):
            yield node
        yield from all_exists(parts_of(node))
