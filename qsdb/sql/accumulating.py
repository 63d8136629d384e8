"""Aggregates as source: what is kept of a group, and what comes out at the end.

Of each group states are kept, of which several aggregates may use the same:

=========  ===========================================================================
state      is
=========  ===========================================================================
rows       how many rows
known      how many rows in which the term is not absent
total      the sum of whole numbers
values     all floats, to be summed exactly at the end (`qsdb.sql.exact`)
different  the set of values, for DISTINCT
least      the least value, or with ``greatest`` the greatest; where values do not
           compare by themselves, with its place in the order
=========  ===========================================================================

An absent value (NULL) is nothing to any aggregate but COUNT(*). Where there is none
that is not absent COUNT is 0, and all others are absent.
"""

from collections.abc import Callable, Iterator, Sequence

from qsdb.sql.arithmetic import fitter
from qsdb.sql.compiling import ExpressionWriter
from qsdb.sql.exact import exact_mean, exact_total
from qsdb.sql.typed import Aggregate, Typed, is_optional
from qsdb.values.kinds import FloatKind

__all__ = ["Accumulators"]


class Accumulators:
    """Writes the aggregates of a group.

    Attributes:
        begin: What each state is at first.
        each: What is done with a row.
        end: What the aggregates are at the end.
    """

    def __init__(
        self,
        aggregates: Sequence[Aggregate],
        writer: ExpressionWriter,
        spelt: Callable[[int], str],
    ) -> None:
        """Write.

        Args:
            aggregates: They.
            writer: Writes expressions of rows.
            spelt: Spells the state of a number.
        """
        self._writer = writer
        self._spelt = spelt
        self._states: dict[tuple[str, Typed | None], str] = {}
        self._steps: dict[Typed | None, list[str]] = {}
        self._values: dict[Typed, str] = {}
        self.begin: list[str] = []
        self.end = [self._end(each) for each in aggregates]
        self.each = [*self._each()]

    def _each(self) -> Iterator[str]:
        """Write what is done with a row, term by term."""
        for term, steps in self._steps.items():
            if term is None:
                yield from steps
                continue
            value = self._values[term]
            source = self._writer.value(term)
            if is_optional(term):
                yield f"if ({value} := {source}) is not None:"
                yield from [f"    {line}" for line in steps]
            else:
                yield f"{value} = {source}"
                yield from steps

    def _state(self, name: str, term: Typed | None, begin: str, *steps: str) -> str:
        """Give the state of a name, made if it is not there.

        Args:
            name: Its name.
            term: What it is of.
            begin: What it is at first.
            steps: What is done with a value, with ``{s}`` for it and ``{x}`` for that.
        """
        found = self._states.get((name, term))
        if found is not None:
            return found
        found = self._states[name, term] = self._spelt(len(self.begin))
        self.begin.append(begin)
        value = ""
        if term is not None:
            if term not in self._values:
                self._values[term] = self._writer.variable("v")
            value = self._values[term]
        lines = [each.format(s=found, x=value) for each in steps]
        self._steps.setdefault(term, []).extend(lines)
        return found

    def _end(self, aggregate: Aggregate) -> str:
        """Write what an aggregate is, of states that are made for it."""
        term = aggregate.term
        if term is None:
            return self._state("rows", None, "0", "{s} += 1")
        match aggregate.function:
            case "MIN" | "MAX":
                return self._extreme(aggregate, term)
            case "COUNT" if aggregate.is_distinct:
                return f"_len({self._different(term)})"
            case "COUNT":
                return self._known(term)
            case _:
                return self._sum(aggregate, term)

    def _known(self, term: Typed) -> str:
        """Give the state that counts values that are not absent."""
        if is_optional(term):
            return self._state("known", term, "0", "{s} += 1")
        return self._state("rows", None, "0", "{s} += 1")

    def _different(self, term: Typed) -> str:
        made = f"{self._writer.names.bind('set', set)}()"
        return self._state("different", term, made, "{s}.add({x})")

    def _sum(self, aggregate: Aggregate, term: Typed) -> str:
        """Write SUM or AVG."""
        names, is_float = self._writer.names, isinstance(term.kind, FloatKind)
        is_mean = aggregate.function == "AVG"
        if is_float:
            values = (
                self._different(term)
                if aggregate.is_distinct
                else self._state("values", term, "[]", "{s}.append({x})")
            )
            function = exact_mean if is_mean else exact_total
            found = f"{names.bind(function.__name__, function)}({values})"
            return f"({found} if {values} else None)"
        if aggregate.is_distinct:
            values = self._different(term)
            total = f"{names.bind('sum', sum)}({values})"
            count, known = f"_len({values})", values
        else:
            total = self._state("total", term, "0", "{s} += {x}")
            count = known = self._known(term)
        if is_mean:
            return f"({total} / {count} if {known} else None)"
        [place] = aggregate.places or (None,)
        fit = names.bind("fit", fitter(aggregate.kind, place))
        return f"({fit}({total}) if {known} else None)"

    def _extreme(self, aggregate: Aggregate, term: Typed) -> str:
        """Write MIN or MAX."""
        sign, name = ("<", "least")
        if aggregate.function == "MAX":
            sign, name = (">", "greatest")
        if term.kind.is_naturally_ordered:
            step = f"if {{s}} is None or {{x}} {sign} {{s}}: {{s}} = {{x}}"
            return self._state(name, term, "None", step)
        order = term.kind.order_source("{x}", self._writer.names)
        key = self._writer.variable("o")
        found = self._state(
            name,
            term,
            "None",
            f"{key} = {order}",
            f"if {{s}} is None or {key} {sign} {{s}}[0]: {{s}} = ({key}, {{x}})",
        )
        return f"(None if {found} is None else {found}[1])"
