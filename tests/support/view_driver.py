"""Runs histories of views that are listened to, and judges what was told.

A history is drawn from a number, step by step: somebody listens to a query on a view,
or leaves; a transaction inserts, changes and deletes rows, and may be rolled back. The
judge is slow and knows nothing of what was read: after every step each query is asked
anew (`Database.sql`), for which its views run from scratch on the tables.

V1  the rows of a live query are what asking anew gives, and what was told adds up;
V2  where asking anew fails, the live query has ended with an error that names the view,
    or, where the view says so, the transaction was rolled back and all is as before;
V3  what is kept of each instance is what a fresh run finds, read set included;
V4  a transaction that was not committed tells nothing and leaves nothing;
V6  an instance runs again only if a row that changed was read for it;
V5  when the last one has left nothing is kept.
"""

import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs

import qsdb
from qsdb import QueryError, ReducerError
from qsdb.live.tables import JoinIndex
from qsdb.store.watched import PointRead, RangeRead, Read, TableRead
from tests.support.view_module import Bag, Member, Player, club, who

__all__ = ["COVERED", "Driver", "run"]

IDS, TEAMS, SCORES, NAMES, WHATS = range(1, 7), range(1, 4), range(6), "ab", "xy"
_TWICE = re.compile(r"primary key .*")
CALLERS = range(3)
CODES = (None, None, 1, 2)

COVERED = frozenset(
    {
        *("told", "untouched", "ended", "refused", "aborted", "rolled back"),
        *("nothing committed", "shared", "left", "joined", "by connection"),
        *("not run", "looked into"),
    }
)
"""What a run has to come by, or it has not looked."""


def numbers(values: range) -> Callable[[random.Random], str]:
    """Give what draws an argument."""
    return lambda draw: str(draw.choice(values))


def one_of(values: str) -> Callable[[random.Random], str]:
    """Give what draws an argument that is a text."""
    return lambda draw: repr(draw.choice(values))


VIEWS: dict[str, list[Callable[[random.Random], str]]] = {
    "me": [],
    "my_player": [],
    "friends": [numbers(IDS)],
    "team": [numbers(TEAMS)],
    "ranged": [numbers(SCORES), numbers(SCORES), *[numbers(range(2))] * 2],
    "above": [numbers(TEAMS), numbers(SCORES)],
    "named": [one_of(NAMES)],
    "coded": [numbers(range(1, 3))],
    "totals": [],
    "size": [],
    "befriended": [one_of(WHATS)],
    "sizes": [numbers(TEAMS)],
    "holds": [numbers(IDS), one_of(WHATS)],
    "mine": [],
    "pairs": [numbers(SCORES)],
    "of_team": [numbers(TEAMS)],
    "leaders": [numbers(range(4, 7))],
    "leading": [numbers(range(4, 7))],
    "sums": [numbers(TEAMS)],
    "guarded": [numbers(TEAMS)],
    "best": [],
    "best_of": [numbers(TEAMS)],
    "my_first": [],
    "counted": [numbers(range(2))],
    "highest": [],
    "distinct_pairs": [],
    "either": [numbers(TEAMS)],
    "first_of_each": [],
}

OF_PLAYERS = (
    *("my_player", "friends", "team", "ranged", "above", "named", "of_team"),
    *("best", "best_of", "either", "first_of_each"),
)
OFTEN = ("befriended", "guarded", "guarded")
_CALLED = re.compile(rf"(?:FROM|JOIN) ((?:{'|'.join(VIEWS)})\b(?:\([^)]*\))?)")


@attrs.define(eq=False)
class Watched:
    """Somebody who listens."""

    text: str
    caller: int
    query: Any
    rows: Counter[Any]
    told: list[Any]
    connection: Any

    @property
    def called(self) -> str:
        """The view with its arguments."""
        found = _CALLED.search(self.text)
        assert found is not None
        return found[1]


class Driver:
    """One database, and all who listen."""

    def __init__(self, seed: int, seen: Counter[str] | None = None) -> None:
        """Open it."""
        self.draw = random.Random(seed)
        self.db = qsdb.Database(club, seed=1)
        self.watched: list[Watched] = []
        self.seen: Counter[str] = Counter() if seen is None else seen
        self.runs: list[Any] = []
        runner = self.db._subscriptions.listening.views._runner
        run_view = runner.run

        def noting(key: Any, base_of: Any) -> Any:
            self.runs.append(key)
            return run_view(key, base_of)

        runner.run = noting  # type: ignore[method-assign]

    # Steps.

    def step(self) -> None:
        """Do something."""
        what = self.draw.random()
        if what < 0.3 and len(self.watched) < 25:
            self.listen(self.draw_text(), self.draw.choice(CALLERS))
        elif what < 0.37 and self.watched:
            self.leave(self.draw.choice(self.watched))
        else:
            self.commit()
        self.check()

    def draw_text(self) -> str:
        draw = self.draw
        name = draw.choice([*VIEWS, *OFTEN])
        arguments = ", ".join([each(draw) for each in VIEWS[name]])
        called = f"{name}({arguments})" if arguments or draw.random() < 0.5 else name
        if self.watched and draw.random() < 0.3:
            called = draw.choice(self.watched).called
            name = called.partition("(")[0]
        if name not in OF_PLAYERS or draw.random() < 0.5:
            return f"SELECT * FROM {called}"
        seen = f"WHERE EXISTS (SELECT 1 FROM {called} v WHERE v.friend = p.id)"
        return draw.choice(
            [
                f"SELECT * FROM {called} v WHERE v.score > {draw.choice(SCORES)}",
                f"SELECT v.name, v.team FROM {called} v",
                f"SELECT v.* FROM {called} v JOIN bag b ON b.player = v.id",
                f"SELECT b.*, v.score FROM {called} v JOIN bag b ON b.player = v.id",
                f"SELECT v.id, m.* FROM {called} v JOIN me m ON v.friend = m.player",
                f"SELECT v.* FROM {called} v WHERE v.id = {draw.choice(IDS)}",
                f"SELECT b.*, v.id FROM bag b LEFT JOIN {called} v ON v.id = b.player",
                f"SELECT * FROM bag WHERE player NOT IN (SELECT friend FROM {called})",
                f"SELECT p.name FROM player p JOIN best q ON q.team = p.team {seen}",
            ]
        )

    def listen(self, text: str, caller: int) -> None:
        """Begin a live query: as somebody, or as the owner with a callback."""
        told: list[Any] = []
        errors: list[QueryError] = []
        self.seen["joined"] += "JOIN" in text
        self.seen["looked into"] += "(SELECT" in text
        connection = self.db.connect(who(caller)) if caller else None
        try:
            expected = self.ask(text, caller)
        except QueryError:
            expected = None
        try:
            if connection is None:
                query: Any = self.db.subscribe(
                    text, told.append, on_error=errors.append
                )
            else:
                query = connection.subscribe(text, on_error=errors.append)
                self.seen["by connection"] += 1
        except QueryError as error:
            assert expected is None, f"{text} is refused: {error}"
            assert "view" in str(error), f"{text}: {error}"
            self.seen["refused"] += 1
            if connection is not None:
                connection.close()
            return
        assert expected is not None, f"{text} is not refused"
        rows = Counter(map(repr, query.rows))
        assert rows == expected, f"{text} begins with {rows}, not {expected}"
        self.seen["shared"] += any(each.text == text for each in self.watched)
        watched = Watched(text, caller, query, rows, told, connection)
        self.watched.append(watched)

    def leave(self, watched: Watched) -> None:
        """End a live query."""
        self.watched.remove(watched)
        watched.query.close()
        if watched.connection is not None:
            watched.connection.close()
        self.seen["left"] += 1

    def commit(self) -> None:
        """Run a transaction; it may be rolled back by intent, or by a view."""
        draw, db = self.draw, self.db
        before, rows = db.offset, self.rows()
        is_undone = draw.random() < 0.15
        instances = [*db._subscriptions.listening.views._by_key.values()]
        reads = {each.key: each.reads for each in instances}
        stored, self.runs = self.stored(), []
        try:
            with db.write() as tx:
                for _ in range(draw.choice([1, 1, 1, 2, 4])):
                    self.change(tx)
                if draw.random() < 0.2:
                    with tx.savepoint():
                        self.change(tx)
                if is_undone:
                    raise StopIteration  # noqa: TRY301  it is to come out of the block
        except StopIteration:
            self.seen["rolled back"] += 1
        except ReducerError as error:
            assert "view guarded failed: ValueError: a score of 3" in str(error)
            assert isinstance(error.__cause__, ValueError)
            guards = [each.text for each in self.watched if "guarded" in each.text]
            assert guards, "undone by a view that nobody listens to"
            self.seen["aborted"] += 1
            is_undone = True
        if is_undone:
            assert db.offset == before
            assert self.rows() == rows, "V4"
            assert not any(each.told for each in self.watched), "V4"
        else:
            now = self.stored()
            changed = {name: was ^ now[name] for name, was in stored.items()}
            concerned = {
                key
                for key, each in reads.items()
                if any(self.is_concerned(one, changed[one.table]) for one in each)
            }
            assert set(self.runs) <= concerned, "V6: run for nothing"
            self.seen["not run"] += len(concerned) < len(reads)
        self.seen["nothing committed"] += db.offset == before and not is_undone

    def stored(self) -> dict[str, set[Any]]:
        """Give all rows as they are stored."""
        by_name = self.db._directory.by_name
        return {name: {*each.table.rows.values()} for name, each in by_name.items()}

    def is_concerned(self, read: Read, changed: set[Any]) -> bool:
        """Whether one of some rows was read; without what the engine has for that."""
        schema = self.db._directory.by_name[read.table].table.bound.schema
        if isinstance(read, TableRead):
            return bool(changed)
        if read.number is None and not schema.primary_key:
            assert isinstance(read, PointRead)
            return read.value in changed
        places = schema.primary_key
        if read.number is not None:
            places = schema.indexes[read.number].columns
        values = [tuple([row[place] for place in places]) for row in changed]
        if isinstance(read, RangeRead):
            # In these columns values sort by themselves; a key stands behind them.
            return any(read.within.holds((*each, 0)) for each in values)
        wanted = (read.value,) if len(places) == 1 else read.value
        return wanted in values

    def rows(self) -> list[Any]:
        """Give all rows of all tables."""
        with self.db.read() as tx:
            return [set(tx[each]) for each in (Player, Member, Bag)]

    def change(self, tx: Any) -> None:
        """Change a row or two."""
        draw = self.draw
        what = draw.random()
        if what < 0.15:
            identity, player = who(draw.choice(CALLERS)), draw.choice(IDS)
            if draw.random() < 0.3:
                tx[Member].delete_by_key(identity)
            else:
                tx[Member].upsert(Member(identity, player))
        elif what < 0.35:
            bag = Bag(draw.choice(IDS), draw.choice(WHATS))
            if bag in tx[Bag]:
                tx[Bag].delete(bag)
            else:
                tx[Bag].insert(bag)
        elif what < 0.5:
            tx[Player].delete_by_key(draw.choice(IDS))
        else:
            self.put(tx)

    def put(self, tx: Any) -> None:
        """Put a player, new or in the place of another."""
        draw = self.draw
        key, code = draw.choice(IDS), draw.choice(CODES)
        other = None if code is None else tx.player.code.find(code)
        player = Player(
            key,
            draw.choice(TEAMS),
            draw.choice(SCORES),
            draw.choice(NAMES),
            None if other is not None and other.id != key else code,
            draw.choice([*IDS, *IDS, *IDS, 255]),
        )
        old = tx[Player].get(key)
        if old is not None and draw.random() < 0.5:
            player = old.replace(score=player.score)
        tx[Player].upsert(player)

    # Judging.

    def ask(self, text: str, caller: int) -> Counter[Any]:
        """Ask anew."""
        sender = who(caller) if caller else None
        return Counter(map(repr, self.db.sql(text, sender=sender).rows))

    def check(self) -> None:
        """Judge everything."""
        for watched in [*self.watched]:
            self.check_one(watched)
        self.check_kept()

    def check_one(self, watched: Watched) -> None:
        text, query = watched.text, watched.query
        told, watched.told[:] = [*watched.told], []
        try:
            expected = self.ask(text, watched.caller)
        except QueryError as error:
            assert query.error is not None, f"V2: {text} goes on, though {error}"
            # Of several keys that are there twice any may be named: rows have no order.
            reasons = [_TWICE.sub("twice", str(each)) for each in (query.error, error)]
            assert reasons[0] == reasons[1], "V2"
            assert "view" in str(error), f"{text}: {error}"
            assert "guarded" not in str(error), "V2: undone, and yet here"
            self.seen["ended"] += 1
            self.leave(watched)
            return
        assert query.error is None, f"V2: {text} has ended: {query.error}"
        rows = Counter(map(repr, query.rows))
        assert rows == expected, f"V1: {text} has {rows}, not {expected}"
        if watched.connection is not None:
            return
        self.seen["told" if told else "untouched"] += 1
        now = watched.rows
        for update in told:
            inserts, deletes = [
                Counter(map(repr, each)) for each in (update.inserts, update.deletes)
            ]
            assert inserts or deletes, "V1: nothing is told"
            assert not inserts & deletes, "V1: come and gone at once"
            assert deletes <= now, "V1: gone without being there"
            now = now - deletes + inserts
        assert now == expected, f"V1: {text} was told {now}, not {expected}"
        watched.rows = now

    def check_kept(self) -> None:
        """Judge what is kept of views."""
        instances = self.db._subscriptions.listening.views
        for key, instance in instances._by_key.items():
            found = instances._runner.run(key, instances._base_of)
            counts = Counter(found.rows)
            assert instance.rows == counts, f"V3: {key.view.name}{key.arguments}"
            assert instance.reads == found.reads, f"V3: {key.view.name}"
            assert instance.results, "V5: nobody reads it"
        points = {
            (instance, read)
            for instance in instances._by_key.values()
            for read in instance.reads
        }
        assert set(entered(instances.readers)) == points, "V3: read sets"
        queries = [each for each in instances._by_key.values() if each.query]
        assert len(instances.queries.subscribers) == len(queries)
        for table in instances.queries._now.values():
            for column, index in table.indexes.items():
                anew = JoinIndex(column, table._scan()).rows
                assert index.rows == anew, "V4: what queries of views join by"

    def end(self) -> None:
        """Have all leave."""
        for watched in [*self.watched]:
            self.leave(watched)
        subscriptions = self.db._subscriptions
        instances = subscriptions.listening.views
        assert len(instances) == 0, "V5"
        assert len(instances.readers) == 0, "V5"
        assert set(subscriptions.engine.sizes.values()) == {0}, "V5"
        assert set(instances.queries.sizes.values()) == {0}, "V5"
        assert not any(each._rows for each in instances._tables.values()), "V5"
        assert not instances._by_result, "V5"
        self.db.check()
        self.db.close()


def entered(readers: Any) -> Any:
    """Yield reader and read of all that is in read sets."""
    for name, table in readers._tables.items():
        for number, points in table.points.items():
            for value, found in points.readers.items():
                assert found
                yield from [(each, PointRead(name, number, value)) for each in found]
        for number, ranges in table.ranges.items():
            for reader, within in ranges.intervals._by_item:
                yield reader, RangeRead(name, number, within)
        yield from [(each, TableRead(name)) for each in table.whole]


def run(seed: int, seen: Counter[str] | None = None, steps: int = 60) -> None:
    """Run the history of a number."""
    driver = Driver(seed, seen)
    for number in range(steps):
        try:
            driver.step()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, step {number}: {error}") from error
    driver.end()
