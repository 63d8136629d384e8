"""How a query is answered: in which order the tables are read, and each of them how.

A plan is a list of steps, one for each table. With a row of every table before it at
hand, a step finds rows of its own:

1. by an index, where conditions fix its first columns: ``=`` and IN, and in an
   ordered one a range of the column behind them (``<``, BETWEEN, LIKE with a fixed
   beginning);
2. by a hash table made for this one run, where a column equals something that is at
   hand and has no index; it goes before an index that gives no more than a range;
3. else by looking at all rows.

What the way of finding does not settle is tested on each row, as early as the rows
that it is about are at hand. The next table is always the one with the cheapest way,
by the list above; among equals the one that FROM has first. So the order of FROM does
not matter to how long a query takes, and sizes of tables do not matter to the plan,
which can be kept for as long as the schema is the same.

Where a condition asks whether rows *exist* in other tables, these are found in the same
way, for each row of which it is asked; so it has steps of its own.

Outer joins bind the order. Tables that are joined by LEFT come after all others, as
they take no row away; what ON says of them finds their rows, and what WHERE says is
tested behind. RIGHT and FULL are taken where they stand: all tables before them are
joined first, and their table is read as a whole, for it must be known which of its rows
fitted nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from qsdb.sql.paths import IndexPath, paths_of, wished_path
from qsdb.sql.queries import Outer, OuterKind, Query, Source
from qsdb.sql.sargs import Span, equality, span
from qsdb.sql.typed import Exists, Typed, all_exists, can_fail, sources_of

__all__ = [
    "Plan",
    "Sargs",
    "Step",
    "make_plan",
    "step_by",
]


@attrs.frozen
class Step:
    """How rows of one table are found.

    Attributes:
        source: The table.
        path: The index; None for all rows.
        equal: What the first columns of the index are equal to, each to one of several.
        span: The range of the column behind them.
        is_hashed: Whether a hash table of the path's column is made for the run.
        filters: What is tested of each row.
        outer: How the table is joined, if a row of nothing may stand in.
        own: What rows of it must meet before that, with RIGHT and FULL.
        late: What is tested behind an outer join, also of rows of nothing.
    """

    source: int
    path: IndexPath | None = None
    equal: tuple[tuple[Typed, ...], ...] = ()
    span: Span | None = None
    is_hashed: bool = False
    filters: tuple[Typed, ...] = ()
    outer: OuterKind | None = None
    own: tuple[Typed, ...] = ()
    late: tuple[Typed, ...] = ()

    @property
    def finds_one(self) -> bool:
        """Whether it finds one row at most."""
        path = self.path
        return (
            path is not None
            and path.is_unique
            and len(self.equal) == len(path.columns)
            and all(len(each) == 1 for each in self.equal)
        )


@attrs.frozen
class Plan:
    """A query and the steps that answer it.

    Attributes:
        inner: For each `Exists` in it the steps that find rows.
    """

    query: Query
    steps: tuple[Step, ...]
    inner: Mapping[Exists, tuple[Step, ...]]

    @property
    def is_point(self) -> bool:
        """Whether it is one look-up of one row."""
        return len(self.steps) == 1 and self.steps[0].finds_one and not self.inner

    @property
    def all_steps(self) -> Iterator[Step]:
        """Yield the steps, and those for each `Exists`."""
        yield from self.steps
        for steps in self.inner.values():
            yield from steps


def make_plan(query: Query, first: int | None = None, *, wishes: bool = False) -> Plan:
    """Plan a query.

    Args:
        query: It.
        first: The table to begin with, all of whose rows are looked at: not the
            table itself, but a few rows of it.
        wishes: Whether indexes that a join needs are wished for, so that no hash
            table is made for a run. Then all conditions are tested, also those by
            which rows were found: whoever reads may give a few too many. Not so of
            those that are to exist, which are looked for in whole tables.
    """
    steps: tuple[Step, ...]
    if query.outer:
        steps = _outer_steps(query, first, wishes=wishes)
    else:
        sources = range(len(query.sources))
        planner = _Planner(query.tables, query.conditions, sources, wishes=wishes)
        if first is not None:
            planner.take(Step(first))
        steps = planner.planned()
    inner: dict[Exists, tuple[Step, ...]] = {}
    for node in all_exists((*query.tests, *[each.term for each in query.outputs])):
        at_hand = sources_of(node)
        finder = _Planner(
            query.tables, node.conditions, node.sources, at_hand, wishes=wishes
        )
        finder.tests_all = False
        inner[node] = finder.planned()
    return Plan(query, steps, inner)


def _outer_steps(query: Query, first: int | None, *, wishes: bool) -> tuple[Step, ...]:
    """Give the steps of a query with outer joins."""
    steps: list[Step] = []
    known: frozenset[int] = frozenset()
    whole = [each for each in query.outer if each.kind != "LEFT"]
    for outer in (*whole, None):
        end = len(query.sources) if outer is None else outer.source
        sources = [n for n in range(end) if n not in known]
        lefts = [e for e in query.outer if e.kind == "LEFT" and e.source in sources]
        others = [n for n in sources if n not in [each.source for each in lefts]]
        conditions = query.conditions if outer is None else outer.before
        planner = _Planner(query.tables, conditions, others, known, wishes=wishes)
        if steps:
            late = (*steps[-1].late, *planner.due())
            steps[-1] = attrs.evolve(steps[-1], late=late)
        if first in others:
            planner.take(Step(first))
        planner.planned()
        for each in lefts:
            planner.take_outer(each)
        if outer is not None:
            planner.take_outer(outer)
        steps += planner.steps
        known = planner.known
    return tuple(steps)


_ALL = 6

_LOOKUPS_MAX = 1000
"""With lists of values for several columns of an index, at most so many are looked up:
each of one with each of the others. A single list may be longer."""


def _rank(step: Step) -> tuple[int, int]:
    """Say how dear a step is, and how much it settles: the least is the best."""
    path = step.path
    if path is None:
        return (_ALL - bool(step.filters), 0)
    settled = len(step.equal) + (step.span is not None)
    if step.finds_one:
        return (0, 0)
    if step.is_hashed:
        return (3, 0)
    if len(step.equal) == len(path.columns):
        return (1, -settled)
    return (2 if step.equal else 4, -settled)


class _Planner:
    """Makes the steps for some tables, where rows of others are at hand already."""

    def __init__(
        self,
        tables: Sequence[Source],
        conditions: Iterable[Typed],
        sources: Iterable[int],
        known: frozenset[int] = frozenset(),
        *,
        wishes: bool,
    ) -> None:
        self._tables = tables
        self._wishes = self.tests_all = wishes
        # What can fail is tested of as few rows as can be.
        ordered = sorted(conditions, key=can_fail)
        self._conditions = [(each, sources_of(each)) for each in ordered]
        self._candidates: dict[int, Step] = {}
        self.left = [*sources]
        self.steps: list[Step] = []
        self.known = known

    def planned(self) -> tuple[Step, ...]:
        """Give the steps, with the cheapest for each table that is left."""
        while self.left:
            self.take(min(self._cheapest_of_each(), key=_rank))
        return tuple(self.steps)

    def take(self, step: Step) -> None:
        """Make a step the next one."""
        # A way changes only with a table that a condition joins it to.
        joined = [used for _, used in self._conditions if step.source in used]
        for source in frozenset().union(*joined) if self.known else self.left:
            self._candidates.pop(source, None)
        self.known |= {step.source}
        due = self.due()
        settled = step.filters if step.path is not None else due
        self.steps.append(attrs.evolve(step, filters=tuple(settled)))
        self.left.remove(step.source)

    def due(self) -> list[Typed]:
        """Give the conditions that can be tested now, once."""
        due = [each for each, used in self._conditions if used <= self.known]
        self._conditions = [
            (each, used) for each, used in self._conditions if not used <= self.known
        ]
        return due

    def take_outer(self, outer: Outer) -> None:
        """Make an outer join the next step."""
        due = sorted(outer.conditions, key=can_fail)
        if outer.kind == "LEFT":
            step = self._cheapest(outer.source, due)
        else:
            whole = Step(outer.source, filters=tuple(due))
            joined = self._joined(outer.source, Sargs(due, outer.source), due)
            step = whole if joined is None else joined
        self.known |= {outer.source}
        late = tuple(self.due())
        step = attrs.evolve(step, outer=outer.kind, own=outer.own, late=late)
        self.steps.append(step)

    def _cheapest_of_each(self) -> list[Step]:
        """Give the cheapest way to rows of each table that is left."""
        for source in self.left:
            if source not in self._candidates:
                known = self.known | {source}
                due = [each for each, used in self._conditions if used <= known]
                self._candidates[source] = self._cheapest(source, due)
        return [self._candidates[source] for source in self.left]

    def _cheapest(self, source: int, due: Sequence[Typed]) -> Step:
        """Give the cheapest way to rows of a table, by conditions."""
        sargs = Sargs(due, source)
        steps = [Step(source, filters=tuple(due))]
        for path in paths_of(self._tables[source].schema):
            step, settled = step_by(source, path, sargs)
            if step is not None:
                filters = self._unsettled(due, settled)
                steps.append(attrs.evolve(step, filters=filters))
        best = min(steps, key=_rank)
        joined = self._joined(source, sargs, due) if self.known else None
        return best if joined is None else min(best, joined, key=_rank)

    def _joined(
        self,
        source: int,
        sargs: "Sargs",
        due: Sequence[Typed],
    ) -> Step | None:
        """Give the way by an index that is not there yet, if a condition joins."""
        schema = self._tables[source].schema
        for term, found in sargs.equalities:
            if len(found.values) == 1 and sources_of(found.values[0]):
                path = wished_path(schema, found.column)
                rest = self._unsettled(due, [term])
                equal = (found.values,)
                return Step(source, path, equal, None, not self._wishes, rest)
        return None

    def _unsettled(
        self, due: Sequence[Typed], settled: Sequence[Typed]
    ) -> tuple[Typed, ...]:
        """Give what is to be tested of rows that were found by settled conditions."""
        if self.tests_all:
            return tuple(due)
        return tuple([each for each in due if not any(each is s for s in settled)])


def step_by(
    source: int, path: IndexPath, found: "Sargs"
) -> tuple[Step | None, list[Typed]]:
    """Give the way by an index, if conditions fix enough of it; and which do.

    Args:
        source: The table.
        path: The index.
        found: What the conditions say of it.
    """
    equal: list[tuple[Typed, ...]] = []
    settled: list[Typed] = []
    lookups = 1
    for column in path.columns:
        fitting = [each for each in found.equalities if each[1].column == column]
        if not fitting:
            break
        # One value rather than several: it finds fewer rows.
        term, best = min(fitting, key=lambda each: len(each[1].values))
        lookups *= len(best.values)
        if lookups > _LOOKUPS_MAX and lookups > len(best.values):
            break
        equal.append(best.values)
        settled.append(term)
    if len(equal) == len(path.columns):
        return Step(source, path, tuple(equal)), settled
    if not path.is_ordered:
        return None, settled
    within = _joined_spans(found.spans, path.columns[len(equal)], settled)
    if not equal and within is None:
        return None, settled
    return Step(source, path, tuple(equal), within), settled


def _joined_spans(
    spans: Sequence[tuple[Typed, Span]], column: int, settled: list[Typed]
) -> Span | None:
    """Join what is said of a column, and note which conditions that settles."""
    within: Span | None = None
    for term, each in spans:
        if each.column != column:
            continue
        joined = each if within is None else within.joined(each)
        if joined is not None:
            within = joined
            if each.is_exact:
                settled.append(term)
    return within


class Sargs:
    """What conditions say of where rows of one table are; with the conditions."""

    def __init__(self, due: Sequence[Typed], source: int) -> None:
        """Read conditions.

        Args:
            due: They.
            source: The table.
        """
        self.equalities = [
            (term, found)
            for term in due
            if (found := equality(term, source)) is not None
        ]
        self.spans = [
            (term, within) for term in due if (within := span(term, source)) is not None
        ]
