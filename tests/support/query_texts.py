"""Random tables for SQL, and random statements over them, as texts.

Values are few, so that rows meet: whole numbers from 0 to 5, a handful of texts and
floats. A `Scene` says what tables there are; a `Writer` draws expressions and queries
in which kinds agree, so that none is refused: where a kind must be told by something,
a column stands there.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
from hypothesis import strategies as st

import qsdb
from tests.support.schemas import ColumnSpec, Domain, IndexSpec, TableSpec

__all__ = [
    "ARGUMENTS",
    "OPTIONAL_ARGUMENTS",
    "Column",
    "Kind",
    "Source",
    "Writer",
    "arguments",
    "pick",
    "queries",
    "row_numbers",
    "source_of",
    "table_specs",
]

Kind = Literal["int", "tiny", "str", "float", "bool"]

VALUES: Mapping[Kind, tuple[Any, ...]] = {
    "int": (0, 1, 2, 3, 4, 5),
    "tiny": (-128, -1, 0, 2, 127),
    "str": ("", "a", "b", "ab", "é", "%", "\U0010ffff"),
    "float": (-math.inf, -1.5, 0.0, -0.0, 2.0, math.inf, math.nan),
    "bool": (False, True),
}
LITERALS: Mapping[Kind, tuple[str, ...]] = {
    "int": ("0", "1", "2", "3", "4", "5", "-1", "2147483647"),
    "tiny": ("-128", "-1", "0", "2", "127"),
    "str": ("''", "'a'", "'b'", "'ab'", "'é'", "'%'"),
    "float": ("0", "-1.5", "2", "1e999", "0.5"),
    "bool": ("TRUE", "FALSE"),
}
PATTERNS = ("''", "'%'", "'a%'", "'_'", "'%b'", "'a_'", "'é%'", "'\U0010ffff%'", "'b'")

_ANNOTATIONS: Mapping[Kind, Any] = {
    "int": qsdb.i32,
    "tiny": qsdb.i8,
    "str": str,
    "float": float,
    "bool": bool,
}
KINDS: tuple[Kind, ...] = ("int", "tiny", "str", "float", "bool")

DOMAINS = {
    (kind, is_optional): Domain(
        f"{kind}{'?' if is_optional else ''}",
        _ANNOTATIONS[kind] | None if is_optional else _ANNOTATIONS[kind],
        (*VALUES[kind], None) if is_optional else VALUES[kind],
    )
    for kind in KINDS
    for is_optional in (False, True)
}
KIND_OF = {domain.name: key for key, domain in DOMAINS.items()}

# Whole numbers are most of all columns, so that tables can be joined.
_COLUMNS = (*[DOMAINS["int", False], DOMAINS["int", True]] * 3, *DOMAINS.values())
_ROLES = ("", "", "btree", "btree", "hash", "unique")
_NAMES = ("a", "b", "c", "d")
_ORDERS = ((0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1), (0, 1, 2), (2, 1, 0))


@functools.cache
def _below(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


def pick(draw: st.DrawFn, choices: Sequence[Any]) -> Any:
    """Draw one of some things; strategies are made once."""
    return choices[draw(_below(len(choices)))]


@st.composite
def table_specs(draw: st.DrawFn, count: int = 2) -> tuple[TableSpec, ...]:
    """Draw some tables, with keys and indexes of each sort."""
    return tuple([_table(draw, f"t{number}") for number in range(count)])


def _table(draw: st.DrawFn, name: str) -> TableSpec:
    form = pick(draw, ("key", "key", "composite", "none"))
    columns = []
    for place in range(pick(draw, (2, 3, 3, 4))):
        domain = pick(draw, _COLUMNS)
        role = pick(draw, _ROLES)
        if place == 0 and form == "key":
            role, domain = "primary", pick(draw, _COLUMNS)
        columns.append(ColumnSpec(_NAMES[place], domain, role))
    orders = [each for each in _ORDERS if max(each) < len(columns)]
    key = pick(draw, orders)[:2] if form == "composite" else ()
    indexes = []
    for number in range(pick(draw, (0, 1, 1, 2))):
        algorithm = pick(draw, ("btree", "btree", "hash", "unique"))
        places = pick(draw, orders)
        if algorithm != "unique":
            indexes.append(IndexSpec(algorithm, places, f"by_{number}"))
        elif places != key and not any(e.columns == places for e in indexes):
            indexes.append(IndexSpec("unique", places))
    return TableSpec(name, tuple(columns), key, tuple(indexes))


row_numbers = st.lists(st.tuples(*[st.integers(0, 7)] * 4), max_size=6)
"""Rows of a table: a number of its domain for each column, of four at most."""

ARGUMENTS: Mapping[str, Kind] = {f"{kind}_{n}": kind for kind in KINDS for n in "12"}
"""Name → kind of the parameters in expressions."""

OPTIONAL_ARGUMENTS: Mapping[str, Kind] = {f"new_{kind}": kind for kind in KINDS}
"""Name → kind of those that an optional column may be set to, and that may be None."""

arguments: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {name: st.sampled_from(VALUES[kind]) for name, kind in ARGUMENTS.items()}
    | {
        name: st.sampled_from((*VALUES[kind], None))
        for name, kind in OPTIONAL_ARGUMENTS.items()
    }
)


# Expressions.


@attrs.frozen
class Column:
    """A column as a query may name it."""

    text: str
    kind: Kind
    is_optional: bool


@attrs.frozen
class Source:
    """A table in FROM."""

    alias: str
    table: str
    columns: tuple[Column, ...]


def source_of(spec: TableSpec, alias: str, *, is_bare: bool = False) -> Source:
    """Give a table as FROM has it; with bare names where it stands alone."""
    prefix = "" if is_bare else f"{alias}."
    columns = [
        Column(f"{prefix}{each.name}", *KIND_OF[each.domain.name])
        for each in spec.columns
    ]
    return Source(alias, spec.name, tuple(columns))


@attrs.define
class Writer:
    """Draws texts over some tables.

    Attributes:
        draw: Of Hypothesis.
        columns: What may be named.
        arithmetic: Operators; empty for none.
        literals: Kind → what is written for values.
        has_parameters: Whether parameters are written too.
    """

    draw: st.DrawFn
    columns: Sequence[Column]
    arithmetic: Sequence[str] = ("+", "-", "*", "+", "-", "/", "%")
    literals: Mapping[Kind, Sequence[str]] = attrs.field(default=LITERALS)
    has_parameters: bool = True

    def pick(self, choices: Sequence[Any]) -> Any:
        return pick(self.draw, choices)

    # Values.

    def telling(self, depth: int = 1) -> tuple[str, Kind]:
        """Give a value that tells its kind: a column is in it."""
        column = self.pick(self.columns)
        return self._more(column.text, column.kind, depth), column.kind

    def value(self, kind: Kind, depth: int = 1) -> str:
        """Give any value of a kind; something beside it tells of which."""
        fitting = [each.text for each in self.columns if each.kind == kind]
        forms = ["literal", "literal", *["parameter"] * self.has_parameters]
        form = self.pick([*forms, *["column"] * 3 * bool(fitting)])
        if form == "literal":
            found: str = self.pick(self.literals[kind])
        elif form == "parameter":
            found = f":{kind}_{self.pick('12')}"
        else:
            found = self.pick(fitting)
        return self._more(found, kind, depth)

    def _more(self, text: str, kind: Kind, depth: int) -> str:
        """Calculate with a number, now and then."""
        if not depth or not self.arithmetic or kind in ("str", "bool"):
            return text
        if self.pick(range(4)):
            return text
        operators = [each for each in self.arithmetic if kind != "float" or each != "%"]
        if not self.pick(range(5)):
            # The sign of a literal is part of it, and -(-128) may have no room.
            is_literal = text[:1] == "-" and text[1:2] != "("
            return text if is_literal else f"-({text})"
        other = self.value(kind, depth - 1)
        operator = self.pick(operators)
        first, second = (text, other) if self.pick((0, 1)) else (other, text)
        return f"({first} {operator} {second})"

    # What is true or not.

    def predicate(self, depth: int = 2) -> str:
        """Give a predicate."""
        forms = ["test"] * 4
        if depth:
            forms += ["AND", "OR", "NOT", "same"]
        match self.pick(forms):
            case "test":
                return self.test()
            case "NOT":
                return f"NOT ({self.predicate(depth - 1)})"
            case "same":
                pair = self.predicate(depth - 1), self.predicate(depth - 1)
                return f"(({pair[0]}) {self.pick(('=', '<>', '<'))} ({pair[1]}))"
            case joining:
                count = self.pick((2, 2, 3))
                terms = [f"({self.predicate(depth - 1)})" for _ in range(count)]
                return f" {joining} ".join(terms)

    def test(self) -> str:
        """Give a predicate about one value."""
        value, kind = self.telling()
        is_not = self.pick(("", "", "NOT "))
        forms = ["compare"] * 4 + ["IN", "BETWEEN", "NULL"]
        forms += ["LIKE"] * 2 * (kind == "str") + ["bare"] * 2 * (kind == "bool")
        match self.pick(forms):
            case "compare":
                operator = self.pick(("=", "=", "=", "<>", "<", "<=", ">", ">="))
                pair = [value, self.value(kind)]
                first, second = pair if self.pick((1, 1, 0)) else reversed(pair)
                return f"{first} {operator} {second}"
            case "IN":
                count = self.pick((1, 2, 3))
                choices = ", ".join([self.value(kind) for _ in range(count)])
                return f"{value} {is_not}IN ({choices})"
            case "BETWEEN":
                low, high = self.value(kind), self.value(kind)
                return f"{value} {is_not}BETWEEN {low} AND {high}"
            case "NULL":
                return f"{value} IS {is_not}NULL"
            case "LIKE":
                pattern = self.pick((self.pick(PATTERNS), self.value("str")))
                return f"{value} {is_not}LIKE {pattern}"
            case _:
                return f"{is_not}{value}"

    def where(self) -> str:
        """Give terms that are joined by AND, as users write them most of all."""
        terms = [
            self.pick((self.test, self.test, self.test, self.predicate))()
            for _ in range(self.pick((0, 1, 1, 2, 2, 3)))
        ]
        joined = " AND ".join([f"({e})" if " OR " in e else e for e in terms])
        return f" WHERE {joined}" if terms else ""

    # Queries.

    def query(self, sources: Sequence[Source]) -> str:
        """Give a query; the columns are those of the sources."""
        return self.selected(sources, self.joined(sources) + self.where())

    def joined(self, sources: Sequence[Source]) -> str:
        """Give what stands behind FROM; ON names what is before it only."""
        first, *rest = sources
        text = _spelt(first)
        known = [*first.columns]
        everything = self.columns
        for source in rest:
            join = self.pick(("JOIN", "INNER JOIN", "CROSS JOIN"))
            text += f" {join} {_spelt(source)}"
            pairs = [
                (new.text, old.text)
                for new in source.columns
                for old in known
                if new.kind == old.kind
            ]
            known += source.columns
            self.columns = known
            if pairs and self.pick(range(5)):
                new, old = self.pick(pairs)
                first_text, second = self.pick(((new, old), (old, new)))
                text += f" ON {first_text} = {second}"
                if not self.pick(range(3)):
                    text += f" AND {self.test()}"
            elif self.pick((0, 1)):
                text += f" ON {self.test()}"
        self.columns = everything
        return text

    def selected(self, sources: Sequence[Source], rest: str) -> str:
        """Give a whole query of what stands behind FROM."""
        limit = self.pick(("",) * 6 + (" LIMIT 0", " LIMIT 1", " LIMIT 3"))
        return f"SELECT {self._items(sources)} FROM {rest}{limit}"

    def _items(self, sources: Sequence[Source]) -> str:
        match self.pick(("star", "star", "list", "list", "count")):
            case "star" if len(sources) == 1:
                return "*"
            case "star":
                return f"{self.pick(sources).alias}.*"
            case "count":
                return "COUNT(*) AS n"
            case _:
                count = self.pick((1, 2, 3))
                makers = (lambda: self.telling()[0], lambda: f"({self.test()})")
                items = [self.pick(makers * 3 + makers[:1] * 3)() for _ in range(count)]
                return ", ".join([f"{each} AS x{n}" for n, each in enumerate(items)])


def _spelt(source: Source) -> str:
    if source.alias == source.table:
        return source.table
    return f"{source.table} {source.alias}"


def scene(draw: st.DrawFn, specs: Sequence[TableSpec]) -> tuple[Source, ...]:
    """Draw the tables of one query, also one of them twice."""
    count = pick(draw, (1, 1, 1, 2, 2, 2, 3, 4))
    chosen = [pick(draw, specs) for _ in range(count)]
    if count == 1:
        return (source_of(chosen[0], chosen[0].name, is_bare=True),)
    return tuple([source_of(each, f"s{n}") for n, each in enumerate(chosen)])


@st.composite
def queries(draw: st.DrawFn, specs: Sequence[TableSpec]) -> str:
    """Draw a query over some tables."""
    sources = scene(draw, specs)
    columns = [each for source in sources for each in source.columns]
    return Writer(draw, columns).query(sources)
