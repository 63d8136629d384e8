"""Another LIMIT or OFFSET for a live query: what is told, and to whom."""

import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import u32
from qsdb.runtime import resizing
from qsdb.runtime.asked import Asked, with_window
from qsdb.runtime.writer import Writer
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.editions import BOOK, LOAN, QUIET, edition

games = qsdb.Module("games")


class Player(qsdb.Row, module=games, public=True):
    id: u32 = qsdb.primary_key()
    score: u32
    rank: u32 = qsdb.index(default=0)


@games.view(public=True)
def players(ctx: qsdb.AnonymousViewContext) -> list[Player]:
    return [*ctx.db[Player]]


@games.reducer
def act(ctx: qsdb.ReducerContext) -> None:  # noqa: ARG001  every reducer has one
    ACTS.pop()()


ACTS: list[Callable[[], object]] = []
BEST = "SELECT * FROM player ORDER BY score DESC LIMIT 3"
PLACED = f"{BEST} OFFSET 0"
FORMS = {
    "plain": BEST,
    "with an offset": PLACED,
    "by an index": "SELECT * FROM player ORDER BY rank LIMIT 3 OFFSET 0",
    "numbered": "SELECT score / 4 AS s FROM player ORDER BY s LIMIT 3 OFFSET 0",
    "of what is hidden": "SELECT id FROM player ORDER BY score LIMIT 3 OFFSET 0",
    "equal rows": "SELECT score / 9 AS s FROM player ORDER BY score LIMIT 3 OFFSET 0",
    "groups": "SELECT score / 4, COUNT(*) AS n FROM player GROUP BY score / 4 "
    "ORDER BY n, score / 4 LIMIT 3 OFFSET 0",
    "of a view": "SELECT * FROM players ORDER BY score LIMIT 3 OFFSET 0",
}
MOST = 2**64 - 1


class Watch:
    """Who keeps a list by the moves that it is told."""

    def __init__(self, db: qsdb.Database, text: str, **more: Any) -> None:
        self.db, self.text = db, text
        self.updates: list[qsdb.Update] = []
        self.screen: list[Any] = []
        self.query = db.subscribe(text, self.told, **more)
        self.screen = [*self.query.initial]

    def told(self, update: qsdb.Update) -> None:
        self.updates.append(update)
        patch(self.screen, update)

    def taken(self) -> list[qsdb.Update]:
        found, self.updates = self.updates, []
        return found

    def check(self, limit: int, offset: int) -> None:
        cut = self.text.split(" LIMIT ")[0]
        text = f"{cut} LIMIT {limit} OFFSET {offset}"
        rows = self.db.sql(text).rows
        assert self.query.rows == rows
        # Those from before another module are of its class.
        assert [*map(repr, self.screen)] == [*map(repr, rows)]
        assert self.query.count == len(self.screen)


def patch(screen: list[Any], update: qsdb.Update) -> None:
    assert update.moves is not None
    for move in update.moves:
        if move.now is None:
            assert move.was is not None
            assert repr(screen.pop(move.was)) == repr(move.row)
        else:
            screen.insert(move.now, move.row)


def insert(db: qsdb.Database, *numbers: int) -> None:
    with db.write() as tx:
        for number in numbers:
            tx[Player].insert(Player(number, number, max(1000 - number, 0)))


def ids(rows: list[Any]) -> list[int]:
    return [row.id for row in rows]


def sizes(db: qsdb.Database) -> dict[str, int]:
    return db._subscriptions.engine.sizes


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(games, seed=1) as opened:
        insert(opened, *range(10, 20))
        yield opened


# What is told.


def test_a_window_grows_and_shrinks(db: qsdb.Database) -> None:
    best = Watch(db, BEST)
    best.query.resize(limit=5)

    [update] = best.taken()
    assert (ids(update.inserts), update.deletes) == ([16, 15], [])
    assert update.moves is not None
    assert [(each.was, each.now) for each in update.moves] == [(None, 3), (None, 4)]
    assert update.offset == db.offset
    best.check(5, 0)

    best.query.resize(limit=1)
    [update] = best.taken()
    assert (update.inserts, sorted(ids(update.deletes))) == ([], [15, 16, 17, 18])
    best.check(1, 0)


@pytest.mark.parametrize("text", [BEST, PLACED])
def test_a_window_is_shifted(db: qsdb.Database, text: str) -> None:
    best = Watch(db, text)
    for offset, came, went in [(1, [16], [19]), (2, [15], [18]), (0, [18, 19], 2)]:
        best.query.resize(offset=offset)
        [update] = best.taken()
        assert sorted(ids(update.inserts)) == came
        assert len(update.deletes) == (len(went) if isinstance(went, list) else went)
        best.check(3, offset)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("is_shared", [False, True])
def test_windows_of_all_kinds(db: qsdb.Database, name: str, *, is_shared: bool) -> None:
    text = FORMS[name]
    watch = Watch(db, text)
    other = Watch(db, text) if is_shared else None
    begun = sizes(db)
    number = itertools.count(20)
    for limit, offset in [(5, 0), (5, 2), (2, 6), (0, 6), (4, 9), (3, 50), (MOST, 1)]:
        watch.query.resize(limit, offset)
        watch.check(limit, offset)
        insert(db, next(number))
        with db.write() as tx:
            tx[Player].delete_by_key(next(number) // 2)
        watch.check(limit, offset)
        if other is not None:
            other.check(3, 0)
    watch.query.resize(3, 0)
    watch.check(3, 0)
    assert sizes(db) == begun or name == "plain"
    watch.query.close()
    if other is not None:
        other.query.close()
    assert set(sizes(db).values()) == {0}


def test_what_does_not_change_is_not_told(db: qsdb.Database) -> None:
    best = Watch(db, BEST)
    best.query.resize()
    best.query.resize(limit=3, offset=0)
    best.query.resize(limit=50)
    assert len(best.taken()) == 1
    best.query.resize(limit=60)  # and there are ten rows
    assert not best.taken()
    insert(db, 1)
    best.check(60, 0)


def test_others_go_on_as_they_were(db: qsdb.Database) -> None:
    watches = [Watch(db, BEST), Watch(db, BEST), Watch(db, BEST.replace("3", "5"))]
    watches[0].query.resize(limit=5)
    assert [len(each.taken()) for each in watches] == [1, 0, 0]
    assert sizes(db)["results"] == 2
    insert(db, 30)
    assert [len(each.taken()) for each in watches] == [1, 1, 1]
    for watch, limit in zip(watches, (5, 3, 5), strict=True):
        watch.check(limit, 0)


def test_who_has_a_window_alone_keeps_its_state(db: qsdb.Database) -> None:
    best = Watch(db, BEST)
    result: Any = best.query.result
    state = result._root
    best.query.resize(limit=5)
    grown: Any = best.query.result
    assert grown is not result
    assert grown._root is state  # no row was looked at that is not told
    best.query.resize(offset=1)
    best.query.resize(limit=2)
    best.check(2, 1)


def test_a_window_by_an_index_grows_to_all(db: qsdb.Database) -> None:
    insert(db, *range(100, 200))
    watch = Watch(db, FORMS["by an index"])
    watch.query.resize(MOST, MOST)
    assert watch.screen == []
    watch.query.resize(2, 0)
    watch.query.resize(limit=MOST)
    watch.check(MOST, 0)
    assert watch.query.count == 110


def test_parameters_of_the_text_stay(db: qsdb.Database) -> None:
    text = "SELECT * FROM player WHERE id <> :id ORDER BY score LIMIT :limit"
    query = db.subscribe(text, params={"id": 11, "limit": 2})
    assert ids(query.rows) == [10, 12]
    query.resize(limit=3, offset=1)
    assert ids(query.rows) == [12, 13, 14]
    query.resize(limit=1)
    assert ids(query.rows) == [12]
    [told] = db.stats().live
    assert (told.sql, told.values) == (text, ("11", "1", "1"))


def test_without_a_callback_it_is_read(db: qsdb.Database) -> None:
    query = db.subscribe(BEST)
    changes = query.changes(timeout=0)
    query.resize(limit=4)
    insert(db, 30)
    query.resize(offset=1)
    updates = [*changes]
    screen = query.initial
    for update in updates:
        patch(screen, update)
    assert len(updates) == 3
    assert ids(screen) == ids(query.rows) == [19, 18, 17, 16]
    screen = query.initial
    for update in query.changes(timeout=0):  # all since it began
        patch(screen, update)
    assert screen == query.rows


def test_all_since_it_began_though_nothing_was_committed(db: qsdb.Database) -> None:
    query = db.subscribe(BEST)
    query.resize(limit=4)
    [update] = query.changes(timeout=0)
    assert ids(update.inserts) == [16]
    assert list(update.offsets) == [db.offset]


# When.


def test_in_a_callback_it_is_told_after_that(db: qsdb.Database) -> None:
    said: list[tuple[int, int]] = []

    def told(update: qsdb.Update) -> None:
        said.append((len(update.inserts), len(update.deletes)))
        if len(said) == 1:
            query.resize(limit=4)
            said.append((0, 0))

    query = db.subscribe(BEST, told)
    insert(db, 30)
    assert said == [(1, 1), (0, 0), (1, 0)]
    assert ids(query.rows) == [30, 19, 18, 17]


def test_commits_of_another_thread_in_between(db: qsdb.Database) -> None:
    watches = [Watch(db, PLACED), Watch(db, PLACED), Watch(db, FORMS["by an index"])]
    is_over = threading.Event()

    def commit() -> None:
        try:
            for number in range(100, 160):
                insert(db, number)
        finally:
            is_over.set()

    thread = threading.Thread(target=commit, daemon=True)
    thread.start()
    steps = itertools.cycle([(5, 0), (5, 3), (2, 1), (9, 0), (1, 7)])
    limit, offset = 0, 0
    while not is_over.is_set():
        limit, offset = next(steps)
        for watch in (watches[0], watches[2]):
            watch.query.resize(limit, offset)
    thread.join(30)
    assert not thread.is_alive()
    for watch in (watches[0], watches[2]):
        watch.query.resize(4, 2)
        watch.check(4, 2)
    watches[1].check(3, 0)


def test_two_threads_resize_one_query(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = Watch(db, BEST)

    def slowly(asked: Asked, window: tuple[str, ...]) -> Asked:
        monkeypatch.setattr(resizing, "with_window", with_window)
        other = threading.Thread(target=best.query.resize, args=(5, 2), daemon=True)
        other.start()
        other.join(30)
        assert not other.is_alive()
        return with_window(asked, window)

    monkeypatch.setattr(resizing, "with_window", slowly)
    best.query.resize(limit=1)  # it was asked for another one meanwhile
    assert len(best.taken()) == 2
    best.check(1, 2)


def test_confirmed_is_told_when_it_is_on_the_disk() -> None:
    directory = SimulatedDirectory()
    with qsdb.Database(games, directory, durability="interval", seed=1) as db:
        insert(db, *range(10, 20))
        told: queue.Queue[qsdb.Update] = queue.Queue()
        query = db.subscribe(BEST, told.put, confirmed=True)
        insert(db, 30)
        query.resize(limit=2)
        assert db.durable_offset >= db.offset
        insert(db, 31)
        db.wait_durable(db.offset)
        updates = [told.get(timeout=30) for _ in range(3)]
        screen = query.initial
        for update in updates:
            patch(screen, update)
        assert ids(screen) == [31, 30]
        assert [len(each.deletes) for each in updates] == [1, 1, 1]
        assert told.empty()


# When a module is published.


def library() -> qsdb.Database:
    options: dict[str, Any] = {"clock": FakeClock(), "options": QUIET}
    db = qsdb.Database(edition("", book=BOOK, loan=LOAN).module, seed=1, **options)
    for title in ("Emma", "Dune", "Persuasion", "Ulysses"):
        db.call("add", title)
    return db


BOOKS = "SELECT * FROM book ORDER BY title LIMIT 3"


def test_a_window_lives_through_a_publication() -> None:
    db = library()
    books = Watch(db, BOOKS)
    books.query.resize(2, 1)
    books.taken()
    loan = {**LOAN, "reader": (str, qsdb.index())}
    db.publish(edition("!", book=BOOK, loan=loan).module)
    assert not books.taken()
    db.call("add", "Faust")
    books.check(2, 1)
    books.query.resize(limit=3)
    books.check(3, 1)


def test_a_window_is_asked_for_while_a_module_is_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = library()
    books = Watch(db, BOOKS)

    def slowly(asked: Asked, window: tuple[str, ...]) -> Asked:
        monkeypatch.setattr(resizing, "with_window", with_window)
        db.publish(edition("!", book=BOOK, loan=LOAN).module)
        return with_window(asked, window)

    monkeypatch.setattr(resizing, "with_window", slowly)
    books.query.resize(limit=2)
    assert [each.asked.queries for each in [books.query]] == [db._queries]
    books.check(2, 0)


def test_what_a_publication_has_ended_is_not_resized() -> None:
    db = library()
    errors: list[str] = []

    def ended(_: object) -> None:
        with pytest.raises(qsdb.ClosedError, match="has ended") as caught:
            second.resize(limit=1)  # which is told of its end after this
        errors.append(str(caught.value))

    first = db.subscribe(BOOKS, on_error=ended)
    second = db.subscribe(BOOKS)
    book = {**BOOK, "year": (u32, 1900)}
    db.publish(edition("!", book=book, loan=LOAN).module, allow_breaking=True)
    assert len(errors) == 1
    assert first.error is not None


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": -1}, "limit is an int from 0 to 18446744073709551615, not -1"),
        ({"offset": -1}, "offset is an int from 0 to 18446744073709551615, not -1"),
        ({"limit": MOST + 1}, "limit is an int .*, not 18446744073709551616"),
        ({"offset": MOST + 1}, "offset is an int .*, not 18446744073709551616"),
        ({"limit": "3"}, "limit is an int .*, not '3'"),
        ({"limit": True}, "limit is an int .*, not True"),
        ({"offset": 1.0}, "offset is an int .*, not 1.0"),
    ],
)
def test_numbers_that_do_not_fit(
    db: qsdb.Database, arguments: dict[str, Any], message: str
) -> None:
    best = Watch(db, BEST)
    with pytest.raises(qsdb.ArgumentError, match=message):
        best.query.resize(**arguments)
    assert not best.taken()
    best.check(3, 0)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM player",
        "SELECT * FROM player ORDER BY score",
        "SELECT * FROM player ORDER BY score LIMIT ALL",
        "SELECT COUNT(*) FROM player",
    ],
)
def test_without_a_limit_there_is_no_window(db: qsdb.Database, text: str) -> None:
    query = db.subscribe(text)
    with pytest.raises(qsdb.ArgumentError, match=r"there is none: SELECT"):
        query.resize(limit=3)
    insert(db, 30)
    assert query.count


def test_a_closed_query_is_not_resized(db: qsdb.Database) -> None:
    query = db.subscribe(BEST)
    query.close()
    with pytest.raises(qsdb.ClosedError, match="has ended"):
        query.resize(limit=5)
    assert set(sizes(db).values()) == {0}


def test_in_a_closed_database() -> None:
    with qsdb.Database(games) as db:
        query = db.subscribe(BEST)
    with pytest.raises(qsdb.ClosedError, match="the database is closed"):
        query.resize(limit=5)


def test_a_query_that_failed_is_not_resized(db: qsdb.Database) -> None:
    text = "SELECT id * 1000000 AS n FROM player ORDER BY n LIMIT 3"
    errors: list[BaseException] = []

    def failed(_: object) -> None:
        with pytest.raises(qsdb.ClosedError) as caught:
            second.resize(limit=1)
        errors.append(caught.value)

    first = db.subscribe(text, on_error=failed)
    second = db.subscribe(text)
    insert(db, 2**32 - 1)
    assert len(errors) == 1
    assert first.error is not None
    assert second.error is not None


def test_in_a_transaction(db: qsdb.Database) -> None:
    query = db.subscribe(BEST)
    with db.write(), pytest.raises(qsdb.UsageError, match="inside a write"):
        query.resize(limit=5)
    ACTS.append(lambda: query.resize(limit=5))
    with pytest.raises(qsdb.UsageError, match="inside a write"):
        db.call(act)
    assert query.count == 3


# What an exception cuts off.


@pytest.mark.parametrize("text", [BEST, PLACED, FORMS["by an index"]])
@pytest.mark.parametrize("is_shared", [False, True])
@pytest.mark.parametrize("name", ["_enter", "resize", "unsubscribe"])
@pytest.mark.parametrize("is_after", [False, True])
def test_an_exception_in_the_middle(
    db: qsdb.Database,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    name: str,
    *,
    is_shared: bool,
    is_after: bool,
) -> None:
    engine: Any = db._subscriptions.engine
    watches = [Watch(db, text) for _ in range(2 if is_shared else 1)]
    begun, made = sizes(db), getattr(engine, name)

    def interrupted(*arguments: Any) -> None:
        if is_after:
            made(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        watches[0].query.resize(5, 1)
    monkeypatch.undo()
    assert not db._writer.is_mine()
    is_done = name == "unsubscribe"
    assert sizes(db) == begun or (is_done and (is_shared or text is BEST))

    insert(db, 30)
    assert len(watches[0].taken()) == (2 if is_done else 1) or "rank" in text
    watches[0].check(*((5, 1) if is_done else (3, 0)))
    for watch in watches[1:]:
        watch.check(3, 0)
    watches[0].query.resize(4, 2)
    watches[0].check(4, 2)
    for watch in watches:
        watch.query.close()
    assert set(sizes(db).values()) == {0}


def test_an_exception_before_the_lock_is_taken(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = Watch(db, BEST)

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "enter", interrupted)
    with pytest.raises(KeyboardInterrupt):
        best.query.resize(limit=5)
    monkeypatch.undo()
    best.query.resize(limit=4)
    best.check(4, 0)
