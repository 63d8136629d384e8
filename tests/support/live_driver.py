"""Runs histories of live queries, and judges what subscribers were told.

What is written here as Iₙ is, for each query and each commit:

I1  what was told is the difference of the results before and after, as bags;
I2  nothing is told as come and gone at once, and no message says nothing;
I3  the first result is that of the offset where the query began;
I4  offsets rise, and a transaction that was not committed tells nothing;
I6  a query that was not looked at has not changed;
I7  who asks the same shares one result and is handed one update; after the last one
    has left the engine is as empty as at the beginning;
I8  what the engine keeps is what it would make anew;
I9  a query that fixes a column is looked at only when a row with that value changed.

I5 is about the caches of connections. In a callback, `rows` is the result at the
update's offset.
"""

import contextlib
import logging
import sqlite3
import weakref
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

import qsdb
from qsdb.errors import ConstraintError, NotFoundError, QsdbError, QueryError
from qsdb.live.routing import Always, ByInterval, ByValue
from qsdb.live.tables import JoinIndex
from qsdb.sql.queries import Query
from tests.support.live_histories import (
    Close,
    Commit,
    Drop,
    History,
    Operation,
    Refused,
    Step,
    Watch,
)
from tests.support.live_judge import Bag, Judge, TroubleError
from tests.support.live_schemas import Model, build, plain

__all__ = ["COVERED", "Driver", "perform", "run"]

Rows = tuple[tuple[Any, ...], ...]
State = dict[str, Rows]
"""Name → the rows of a table; the same object for as long as it does not change."""

TERMS = ("+'", "'+", "+-", "-+", "-'", "'-", "++", "--")
"""The eight terms of a join's change: R+ x S', R' x S+, …"""

COVERED = frozenset(
    {
        *[f"term {each}" for each in TERMS],
        *[
            f"{is_looked}: {tables} {route}"
            for is_looked in ("looked at", "passed over")
            for tables in ("table", "join")
            for route in ("value", "interval", "always")
        ],
        *("twice in a result", "update pair", "key changed", "deletion undone"),
        *(
            "rolled back",
            "refused at the end",
            "nothing committed",
            "commit in callback",
        ),
        *(
            "from empty",
            "to empty",
            "passed through",
            "projection same",
            "came and went",
        ),
        *("left while due", "subscribed while due", "closed in callback", "failed"),
        *("shared", "shared in other words", "refused query", "NaN in result"),
        *[
            f"joined by {kind}"
            for kind in ("i32", "str", "f64", "bool", "bytes", "identity", "u8")
        ],
        *("joined by u256", "joined by timestamp", "None does not join"),
    }
)
"""What a run has to come by, or it has not looked."""


@attrs.define(eq=False)
class Told:
    """A message."""

    offset: int
    inserts: Bag
    deletes: Bag
    update: Any


class _Watched:
    """A subscription under judgement."""

    def __init__(self, driver: "Driver", watch: Watch) -> None:
        self.driver = driver
        self.watch = watch
        self.query: Any = None
        self.judge: _Judged = driver.judged(watch)
        self.told: list[Told] = []
        self.at = 0
        self.bag: Bag = Counter()
        self.is_open = True
        self.has_reacted = False
        self.error: QueryError | None = None

    def __call__(self, update: Any) -> None:
        assert self.is_open, f"{self.watch.name} is told after it has left"
        assert self.error is None
        inserts = Counter([plain(each) for each in update.inserts])
        deletes = Counter([plain(each) for each in update.deletes])
        self.told.append(Told(update.offset, inserts, deletes, update))
        expected = self.judge.at(self.driver.states[update.offset])
        found = Counter([plain(each) for each in self.query.rows])
        assert found == expected, f"rows of {self.watch.name} in its callback"
        self.react()

    def react(self) -> None:
        reaction = self.watch.reaction
        if reaction == "raise":
            raise ZeroDivisionError
        if reaction is None or self.has_reacted or isinstance(reaction, str):
            return
        self.has_reacted = True
        self.driver.step(reaction, in_callback=True)

    def fail(self, error: QueryError) -> None:
        assert self.error is None
        kept = self.driver.engine.subscribers
        assert self.query not in kept, "a query that has failed is kept current"
        self.error = error
        self.driver.seen["failed"] += 1

    def check(self, upto: int) -> None:
        """Judge all messages about commits until `upto`."""
        told = deque([each for each in self.told if each.offset > self.at])
        states = self.driver.states
        while self.at < upto:
            self.at += 1
            try:
                expected = self.judge.at(states[self.at])
            except TroubleError:
                assert self.error is not None, "a query goes on without room"
                assert not told, "a query that has failed is told"
                self.is_open = False
                return
            message = told.popleft() if told and told[0].offset == self.at else None
            self.check_one(message, expected)
        assert not told, f"told of a commit there is not: {told[0].offset}"
        assert self.error is None, f"failed: {self.error}"

    def check_one(self, message: Told | None, expected: Bag) -> None:
        before, driver = self.bag, self.driver
        if message is None:
            assert before == expected, _differs("I1, untold", self, before, expected)
            return
        inserts, deletes = message.inserts, message.deletes
        assert inserts or deletes, "I2: a message that says nothing"
        assert not inserts & deletes, "I2: come and gone at once"
        after = before.copy()
        after.update(inserts)
        after.subtract(deletes)
        assert min(after.values(), default=0) >= 0, "I1: gone without being there"
        after = +after
        assert after == expected, _differs("I1", self, after, expected)
        self.check_pairs(message)
        driver.count_result(before, after)
        self.bag = after

    def check_pairs(self, message: Told) -> None:
        """Judge the pairs of one primary key."""
        pairs = [(plain(old), plain(new)) for old, new in message.update.updates]
        places = self._key_places()
        if not places:
            assert pairs == []
            return

        def key(row: Sequence[object]) -> tuple[object, ...]:
            return tuple([row[place] for place in places])

        came = Counter(map(key, message.inserts.elements()))
        went = Counter(map(key, message.deletes.elements()))
        olds, news = [[pair[side] for pair in pairs] for side in (0, 1)]
        assert Counter(map(key, olds)) == came & went
        assert [*map(key, olds)] == [*map(key, news)]
        assert Counter(olds) <= message.deletes
        assert Counter(news) <= message.inserts
        self.driver.seen["update pair"] += bool(pairs)
        if message.inserts and message.deletes and not pairs:
            self.driver.seen["key changed"] += 1

    def _key_places(self) -> list[int]:
        """Give the columns with primary keys, of all tables that have theirs there."""
        question, specs = self.watch.question, self.driver.specs
        if isinstance(question.outputs, int):
            return [*specs[question.tables[question.outputs]].key]
        found = []
        for number, name in enumerate(question.tables):
            spec = specs[name]
            cells = [("cell", number, spec.columns[each].name) for each in spec.key]
            if all(each in question.outputs for each in cells):
                found += [question.outputs.index(each) for each in cells]
        return found


def _differs(what: str, watched: _Watched, found: Bag, expected: Bag) -> str:
    return (
        f"{what}: {watched.watch.name} at offset {watched.at}, "
        f"{watched.watch.text!r}: too many {found - expected}, "
        f"too few {expected - found}"
    )


class _Judged:
    """A judge that keeps its last results."""

    def __init__(self, judge: Judge, query: Query) -> None:
        self.judge = judge
        self.query = query
        self.tables = set(judge.names)
        self._known: deque[tuple[list[Rows], Bag | None]] = deque(maxlen=3)

    def at(self, state: State) -> Bag:
        tables = [state[name] for name in self.judge.names]
        for known, result in self._known:
            if all(map(_is, known, tables)):
                if result is None:
                    raise TroubleError
                return result
        try:
            found = self.judge.result(tables)
        except TroubleError:
            self._known.append((tables, None))
            raise
        self._known.append((tables, found))
        return found


def _is(one: object, other: object) -> bool:
    return one is other


class Driver:
    """One database, its model, and all who watch it."""

    def __init__(self, history: History, seen: Counter[str]) -> None:
        """Open it."""
        module, self.classes = build(history.specs)
        self.db = qsdb.Database(module, seed=1)
        self.history = history
        self.seen = seen
        self.specs = {each.name: each for each in history.specs}
        self.model = Model(history.specs)
        self.states: dict[int, State] = {1: dict.fromkeys(self.specs, ())}
        self.watched: dict[str, _Watched] = {}
        self.transactions = 0
        self.engine = self.db._subscriptions.engine
        self.evaluated: dict[int, set[Any]] = {}
        self._judges: dict[tuple[str, str], _Judged] = {}
        self._expected_offset = 1
        self._commit = self.engine.commit
        self.engine.commit = self._noting  # type: ignore[method-assign]
        self._twin: sqlite3.Connection | None = None
        if history.sort == "shared":
            self._twin = sqlite3.connect(":memory:", isolation_level=None)
            weakref.finalize(self, self._twin.close)  # which 3.13 asks for
            self._twin.execute("PRAGMA case_sensitive_like = ON")
            for spec in history.specs:
                names = ", ".join([each.name for each in spec.columns])
                self._twin.execute(f"CREATE TABLE {spec.name} ({names})")

    def _noting(self, changes: Any) -> Any:
        outcomes = self._commit(changes)
        self.evaluated[self._expected_offset] = set(self.engine.evaluated)
        return outcomes

    def judged(self, watch: Watch) -> _Judged:
        named = (watch.text, repr(watch.question.params))
        known = self._judges.get(named)
        if known is None:
            query = self.db._queries.check(watch.text, True)  # noqa: FBT003  a key
            assert isinstance(query, Query)
            params = watch.question.params
            values = {name: params[name].stored for name in query.parameters}
            values["sender"] = self.db.owner.stored
            known = self._judges[named] = _Judged(Judge(query, values), query)
        return known

    # Steps.

    def step(self, step: Step, *, in_callback: bool = False) -> None:
        """Do what a step says."""
        match step:
            case Commit():
                self.seen["commit in callback"] += in_callback
                self.commit(step)
            case Watch():
                self.seen["subscribed while due"] += in_callback
                self.subscribe(step)
            case Close(name=name):
                watched = self.watched.get(name)
                if watched is not None:
                    self.seen["closed in callback"] += in_callback
                    self.close(watched)
            case Refused(text=text):
                self.refuse(text)
            case Drop():
                for watched in [*self.watched.values()]:
                    self.close(watched)
                self.check_empty()

    def commit(self, commit: Commit) -> None:
        self.transactions += 1
        model = self.model.copy()
        refused = [not model.apply(each) for each in commit.operations]
        is_error = commit.ending == "error" and any(refused[-1:])
        is_kept = commit.ending != "rollback" and not is_error
        before = self.db.offset
        old = self.states[before]
        state = {
            name: old[name] if rows == self.model.tables[name] else (*rows.values(),)
            for name, rows in model.tables.items()
        }
        changed = [name for name in state if state[name] is not old[name]]
        self.count_commit(commit, changed, is_kept=is_kept, is_error=is_error)
        if is_kept and changed:
            self.model = model
            self._expected_offset = before + 1
            self.states[before + 1] = state
        with contextlib.suppress(_StopError), self.db.write() as tx:
            for operation, is_refused in zip(commit.operations, refused, strict=True):
                found = perform(tx, self.classes, self.specs, operation)
                assert found == is_refused, f"{operation} is refused: {found}"
            if not is_kept:
                raise _StopError
        assert self.db.offset >= before + bool(is_kept and changed)

    def subscribe(self, watch: Watch) -> None:
        if watch.name in self.watched:
            return
        watched = _Watched(self, watch)
        params = {
            name: watch.question.params[name].given
            for name in watched.judge.query.parameters
        }
        offset, sizes = self.db.offset, self.engine.sizes
        try:
            expected = watched.judge.at(self.states[offset])
        except TroubleError:
            self.refuse(watch.text, params)
            assert self.engine.sizes == sizes, "I7: what is refused stays"
            return
        query = self.db.subscribe(watch.text, watched, params, on_error=watched.fail)
        watched.query = query
        assert query.offset == offset, "I3: not between two commits"
        found = Counter([plain(each) for each in query.initial])
        watched.bag, watched.at = found, offset
        assert found == expected, _differs("I3", watched, found, expected)
        self.count_first(watched)
        self.watched[watch.name] = watched

    def close(self, watched: _Watched) -> None:
        query = watched.query
        if watched.is_open and watched.error is None:
            last = max([each.offset for each in watched.told], default=0)
            due = self.db._subscriptions.delivery.outbox
            self.seen["left while due"] += any(
                getattr(each, "receiver", None) is query for each in due
            )
            watched.check(last)
        watched.is_open = False
        query.close()

    def refuse(self, text: str, params: dict[str, Any] | None = None) -> None:
        sizes = self.engine.sizes
        try:
            self.db.subscribe(text, params=params)
        except QsdbError:
            self.seen["refused query"] += 1
        else:
            raise AssertionError(f"{text!r} is not refused")
        assert self.engine.sizes == sizes

    # Judging, after each step that comes from outside.

    def check(self) -> None:
        """Judge what was told since the last time."""
        upto = self.db.offset
        self.check_tables()
        for watched in self.watched.values():
            if watched.is_open:
                self.check_looked_at(watched, upto)
                watched.check(upto)
        self.check_shared()
        self.check_kept()
        if self._twin is not None:
            self.check_by_twin()
        for offset in [each for each in self.states if each < upto]:
            del self.states[offset]
            self.evaluated.pop(offset, None)

    def check_tables(self) -> None:
        with self.db.read() as tx:
            for name, rows in self.model.tables.items():
                found = Counter([plain(each) for each in tx.table(name)])
                assert found == Counter(rows.values()), f"the rows of {name}"

    def check_looked_at(self, watched: _Watched, upto: int) -> None:
        """Judge I6 and I9, and count."""
        judge, result = watched.judge, watched.query.result
        if result is None or watched.error is not None:
            return
        for offset in range(watched.at + 1, upto + 1):
            old, new = self.states[offset - 1], self.states[offset]
            changed = [name for name in judge.tables if old[name] is not new[name]]
            is_looked_at = result in self.evaluated.get(offset, ())
            assert is_looked_at <= bool(changed), "I9: looked at for nothing"
            if not is_looked_at:
                assert judge.at(old) == judge.at(new), "I6"
            if changed:
                self.count_routes(result, is_looked_at=is_looked_at)
                self.check_cheap(result, old, new, is_looked_at=is_looked_at)
                can_fail = watched.watch.question.can_fail
                if len(judge.judge.names) == 2 and not can_fail:
                    self.count_terms(judge, old, new)

    def check_cheap(
        self, result: Any, old: State, new: State, *, is_looked_at: bool
    ) -> None:
        """Judge I9: by value is by value."""
        if not is_looked_at:
            return
        for reader in result.readers:
            if not isinstance(reader.route, ByValue):
                return
        assert any(
            row[reader.route.column] in reader.route.values
            for reader in result.readers
            for name in [result.template.tables[reader.source]]
            for row in set(old[name]) ^ set(new[name])
        ), "I9: looked at though no row has the value"

    def check_shared(self) -> None:
        """Judge I7: one update for all who share."""
        by_result: dict[Any, _Watched] = {}
        for watched in self.watched.values():
            result = watched.query.result
            if not watched.is_open or result is None:
                continue
            other = by_result.setdefault(result, watched)
            if other is watched:
                continue
            self.seen["shared"] += 1
            if other.watch.text != watched.watch.text:
                self.seen["shared in other words"] += 1
            if watched.told and other.told:
                one, two = watched.told[-1], other.told[-1]
                assert one.offset != two.offset or one.update is two.update, "I7"

    def check_kept(self) -> None:
        """Judge I8."""
        if self.transactions % 7 == 0:
            for now in self.engine._now.values():
                for column, index in now.indexes.items():
                    anew = JoinIndex(column, now._scan())
                    assert index.rows == anew.rows, "I8"

    def check_by_twin(self) -> None:
        twin, state = self._twin, self.states[self.db.offset]
        assert twin is not None
        for name, rows in state.items():
            twin.execute(f"DELETE FROM {name}")
            places = ", ".join("?" * len(self.specs[name].columns))
            twin.executemany(f"INSERT INTO {name} VALUES ({places})", rows)
        for watched in self.watched.values():
            question = watched.watch.question
            if watched.is_open and question.is_shared:
                params = {name: each.stored for name, each in question.params.items()}
                found = Counter(twin.execute(watched.watch.text, params))
                assert found == watched.bag, _differs(
                    "sqlite3", watched, watched.bag, found
                )
                self.seen["judged by sqlite3"] += 1

    def check_empty(self) -> None:
        """Judge I7: nothing is left when nobody is."""
        assert set(self.engine.sizes.values()) == {0}, self.engine.sizes
        assert self.engine.routes == {}
        assert self.db._subscriptions.listening.firsts == {}

    def end(self) -> None:
        """Close everything."""
        for watched in self.watched.values():
            self.close(watched)
        self.check_empty()
        self.db.check()
        self.db.close()

    # Counting (section 8).

    def count_commit(
        self, commit: Commit, changed: list[str], *, is_kept: bool, is_error: bool
    ) -> None:
        seen = self.seen
        if changed:
            seen["rolled back"] += not is_kept and not is_error
            seen["refused at the end"] += is_error
        elif is_kept:
            seen["nothing committed"] += 1
            seen["passed through"] += len(commit.operations) > 1
        names = [each[0] for each in commit.operations]
        if "delete" in names and "insert" in names:
            deleted = [each[1:] for each in commit.operations if each[0] == "delete"]
            inserted = [each[1:] for each in commit.operations if each[0] == "insert"]
            seen["deletion undone"] += any(each in deleted for each in inserted)

    def count_result(self, before: Bag, after: Bag) -> None:
        seen = self.seen
        seen["from empty"] += not before
        seen["to empty"] += not after
        seen["twice in a result"] += max(after.values(), default=0) > 1
        seen["NaN in result"] += any(v != v for row in after for v in row)

    def count_routes(self, result: Any, *, is_looked_at: bool) -> None:
        names = {ByValue: "value", ByInterval: "interval", Always: "always"}
        tables = "table" if len(result.readers) == 1 else "join"
        verb = "looked at" if is_looked_at else "passed over"
        for reader in result.readers:
            self.seen[f"{verb}: {tables} {names[type(reader.route)]}"] += 1

    def count_first(self, watched: _Watched) -> None:
        """Count what sorts of columns join."""
        question = watched.watch.question
        for terms in question.joins:
            for term in terms:
                match term:
                    case ("compare", "=", ("cell", one, name), ("cell", two, _)):
                        if one == two:
                            continue
                        spec = self.specs[question.tables[one]]
                        domain = next(
                            each.domain for each in spec.columns if each.name == name
                        )
                        if watched.bag:
                            self.seen[f"joined by {domain.kind}"] += 1
                        rows = self.states[self.db.offset][spec.name]
                        place = [each.name for each in spec.columns].index(name)
                        self.seen["None does not join"] += None in [
                            row[place] for row in rows
                        ]
                    case _:
                        pass

    def count_terms(self, judge: _Judged, old: State, new: State) -> None:
        """Count which terms of a join's change are not empty."""
        rare = self.seen["came and went"] and self.seen["projection same"]
        if rare and min(self.seen[f"term {each}"] for each in TERMS) > 20:
            return  # it takes long, and what was to be seen was
        parts: list[dict[str, Sequence[Any]]] = []
        for name in judge.judge.names:
            was, now = old[name], new[name]
            added = [row for row in now if row not in was]
            removed = [row for row in was if row not in now]
            parts.append({"+": added, "-": removed, "'": now})
        for term in TERMS:
            tables = [part[sign] for part, sign in zip(parts, term, strict=True)]
            self.seen[f"term {term}"] += bool(judge.judge.result(tables))
        one, two = parts

        def both(sign: str) -> Bag:
            first = judge.judge.result((one[sign], two["'"]))
            return first + judge.judge.result((one["'"], two[sign]))

        came, went = both("+"), both("-")
        self.seen["came and went"] += bool(came & went)
        self.seen["projection same"] += judge.at(old) == judge.at(new) and bool(came)


class _StopError(Exception):
    """Rolls a transaction back."""


def perform(tx: Any, classes: Any, specs: Any, operation: Operation) -> bool:
    """Do one operation; whether it was refused."""
    name, table, what = operation
    handle, row_class = tx.table(table), classes[table]

    def row(values: Sequence[Any]) -> Any:
        return tuple.__new__(row_class, values)

    try:
        match name:
            case "insert_many":
                handle.insert_many([row(each) for each in what])
            case "clear":
                handle.clear()
            case "delete_by_key":
                made = row(what)
                columns = [specs[table].columns[n].name for n in specs[table].key]
                handle.delete_by_key(*[getattr(made, each) for each in columns])
            case _:
                getattr(handle, name)(row(what))
    except (ConstraintError, NotFoundError):
        return True
    return False


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what callbacks raise out of the log, but not what is judged in them."""
    raised: list[BaseException] = []

    def note(record: logging.LogRecord) -> bool:
        assert record.exc_info is not None
        error = record.exc_info[1]
        if error is not None and not isinstance(error, ZeroDivisionError):
            raised.append(error)
        return False

    logger = logging.getLogger("qsdb.delivery")
    logger.addFilter(note)
    try:
        yield
    finally:
        logger.removeFilter(note)
    if raised:
        raise raised[0]


def run(history: History, seen: Counter[str] | None = None) -> int:
    """Run a history; give the number of its transactions.

    Raises:
        AssertionError: with the seed and the step, if anything is not as it should be.
    """
    driver = Driver(history, Counter() if seen is None else seen)
    for number, step in enumerate(history.steps):
        try:
            with quiet():
                driver.step(step)
                driver.check()
        except Exception as error:
            raise AssertionError(
                f"seed {history.seed} ({history.sort}), step {number} of "
                f"{len(history.steps)}, {step}: {error!r}"
            ) from error
    driver.end()
    return driver.transactions


Runner = Callable[[History], int]
