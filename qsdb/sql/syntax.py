"""The syntax tree: what a text says, before anybody looks whether it makes sense.

Every node knows the place in the text where it begins, ``at``, counted in characters
from 0, so that whatever is wrong with it later can be pointed at.

Chains are flat: ``a AND b AND c`` is one `Logic` of three terms, and so are sums,
products, comparisons and repeated signs. So a tree is only as deep as the text nests
parentheses, however long the text is.
"""

from typing import Literal as Choice

import attrs

__all__ = [
    "Arithmetic",
    "Assignment",
    "Between",
    "Column",
    "Comparison",
    "Count",
    "Delete",
    "Explain",
    "Expression",
    "In",
    "Insert",
    "IsNull",
    "Item",
    "Join",
    "Like",
    "Literal",
    "LiteralForm",
    "Logic",
    "Negation",
    "Not",
    "Parameter",
    "Path",
    "Query",
    "Select",
    "SetVariable",
    "Show",
    "Star",
    "Statement",
    "Table",
    "Update",
]

LiteralForm = Choice["number", "text", "hex", "bool", "null"]
CompareOperator = Choice["=", "<>", "<", "<=", ">", ">="]
ArithmeticOperator = Choice["+", "-", "*", "/", "%"]


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
    | Between
    | Like
)


@attrs.frozen
class Star:
    """All columns, or all of one table."""

    at: int
    qualifier: str | None


@attrs.frozen
class Count:
    """``COUNT(*)``."""

    at: int
    alias: str | None


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


@attrs.frozen
class Select:
    """A query.

    Attributes:
        limit: Most rows to give, as it is spelt; None for all.
    """

    at: int
    items: tuple[Star | Count | Item, ...]
    table: Table
    joins: tuple[Join, ...]
    where: Expression | None
    limit: Literal | None


Query = Select


@attrs.frozen
class Explain:
    """``EXPLAIN`` of a query."""

    at: int
    query: Query


@attrs.frozen
class Insert:
    """Rows to insert; without columns they have all of the table's, in its order."""

    at: int
    table: Path
    columns: tuple[Path, ...] | None
    rows: tuple[tuple[Expression, ...], ...]


@attrs.frozen
class Delete:
    """Rows to delete."""

    at: int
    table: Path
    where: Expression | None


@attrs.frozen
class Assignment:
    """A column and what it is to be."""

    column: Path
    value: Expression


@attrs.frozen
class Update:
    """Rows to change."""

    at: int
    table: Path
    assignments: tuple[Assignment, ...]
    where: Expression | None


@attrs.frozen
class SetVariable:
    """``SET variable = value``."""

    at: int
    variable: Path
    value: Expression


@attrs.frozen
class Show:
    """``SHOW variable``."""

    at: int
    variable: Path


Statement = Select | Explain | Insert | Delete | Update | SetVariable | Show
