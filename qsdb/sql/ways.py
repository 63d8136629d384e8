"""How a step of a plan finds its rows, as source."""

from collections.abc import Iterator, Mapping, Sequence

import attrs

from qsdb.sql.compiling import ExpressionWriter
from qsdb.sql.planning import Plan, Step
from qsdb.sql.sargs import End
from qsdb.sql.typed import Typed, is_optional
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import Kind, Stored
from qsdb.values.ranges import TOP, Range

__all__ = ["Way", "Ways"]


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
        if path.is_ordered:
            within = self.range(step, values, known)
            arguments = f"{path.number}, {within}, None"
        else:
            value = values[0] if len(values) == 1 else f"({', '.join(values)})"
            arguments = f"{path.number}, None, {value}"
        return Way(choices, known, arguments, f"{table}._select({arguments})")

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
