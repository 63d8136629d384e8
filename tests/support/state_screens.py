"""What windows show, as a list on a screen that is patched by their moves."""

from collections import Counter
from collections.abc import Callable, Sequence

from qsdb.live.states.sorting import Entry, SortTerm
from qsdb.live.states.windows import Move, Window, change_of, patched
from tests.support.state_twins import Row, Rows, windowed

__all__ = ["Ordering", "Screen", "keyed", "picked", "twin_terms"]


def picked(there: Counter[Row], places: list[int]) -> Rows:
    """Give those rows that go."""
    rows = [*there.elements()]
    found: Rows = []
    for place in places:
        if rows:
            found.append(rows.pop(place % len(rows)))
    return found


def twin_terms(terms: list[SortTerm]) -> list[tuple[int, bool, bool]]:
    return [
        (
            each.place,
            each.is_descending,
            each.is_descending if each.absent_first is None else each.absent_first,
        )
        for each in terms
    ]


def keyed(rows: Counter[Row], inserts: Rows, deletes: Rows) -> tuple[Rows, Rows]:
    """Make a change of rows with a key: who comes replaces who has the key."""
    by_key = {row[3]: row for row in rows}
    went = {row[3]: row for row in deletes}
    came = {row[3]: row for row in inserts}
    went |= {key: by_key[key] for key in came if key in by_key}
    return [*came.values()], [*went.values()]


class Screen:
    """A window, and a list that is patched by its moves."""

    def __init__(self, window: Window, terms: list[SortTerm]) -> None:
        self.window = window
        self._terms = twin_terms(terms)
        self.rows: Counter[Row] = Counter()
        self.shown: Rows = []

    def apply(self, inserts: Rows, deletes: Rows) -> None:
        inserts, deletes = keyed(self.rows, inserts, deletes)
        before = Counter(self.rows)
        self.rows.subtract(deletes)
        self.rows.update(inserts)
        self.rows = +self.rows
        came = [*(self.rows - before).elements()]
        went = [*(before - self.rows).elements()]
        self.check(self.window.moves(came, went))

    def resize(self, offset: int, limit: int | None) -> None:
        self.check(self.window.resize(offset, limit))

    def check(self, moves: Sequence[Move]) -> None:
        came, went = change_of(moves)
        assert not Counter(came) & Counter(went)
        self.shown = patched(self.shown, moves)
        expected = windowed(
            [*self.rows], self._terms, self.window.offset, self.window.limit
        )
        assert self.shown == expected
        assert self.window.rows() == expected


class Ordering:
    """Rows with an ordered index, as a table has them."""

    def __init__(self, entry_of: Callable[[Row], Entry]) -> None:
        self.entry_of = entry_of
        self.rows: Counter[Row] = Counter()

    def read_after(self, bound: Entry, known: int, limit: int) -> Rows:
        entries = sorted(map(self.entry_of, self.rows))
        return [each[-1] for each in entries if bound < each[:-1]][:limit]
