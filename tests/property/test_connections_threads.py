"""Connections on several threads, with the interpreter switching madly.

**Strategy**: two threads call reducers over connections of their own, which draw the
same counters up in turns; a third subscribes and closes on a connection of its own, and
a fourth opens and closes connections. Each connection keeps account of what it is told.

**Invariants**: after each own call the cache shows its effect, or a later one; a
connection is told of each commit once, in order, the own ones as such; accounts are the
caches, and all that was ever subscribed to comes to the same in the end; whoever
subscribes in the middle misses nothing. No thread hangs, none sees an exception, and
nothing is left in the engine.
"""

import logging
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import u32, u64

SECONDS = 20.0 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 2.0
COUNTERS_COUNT = 4
ALL = "SELECT * FROM counter"
TALLIES = "SELECT * FROM tally"

club = qsdb.Module("club")


class Counter(qsdb.Row, module=club, public=True):
    id: u32 = qsdb.primary_key()
    value: u64 = qsdb.index("hash", default=0)


class Tally(qsdb.Row, module=club, public=True):
    """All counters together: one row."""

    id: u32 = qsdb.primary_key()
    total: u64 = 0


@club.reducer
def count(ctx: qsdb.ReducerContext, id: u32) -> int:  # noqa: A002
    row = ctx.db[Counter].get(id) or Counter(id)
    tally = ctx.db[Tally].get(0) or Tally(0)
    ctx.db[Tally].upsert(tally.replace(total=tally.total + 1))
    return ctx.db[Counter].upsert(row.replace(value=row.value + 1)).value


@pytest.fixture
def mad_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Listener:
    """A connection that keeps account of what it is told."""

    def __init__(self, db: qsdb.Database) -> None:
        self.conn = db.connect()
        self.rows: dict[int, Counter] = {}
        self.tally: Tally | None = None
        self.faults: list[str] = []
        self.own = self.offset = 0
        self._is_inside = False
        counters, tallies = self.conn.db[Counter], self.conn.db[Tally]
        counters.on_insert(lambda event, row: self._hear(event, None, row))
        counters.on_delete(lambda event, row: self._hear(event, row, None))
        counters.on_update(self._hear)
        tallies.on_insert(lambda event, row: self._add(event, None, row))
        tallies.on_update(self._add)

    def require(self, holds: bool, fault: str) -> None:  # noqa: FBT001  reads well
        """Note a fault: in a callback, an exception would only be logged."""
        if not holds:
            self.faults.append(fault)

    def _hear(
        self, event: qsdb.Event, old: Counter | None, new: Counter | None
    ) -> None:
        self.require(not self._is_inside, "a callback in a callback")
        self._is_inside = True
        self.require(event.offset >= self.offset, "told too late")
        self.offset = event.offset
        row = old if new is None else new
        assert row is not None
        self.require(self.rows.get(row.id) == old, f"{old} was not there")
        if new is None:
            del self.rows[row.id]
        else:
            self.rows[row.id] = new
        if old is not None and new is not None:
            self.require(new.value == old.value + 1, f"{old} to {new}: one was missed")
        self.own += event.kind == "reducer"
        self._is_inside = False

    def _add(self, event: qsdb.Event, old: Tally | None, new: Tally) -> None:
        """Hear of the tally: the counters that belong to it are in the cache."""
        self.require(self.tally == old, f"{old} was not there")
        self.tally = new
        if event.kind != "ended":
            total = sum([row.value for row in self.conn.db[Counter]])
            self.require(total == new.total, f"{total} counted, and {new}")

    def check(self) -> None:
        """Compare the account and the cache, while nothing is told."""
        cached = {row.id: row for row in self.conn.db[Counter]}
        assert self.faults == []
        assert self.rows == cached
        for row in cached.values():
            assert row in [*self.conn.db[Counter].value.filter(row.value)]


class Crowd:
    """Threads, until time is up or one of them fails."""

    def __init__(self, db: qsdb.Database, seed: int) -> None:
        self.db = db
        self.seed = seed
        self.end = time.monotonic() + SECONDS
        self.failures: list[BaseException] = []
        self.did = {"calls": 0, "subscriptions": 0, "connections": 0}

    def is_going_on(self) -> bool:
        return time.monotonic() < self.end and not self.failures

    def call(self) -> None:
        listener, calls = Listener(self.db), 0
        rng = random.Random(self.seed + threading.get_ident())
        listener.conn.subscribe(ALL, TALLIES)
        while self.is_going_on():
            number = rng.randrange(COUNTERS_COUNT)
            value = listener.conn.reducers.count(number)
            calls += 1
            shown = listener.conn.db[Counter].get(number)
            assert shown is not None, "the own call is not in the cache"
            assert shown.value >= value, "the own call is not in the cache"
            assert listener.own == calls, "the own call was not told"
        self.did["calls"] += calls
        self.keep(listener)

    def subscribe(self) -> None:
        listener, rng = Listener(self.db), random.Random(self.seed)
        texts = [
            f"SELECT * FROM counter WHERE id <= {n}" for n in range(COUNTERS_COUNT)
        ]
        live: list[qsdb.Subscription] = []
        while self.is_going_on():
            if len(live) > 2:
                live.pop(rng.randrange(len(live))).close()
            sub = listener.conn.subscribe(rng.choice(texts), rng.choice(texts))
            assert sub.is_active
            live.append(sub)
            self.did["subscriptions"] += 1
        for each in live:
            each.close()
        assert list(listener.conn.db[Counter]) == []
        listener.conn.subscribe(ALL)
        self.keep(listener)

    def connect(self) -> None:
        while self.is_going_on():
            listener = Listener(self.db)
            subs = [listener.conn.subscribe(ALL, TALLIES) for _ in range(2)]
            listener.conn.reducers.count(0)
            listener.conn.close()
            told = listener.offset
            assert not subs[0].is_active
            assert listener.faults == []
            time.sleep(0)
            assert listener.offset == told, "told after the end"
            self.did["connections"] += 1

    def keep(self, listener: Listener) -> None:
        """Look at a listener when all is over."""
        self.listeners.append(listener)

    def guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001  told by the main thread
            self.failures.append(failure)

    def run(self) -> None:
        self.listeners: list[Listener] = []
        works = [self.call, self.call, self.subscribe, self.connect]
        threads = [
            threading.Thread(target=self.guarded, args=(work,), daemon=True)
            for work in works
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS + 60)
        if self.failures:
            raise self.failures[0]
        assert not any(thread.is_alive() for thread in threads), "a thread hangs"


class _Noted(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(logging.Formatter().format(record))


@pytest.fixture
def raised() -> Iterator[list[str]]:
    logger, handler = logging.getLogger("qsdb.delivery"), _Noted()
    logger.addHandler(handler)
    yield handler.texts
    logger.removeHandler(handler)


@pytest.mark.slow
@pytest.mark.usefixtures("mad_switching")
def test_each_connection_is_told_of_one_serial_order(raised: list[str]) -> None:
    seed = 20261125
    db = qsdb.Database(club)
    crowd = Crowd(db, seed)
    crowd.run()
    print(f"seed {seed}: {crowd.did}, {db.offset} commits")

    with db.read() as tx:
        final: dict[Any, Any] = {row.id: row for row in tx[Counter]}
    assert raised == []
    assert len(crowd.listeners) == 3
    for each in crowd.listeners:
        each.check()
        assert each.rows == final
        each.conn.close()
    assert set(db._subscriptions.engine.sizes.values()) == {0}
    assert min(crowd.did.values()) > 10
    db.check()
