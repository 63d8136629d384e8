"""Random queries for live queries: a tree of tuples that can be spelt in many ways.

`draw_question` draws what is asked; `spell` writes it down, as it stands or in other
words that mean the same (M5): other aliases, terms in another order or doubled, sides
of a comparison exchanged, BETWEEN and IN as what they stand for.
"""

import random
from collections.abc import Sequence
from typing import Any

import attrs

from tests.support.live_schemas import (
    DOMAINS,
    LARGE,
    ColumnSpec,
    Domain,
    TableSpec,
    Value,
)

__all__ = ["Question", "draw_question", "draw_sum", "revalued", "spell", "spoil"]

Node = tuple[Any, ...]
"""("cell", source, name), ("value", text), ("plus", cell, text), ("sum", cell, cell);
of truth ("compare", operator, left, right), ("and" | "or", terms), ("not", term),
("null", cell, is_not), ("in", cell, values), ("between", cell, low, high),
("like", cell, text), ("flag", cell) and ("true", text)."""


SPELT: dict[str, list[str]] = {}
"""How a value is spelt → how all of its sort are."""

ALIKE: dict[int, list[Value]] = {}
"""The `id` of a value → all of its sort."""

for _domain in [*DOMAINS, *LARGE]:
    _values = [each for each in _domain.values if each.stored is not None]
    _texts = [each.spelt for each in _values if each.spelt is not None]
    SPELT.update({each: _texts for each in _texts if each not in SPELT})
    ALIKE.update({id(each): _values for each in _values})


@attrs.frozen
class Question:
    """What is asked.

    Attributes:
        tables: In the order of FROM.
        joins: Of each table but the first: the terms of its ON; none for CROSS JOIN.
        where: What else has to be true.
        outputs: The place of a table that is asked for whole, or expressions.
        params: Name → value, as given and as stored.
        can_fail: Whether a result may have no room.
        is_shared: Whether sqlite3 means the same.
    """

    tables: tuple[str, ...]
    joins: tuple[tuple[Node, ...], ...]
    where: Node | None
    outputs: int | tuple[Node, ...]
    params: dict[str, Value]
    can_fail: bool = False
    is_shared: bool = True


class _Drawer:
    def __init__(self, rng: random.Random, specs: Sequence[TableSpec]) -> None:
        self.rng = rng
        counts = rng.choices((1, 2, 3, 4), (50, 34, 12, 4))[0]
        self.tables = [rng.choice(specs) for _ in range(counts)]
        if counts > 1 and rng.random() < 0.35:
            self.tables[1] = self.tables[0]  # a self-join
        self.params: dict[str, Value] = {}
        self.is_shared = True

    def cells(self, upto: int) -> list[tuple[Node, ColumnSpec]]:
        return [
            (("cell", source, column.name), column)
            for source, table in enumerate(self.tables[:upto])
            for column in table.columns
        ]

    def value(self, domain: Domain) -> Node | None:
        """Draw a value; None where it would be NULL."""
        value = self.rng.choice(domain.values)
        if value.stored is None:
            return None
        if domain.name == "identity" and self.rng.random() < 0.6:
            self.is_shared = False
            return ("value", ":sender")
        if value.spelt is None or self.rng.random() < 0.2:
            name = f"p{len(self.params)}"
            self.params[name] = value
            return ("value", f":{name}")
        return ("value", value.spelt)

    def atom(self, upto: int) -> Node:  # noqa: C901, PLR0911  a table of sorts
        rng = self.rng
        cell, column = rng.choice(self.cells(upto))
        domain = column.domain
        low, high = self.value(domain), self.value(domain)
        draw = rng.random()
        if domain.kind == "bool" and draw < 0.6:
            return ("flag", cell)
        if draw < 0.08 or low is None or high is None:
            return ("null", cell, rng.random() < 0.5)
        if draw < 0.10:
            return ("true", rng.choice(("TRUE", "FALSE", "TRUE")))
        if draw < 0.24:
            values = [self.value(domain) for _ in range(rng.choice((1, 2, 3, 9)))]
            if all(values):
                return ("in", cell, tuple(values))
        if draw < 0.33:
            return ("between", cell, low, high)
        if draw < 0.39 and domain.kind == "str":
            return ("like", cell, rng.choice(("'a%'", "'%'", "'_'", "'%b'", "'é%'")))
        if draw < 0.55:
            others = [
                each for each in self.cells(upto) if self.is_alike(each[1], column)
            ]
            other = rng.choice(others)[0]
            if domain.kind == "i32" and rng.random() < 0.4:
                other = ("plus", other, "1")
            return ("compare", self.operator(), cell, other)
        return ("compare", self.operator(), cell, low)

    def is_alike(self, one: ColumnSpec, other: ColumnSpec) -> bool:
        return one.domain.kind == other.domain.kind

    def operator(self) -> str:
        return self.rng.choice(("=", "=", "=", "<>", "<", "<=", ">", ">="))

    def truth(self, upto: int, depth: int) -> Node:
        rng = self.rng
        draw = rng.random()
        if depth == 0 or draw < 0.45:
            return self.atom(upto)
        if draw < 0.55:
            return ("not", self.truth(upto, depth - 1))
        sort = "and" if draw < 0.8 else "or"
        count = rng.choice((2, 2, 3))
        return (sort, tuple([self.truth(upto, depth - 1) for _ in range(count)]))

    def on(self, source: int) -> tuple[Node, ...]:
        rng = self.rng
        if rng.random() < 0.06:
            return ()
        pairs = [
            (own, other)
            for own, mine in self.cells(source + 1)
            if own[1] == source
            for other, theirs in self.cells(source)
            if self.is_alike(mine, theirs)
        ]
        if not pairs or rng.random() < 0.08:
            return (self.truth(source + 1, 1),)
        sides = list(rng.choice(pairs))
        rng.shuffle(sides)
        operator = "=" if rng.random() < 0.9 else self.operator()
        terms: list[Node] = [("compare", operator, *sides)]
        if rng.random() < 0.2:
            terms.append(self.truth(source + 1, 1))
        return tuple(terms)

    def outputs(self) -> int | tuple[Node, ...]:
        rng = self.rng
        if rng.random() < 0.55:
            return rng.randrange(len(self.tables))
        outputs: list[Node] = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            cell, column = rng.choice(self.cells(len(self.tables)))
            add = column.domain.kind == "i32" and rng.random() < 0.25
            outputs.append(("plus", cell, "2") if add else cell)
        return tuple(outputs)


def draw_sum(rng: random.Random, specs: Sequence[TableSpec]) -> Question | None:
    """Ask for the sum of columns of two tables, which may have no room."""
    drawer = _Drawer(rng, specs)
    drawer.tables = [rng.choice(specs), rng.choice(specs)]
    narrow: list[list[Node]] = [[], []]
    for cell, column in drawer.cells(2):
        if column.domain.kind == "u8":
            narrow[cell[1]].append(cell)
    if not all(narrow):
        return None
    return Question(
        tuple([each.name for each in drawer.tables]),
        (drawer.on(1),),
        None,
        (("sum", *map(rng.choice, narrow)),),
        drawer.params,
        can_fail=True,
        is_shared=False,
    )


def draw_question(rng: random.Random, specs: Sequence[TableSpec]) -> Question:
    """Draw what to ask."""
    small = [
        (table, column.name)
        for table in specs
        for column in table.columns
        if column.domain.kind == "u8"
    ]
    if small and rng.random() < 0.15:
        table, name = rng.choice(small)
        overflow = ("compare", "<", ("plus", ("cell", 0, name), "6"), ("value", "8"))
        return Question(
            (table.name,), (), overflow, 0, {}, can_fail=True, is_shared=False
        )
    drawer = _Drawer(rng, specs)
    count = len(drawer.tables)
    joins = tuple([drawer.on(source) for source in range(1, count)])
    where = (
        drawer.truth(count, rng.choice((0, 1, 2, 3))) if rng.random() < 0.8 else None
    )
    return Question(
        tuple([each.name for each in drawer.tables]),
        joins,
        where,
        drawer.outputs(),
        drawer.params,
        is_shared=drawer.is_shared,
    )


def revalued(rng: random.Random, question: Question) -> Question:
    """Ask the same with other values."""

    def other(node: Any) -> Any:
        match node:
            case ("value", text) if text in SPELT:
                return ("value", rng.choice(SPELT[text]))
            case tuple():
                return tuple([other(each) for each in node])
            case _:
                return node

    params = {
        name: rng.choice(ALIKE[id(value)]) for name, value in question.params.items()
    }
    if question.can_fail:
        return question
    return attrs.evolve(
        question,
        joins=other(question.joins),
        where=None if question.where is None else other(question.where),
        params=params,
        # To sqlite3 NaN is NULL.
        is_shared=question.is_shared
        and all(each.stored == each.stored for each in params.values()),
    )


def spell(question: Question, rng: random.Random | None = None) -> str:
    """Write a question down.

    Args:
        question: It.
        rng: Chooses among words that mean the same; as it stands if not given.
    """
    return _Speller(rng).text(question)


_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class _Speller:
    def __init__(self, rng: random.Random | None) -> None:
        self.rng = rng
        self.aliases = ["a", "b", "c", "d"]
        if rng is not None:
            rng.shuffle(self.aliases)

    def chance(self, likely: float = 0.5) -> bool:
        return self.rng is not None and self.rng.random() < likely

    def text(self, question: Question) -> str:
        aliases = self.aliases
        outputs = question.outputs
        if isinstance(outputs, int):
            wanted = f"{aliases[outputs]}.*"
        else:
            spelt = enumerate(map(self.term, outputs))
            wanted = ", ".join([f"{each} AS o{n}" for n, each in spelt])
        found = f"SELECT {wanted} FROM {question.tables[0]} AS {aliases[0]}"
        others = zip(question.tables[1:], aliases[1:], question.joins, strict=False)
        for table, alias, terms in others:
            if terms:
                word = "INNER JOIN" if self.chance() else "JOIN"
                on = self.joined("AND", terms)
                found += f" {word} {table} {alias} ON {on}"
            else:
                found += f" CROSS JOIN {table} {alias}"
        if question.where is not None:
            found += f" WHERE {self.truth(question.where)}"
        return found

    def joined(self, word: str, terms: Sequence[Node]) -> str:
        ordered = list(terms)
        if self.rng is not None:
            self.rng.shuffle(ordered)
            if self.chance(0.3):
                ordered.append(ordered[0])
        return f" {word} ".join([f"({self.truth(each)})" for each in ordered])

    def term(self, node: Node) -> str:
        match node:
            case ("cell", source, name):
                return f"{self.aliases[source]}.{name}"
            case ("value", text):
                return str(text)
            case ("plus", term, text):
                return f"{self.term(term)} + {text}"
            case ("sum", one, other):
                return f"{self.term(one)} + {self.term(other)}"
            case _:
                raise AssertionError(node)

    def truth(self, node: Node) -> str:  # noqa: C901, PLR0911, PLR0912  a table of sorts
        match node:
            case ("compare", operator, left, right):
                if self.chance():
                    operator, left, right = _MIRRORED[operator], right, left
                return f"{self.term(left)} {operator} {self.term(right)}"
            case ("and" | "or" as word, terms):
                return self.joined(word.upper(), terms)
            case ("not", term):
                return f"NOT ({self.truth(term)})"
            case ("null", cell, is_not):
                return f"{self.term(cell)} IS {'NOT ' if is_not else ''}NULL"
            case ("in", cell, values):
                return self.one_of(self.term(cell), [*map(self.term, values)])
            case ("between", cell, low, high):
                term, least, most = map(self.term, (cell, low, high))
                if self.chance():
                    return f"({term} >= {least} AND {most} >= {term})"
                return f"{term} BETWEEN {least} AND {most}"
            case ("like", cell, text):
                return f"{self.term(cell)} LIKE {text}"
            case ("flag", cell):
                return self.term(cell)
            case ("true", text):
                return str(text)
            case _:
                raise AssertionError(node)

    def one_of(self, term: str, values: list[str]) -> str:
        if self.rng is not None:
            self.rng.shuffle(values)
        if self.chance():
            return " OR ".join([f"{term} = {each}" for each in values])
        return f"{term} IN ({', '.join(values)})"


def spoil(rng: random.Random, question: Question) -> str:
    """Write down what is to be refused."""
    text, table = spell(question), question.tables[0]
    return rng.choice(
        [
            text.replace("SELECT", "SELEKT"),
            text.rsplit(" ", 1)[0] + " ,",
            f"SELECT nothing FROM {table}",
            f"SELECT COUNT(nothing) FROM {table}",
            f"SELECT * FROM {table} LIMIT 3",
            f"DELETE FROM {table}",
            f"SELECT * FROM {table} WHERE {table}.c0 = :unknown",
            f"SELECT * FROM {table}s",
            f"SELECT * FROM {table} WHERE 1",
            f"EXPLAIN {text}",
            "SHOW row_limit",
            "",
        ]
    )
