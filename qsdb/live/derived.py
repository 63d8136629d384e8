"""One live query of several parts: a tree of states above queries on tables.

Each part says by itself how its rows change (`qsdb.live.operators`), and what it says
goes up the tree (`qsdb.live.trees`). So the template has a template for each part, and
the live query has the states.

States are moved by a commit, and a commit may be told of twice, if an interrupt cuts
the first time off. So a live query knows whether its states are as the last commit left
them, and if that is not certain it makes them anew: from the tables as they were before
the commit that it is told of.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from qsdb.live.addressing import route_of
from qsdb.live.differences import Difference, net
from qsdb.live.nodes import Mapped, Shown
from qsdb.live.operators import Template
from qsdb.live.results import LiveResult
from qsdb.live.routing import Reader
from qsdb.live.states.changes import Change, cancelled
from qsdb.live.states.windows import Move, change_of, moves_along
from qsdb.live.tables import Before, Now, Pair
from qsdb.live.templates import Lifted
from qsdb.live.trees import TreePlan, is_ordered
from qsdb.sql.queries import Query
from qsdb.sql.readable import Readable, StoredRow
from qsdb.sql.relations import Derived
from qsdb.values.kinds import Stored

__all__ = ["DerivedTemplate", "KeptResult", "template_of"]

Values = tuple[Stored, ...]


def template_of(lifted: Lifted) -> "Template | DerivedTemplate":
    """Plan and compile a template. Cost: a millisecond for each table and operator."""
    if isinstance(lifted.query, Query):
        return Template(lifted)
    return DerivedTemplate(lifted)


class DerivedTemplate:
    """A query of several parts without its constants, ready to be kept current.

    Attributes:
        query: The query.
        tables: The names of the tables of all parts, one part after the other.
        results: Values → the live query for them.
        leaves: The templates of the parts.
        only: The one of them, as in most; None where there are several.
    """

    def __init__(self, lifted: Lifted) -> None:
        """Plan and compile."""
        query = lifted.query
        assert isinstance(query, Derived)
        self.key = lifted.key
        self.query = query
        self.leaves = [
            Template(Lifted(leaf, None, lifted.slots, lifted.places))
            for leaf in query.leaves
        ]
        self.only = self.leaves[0] if len(self.leaves) == 1 else None
        self.tables = [name for leaf in self.leaves for name in leaf.tables]
        self.results: dict[Values, LiveResult] = {}
        self.plan = TreePlan(query)

    def wishes(self) -> set[tuple[str, int]]:
        """Give the indexes that the plans of all parts need: table and column."""
        return set().union(*[leaf.wishes() for leaf in self.leaves])

    def readers(self, owner: LiveResult) -> list[Reader]:
        """Give the readers of a live query, one for each table of each part."""
        return [
            Reader(
                owner,
                base + source,
                columns,
                route_of(leaf.query, source, owner.values),
            )
            for base, leaf in self._based()
            for source, columns in enumerate(leaf.columns)
        ]

    def begin(self, values: Values, now: Mapping[str, Readable]) -> "KeptResult":
        """Make the live query for some values, with its states.

        Raises:
            QueryError: the query fails.

        Cost: that of the query, and that of keeping what it looks at.
        """
        result = KeptResult(self, values, now)
        result.fill(now)
        return result

    def leaf_rows(
        self, values: Values, tables: Mapping[str, Readable]
    ) -> list[list[StoredRow]]:
        """Give the rows of all parts by asking."""
        return [leaf.rows(values, tables) for leaf in self.leaves]

    def leaf_changes(
        self,
        values: Values,
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> list[Change]:
        """Say how the rows of all parts change with a commit."""
        found: list[Change] = []
        for base, leaf in self._based():
            own = {
                number - base: pairs
                for number, pairs in concerned.items()
                if base <= number < base + len(leaf.tables)
            }
            if not own:
                found.append(([], []))
                continue
            found.append(leaf.parts(values, own, now, before))
        return found

    def asked_twice(
        self,
        values: Values,
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Say how the result changes with a commit, by asking after and before it."""
        was = self.plan.grow(values, now).fill(
            self.leaf_rows(values, past(now, before))
        )
        return net(self.plan.grow(values, now).fill(self.leaf_rows(values, now)), was)

    def change(
        self,
        values: Values,
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        """Say the same, whatever the states of a live query are."""
        return self.asked_twice(values, now, before)

    def _based(self) -> Iterator[tuple[int, Template]]:
        """Yield the parts, each with the number of its first table."""
        base = 0
        for leaf in self.leaves:
            yield base, leaf
            base += len(leaf.tables)


class KeptResult(LiveResult):
    """A template of several parts with its values, and what is kept for it."""

    __slots__ = ("_is_current", "_kept", "_root")

    def __init__(
        self, template: DerivedTemplate, values: Values, now: Mapping[str, Readable]
    ) -> None:
        """Prepare; `fill` makes the states."""
        super().__init__(template, values)
        self._kept = template
        self._root = template.plan.grow(values, now)
        self._is_current = False

    def fill(self, tables: Mapping[str, Readable]) -> list[StoredRow]:
        """Make the states of tables, and give the result.

        Raises:
            QueryError: the query fails.
        """
        self._is_current = False
        rows = self._root.fill(self._kept.leaf_rows(self.values, tables))
        self._is_current = True
        return rows

    def change(
        self,
        concerned: Mapping[int, Sequence[Pair]],
        now: Mapping[str, Now],
        before: Mapping[str, Before | None],
    ) -> Difference:
        if not self._is_current:
            self.fill(past(now, before))
        self._is_current, root, kept = False, self._root, self._kept
        only = kept.only
        if only is None:
            leaves = kept.leaf_changes(self.values, concerned, now, before)
        else:
            leaves = [only.parts(self.values, concerned, now, before)]
        inserts, deletes = root.change(leaves)
        self._is_current = True
        return Difference(inserts, deletes, None, root.moves)

    def doubt(self) -> None:
        self._is_current = False

    def resized(
        self, values: Values, now: Mapping[str, Readable]
    ) -> tuple["KeptResult", Difference]:
        """Give the live query of another window, which takes the states over.

        This one has none any more, and is to end; if it does not, it makes them anew.

        Args:
            values: For the places of the template; they are the same but for the
                window.
            now: Name → table as it is.

        Cost: O(rows that come or leave, and that stand between both windows).
        """
        found = KeptResult(self._kept, values, now)
        root = self._root
        self._is_current = False  # before anything moves: a signal may cut this off
        self._root = self._kept.plan.grow(self.values, now)
        assert isinstance(root, Mapped | Shown)
        moves = root.resize(*self._kept.plan.window(values))
        found._root = root
        found._is_current = True
        return found, _difference(moves)

    def difference_from(self, was: "KeptResult") -> Difference:
        """Say how the window differs from another one on the same rows.

        Cost: O(rows in both).
        """
        windows = [each._kept.plan.window(each.values) for each in (was, self)]  # noqa: SLF001  of this class
        before, after = [each._root.rows(()) for each in (was, self)]  # noqa: SLF001  likewise
        return _difference(moves_along(before, windows[0][0], after, windows[1][0]))

    def recover(self, now: Mapping[str, Readable]) -> None:
        """Make the states anew, if they are not as the last commit left them."""
        if not self._is_current:
            self.fill(now)

    def drift(self, now: Mapping[str, Now]) -> str | None:
        leaves = self._kept.leaf_rows(self.values, now)
        kept = self._root.rows(leaves)
        found = self._kept.plan.grow(self.values, now).fill(leaves)
        are_equal = kept == found
        if not is_ordered(self._kept.query):
            are_equal = Counter(kept) == Counter(found)
        if are_equal:
            return None
        return f"{len(kept)} rows are kept, and there are {len(found)}, or others"


def _difference(moves: Sequence[Move]) -> Difference:
    """Give what moves of rows come to; of equal ones one may leave, one enter."""
    return Difference(*cancelled(*change_of(moves)), moves=moves)


class _Past(dict[str, Readable]):
    """Tables as they were before a commit, by their names."""

    def __init__(
        self, now: Mapping[str, Now], before: Mapping[str, Before | None]
    ) -> None:
        self._now, self._before = now, before

    def __missing__(self, name: str) -> Readable:
        found = self[name] = self._before[name] or self._now[name]
        return found


def past(
    now: Mapping[str, Now], before: Mapping[str, Before | None]
) -> Mapping[str, Readable]:
    """Give tables as they were before a commit.

    Args:
        now: Name → table as it is.
        before: Name → table as it was; None if it has not changed.
    """
    return _Past(now, before)
