"""Live queries of several parts against asking again, and against sqlite3.

**Strategy**: random queries (`tests.support.derived_queries`) on two small tables of
few values, some of them subscribed to late; random transactions that insert, change and
delete several rows of both tables, and that roll back. After each commit every live
query is held against `Database.sql` and against sqlite3, which has the same rows and
reads the same text.

**Invariants**:

1. What was told adds up to what both say; no row both comes and goes, and nothing empty
   is told.
2. A list that is patched by the moves is the result in order.
3. States that are made anew are what the kept ones say.
4. When all have left, nothing is kept.
"""

import os
import re
import sqlite3
import weakref
from collections import Counter
from random import Random
from typing import Any

import pytest

import qsdb
from qsdb import i32
from qsdb.live.derived import KeptResult
from qsdb.live.states import heads
from tests.support.derived_queries import draw_query, for_peer, is_ordered

pytestmark = pytest.mark.slow

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"
SEEDS = range(3000 if IS_NIGHTLY else 120)
COMMITS = 25
QUERIES = 12

Row = tuple[Any, ...]

tables = qsdb.Module("tables")


class P(qsdb.Row, module=tables):
    id: i32 = qsdb.primary_key()
    g: i32 | None = qsdb.index(default=None)
    n: i32 | None = qsdb.index(default=None)
    x: float | None = qsdb.index(default=None)
    s: str = ""


class Q(qsdb.Row, module=tables):
    id: i32 = qsdb.primary_key()
    g: i32 | None = None
    n: i32 | None = None


COUNTED = {
    *("rows", "GROUP BY", "HAVING", "DISTINCT", "LIMIT", "OFFSET", "LEFT JOIN"),
    *("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "NOT IN", "NOT EXISTS"),
    *("told", "not told", "only moved", "twice", "to empty", "from empty"),
    *("read on", "QUALIFY", "RIGHT JOIN", "JOIN q r", "JOIN p s"),
    *("outer, then inner", "looks beside an outer table", "ON looks"),
}
"""What a run has to come by."""

FORMS = {
    "outer, then inner": re.compile(r"(LEFT|RIGHT) JOIN .* ON .* JOIN [pq] [rs]"),
    "looks beside an outer table": re.compile(r"SELECT .*\)\) (OR|AND NOT) \(.*q\."),
    "ON looks": re.compile(r"(LEFT|RIGHT) JOIN . ON p.g = q.g [^(]*\([^(]*\(SELECT"),
}
"""Of these, what one word does not tell."""


class Peer:
    """The same tables in sqlite3."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:")
        weakref.finalize(self, self._db.close)  # which 3.13 asks for
        self._db.execute("CREATE TABLE p (id, g, n, x, s)")
        self._db.execute("CREATE TABLE q (id, g, n)")

    def load(self, db: qsdb.Database) -> None:
        """Have the rows that a database has."""
        for name, width in (("p", 5), ("q", 3)):
            self._db.execute(f"DELETE FROM {name}")
            marks = ", ".join("?" * width)
            rows = [tuple(each) for each in db.sql(f"SELECT * FROM {name}")]
            self._db.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)

    def ask(self, text: str) -> list[Row]:
        """Give a result."""
        return self._db.execute(for_peer(text)).fetchall()

    def close(self) -> None:
        """End."""
        self._db.close()


class Watched:
    """A live query, and what its subscriber knows."""

    def __init__(self, db: qsdb.Database, text: str, seen: Counter[str]) -> None:
        self.text = text
        self._seen = seen
        self.query = db.subscribe(text, self._hear)
        self.shown = [tuple(each) for each in self.query.initial]
        self.bag = Counter(self.shown)
        self.updates: list[Any] = []

    def _hear(self, update: Any) -> None:
        came = Counter(map(tuple, update.inserts))
        went = Counter(map(tuple, update.deletes))
        assert not came & went, f"{self.text}: a row comes and goes"
        assert update, f"{self.text}: nothing is told"
        was_empty = not self.bag
        self.bag.update(came)
        self.bag.subtract(went)
        assert min(self.bag.values(), default=0) >= 0, f"{self.text}: too much goes"
        self.bag = +self.bag
        self.updates.append(update)
        self._seen["told"] += 1
        self._seen["only moved"] += not came and not went
        self._seen["twice"] += max(self.bag.values(), default=0) > 1
        self._seen["to empty"] += not self.bag
        self._seen["from empty"] += was_empty
        for move in update.moves or ():
            if move.now is None:
                assert tuple(self.shown[move.was]) == tuple(move.row), self.text
                del self.shown[move.was]
            else:
                self.shown.insert(move.now, tuple(move.row))

    def check(self, db: qsdb.Database, peer: Peer) -> None:
        """Compare what is known with what is."""
        expected = [tuple(each) for each in db.sql(self.text)]
        judged = peer.ask(self.text)
        rows = [tuple(each) for each in self.query.rows]
        if is_ordered(self.text):
            assert expected == judged, self.text
            assert rows == expected == self.shown, self.text
        assert Counter(expected) == Counter(judged), self.text
        assert self.bag == Counter(expected) == Counter(rows), self.text


def values(random: Random, *among: Any) -> Any:
    return random.choice((None, *among))


def change(tx: Any, random: Random) -> None:
    """Change some rows."""
    for _ in range(random.randrange(5)):
        key, what = random.randrange(8), random.random()
        if what < 0.2:
            tx[P].delete_by_key(key)
        elif what < 0.3:
            tx[Q].delete_by_key(key)
        elif what < 0.8:
            x = values(random, 0.5, 1.5, -2.5)
            s = random.choice(("", "a", "b"))
            row = P(key, values(random, 0, 1, 2), values(random, 0, 1, 2, 3), x, s)
            tx[P].upsert(row)
        else:
            tx[Q].upsert(Q(key, values(random, 0, 1, 2), values(random, 0, 1, 2, 3)))
    if random.random() < 0.03:
        tx[P].clear()
    if random.random() < 0.03:
        tx[Q].clear()


def commit(db: qsdb.Database, random: Random) -> None:
    """Commit a change, or roll one back."""
    before = db.offset
    tx: Any
    try:
        with db.write() as tx:
            change(tx, random)
            if random.random() < 0.1:
                tx[P].insert(P(-1))
                tx[P].insert(P(-1, n=1))  # which the key refuses
    except qsdb.UniqueError:
        assert db.offset == before


def afresh(db: qsdb.Database, watched: Watched) -> None:
    """Compare what is kept with what is made anew of the tables."""
    result: Any = watched.query.result
    if isinstance(result, KeptResult):
        now = db._subscriptions.engine._now
        other = result.template.begin(result.values, now)
        assert isinstance(other, KeptResult)
        found = other.fill(now)
        assert Counter(map(tuple, found)) == watched.bag, watched.text


def run(seed: int, seen: Counter[str]) -> None:
    """Run one history."""
    random = Random(seed)
    with qsdb.Database(tables, seed=1) as db:
        peer = Peer()
        empty = db._subscriptions.engine.sizes
        watched: list[Watched] = []
        for number in range(COMMITS):
            if number % 3 == 0 and len(watched) < QUERIES:
                texts = [draw_query(random) for _ in range(3)]
                watched += [Watched(db, each, seen) for each in texts]
            commit(db, random)
            peer.load(db)
            for each in watched:
                seen["not told"] += not each.updates
                each.updates.clear()
                each.check(db, peer)
            afresh(db, random.choice(watched))
        seen.update([n for each in watched for n in COUNTED if n in each.text])
        for name, form in FORMS.items():
            seen[name] += sum([form.search(each.text) is not None for each in watched])
        seen["rows"] += sum([e.text.startswith("SELECT p.id, p.s") for e in watched])
        for each in watched:
            each.query.close()
        assert db._subscriptions.engine.sizes == empty
        peer.close()


def test_what_is_told_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()
    monkeypatch.setattr(heads, "SPARE", 1)  # so that windows read on in these tables
    take = heads.IndexedWindow._set_ends

    def counted(window: heads.IndexedWindow) -> None:
        read_after = window._read_after

        def reading(*args: Any) -> Any:
            seen["read on"] += 1
            return read_after(*args)

        window._read_after = reading
        take(window)
        window._read_after = read_after

    monkeypatch.setattr(heads.IndexedWindow, "_set_ends", counted)
    for seed in SEEDS:
        try:
            run(seed, seen)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error

    assert {name for name in COUNTED if not seen[name]} == set()
