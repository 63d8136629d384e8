"""Judges of those who listen: a live query, and a connection with a cache.

**Invariants**:

1. What a query is told leads from its result at one offset to that at another, and
   between the two the result was as at the first: nothing is left out.
2. In a callback the rows, and the cache, are those of the commit that is told.
3. What is told as confirmed is on the disk.
"""

from collections import Counter
from typing import Any

import qsdb
from tests.simulation.doing import tuples
from tests.simulation.processes import Process
from tests.simulation.queries import QUERIES, Bag, Query, params_of

__all__ = ["CachedQueries", "Listener"]


class Listener:
    """Judges one live query."""

    def __init__(
        self, process: Process, query: Query, number: int, *, confirmed: bool
    ) -> None:
        self.process, self.query, self.number = process, query, number
        self.confirmed = confirmed
        self.live: qsdb.LiveQuery | None = None
        self.early: list[qsdb.Update] | None = []
        """What is told before the beginning has been judged; None from then on."""
        self.rows: Bag = Counter()
        self.told: Bag = Counter()
        """The rows after the last time that it was told, or began."""
        self.offset = 0
        self.is_over = False

    def begin(self) -> None:
        """Subscribe, and verify the first result."""
        process = self.process
        db = process.db
        live = db.subscribe(
            self.query.text,
            self.take,
            params_of(self.query, self.number),
            confirmed=self.confirmed,
            on_error=self.fail,
        )
        process.observe()
        self.rows, self.offset = Counter(tuples(live.initial)), live.offset
        if not self.query.is_event:
            self.compare(self.offset, "first")
        self.told = self.rows.copy()
        if self.confirmed:
            process.promise(self.offset)
        self.live = live
        assert self.early is not None
        for update in self.early:  # which grows meanwhile
            self._take(update, is_late=True)
        self.early = None

    def bags(self, offset: int) -> list[Bag]:
        """Give the result that should be at an offset; rarely one of several."""
        states = self.process.history.candidates(offset)
        return [self.query.bag(state, self.number) for state in states]

    def compare(self, offset: int, *what: object) -> None:
        """Verify that the rows are those of an offset."""
        bags = self.bags(offset)
        if self.rows not in bags:
            self.process.compare(self.rows, bags[0], self.query.text, *what, offset)

    def take(self, update: qsdb.Update) -> None:
        """Be told, by qsdb."""
        if self.early is None:
            self._take(update, is_late=False)
        else:
            self.early.append(update)

    def _take(self, update: qsdb.Update, *, is_late: bool) -> None:
        process, text = self.process, self.query.text
        process.world.switch()
        process.observe()
        process.world.note("told", text[:30], update.offset)
        process.counts["a live query is told"] += 1
        process.require(not self.is_over, text, "is told after its end")
        process.require(update.offset > self.offset, text, "is told", update.offset)
        process.require(update.offset <= process.history.last, text, "of the future")
        if self.query.is_event:
            pings = [
                ping
                for offset in update.offsets
                for ping in self.query.twin(process.history.states[offset], 0)
            ]
            process.compare(tuples(update.inserts), pings, text, update.offset)
        else:
            came, went = tuples(update.inserts), tuples(update.deletes)
            is_net = bool(came or went) and not {*came} & {*went}
            process.require(is_net, text, "is told", came, went)
            self.rows.subtract(went)
            self.rows.update(came)
            process.require(min(self.rows.values(), default=0) >= 0, text, "lost rows")
            before, self.rows = self.told, +self.rows
            self.require_silence(before, update.offsets[0])
            self.compare(update.offset, "told")
            self.told = self.rows.copy()
            if not is_late:
                assert self.live is not None
                process.compare(
                    Counter(tuples(self.live.rows)), self.rows, "rows of", text
                )
        self.offset = update.offset
        if self.confirmed:
            process.promise(update.offset)

    def require_silence(self, rows: Bag, offset: int) -> None:
        """Verify that there was nothing to tell since the last time."""
        for each in range(self.offset + 1, offset):
            bags = self.bags(each)
            if rows not in bags:
                what = f"offset {each} was not told:"
                self.process.compare(rows, bags[0], what, self.query.text)

    def fail(self, error: qsdb.QueryError) -> None:
        """Be told that the query ends: where the columns of a table are others."""
        edition = self.process.observe().edition
        is_right = edition == 3 and "stock" in self.query.tables
        self.process.require(is_right, self.query.text, "ended:", error)
        self.is_over = True

    def end(self) -> None:
        """Close the query."""
        assert self.live is not None
        self.live.close()
        self.is_over = True

    def require_all_told(self) -> None:
        """Verify that all was told by now."""
        if not self.is_over and not self.query.is_event and self.live is not None:
            last = self.process.history.last
            self.require_silence(self.rows, last + 1)


class CachedQueries:
    """Judges the cache of one connection."""

    KINDS = (2, 6, 7)
    """Of which queries it knows the rows."""

    def __init__(
        self, process: Process, connection: qsdb.Connection, choice: int
    ) -> None:
        self.process, self.connection = process, connection
        self.query = QUERIES[self.KINDS[choice % 3]]
        self.table = ("account", "note", "rich")[choice % 3]
        self.is_over = False
        self.subscription: Any = None

    def begin(self) -> None:
        """Subscribe, and have every change of the cache judged."""
        table = self.connection.db.table(self.table)
        table.on_insert(lambda event, _: self.judge(event))
        table.on_delete(lambda event, _: self.judge(event))
        self.subscription = self.connection.subscribe(
            self.query.text, on_applied=self.judge
        )

    def rows(self) -> Bag:
        """Give what the cache has."""
        return Counter(tuples(self.connection.db.table(self.table)))

    def should(self, offset: int) -> list[Bag]:
        """Give what it should have at an offset; rarely one of several."""
        states = self.process.history.candidates(offset)
        return [self.query.bag(state, 0) for state in states]

    def judge(self, event: Any) -> None:
        """Verify the cache in a callback."""
        if self.is_over:
            return
        process = self.process
        if event.kind == "ended":
            is_right = self.connection.is_closed or process.observe().edition == 3
            process.require(is_right, "the cache ends")
            self.is_over = True
            return
        process.world.switch()
        process.observe()
        process.counts["a connection is told"] += 1
        rows, should = self.rows(), self.should(event.offset)
        if rows not in should:
            process.compare(rows, should[0], "the cache at", event.offset, event.kind)
        if self.connection.confirmed:
            process.promise(event.offset)

    def require_since(self, offset: int) -> None:
        """Verify that the cache is that of an offset or of a later one."""
        if self.is_over:
            return
        process, rows = self.process, self.rows()
        process.observe()
        offsets = range(offset, process.history.last + 1)
        ways = [bag for each in offsets for bag in self.should(each)]
        if rows not in ways:
            process.compare(rows, ways, "the cache since", offset)

    def require_all_told(self) -> None:
        """Verify that the cache is that of the last offset."""
        if not self.is_over:
            self.require_since(self.process.history.last)
