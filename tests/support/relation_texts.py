"""Random queries that are more than a bag of rows, as texts.

`Wide` draws over the same tables as `tests.support.query_texts`: outer joins,
subqueries, groups with aggregates, DISTINCT, orders with limits, UNION, INTERSECT and
EXCEPT, CASE and functions. What two databases take differently is drawn only where
`Wide.is_shared` does not say that another one is to be asked the same.
"""

from collections.abc import Sequence
from typing import Any

import attrs

from tests.support.query_texts import Column, Kind, Source, Writer

__all__ = ["Wide"]

_JOINS = ("LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
_AGGREGATES = ("COUNT", "COUNT", "SUM", "AVG", "MIN", "MAX")


@attrs.define
class Wide:
    """Draws queries.

    Attributes:
        writer: Draws expressions.
        tables: What may stand in FROM, each with an alias of its own.
        is_shared: Whether sqlite3 is to be asked the same.
    """

    writer: Writer
    tables: Sequence[Source]
    is_shared: bool = False

    def pick(self, choices: Sequence[Any]) -> Any:
        return self.writer.pick(choices)

    def one_of(self, *choices: str) -> str:
        return str(self.pick(choices))

    # FROM and WHERE.

    def _from(self, sources: Sequence[Source]) -> str:
        """Give tables joined in all ways."""
        first, *rest = sources
        known = [*first.columns]
        text = f"{first.table} {first.alias}"
        for source in rest:
            join = self.one_of(
                "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"
            )
            own, known = known, [*known, *source.columns]
            self.writer.columns = known
            pairs = [
                f"{new.text} = {old.text}"
                for new in source.columns
                for old in own
                if new.kind == old.kind
            ]
            on = self.one_of(*pairs) if pairs and self.pick(range(5)) else ""
            if not on or not self.pick(range(3)):
                on = f"{on} AND {self.writer.test()}" if on else self.writer.test()
            text += f" {join} {source.table} {source.alias} ON {on}"
        if rest:  # rows of nothing stand in
            known = [attrs.evolve(each, is_optional=True) for each in known]
        self.writer.columns = known
        return text

    def _where(self) -> str:
        terms = [
            self._subqueries()
            if not self.pick(range(3))
            else f"({self.writer.predicate(1)})"
            for _ in range(self.pick((0, 1, 1, 2)))
        ]
        return f" WHERE {' AND '.join(terms)}" if terms else ""

    def _subqueries(self) -> str:
        """Give EXISTS or IN with a query, or two of which one is to be true."""
        if self.pick(range(3)):
            return self.subquery()
        return f"({self.subquery()} OR {self.subquery()})"

    def subquery(self) -> str:
        """Give EXISTS or IN with a query."""
        around = self.writer.columns
        inner = _aliased(self.pick(self.tables), "i")
        own = inner.columns
        is_not = self.one_of("", "NOT ")
        self.writer.columns = [*own, *around]
        where = f" WHERE {self.writer.test()}" if self.pick((0, 1)) else ""
        pairs = [(new, old) for new in own for old in around if new.kind == old.kind]
        if pairs and self.pick((0, 1)):
            new, old = self.pick(pairs)
            where += f"{' AND' if where else ' WHERE'} {new.text} = {old.text}"
        self.writer.columns = own
        table = f"{inner.table} i"
        if not pairs or self.pick((0, 1, 1)):
            self.writer.columns = around
            return f"{is_not}EXISTS (SELECT 1 FROM {table}{where})"
        new, old = self.pick(pairs)
        self.writer.columns = around
        left = old.text if self.pick(range(3)) else self.writer.value(new.kind, 0)
        more = ""
        if not self.pick(range(3)):
            more = f" UNION SELECT {new.text} FROM {table}"
        return f"{left} {is_not}IN (SELECT {new.text} FROM {table}{where}{more})"

    # Values.

    def value(self, *, looks: bool = True) -> tuple[str, Kind]:
        """Give a column, or something made of columns, perhaps of a subquery."""
        text, kind = self.writer.telling(0)
        forms = ("plain",) * 4 + ("case", "coalesce", "function", *["exists"] * looks)
        match self.pick(forms):
            case "case":
                other = self.writer.value(kind, 0)
                test = self.writer.test()
                last = self.one_of(f" ELSE {other}", "")
                return f"CASE WHEN {test} THEN {text}{last} END", kind
            case "coalesce":
                return f"COALESCE({text}, {self.writer.value(kind, 0)})", kind
            case "function":
                return self._function(text, kind)
            case "exists":
                return f"({self.subquery()})", "bool"
            case _:
                return text, kind

    def _function(self, text: str, kind: Kind) -> tuple[str, Kind]:
        if kind in ("int", "tiny") and self.pick((0, 1)):
            return f"CAST({text} AS double)", "float"
        if kind == "int" and self.is_shared:
            return f"ABS({text})", kind
        if kind != "str":
            return f"NULLIF({text}, {self.writer.value(kind, 0)})", kind
        other = self.writer.value("str", 0)
        forms = [
            f"TRIM({text} || ' ')",
            f"{text} || {other}",
            f"REPLACE({text}, 'a', {other})",
            f"SUBSTR({text}, 1, 1)",
            f"SUBSTR({text}, 2)",
        ]
        if not self.is_shared:  # which knows letters of ASCII alone
            forms += [f"UPPER({text})", f"LOWER({text})", f"SUBSTR({text}, 0, 2)"]
        return self.one_of(*forms), kind

    def aggregate(self) -> str:
        """Give an aggregate."""
        name = self.one_of(*_AGGREGATES)
        if name == "COUNT" and self.pick((0, 1)):
            return "COUNT(*)"
        value, kind = self.value()
        if name in ("SUM", "AVG") and kind not in ("int", "float", "tiny"):
            numbers = [e for e in self.writer.columns if e.kind in ("int", "float")]
            if not numbers:
                return f"COUNT({value})"
            value = self.one_of(*[each.text for each in numbers])
        distinct = self.one_of("", "", "DISTINCT ")
        return f"{name}({distinct}{value})"

    # Whole queries.

    def select(self) -> str:
        """Give one SELECT."""
        count = self.pick((1, 1, 1, 2, 2, 3))
        sources = [_aliased(self.pick(self.tables), f"s{n}") for n in range(count)]
        rest = self._from(sources)
        rest += self._where()
        if self.pick((0, 1, 1)):
            return self._grouped(rest)
        distinct = self.one_of("", "", "DISTINCT ")
        return self._rows(rest, distinct)

    def _rows(self, rest: str, distinct: str) -> str:
        values = [self.value()[0] for _ in range(self.pick((1, 2)))]
        items = ", ".join([f"{each} AS x{n}" for n, each in enumerate(values)])
        terms = [f"x{n}" for n in range(len(values))]
        if not distinct:
            terms += [each.text for each in self.writer.columns]
        if not distinct and not self.pick(range(4)) and not self.is_shared:
            items = f"{self.writer.columns[0].text.split('.')[0]}.*"
            terms = [each.text for each in self.writer.columns]
        rest += self._qualify([*terms, *[each.text for each in self.writer.columns]])
        return f"SELECT {distinct}{items} FROM {rest}{self._order(terms)}"

    def _grouped(self, rest: str) -> str:
        count = self.pick((0, 1, 1, 2))
        keys = [self.value(looks=False)[0] for _ in range(count)]
        aggregates = [self.aggregate() for _ in range(self.pick((1, 2, 3)))]
        items = [*keys, *aggregates]
        if keys and not self.pick(range(4)):
            items = keys
        spelt = ", ".join([f"{each} AS x{n}" for n, each in enumerate(items)])
        group = f" GROUP BY {', '.join(keys)}" if keys else ""
        having = ""
        if not self.pick(range(3)):
            having = f" HAVING {self.aggregate()} {self.one_of('IS', 'IS NOT')} NULL"
        if not self.pick(range(3)):
            having = (
                f" HAVING COUNT(*) {self.one_of('>', '<', '=')} {self.pick((0, 1, 2))}"
            )
        distinct = self.one_of("", "", "", "DISTINCT ")
        terms = [f"x{n}" for n in range(len(items))]
        if not distinct:
            terms += aggregates
        tail = self._qualify(terms) + self._order(terms)
        return f"SELECT {distinct}{spelt} FROM {rest}{group}{having}{tail}"

    def _qualify(self, terms: Sequence[str]) -> str:
        """Give perhaps the first rows of each group."""
        if self.is_shared or self.pick(range(4)):
            return ""
        groups = [self.one_of(*terms) for _ in range(self.pick((0, 1, 1, 2)))]
        part = f"PARTITION BY {', '.join(groups)} " if groups else ""
        order = [
            self.one_of(*terms) + self.one_of("", " DESC", " NULLS FIRST")
            for _ in range(self.pick((1, 1, 2)))
        ]
        limit = self.one_of("<= 0", "<= 1", "<= 2", "<= 3", "= 1", "< 2")
        over = f"{part}ORDER BY {', '.join(order)}"
        return f" QUALIFY ROW_NUMBER() OVER ({over}) {limit}"

    def _order(self, terms: Sequence[str]) -> str:
        """Give an order, and perhaps a limit."""
        if self.is_shared:
            return ""
        if not self.pick((0, 1)):
            return self.one_of("", "", " LIMIT 2", " LIMIT 1 OFFSET 1", " OFFSET 1")
        chosen = [
            self.one_of(*terms)
            + self.one_of("", " DESC", " ASC")
            + self.one_of("", "", " NULLS FIRST", " NULLS LAST")
            for _ in range(self.pick((1, 1, 2)))
        ]
        limit = self.one_of(
            "", "", " LIMIT 0", " LIMIT 1", " LIMIT 3", " LIMIT 2 OFFSET 1"
        )
        return f" ORDER BY {', '.join(chosen)}{limit}"

    def live(self) -> str:
        """Give a query that looks into tables, and can be kept current.

        What looks into tables, and ON, see no table of a LEFT JOIN, but stand beside
        what does.
        """
        count = self.pick((1, 2, 2, 3, 3, 4))
        sources = [_aliased(self.pick(self.tables), f"s{n}") for n in range(count)]
        tables, always = self._live_from(sources)
        known = self.writer.columns
        self.writer.columns = always
        terms = [self.subquery()]
        if self.pick((0, 1)):
            texts = [each.text for each in always]
            outer = [each for each in known if each.text not in texts]
            other = self.subquery()
            if self.pick((0, 1, 1)):
                self.writer.columns = outer or known
                other = self.writer.test()
            terms = [f"({terms[0]} {self.one_of('AND', 'OR')} {other})"]
        self.writer.columns = known
        if self.pick((0, 1)):
            terms.append(f"{self.one_of('', 'NOT ')}({self.writer.predicate(1)})")
        last = sources[-1].alias
        items = self.one_of("s0.*", "s0.a AS x, s0.b AS y", f"s0.a AS x, {last}.b AS y")
        return f"SELECT {items} FROM {tables} WHERE {' AND '.join(terms)}"

    def _live_from(self, sources: Sequence[Source]) -> tuple[str, Sequence[Column]]:
        """Give tables joined in ways that are kept current.

        Returns:
            The text, and the columns of which rows are always there.
        """
        first, *rest = sources
        text = f"{first.table} {first.alias}"
        always = [*first.columns]
        known = [*first.columns]
        for number, source in enumerate(rest):
            joins = ["CROSS JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN"]
            joins += [] if number else ["RIGHT JOIN"]
            join = self.one_of(*joins)
            text += f" {join} {source.table} {source.alias}"
            if join != "CROSS JOIN":
                text += f" ON {self._live_on(join, known, always, source)}"
            nothing = [attrs.evolve(e, is_optional=True) for e in source.columns]
            if join == "RIGHT JOIN":
                known = [attrs.evolve(each, is_optional=True) for each in known]
                always = []
            known += nothing if join == "LEFT JOIN" else source.columns
            always += () if join == "LEFT JOIN" else source.columns
        self.writer.columns = known
        return text, always

    def _live_on(
        self,
        join: str,
        known: Sequence[Column],
        always: Sequence[Column],
        source: Source,
    ) -> str:
        """Give what joins a table to others; perhaps it looks into tables besides."""
        seen = known if join == "JOIN" else always
        new, old = self.pick(source.columns), self.pick(seen)
        found = f"{new.text} = {old.text}"
        if not self.pick(range(4)):
            self.writer.columns = [*seen, *source.columns]
            found += f" AND {self.writer.test()}"
        if not self.pick(range(3)):
            of_both = {"JOIN": [*always, *source.columns], "LEFT JOIN": always}
            self.writer.columns = of_both.get(join, source.columns)
            found += f" AND {self.subquery()}"
        return found

    def query(self) -> str:
        """Give a query, perhaps of several."""
        if self.pick(range(4)):
            return self.select()
        kind = self.one_of("int", "str")
        fitting = [
            each for each in self.tables if any(c.kind == kind for c in each.columns)
        ]
        if not fitting:
            return self.select()
        count = self.pick((2, 2, 3))
        parts = [self._side(self.pick(fitting), kind) for _ in range(count)]
        operators = ["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]
        if not self.is_shared:  # which has neither
            operators += ["INTERSECT ALL", "EXCEPT ALL"]
        joined = f" {self.one_of(*operators)} ".join(parts)
        return joined + self._order(["x0", "1"])

    def _side(self, table: Source, kind: str) -> str:
        columns = [attrs.evolve(each, text=_bare(each.text)) for each in table.columns]
        self.writer.columns = columns
        item = self.one_of(*[each.text for each in columns if each.kind == kind])
        return f"SELECT {item} AS x0 FROM {table.table}{self.writer.where()}"


def _bare(name: str) -> str:
    return name.rpartition(".")[2]


def _aliased(table: Source, alias: str) -> Source:
    """Give a table as it is called in one query."""
    columns = [
        attrs.evolve(each, text=f"{alias}.{_bare(each.text)}") for each in table.columns
    ]
    return Source(alias, table.table, tuple(columns))
