"""How a step of a plan finds its rows, as source."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import attrs

from qsdb.sql.compiling import ExpressionWriter
from qsdb.sql.planning import Plan, Step
from qsdb.sql.readable import StoredRow
from qsdb.sql.sargs import End
from qsdb.sql.typed import Typed, is_optional
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import Kind, Stored
from qsdb.values.ranges import TOP, Range

__all__ = ["Kept", "Way", "Ways"]


class Kept(dict[Stored, Sequence[StoredRow]]):
    """Rows by the value by which they are found, as long as a query runs.

    Where many look for few values each of which many rows have, they are looked for
    once, and not once for each who looks. Of a single row that would cost more.
    """

    __slots__ = ("_look",)

    def __init__(self, look: Callable[[Stored], Sequence[StoredRow]]) -> None:
        """Begin without any; `look` finds them."""
        super().__init__()
        self._look = look

    def __missing__(self, value: Stored) -> Sequence[StoredRow]:
        found = self._look(value)
        if len(found) > 1:
            self[value] = found
        return found


@attrs.frozen
class Way:
    """How a step finds its rows, as source.

    Attributes:
        choices: Variable → the values that it takes, one after the other, each with
            each of the others.
        known: What must not be None.
        arguments: Of `_select` and `_count`; None where all rows are looked at.
        rows: The rows.
    """

    choices: Mapping[str, str]
    known: Sequence[str]
    arguments: str | None
    rows: str


class Ways:
    """Writes the ways of one plan."""

    def __init__(self, plan: Plan, writer: ExpressionWriter) -> None:
        """Begin.

        Args:
            plan: It.
            writer: Writes expressions.
        """
        self._plan = plan
        self._writer = writer
        self._names = writer.names

    def way(self, step: Step) -> Way:
        """Say how a step finds its rows."""
        table, path = f"t{step.source}", step.path
        if step.outer in ("RIGHT", "FULL"):
            return self._of_whole(step)
        if path is None:
            return Way({}, (), None, f"{table}._scan()")
        choices: dict[str, str] = {}
        known: list[str] = []
        values = [self._one_of(each, choices, known) for each in step.equal]
        if step.is_hashed:
            made = "()" if step.source >= len(self._plan.query.sources) else ""
            grouped = f"g{step.source}{made}.get({values[0]}, ())"
            return Way(choices, known, None, grouped)
        arguments = self._arguments(step, values, known)
        return Way(choices, known, arguments, f"{table}._select({arguments})")

    def kept(self, step: Step) -> tuple[Way, str] | None:
        """Say how a step finds rows if what is found by a value is kept, and in what.

        The latter is source too, for what is made once. None where it is no value, but
        an interval, or finds one row.
        """
        path = step.path
        if path is None or step.is_hashed or step.span is not None or step.finds_one:
            return None
        choices: dict[str, str] = {}
        known: list[str] = []
        values = [self._one_of(each, choices, known) for each in step.equal]
        name = self._writer.variable("kept")
        key, parts = values[0], ["k"]
        if len(values) > 1:
            key = f"({', '.join(values)})"
            parts = [f"k[{number}]" for number in range(len(values))]
        arguments = self._arguments(step, parts, known)
        made = f"lambda k: t{step.source}._select({arguments})"
        keeping = f"{name} = {self._names.bind('Kept', Kept)}({made})"
        return Way(choices, known, None, f"{name}[{key}]"), keeping

    def _arguments(self, step: Step, values: Sequence[str], known: list[str]) -> str:
        """Write how values are looked up by a path."""
        assert step.path is not None
        if step.path.is_ordered:
            return f"{step.path.number}, {self.range(step, values, known)}, None"
        value = values[0] if len(values) == 1 else f"({', '.join(values)})"
        return f"{step.path.number}, None, {value}"

    def _of_whole(self, step: Step) -> Way:
        """Find rows of a table that is read as a whole, ``a{n}``."""
        choices: dict[str, str] = {}
        known: list[str] = []
        if not step.is_hashed:
            return Way(choices, known, None, f"a{step.source}")
        [value] = [self._one_of(each, choices, known) for each in step.equal]
        return Way(choices, known, None, f"g{step.source}.get({value}, ())")

    def _one_of(
        self, values: Sequence[Typed], choices: dict[str, str], known: list[str]
    ) -> str:
        """Write a value to look up; where there are several, each in its turn."""
        if len(values) == 1:
            return self.known(values[0], known)
        variable = self._writer.variable()
        distinct = self._names.bind("distinct", _distinct)
        spelt = "".join([f"{self._writer.value(each)}, " for each in values])
        choices[variable] = f"{distinct}(({spelt}))"
        return variable

    def known(self, value: Typed, known: list[str]) -> str:
        """Write a value; if it can be absent, then nothing is looked up.

        Args:
            value: It.
            known: Takes what must not be None.
        """
        source = self._writer.value(value)
        if not is_optional(value):
            return source
        variable = self._writer.variable()
        known.append(f"({variable} := {source})")
        return variable

    def range(self, step: Step, values: Sequence[str], known: list[str]) -> str:
        """Write a range of an ordered index.

        Args:
            step: Whose.
            values: What its first columns are equal to.
            known: Takes what must not be None.
        """
        assert step.path is not None
        columns = self._plan.query.tables[step.source].schema.columns
        kinds = [columns[place].kind for place in step.path.columns]
        begin = [
            kind.order_source(value, self._names)
            for kind, value in zip(kinds, values, strict=False)
        ]
        low, high = begin, [*begin, self._names.bind("TOP", TOP)]
        if step.span is not None:
            kind = kinds[len(begin)]
            low = [*begin, *self._end(step.span.low, kind, known, is_after=False)]
            high = [*begin, *self._end(step.span.high, kind, known, is_after=True)]
        bounds = [f"({''.join([f'{each}, ' for each in end])})" for end in (low, high)]
        return f"{self._names.bind('Range', Range)}({', '.join(bounds)})"

    def _end(
        self, end: End | None, kind: Kind, known: list[str], *, is_after: bool
    ) -> Iterator[str]:
        """Write what an end of a range adds to a bound."""
        top = self._names.bind("TOP", TOP)
        if end is not None:
            yield kind.order_source(self.known(end.value, known), self._names)
            if end.is_included == is_after:
                yield top
        elif is_after and isinstance(kind, OptionKind):
            yield self._names.bind("absent", kind.order(None))  # they come last
        elif is_after:
            yield top


def _distinct(values: Sequence[Stored]) -> list[Stored]:
    """Give each value once, and None not at all."""
    return [value for value in dict.fromkeys(values) if value is not None]
