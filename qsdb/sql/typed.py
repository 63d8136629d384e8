"""The typed tree: expressions whose names are found and whose kinds are known.

`qsdb.sql.checking` makes it of the syntax tree. What can be said in several ways is
said in one here: BETWEEN is two comparisons, a sign before a number is part of it, and
constants are stored values. A `kind` is never optional: whether a value can be absent
is told by the columns it is made of.

Where a value is absent (NULL) truth has three values, as in SQL: a comparison with it
is neither true nor false but unknown, NOT of unknown is unknown, AND is false if any
term is false, OR is true if any is true; WHERE takes what is true.
"""

from typing import Literal as Choice

import attrs

from qsdb.sql.syntax import ArithmeticOperator, CompareOperator
from qsdb.values.kinds import BOOL, Kind, Stored

__all__ = [
    "Argument",
    "Calculation",
    "Cell",
    "Comparison",
    "Constant",
    "IsNull",
    "Like",
    "Logic",
    "Negation",
    "Not",
    "Typed",
    "Within",
]


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


@attrs.frozen
class Calculation:
    """Operands of one precedence, from the left; the result is of the same kind.

    A result that the kind has no room for, and a division by 0, end the query.
    """

    first: "Typed"
    rest: tuple[tuple[ArithmeticOperator, "Typed"], ...]
    kind: Kind


@attrs.frozen
class Negation:
    """A number with the other sign."""

    term: "Typed"
    kind: Kind


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
class Like:
    """Whether a text follows a pattern."""

    term: "Typed"
    pattern: "Typed"
    kind: Kind = BOOL


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
    | Like
)
