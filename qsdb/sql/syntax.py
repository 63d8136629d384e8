"""The syntax tree: what a text says, before anybody looks whether it makes sense.

Every node knows the place in the text where it begins, ``at``, counted in characters
from 0, so that whatever is wrong with it later can be pointed at.

Chains are flat: ``a AND b AND c`` is one `Logic` of three terms, as are sums, products,
comparisons and repeated signs. So a tree is as deep as the text nests parentheses.
"""

from typing import Literal as Choice

import attrs

__all__ = [
    "Arithmetic",
    "Between",
    "Body",
    "Call",
    "Cases",
    "Cast",
    "Column",
    "Comparison",
    "Exists",
    "Expression",
    "In",
    "InQuery",
    "IsNull",
    "Item",
    "Join",
    "Like",
    "Literal",
    "Logic",
    "Negation",
    "Not",
    "Ordering",
    "Parameter",
    "Path",
    "Qualify",
    "Query",
    "Select",
    "Star",
    "Table",
    "United",
]

LiteralForm = Choice["number", "text", "hex", "bool", "null"]
CompareOperator = Choice["=", "<>", "<", "<=", ">", ">="]
ArithmeticOperator = Choice["+", "-", "*", "/", "%", "||"]
JoinKind = Choice["INNER", "LEFT", "RIGHT", "FULL"]
SetOperator = Choice["UNION", "INTERSECT", "EXCEPT"]


@attrs.frozen
class Path:
    """A name, or several joined by dots: of a table, or of a column in one."""

    at: int
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole name."""
        return ".".join(self.parts)


@attrs.frozen
class Literal:
    """A constant as it is spelt; what it is worth depends on what it stands beside.

    Attributes:
        form: How it is written.
        text: The digits with their sign, the text between the quotes, the hex digits,
            ``"true"``, ``"false"`` or ``"null"``.
    """

    at: int
    form: LiteralForm
    text: str


@attrs.frozen
class Column:
    """A column, perhaps of a table that is named before it."""

    at: int
    qualifier: str | None
    name: str


@attrs.frozen
class Parameter:
    """``:name``."""

    at: int
    name: str


@attrs.frozen
class Logic:
    """Terms joined by AND, or by OR."""

    at: int
    operator: Choice["AND", "OR"]
    terms: tuple["Expression", ...]


@attrs.frozen
class Not:
    """NOT, so many times, before a term."""

    at: int
    times: int
    term: "Expression"


@attrs.frozen
class Comparison:
    """``first op operand op operand …``, to be read from the left."""

    at: int
    first: "Expression"
    rest: tuple[tuple[CompareOperator, "Expression"], ...]


@attrs.frozen
class Arithmetic:
    """Operands of one precedence, to be read from the left."""

    at: int
    first: "Expression"
    rest: tuple[tuple[ArithmeticOperator, "Expression"], ...]


@attrs.frozen
class Negation:
    """Minus, so many times, before a term that is no bare number."""

    at: int
    times: int
    term: "Expression"


@attrs.frozen
class IsNull:
    """``IS NULL`` or ``IS NOT NULL``."""

    at: int
    term: "Expression"
    is_negated: bool


@attrs.frozen
class In:
    """``IN (…)`` with a list of choices."""

    at: int
    term: "Expression"
    choices: tuple["Expression", ...]
    is_negated: bool


@attrs.frozen
class Between:
    """``BETWEEN low AND high``, both ends included."""

    at: int
    term: "Expression"
    low: "Expression"
    high: "Expression"
    is_negated: bool


@attrs.frozen
class Like:
    """``LIKE pattern``: ``%`` stands for any text, ``_`` for one character.

    Attributes:
        escape: The string after ESCAPE; what follows it in the pattern stands for
            itself.
    """

    at: int
    term: "Expression"
    pattern: "Expression"
    is_negated: bool
    escape: Literal | None = None


@attrs.frozen
class Call:
    """A function, or an aggregate: ``name(arguments)``.

    Attributes:
        name: As it is spelt.
        arguments: None for ``name(*)``.
        is_distinct: Whether DISTINCT stands before the arguments.
    """

    at: int
    name: str
    arguments: tuple["Expression", ...] | None
    is_distinct: bool = False


@attrs.frozen
class Cast:
    """A number taken into the kind of a name: ``CAST(term AS kind)``."""

    at: int
    term: "Expression"
    kind: Path


@attrs.frozen
class Cases:
    """``CASE``: the first branch whose condition is true.

    Attributes:
        operand: What the conditions are compared with; None where they are predicates.
        branches: Each condition, and the value that belongs to it.
        otherwise: The value behind ELSE.
    """

    at: int
    operand: "Expression | None"
    branches: tuple[tuple["Expression", "Expression"], ...]
    otherwise: "Expression | None"


@attrs.frozen
class Exists:
    """``EXISTS (SELECT …)``."""

    at: int
    query: "Query"


@attrs.frozen
class InQuery:
    """``IN (SELECT …)``."""

    at: int
    term: "Expression"
    query: "Query"
    is_negated: bool


Expression = (
    Literal
    | Column
    | Parameter
    | Logic
    | Not
    | Comparison
    | Arithmetic
    | Negation
    | IsNull
    | In
    | InQuery
    | Between
    | Like
    | Call
    | Cases
    | Cast
    | Exists
)


@attrs.frozen
class Star:
    """All columns, or all of one table."""

    at: int
    qualifier: str | None


@attrs.frozen
class Item:
    """One expression to be selected."""

    at: int
    term: Expression
    alias: str | None


@attrs.frozen
class Table:
    """A table in FROM, or a view.

    Attributes:
        arguments: Of a view; None without brackets.
    """

    path: Path
    alias: str | None
    arguments: tuple[Expression, ...] | None = None

    @property
    def at(self) -> int:
        """Where it begins."""
        return self.path.at


@attrs.frozen
class Join:
    """A further table, and what its rows must have to do with those before."""

    at: int
    table: Table
    condition: Expression | None
    kind: JoinKind = "INNER"


@attrs.frozen
class Select:
    """Rows of some tables, and what is made of them.

    Attributes:
        is_distinct: Whether equal rows are given once.
        groups: What rows of one group have in common; None without GROUP BY.
        having: What must be true of a group.
        qualify: Which rows of each group are taken.
    """

    at: int
    items: tuple[Star | Item, ...]
    table: Table
    joins: tuple[Join, ...] = ()
    where: Expression | None = None
    is_distinct: bool = False
    groups: tuple[Expression, ...] | None = None
    having: Expression | None = None
    qualify: "Qualify | None" = None


@attrs.frozen
class United:
    """Two queries joined by UNION, INTERSECT or EXCEPT.

    Attributes:
        at: Where the operator stands.
        is_all: Whether rows are counted, and not just there or not.
    """

    at: int
    operator: SetOperator
    is_all: bool
    left: "Body"
    right: "Body"


@attrs.frozen
class Ordering:
    """A term of ORDER BY.

    Attributes:
        are_nulls_first: None where nothing is said of them.
    """

    at: int
    term: Expression
    is_descending: bool = False
    are_nulls_first: bool | None = None


@attrs.frozen
class Qualify:
    """``QUALIFY call OVER (PARTITION BY groups ORDER BY order) operator bound``.

    Attributes:
        groups: What rows of one group have in common; empty where all are one.
        order: What the rows of a group are sorted by.
    """

    at: int
    call: Call
    groups: tuple[Expression, ...]
    order: tuple[Ordering, ...]
    operator: CompareOperator
    bound: Literal | Parameter


@attrs.frozen
class Query:
    """A query.

    Attributes:
        order: What its rows are sorted by; empty for any order.
        limit: Most rows to give; None for all.
        offset: How many rows are passed over before; None for none.
    """

    at: int
    body: "Body"
    order: tuple[Ordering, ...] = ()
    limit: Literal | Parameter | None = None
    offset: Literal | Parameter | None = None


Body = Select | United | Query
