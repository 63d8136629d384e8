"""Typed expressions as text: for plans that people read."""

from collections.abc import Sequence

from qsdb.errors import brief
from qsdb.sql.functions import cast_to
from qsdb.sql.queries import Source
from qsdb.sql.typed import (
    Aggregate,
    Argument,
    Between,
    Calculation,
    Call,
    Cases,
    Cell,
    Coalesce,
    Comparison,
    Constant,
    Exists,
    IsNull,
    Like,
    Logic,
    Negation,
    Not,
    Typed,
    Within,
)
from qsdb.values.compounds import EnumKind
from qsdb.values.kinds import TIMESTAMP, BoolKind, Kind, Stored
from qsdb.values.timestamps import Timestamp

__all__ = ["spell"]


def spell(
    node: Typed, sources: Sequence[Source], columns: Sequence[str] | None = None
) -> str:
    """Write an expression as SQL; tables are named where there are several.

    Args:
        node: It.
        sources: The tables that it is about.
        columns: How the columns of the one row are called that it is about, where that
            is no row of a table.
    """
    return _Speller(sources, columns).spell(node)


class _Speller:
    def __init__(
        self, sources: Sequence[Source], columns: Sequence[str] | None
    ) -> None:
        self._sources = sources
        self._columns = columns

    def spell(self, node: Typed, *, is_part: bool = False) -> str:  # noqa: PLR0911  a table
        """Write an expression; in brackets, if a part of another one needs them."""
        match node:
            case Cell(place=place) if self._columns is not None:
                return self._columns[place]
            case Cell(source=source, place=place):
                table = self._sources[source]
                column = table.schema.columns[place].name
                return column if len(self._sources) == 1 else f"{table.alias}.{column}"
            case Constant(value=value, kind=kind):
                return _spelt_value(value, kind)
            case Argument(name=name):
                return f":{name}"
            case Negation(term=term):
                return f"-{self.spell(term, is_part=True)}"
            case Not(term=term):
                return f"NOT {self.spell(term, is_part=True)}"
            case Call() | Coalesce() | Cases() | Aggregate():
                return self._called(node)
            case _:
                text = self._joined(node)
                return f"({text})" if is_part else text

    def _called(self, node: Call | Coalesce | Cases | Aggregate) -> str:
        """Write a function, an aggregate or CASE."""
        match node:
            case Call(name=name, arguments=[term]) if name == cast_to(node.kind):
                return f"CAST({self.spell(term)} AS {node.kind.name})"
            case Call(name=name, arguments=arguments):
                return f"{name}({', '.join(map(self.spell, arguments))})"
            case Coalesce(terms=terms):
                return f"COALESCE({', '.join(map(self.spell, terms))})"
            case Aggregate(function=name, term=term, is_distinct=is_distinct):
                spelt = "*" if term is None else self.spell(term)
                return f"{name}({'DISTINCT ' if is_distinct else ''}{spelt})"
            case _:
                whens = [
                    f"WHEN {self.spell(test)} THEN {self.spell(value)}"
                    for test, value in node.branches
                ]
                return f"CASE {' '.join(whens)} ELSE {self.spell(node.otherwise)} END"

    def _joined(  # noqa: C901, PLR0911  a table
        self,
        node: Comparison
        | Logic
        | Calculation
        | IsNull
        | Within
        | Between
        | Like
        | Exists,
    ) -> str:
        def part(each: Typed) -> str:
            return self.spell(each, is_part=True)

        match node:
            case Comparison(operator=operator, left=left, right=right):
                return f"{part(left)} {operator} {part(right)}"
            case Logic(operator=joining, terms=terms):
                return f" {joining} ".join(map(part, terms))
            case Calculation(first=first, rest=rest):
                steps = [f" {sign} {part(operand)}" for sign, operand in rest]
                return part(first) + "".join(steps)
            case IsNull(term=term):
                return f"{part(term)} IS NULL"
            case Within(term=term, choices=choices):
                return f"{part(term)} IN ({', '.join(map(part, choices))})"
            case Between(term=term, low=low, high=high):
                return f"{part(term)} BETWEEN {part(low)} AND {part(high)}"
            case Exists(sources=sources, conditions=conditions):
                tables = [self._sources[number].spelt for number in sources]
                where = " AND ".join(map(part, conditions)) or "TRUE"
                return f"EXISTS ({', '.join(tables)} WHERE {where})"
            case _:
                like = f"{part(node.term)} LIKE {part(node.pattern)}"
                escape = node.escape
                return like if escape is None else f"{like} ESCAPE {_quoted(escape)}"


def _spelt_value(value: Stored, kind: Kind) -> str:
    if value is None:
        return "NULL"
    if isinstance(kind, BoolKind):
        return str(value).upper()
    if isinstance(kind, EnumKind):
        assert isinstance(value, int)
        value = kind.variants[value]
    elif kind == TIMESTAMP:
        assert isinstance(value, int)
        value = str(Timestamp.from_stored(value))
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, str):
        return _quoted(value)
    return brief(value)


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"
