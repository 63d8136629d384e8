"""Event tables: rows that are told with their commit, logged, and never stored."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import SchemaError, UniqueError, u64
from qsdb.store.images import StoredTable
from qsdb.testing import SimulatedDirectory, database
from tests.unit.runtime.logged import records_of

field = qsdb.Module("field")


class Hit(qsdb.Row, module=field, public=True, event=True):
    id: u64 = qsdb.primary_key(auto_inc=True)
    whom: u64 = qsdb.index()
    power: u64 = 1


class Flash(qsdb.Row, module=field, public=True, event=True):
    """Without a key: rows are their own."""

    colour: str


class Player(qsdb.Row, module=field, public=True):
    id: u64 = qsdb.primary_key()
    name: str


class Secret(qsdb.Row, module=field, event=True):
    text: str = qsdb.unique()
    level: u64


def hit(number: int, whom: int, power: int = 1) -> Hit:
    """Give a hit with its number."""
    return Hit(whom, power).replace(id=number)


Told = list[tuple[list[Any], list[Any]]]


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with database(field) as made:
        yield made
        made.check()


def put(db: qsdb.Database, *rows: Any) -> None:
    with db.write() as tx:
        for row in rows:
            tx[type(row)].insert(row)


def listen(db: qsdb.Database, query: str) -> tuple[qsdb.LiveQuery, Told]:
    """Subscribe, and note what comes and what goes."""
    told: Told = []
    return db.subscribe(query, lambda u: told.append((u.inserts, u.deletes))), told


# In the store.


def test_rows_are_there_until_the_transaction_ends(db: qsdb.Database) -> None:
    with db.write() as tx:
        given = tx[Hit].insert(Hit(whom=5))
        assert given == hit(1, 5)
        assert [*tx[Hit]] == [*tx[Hit].whom.filter(5)] == [*tx.sql("SELECT * FROM hit")]
        assert tx[Hit].get(1) == given
    with db.write() as tx:
        assert len(tx[Hit]) == 0
        assert [*tx[Hit].whom.filter(5)] == []
        assert tx[Hit].insert(Hit(whom=5)).id == 2  # numbers go on
    assert db.offset == 3
    assert not db.sql("SELECT * FROM hit").rows
    assert db.stats().rows["hit"] == 0


def test_keys_hold_inside_a_transaction_and_not_beyond(db: qsdb.Database) -> None:
    put(db, Secret("a", 1))
    with db.write() as tx:
        tx[Secret].insert(Secret("a", 1))
        with pytest.raises(UniqueError):
            tx[Secret].insert(Secret("a", 2))


def test_what_comes_and_goes_in_a_transaction_is_nothing(db: qsdb.Database) -> None:
    _, told = listen(db, "SELECT * FROM hit")
    with db.write() as tx:
        tx[Hit].insert(Hit(whom=1))
        tx[Hit].clear()
    with pytest.raises(ValueError, match="no"), db.write() as tx:
        tx[Hit].insert(Hit(whom=1))
        raise ValueError("no")
    assert (db.offset, told) == (1, [])


def test_a_savepoint_undoes_events(db: qsdb.Database) -> None:
    _, told = listen(db, "SELECT whom FROM hit")
    with db.write() as tx:
        tx[Hit].insert(Hit(whom=1))
        with pytest.raises(ValueError, match="no"), tx.savepoint():
            tx[Hit].insert(Hit(whom=2))
            raise ValueError("no")
    assert told == [([(1,)], [])]


def test_no_reader_sees_them(db: qsdb.Database) -> None:
    seen: list[int] = []

    def look() -> None:
        with db.read() as tx:
            seen.append(len(tx[Hit]) + len([*tx[Hit].whom.filter(1)]))

    with db.read() as before:
        with db.write() as tx:
            tx[Hit].insert(Hit(whom=1))
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
        look()
        assert len(before[Hit]) == 0
        put(db, Hit(whom=1))
        assert [*before[Hit]] == []
    look()
    assert seen == [0, 0, 0]


def test_an_interrupt_in_the_commit_loses_nothing(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, told = listen(db, "SELECT whom FROM hit")
    restore, calls = StoredTable.restore, [0]

    def interrupted(self: StoredTable, images: Any) -> None:
        calls[0] += 1
        if calls[0] == 1:
            raise KeyboardInterrupt
        restore(self, images)

    monkeypatch.setattr(StoredTable, "restore", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(db, Hit(whom=1))
    monkeypatch.undo()

    assert db.offset == 2
    assert not db.sql("SELECT * FROM hit").rows
    put(db, Hit(whom=2))
    assert told == [([(1,)], []), ([(2,)], [])]


# On disk.


def test_they_are_logged_and_not_recovered() -> None:
    disk = SimulatedDirectory()
    with qsdb.Database(field, disk, durability="always") as db:
        put(db, Hit(whom=1), Hit(whom=2), Flash("red"))
        hits, flashes, _ = records_of(disk, db)[-1].sections
        assert (hits.puts_count, flashes.puts_count) == (2, 1)
    for opens_snapshot in (False, True):
        with qsdb.Database(field, disk) as db:
            assert db.stats().rows == {"hit": 0, "flash": 0, "player": 0, "secret": 0}
            db.check()
            if not opens_snapshot:
                db.snapshot()
    with qsdb.Database(field, disk) as db, db.write() as tx:
        assert tx[Hit].insert(Hit(whom=1)).id == 3
    assert qsdb.verify(disk, deep=True).is_sound
    with qsdb.Database(None, disk, read_only=True) as reading:
        events = reading.sql(
            "SELECT table_name FROM st_table WHERE table_type = 'event'"
        )
        assert sorted(events) == [("flash",), ("hit",), ("secret",)]


def test_who_follows_is_told() -> None:
    disk = SimulatedDirectory()
    with (
        qsdb.Database(field, disk, durability="always") as db,
        qsdb.Database(field, disk, read_only=True) as follower,
    ):
        _, told = listen(follower, "SELECT whom FROM hit WHERE power > 1")
        put(db, Hit(whom=1, power=2), Hit(whom=2, power=1))
        follower.refresh()
        put(db, Hit(whom=3, power=2))
        follower.refresh()
        assert told == [([(1,)], []), ([(3,)], [])]
        assert not follower.sql("SELECT * FROM hit").rows
        follower.check()


def test_another_module_must_agree() -> None:
    disk = SimulatedDirectory()
    qsdb.Database(field, disk).close()
    other = qsdb.Module("field")
    for row_class in (Hit, Flash, Player, Secret):
        other.add_table(
            row_class, public=row_class is not Secret, event=row_class is Hit
        )
    with pytest.raises(SchemaError) as caught:
        qsdb.Database(other, disk, read_only=True)
    assert "table flash: keeps its rows, was an event table" in str(caught.value)
    assert "public event table hit" in str(caught.value)


def test_event_is_a_bool() -> None:
    module = qsdb.Module("odd")
    module.add_table(Player, event=1)  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="table player, event: 1 is not a bool"):
        qsdb.Database(module)


# Live.


def test_who_listens_is_told_once_and_the_result_stays_empty(db: qsdb.Database) -> None:
    query, told = listen(db, "SELECT * FROM hit WHERE whom = 1")
    put(db, Hit(whom=1), Hit(whom=2))
    put(db, Hit(whom=2))
    put(db, Hit(whom=1, power=9))

    assert told == [([hit(1, 1)], []), ([hit(4, 1, 9)], [])]
    assert query.rows == query.initial == []
    assert db.stats().evaluations == 2


def test_equal_events_of_one_commit_are_one_without_a_key(db: qsdb.Database) -> None:
    _, told = listen(db, "SELECT * FROM flash")
    put(db, Flash("red"), Flash("red"))
    put(db, Flash("red"))

    assert told == [([Flash("red")], [])] * 2


@pytest.mark.parametrize(
    "tables",
    ["player p JOIN hit h ON h.whom = p.id", "hit h JOIN player p ON h.whom = p.id"],
)
def test_events_are_joined_with_tables_as_they_are(
    db: qsdb.Database, tables: str
) -> None:
    query, told = listen(db, f"SELECT p.name AS name, h.power AS power FROM {tables}")
    put(db, Hit(whom=1), Player(1, "ann"))  # also what comes in the same commit
    put(db, Player(2, "bob"))  # alone it is no event
    put(db, Hit(whom=2, power=3), Hit(whom=2, power=3), Hit(whom=9))
    with db.write() as tx:
        tx[Player].delete_by_key(1)
        tx[Hit].insert(Hit(whom=1))
    with db.write() as tx:
        tx[Player].update(Player(2, "bobby"))

    assert told == [([("ann", 1)], []), ([("bob", 3), ("bob", 3)], [])]
    assert query.rows == []


def test_events_are_joined_with_events(db: qsdb.Database) -> None:
    _, told = listen(
        db,
        "SELECT a.id AS a, b.id AS b, f.colour AS colour FROM hit a "
        "JOIN hit b ON a.whom = b.power JOIN flash f",
    )
    put(db, Hit(whom=2, power=1), Hit(whom=1, power=2))
    put(db, Hit(whom=2, power=1), Hit(whom=1, power=2), Flash("red"))

    [(came, went)] = told
    assert sorted(came) == [(3, 4, "red"), (4, 3, "red")]
    assert went == []


def test_events_are_looked_up_by_several_values(db: qsdb.Database) -> None:
    """Each of them once, whatever they are looked up by."""
    _, told = listen(
        db,
        "SELECT a.id AS a, b.id AS b FROM hit a JOIN hit b ON a.id < b.id "
        "WHERE b.whom IN (1, 2, 3)",
    )
    put(db, Hit(whom=9))
    with db.write() as tx:
        for whom in (5, 2, 5):
            tx[Hit].insert(Hit(whom))

    assert told == [([(2, 3)], [])]


def test_who_comes_later_is_joined_by_an_index_made_for_that(db: qsdb.Database) -> None:
    query, told = listen(
        db,
        "SELECT h.id AS h, p.id AS p FROM flash f CROSS JOIN hit h "
        "JOIN player p ON p.name = f.colour",
    )
    put(db, Player(1, "red"))
    put(db, Player(2, "red"), Player(3, "blue"))
    put(db, Flash("red"), Hit(whom=1))
    with db.write() as tx:
        tx[Player].delete_by_key(1)
    put(db, Flash("red"), Hit(whom=1))

    assert [sorted(came) for came, _ in told] == [[(1, 1), (1, 2)], [(2, 2)]]
    assert db.stats().evaluations == 2
    query.close()
    assert set(db._subscriptions.engine.sizes.values()) == {0}


def test_a_cache_tells_of_events_and_keeps_none(db: qsdb.Database) -> None:
    conn = db.connect()
    heard: list[Any] = []
    conn.db[Hit].on_insert(lambda event, row: heard.append((event.kind, row)))
    for other in (conn.db[Hit].on_delete, conn.db[Hit].on_update):
        other(lambda *_: heard.append("never"))
    sub = conn.subscribe("SELECT * FROM hit", "SELECT * FROM hit WHERE power = 1")
    put(db, Hit(whom=1), Hit(whom=2, power=2))
    put(db, hit(1, 1))

    assert heard == [
        ("transaction", hit(1, 1)),
        ("transaction", hit(2, 2, 2)),
        ("transaction", hit(1, 1)),
    ]
    assert len(conn.db[Hit]) == 0
    assert conn.db[Hit].get(1) is None
    assert sub.rows == []
    sub.close()
    assert heard[3:] == []


def test_rows_that_come_with_an_event_are_in_no_table(db: qsdb.Database) -> None:
    conn = db.connect()
    updates: list[Any] = []
    sub = conn.subscribe("SELECT p.* FROM player p JOIN hit h ON h.whom = p.id")
    sub.on_update(lambda event, update: updates.append((event.kind, update.inserts)))
    put(db, Player(1, "ann"))
    put(db, Hit(whom=1))

    assert updates == [("transaction", [Player(1, "ann")])]
    assert len(conn.db[Player]) == 0


def test_private_events_are_hidden(db: qsdb.Database) -> None:
    conn = db.connect()
    with pytest.raises(qsdb.QueryError, match="there is no table secret"):
        conn.subscribe("SELECT * FROM secret")


def test_after_the_last_listener_nothing_is_kept(db: qsdb.Database) -> None:
    query, told = listen(db, "SELECT p.* FROM hit h JOIN player p ON h.power = p.id")
    put(db, Player(1, "ann"), Hit(whom=1))
    query.close()
    put(db, Hit(whom=1))

    assert len(told) == 1
    assert set(db._subscriptions.engine.sizes.values()) == {0}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT COUNT(*) FROM hit", "so there is no aggregate of them"),
        ("SELECT whom FROM hit GROUP BY whom", "so there is no GROUP BY of them"),
        ("SELECT DISTINCT whom FROM hit", "so there is no DISTINCT of them"),
        ("SELECT whom FROM hit ORDER BY power", "so there is no ORDER BY of them"),
        ("SELECT * FROM hit LIMIT 3", "so there is no LIMIT of them"),
        (
            "SELECT id FROM hit QUALIFY ROW_NUMBER() OVER (ORDER BY power) <= 3",
            "so there is no QUALIFY of them",
        ),
        (
            "SELECT id FROM player UNION ALL SELECT whom FROM hit",
            "so there is no UNION ALL of them",
        ),
        (
            "SELECT whom FROM hit EXCEPT SELECT id FROM player",
            "so there is no EXCEPT of them",
        ),
        (
            "SELECT h.whom FROM hit h LEFT JOIN player p ON p.id = h.whom",
            "they are joined by JOIN, and not by LEFT JOIN",
        ),
    ],
)
def test_what_is_made_of_many_rows_is_refused_of_events(
    db: qsdb.Database, query: str, reason: str
) -> None:
    with pytest.raises(qsdb.QueryError) as caught:
        db.subscribe(query)

    told = "hit is an event table: its rows are told once and not kept"
    assert f"cannot be subscribed to: {told}" in caught.value.reason
    assert reason in caught.value.reason


def test_explain_tells_that_nothing_is_kept(db: qsdb.Database) -> None:
    def told(query: str) -> list[str]:
        lines = [line for (line,) in db.sql(f"EXPLAIN {query}")]
        return [line for line in lines if line.startswith("live: ")]

    assert told("SELECT * FROM hit WHERE whom = 3") == [
        "live: a change of hit is found by the value of whom",
        "live: hit is an event table: nothing is kept of a result",
    ]
    assert told(
        "SELECT p.name FROM player p JOIN hit h ON p.name = 'x' AND p.id = h.power "
        "JOIN hit g ON g.id = h.whom"
    ) == [
        "live: a change of h is always looked at, if it changes whom, power",
        "live: a change of g is always looked at, if it changes id",
        "live: h and g are event tables: nothing is kept of a result",
        "live: JOIN keeps nothing; a change costs as much as the rows that it meets",
    ]


def test_a_row_that_was_kept_is_told_by_check() -> None:
    with database(field) as db:
        table = db._directory.by_name["flash"].table
        table.rows[("red",)] = ("red",)
        table.count = 1
        with pytest.raises(
            qsdb.InternalError, match="table flash: 1 rows, though it is an event table"
        ):
            db.check()
        table.rows.clear()
        table.count = 0
