"""Search arguments: conditions that say where to look, and not only what to refuse.

Of a column of one table, and of values that do not come from that table:

* an `Equality` says that it equals one of some values: ``=``, IN, OR of these, and a
  bool by itself;
* a `Span` says between which ends it lies: ``<``, ``<=``, ``>``, ``>=`` (BETWEEN is
  two of them), and LIKE with a pattern that begins with plain text.

The term is from the days when they were called *sargable* predicates (System R).
"""

import itertools
from collections.abc import Sequence

import attrs

from qsdb.sql.patterns import read_pattern
from qsdb.sql.typed import (
    Cell,
    Comparison,
    Constant,
    Like,
    Logic,
    Not,
    Typed,
    Within,
    sources_of,
)
from qsdb.values.kinds import BOOL, STR

__all__ = ["End", "Equality", "Span", "equality", "span"]


@attrs.frozen
class Equality:
    """A column equals one of some values, which do not come from its table."""

    column: int
    values: tuple[Typed, ...]


@attrs.frozen
class End:
    """One end of a span."""

    value: Typed
    is_included: bool


@attrs.frozen
class Span:
    """A column lies between ends; an end that is None is open.

    Attributes:
        is_exact: Whether the condition says no more than this.
    """

    column: int
    low: End | None
    high: End | None
    is_exact: bool = True

    def joined(self, other: "Span") -> "Span | None":
        """Give the span that is in both, unless both have the same end."""
        if (self.low and other.low) or (self.high and other.high):
            return None
        low, high = self.low or other.low, self.high or other.high
        return Span(self.column, low, high, self.is_exact and other.is_exact)


def equality(term: Typed, source: int) -> Equality | None:  # noqa: C901  a table
    """Read a condition as one that fixes a column of a table."""
    match term:
        case Comparison(operator="=", left=left, right=right):
            for cell, value in ((left, right), (right, left)):
                if _is_of(cell, source) and source not in sources_of(value):
                    assert isinstance(cell, Cell)
                    return Equality(cell.place, (value,))
        case Within(term=Cell(source=found, place=place), choices=choices):
            if found == source and not any(source in sources_of(e) for e in choices):
                return Equality(place, choices)
        case Cell(source=found, place=place) if found == source:
            return Equality(place, (Constant(value=True, kind=BOOL),))
        case Not(term=Cell(source=found, place=place)) if found == source:
            return Equality(place, (Constant(value=False, kind=BOOL),))
        case Logic(operator="OR", terms=terms):
            return _any_of([equality(each, source) for each in terms])
        case _:
            pass
    return None


def _any_of(found: Sequence[Equality | None]) -> Equality | None:
    """Join equalities of one column; None if there is anything else."""
    first = found[0]
    values: list[Typed] = []
    for each in found:
        if first is None or each is None or each.column != first.column:
            return None
        values += each.values
    assert first is not None
    return Equality(first.column, tuple(dict.fromkeys(values)))


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def span(term: Typed, source: int) -> Span | None:
    """Read a condition as one that bounds a column of a table."""
    match term:
        case Comparison(operator=operator, left=left, right=right):
            if operator not in _MIRRORED:
                return None
            if _is_of(left, source) and source not in sources_of(right):
                return _bounded(left, operator, right)
            if _is_of(right, source) and source not in sources_of(left):
                return _bounded(right, _MIRRORED[operator], left)
            return None
        case Like(
            term=Cell(source=found, place=place),
            pattern=Constant(value=value),
            escape=escape,
        ):
            characters = read_pattern(str(value), escape)
            return _beginning(place, characters) if found == source else None
        case _:
            return None


def _is_of(node: Typed, source: int) -> bool:
    return isinstance(node, Cell) and node.source == source


def _bounded(cell: Typed, operator: str, value: Typed) -> Span:
    assert isinstance(cell, Cell)
    end = End(value, is_included=operator.endswith("="))
    if operator.startswith(">"):
        return Span(cell.place, end, None)
    return Span(cell.place, None, end)


def _beginning(place: int, characters: Sequence[tuple[str, bool]]) -> Span | None:
    """Give the span of all texts that begin as a pattern does."""
    plain = itertools.takewhile(lambda each: each[1], characters)
    beginning = "".join([character for character, _ in plain])
    if not beginning:
        return None
    low = End(Constant(beginning, STR), is_included=True)
    is_exact = characters[len(beginning) :] == [("%", False)]
    after = beginning.rstrip("\U0010ffff")
    if not after:  # nothing follows the last character
        return Span(place, low, None, is_exact=is_exact)
    following = after[:-1] + chr(ord(after[-1]) + 1)
    high = End(Constant(following, STR), is_included=False)
    return Span(place, low, high, is_exact=is_exact)
