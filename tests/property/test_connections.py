"""Caches of connections against a judge that reads the tables, over random histories.

**Strategy**: three tables with few values, one of them without a key. Two or three
connections subscribe to queries of a small pool, one to three at once, so that the same
rows come from several queries, and from joins several times. Each step is a random
commit (a block, or a call over a connection), a subscription, its end, or the end of a
connection, for which another one comes. Callbacks do the same now and then, and raise.
One query of the pool fails when a level is too high.

**Invariants** (I5), after each step, for each connection and table:

1. how often a row is counted is the sum, over the queries of its live subscriptions, of
   how often it is in a naive evaluation; the cache holds the rows that are counted, and
   index look-ups, counts and unique ones say what a scan says;
2. who only listens and keeps account has the same rows; each event fits the account: a
   row that comes was not there, one that goes was, and of one commit no row and no key
   comes twice, or both comes and goes: so events are the transitions, and no more;
3. in a callback the cache is complete for the event's offset;
4. an own call is told as such, and no other; commits are told in order, no callback in
   the middle of another, and nothing after the end.
"""

import logging
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import u8, u32

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"
SEEDS_COUNT = 600 if IS_NIGHTLY else 30
STEPS_COUNT = 40

club = qsdb.Module("club")


class Player(qsdb.Row, module=club, public=True):
    id: u32 = qsdb.primary_key()
    guild: u32 = qsdb.index()
    level: u8 = qsdb.index("hash")
    seat: u32 | None = qsdb.unique(default=None)


class Guild(qsdb.Row, module=club, public=True):
    id: u32 = qsdb.primary_key()
    kind: u32 = qsdb.index("hash")


class Tag(qsdb.Row, module=club, public=True):
    who: u32 = qsdb.index()
    what: u32


TABLES: dict[str, type[Any]] = {"player": Player, "guild": Guild, "tag": Tag}

State = dict[str, frozenset[Any]]
Bag = Counter[Any]

_act: list[Callable[[Any], None]] = []


@club.reducer
def act(ctx: qsdb.ReducerContext) -> None:
    _act[-1](ctx.db)


# The pool: texts, and what each gives, said once more in Python.


@attrs.frozen
class Question:
    """A query, and its naive evaluation; that is None where it fails."""

    text: str
    table: str | None
    answer: Callable[[State], Bag | None]


def _players(test: Callable[[Any], bool]) -> Callable[[State], Bag]:
    return lambda state: Counter([p for p in state["player"] if test(p)])


def _pairs(
    left: str, right: str, on: Callable[[Any, Any], bool], side: int
) -> Callable[[State], Bag]:
    return lambda state: Counter(
        [(a, b)[side] for a in state[left] for b in state[right] if on(a, b)]
    )


def _brittle(state: State) -> Bag | None:
    if any(p.level == 3 for p in state["player"]):
        return None
    return Counter(state["player"])


POOL = [
    Question("SELECT * FROM player", "player", _players(lambda _: True)),
    Question(
        "SELECT * FROM player WHERE level > 1",
        "player",
        _players(lambda p: p.level > 1),
    ),
    Question(
        "SELECT * FROM player WHERE level = :level",
        "player",
        _players(lambda p: p.level == 2),
    ),
    Question(
        "SELECT * FROM player WHERE guild = 1 OR level = 0",
        "player",
        _players(lambda p: p.guild == 1 or p.level == 0),
    ),
    Question("SELECT * FROM player WHERE level + 253 > 0", "player", _brittle),
    Question(
        "SELECT p.* FROM player p JOIN guild g ON p.guild = g.id WHERE g.kind = 1",
        "player",
        _pairs("player", "guild", lambda p, g: p.guild == g.id and g.kind == 1, 0),
    ),
    Question(
        "SELECT g.* FROM player p JOIN guild g ON p.guild = g.id",
        "guild",
        _pairs("player", "guild", lambda p, g: p.guild == g.id, 1),
    ),
    Question(
        "SELECT p.* FROM player p JOIN tag t ON t.who = p.id",
        "player",
        _pairs("player", "tag", lambda p, t: t.who == p.id, 0),
    ),
    Question(
        "SELECT t.* FROM tag t JOIN player p ON p.guild = t.who",
        "tag",
        _pairs("tag", "player", lambda t, p: p.guild == t.who, 0),
    ),
    Question(
        "SELECT a.* FROM player a JOIN player b ON a.guild = b.guild",
        "player",
        _pairs("player", "player", lambda a, b: a.guild == b.guild, 0),
    ),
    Question("SELECT * FROM tag", "tag", lambda state: Counter(state["tag"])),
    Question(
        "SELECT * FROM guild WHERE kind = 0",
        "guild",
        lambda state: Counter([g for g in state["guild"] if g.kind == 0]),
    ),
    Question(
        "SELECT level, guild FROM player",
        None,
        lambda state: Counter([(p.level, p.guild) for p in state["player"]]),
    ),
]


class DeliberateError(Exception):
    """What callbacks raise now and then."""


@attrs.define(eq=False)
class Asked:
    """A subscription, and whether its rows are in the cache as far as was told."""

    questions: list[Question]
    is_applied: bool = False
    subscription: qsdb.Subscription | None = None

    def apply(self, _: qsdb.Event) -> None:
        """Hear that it was applied."""
        self.is_applied = True

    def end(self, _: qsdb.QueryError) -> None:
        """Hear that it has ended."""
        self.is_applied = False


class Client:
    """A connection, and who listens to it and keeps account.

    Attributes:
        live: Its subscriptions that have not ended.
        is_dirty: Whether something was ended in a callback, and may still be there.
    """

    def __init__(self, history: "History") -> None:
        self.history = history
        self.conn = history.db.connect()
        self.live: list[Asked] = []
        self.is_closed = self.is_dirty = False
        self.rows: dict[str, set[Any]] = {name: set() for name in TABLES}
        self._event: qsdb.Event | None = None
        self._touched: set[tuple[str, object]] = set()
        self._offset = 0
        for name in TABLES:
            table: Any = self.conn.db.table(name)
            for kind in ("on_insert", "on_delete", "on_update"):
                getattr(table, kind)(self._hearer(name, kind))

    def _hearer(self, table: str, kind: str) -> Callable[..., None]:
        def hear(event: qsdb.Event, *rows: Any) -> None:
            history = self.history
            history.require(not history.is_inside, "a callback in a callback")
            history.is_inside = True
            try:
                self._account(table, kind, event, rows)
                history.react(self)
            finally:
                history.is_inside = False

        return hear

    def _account(
        self, table: str, kind: str, event: qsdb.Event, rows: tuple[Any, ...]
    ) -> None:
        history, account = self.history, self.rows[table]
        history.seen[f"{kind} {event.kind}"] += 1
        history.require(not self.is_closed, "told after the end")
        if event is not self._event:
            self._event, self._touched = event, set()
            self._check_event(event)
        old = rows[0] if kind != "on_insert" else None
        new = rows[-1] if kind != "on_delete" else None
        if old is not None:
            history.require(old in account, f"{old} goes, and was not there")
            account.discard(old)
        if new is not None:
            history.require(new not in account, f"{new} comes, and was there")
            account.add(new)
        row: Any = new if old is None else old
        key = row if table == "tag" else row.id
        if old is not None and new is not None:
            history.require(table != "tag", "an update without a key")
            history.require(old.id == new.id and old != new, f"{old} to {new}")
        history.require((table, key) not in self._touched, f"{key} is told of twice")
        self._touched.add((table, key))

    def _check_event(self, event: qsdb.Event) -> None:
        history = self.history
        history.require(event.offset >= self._offset, f"{event} is told too late")
        self._offset = event.offset
        if event.kind in ("reducer", "transaction"):
            is_own = history.callers.get(event.offset) is self
            kind, name, status = (
                ("reducer", "act", "committed")
                if is_own
                else ("transaction", None, None)
            )
            expected = qsdb.Event(kind, event.offset, name, status)  # type: ignore[arg-type]
            history.require(event == expected, f"{event}, not {expected}")
        if event.kind != "ended" and not self.is_dirty:
            self.check(history.states[event.offset])

    def counted(self, state: State, table: str) -> Bag | None:
        """Give how often each row is to be counted; None if a query fails."""
        total: Bag = Counter()
        for asked in self.live:
            for each in asked.questions if asked.is_applied else []:
                answer = each.answer(state)
                if answer is None:
                    return None
                if each.table == table:
                    total.update(answer)
        return total

    def check(self, state: State) -> None:
        """Compare the cache with what queries give at a state."""
        require = self.history.require
        for name in TABLES:
            total = self.counted(state, name)
            if total is None:
                return  # it ends soon
            table: Any = self.conn.db.table(name)
            require(set(table) == set(total), f"{name}: {[*table]}, not {[*total]}")
            require(len(table) == len(total), f"{name}: its length")
            found = {row: table._counts[tuple(row)] for row in total}
            require(found == dict(total), f"{name}: counts {found}, not {total}")

    def check_settled(self, state: State) -> None:
        """Compare everything, while nothing is told."""
        require = self.history.require
        self.is_dirty = False
        for asked in [*self.live]:
            subscription, rows = asked.subscription, Counter[Any]()
            assert subscription is not None
            if subscription.error is not None:
                self.live.remove(asked)
                is_brittle = any(each.answer is _brittle for each in asked.questions)
                require(is_brittle, f"{asked.questions} failed")
                require(not asked.is_applied, "nobody was told of an error")
                self.history.seen["failed"] += 1
                continue
            require(asked.is_applied and subscription.is_active, "it is not applied")
            for each in asked.questions:
                rows.update(map(_told_apart, (each.answer(state) or Bag()).elements()))
            found = Counter(map(_told_apart, subscription.rows))
            require(found == rows, f"{subscription!r} has {found}, not {rows}")
        self.check(state)
        for name in TABLES:
            table: Any = self.conn.db.table(name)
            require(self.rows[name] == set(table), f"{name}: the account")
        _check_look_ups(self.conn.db, require)


def _told_apart(row: Any) -> object:
    """Give what differs for rows of tables and for other tuples with equal values."""
    return type(row) if isinstance(row, qsdb.Row) else None, tuple(row)


def _check_look_ups(cache: Any, require: Callable[[bool, str], None]) -> None:
    players, guilds, tags = [[*cache.table(name)] for name in TABLES]
    for n in range(5):
        by_id = [p for p in players if p.id == n]
        require(cache.player.get(n) == next(iter(by_id), None), "get")
        require([*cache.player.id.filter(n)] == by_id, "the primary key")
        by_seat = [p for p in players if p.seat == n]
        require(cache.player.seat.find(n) == next(iter(by_seat), None), "find")
        by_guild = sorted([p.id for p in players if p.guild == n])
        require([p.id for p in cache.player.guild.filter(n)] == by_guild, "an order")
        require(cache.player.guild.count(n) == len(by_guild), "a count of an order")
        below = Counter([p for p in players if p.guild < n])
        require(Counter(cache.player.guild.range(hi=n)) == below, "a range")
        by_level = Counter([p for p in players if p.level == n])
        require(Counter(cache.player.level.filter(n)) == by_level, "a hash")
        require(cache.player.level.count(n) == by_level.total(), "a count of a hash")
        by_kind = Counter([g for g in guilds if g.kind == n])
        require(Counter(cache.guild.kind.filter(n)) == by_kind, "a hash of guilds")
        by_who = Counter([t for t in tags if t.who == n])
        require(Counter(cache.tag.who.filter(n)) == by_who, "without a key")


class History:
    """One random history.

    Attributes:
        states: Offset → the tables.
        callers: Offset → who called.
        seen: What has happened how often.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.db = qsdb.Database(club, seed=1)
        self.states: dict[int, State] = {1: dict.fromkeys(TABLES, frozenset())}
        self.callers: dict[int, Client] = {}
        self.seen: Counter[str] = Counter()
        self.is_inside = False
        self.step = self._reactions = 0
        self.faults: list[str] = []
        self.clients = [Client(self) for _ in range(self.rng.randint(2, 3))]

    def require(self, holds: bool, fault: str) -> None:  # noqa: FBT001  reads well
        """Note a fault: in a callback, an exception would only be logged."""
        if not holds:
            self.faults.append(f"seed {self.seed}, step {self.step}: {fault}")

    def run(self) -> None:
        """Run all steps, and look at everything after each."""
        for self.step in range(STEPS_COUNT):
            self._reactions = 3
            self._once()
            for each in self.clients:
                each.check_settled(self.states[self.db.offset])
            assert self.faults == []
        live = {q.text for c in self.clients for s in c.live for q in s.questions}
        results = self.db._subscriptions.engine.sizes["results"]
        assert results == len(live), "the engine keeps what nobody asks"
        for each in self.clients:
            each.conn.close()
        assert set(self.db._subscriptions.engine.sizes.values()) == {0}
        self.db.check()

    def react(self, client: Client) -> None:
        """Do something in a callback, now and then."""
        if self._reactions and self.rng.random() < 0.1:
            self._reactions -= 1
            self.seen["reaction"] += 1
            self._once(client)
            if self.rng.random() < 0.2:
                raise DeliberateError

    def _once(self, inside: Client | None = None) -> None:
        rng = self.rng
        client = rng.choice(self.clients)
        what = rng.random()
        if what < 0.6:
            self._commit(client if rng.random() < 0.5 else None)
        elif what < 0.8:
            self._subscribe(client)
        elif what < 0.95:
            self._unsubscribe(client, is_inside=inside is not None)
        else:
            client.conn.close()
            client.is_closed = True
            self.clients[self.clients.index(client)] = Client(self)
            self.seen["closed"] += 1

    def _subscribe(self, client: Client) -> None:
        questions = self.rng.sample(POOL, self.rng.randint(1, 3))
        texts = [each.text for each in questions]
        params = {"level": 2} if any(":level" in each for each in texts) else None
        state = self.states[self.db.offset]
        fails = any(each.answer(state) is None for each in questions)
        asked = Asked(questions)
        client.live.append(asked)
        try:
            asked.subscription = client.conn.subscribe(
                *texts, on_applied=asked.apply, on_error=asked.end, params=params
            )
        except qsdb.QueryError:
            client.live.remove(asked)
            self.seen["refused"] += 1
            self.require(fails, "refused")
        else:
            self.require(not fails, "not refused")

    def _unsubscribe(self, client: Client, *, is_inside: bool) -> None:
        known = [each for each in client.live if each.subscription is not None]
        if known:
            asked = self.rng.choice(known)
            assert asked.subscription is not None
            client.is_dirty |= is_inside
            client.live.remove(asked)
            asked.subscription.close()
            self.seen["unsubscribed"] += 1

    def _commit(self, caller: Client | None) -> None:
        seed, before = self.rng.random(), self.db.offset

        def change(tx: Any) -> None:
            self._change(tx, random.Random(seed))
            tables = {name: frozenset(tx.table(name)) for name in TABLES}
            if tables != self.states[before]:
                self.states[before + 1] = tables
                if caller is not None:
                    self.callers[before + 1] = caller

        if caller is None:
            with self.db.write() as tx:
                change(tx)
        else:
            _act.append(change)
            caller.conn.reducers.act()
            _act.pop()

    def _change(self, tx: Any, rng: random.Random) -> None:
        players, guilds, tags = tx[Player], tx[Guild], tx[Tag]
        for _ in range(rng.randint(1, 5)):
            what, number = rng.random(), rng.randrange(5)
            if what < 0.45:
                level = 3 if rng.random() < 0.04 else rng.randrange(3)
                players.upsert(Player(number, rng.randrange(3), level))
            elif what < 0.55:
                players.delete_by_key(number)
            elif what < 0.62:
                self._exchange(players, rng)
            elif what < 0.75:
                guilds.upsert(Guild(rng.randrange(3), rng.randrange(2)))
            elif what < 0.8:
                guilds.delete_by_key(rng.randrange(3))
            else:
                tag = Tag(rng.randrange(4), rng.randrange(3))
                tags.delete(tag) or tags.insert(tag)

    def _exchange(self, players: Any, rng: random.Random) -> None:
        """Let players exchange their seats, which are unique, and their guilds."""
        rows = [*players]
        rng.shuffle(rows)
        taken = [(row.guild, n) for n, row in enumerate(rows)]
        for row in rows:
            players.update(row.replace(seat=None))
        for row, (guild, seat) in zip(rows, reversed(taken), strict=True):
            players.update(row.replace(seat=seat, guild=guild))


class _Unexpected(logging.Handler):
    """Takes note of what callbacks raise and should not."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        assert record.exc_info is not None
        if record.exc_info[0] is not DeliberateError:
            self.faults.append(logging.Formatter().format(record))


@pytest.fixture
def unexpected() -> Iterator[list[str]]:
    logger, handler = logging.getLogger("qsdb.delivery"), _Unexpected()
    logger.addHandler(handler)
    was_told = logger.propagate
    logger.propagate = False
    yield handler.faults
    logger.removeHandler(handler)
    logger.propagate = was_told


COVERED = [
    *[
        f"{kind} {why}"
        for kind in ("on_insert", "on_delete", "on_update")
        for why in ("reducer", "transaction")
    ],
    "on_insert applied",
    "on_delete ended",
    "reaction",
    "refused",
    "failed",
    "closed",
    "unsubscribed",
]


@pytest.mark.slow
def test_caches_hold_what_their_queries_give(unexpected: list[str]) -> None:
    first = random.SystemRandom().randrange(1 << 32) if IS_NIGHTLY else 0
    seen: Counter[str] = Counter()
    for seed in range(first, first + SEEDS_COUNT):
        history = History(seed)
        try:
            history.run()
        except BaseException:
            print(f"seed {seed}, step {history.step}: {history.faults}")
            raise
        assert unexpected == [], f"seed {seed}"
        seen.update(history.seen)

    print(f"seeds {first} to {first + SEEDS_COUNT - 1}: {dict(seen)}")
    assert {name for name in COVERED if not seen[name]} == set()
