"""The cache of a connection: read as a table is, and as a scan would say."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest

import qsdb
from tests.unit.runtime.hall import (
    ALL,
    Guild,
    Line,
    Move,
    Player,
    Seat,
    Secret,
    open_hall,
    put,
)

PLAYERS = [
    Player(1, "ann", 1, 5, "calm", "a"),
    Player(2, "bob", 1, 7, "angry"),
    Player(3, "cyd", 2, 5, "calm"),
    Player(4, "dan", 2, 9, "sad", "d"),
]


def test_tables_are_there_by_class_and_by_name() -> None:
    conn = open_hall(Move(1)).connect()
    conn.subscribe("SELECT * FROM *")

    assert conn.db[Player] is conn.db.player is conn.db.table("player")
    assert list(conn.db.move) == list(conn.db.table("move")) == [Move(1)]
    assert repr(conn.db[Seat]) == "<table seat>"
    assert len(conn.db.guild) == 0
    assert bool(conn.db.guild) is True


def test_what_is_not_there() -> None:
    class Stranger(qsdb.Row, module=qsdb.Module("other")):
        id: int

    db = open_hall()
    conn = db.connect()
    for wrong in (Stranger, Secret, 5, "player", [Player]):
        with pytest.raises(qsdb.NotFoundError, match="is in this cache"):
            conn.db[wrong]  # type: ignore[index]
    for name in ("secret", "nothing"):
        with pytest.raises(qsdb.NotFoundError, match=f"no table '{name}'; there are"):
            conn.db.table(name)
        assert not hasattr(conn.db, name)
    assert not hasattr(conn.db, "_nothing")

    owners = db.connect(db.owner).db
    assert len(owners[Secret]) == len(owners.secret) == 0


def test_look_ups_are_as_a_scan() -> None:
    db = open_hall(*PLAYERS)
    conn = db.connect()
    conn.subscribe(ALL)
    table: Any = conn.db[Player]
    _compare(table)
    put(db, PLAYERS[0].replace(level=9, mood="sad"), PLAYERS[3].replace(nick=None))
    with db.write() as tx:
        tx[Player].delete_by_key(2)
        tx[Player].insert(Player(5, "bob", 1, 5, nick="a2"))
    _compare(table)
    with db.read() as tx:
        assert set(table) == set(tx[Player])


def _bag(rows: Iterable[Any]) -> Counter[Any]:
    return Counter(rows)


def _level(row: Player) -> tuple[int, int]:
    return row.level, row.id


def _compare(table: Any) -> None:
    rows = list(table)
    assert len(table) == len(rows) == len({row.id for row in rows})
    for number in range(6):
        found = [row for row in rows if row.id == number]
        assert table.id.count(number) == len(found)
        assert table.get(number) == table.id.find(number) == next(iter(found), None)
    for name in ("ann", "bob", "zoe"):
        found = [row for row in rows if row.name == name]
        assert table.name.find(name) == next(iter(found), None)
        assert table.name.count(name) == len(found)
    for nick in ("a", "a2", "d"):
        assert table.nick.find(nick) == next((r for r in rows if r.nick == nick), None)
    for level in (5, 7, 9):
        found = [row for row in rows if row.level == level]
        assert _bag(table.level.filter(level)) == _bag(found)
        assert table.level.count(level) == len(found)
    for mood in ("calm", "angry", "sad"):
        found = [row for row in rows if row.mood == mood]
        assert _bag(table.mood.filter(mood)) == _bag(found)
        assert table.mood.count(mood) == len(found)
    found = [row for row in rows if row.guild == 1]
    assert list(table.guild_level.filter(1)) == sorted(found, key=_level)
    assert table.guild_level.count(1, 5) == len([r for r in found if r.level == 5])
    ranged = [row for row in rows if 5 <= row.level < 9]
    by_level = sorted(ranged, key=_level)
    assert list(table.level.range(5, 9)) == by_level
    assert list(table.level.range(5, 9, reverse=True)) == by_level[::-1]
    assert list(table.index("level").range(lo=6)) == [
        r for r in sorted(rows, key=_level) if r.level >= 6
    ]
    for row in rows:
        assert row in table
        assert row.replace(level=row.level + 1) not in table
    assert "ann" not in table


def test_a_composite_key() -> None:
    db = open_hall(Seat("left", 1, 7), Seat("left", 2, 8))
    conn = db.connect()
    conn.subscribe("SELECT * FROM seat")
    seats: Any = conn.db[Seat]

    assert seats.get("left", 2) == Seat("left", 2, 8)
    assert seats.get("right", 2) is None
    put(db, Seat("left", 2, 9))
    assert seats.get("left", 2) == Seat("left", 2, 9)
    assert seats.side_place.find("left", 1) == Seat("left", 1, 7)
    with pytest.raises(qsdb.UsageError, match="1 values were given"):
        seats.get("left")


def test_a_table_without_a_key() -> None:
    db = open_hall(Line(1, "a"), Line(1, "b"))
    conn = db.connect()
    conn.subscribe("SELECT * FROM line")
    lines: Any = conn.db[Line]

    assert _bag(lines.who.filter(1)) == _bag([Line(1, "a"), Line(1, "b")])
    with db.write() as tx:
        tx[Line].delete(Line(1, "a"))
    assert list(lines) == [Line(1, "b")]
    assert lines.who.count(1) == 1
    assert Line(1, "b") in lines
    with pytest.raises(qsdb.UsageError, match="no primary key"):
        lines.get(1)


WRITES: dict[str, Callable[[Any], object]] = {
    "insert": lambda table: table.insert(PLAYERS[1]),
    "insert_many": lambda table: table.insert_many([PLAYERS[1]]),
    "update": lambda table: table.update(PLAYERS[0]),
    "upsert": lambda table: table.upsert(PLAYERS[0]),
    "delete": lambda table: table.delete(PLAYERS[0]),
    "delete_by_key": lambda table: table.delete_by_key(1),
    "clear": lambda table: table.clear(),
    "unique update": lambda table: table.name.update(PLAYERS[0]),
    "unique delete": lambda table: table.name.delete("ann"),
    "index delete": lambda table: table.level.delete(5),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_cache_is_only_read(write: str) -> None:
    db = open_hall(PLAYERS[0])
    conn = db.connect()
    conn.subscribe(ALL)
    with pytest.raises(qsdb.ReadOnlyError) as caught:
        WRITES[write](conn.db[Player])

    assert str(caught.value) == (
        "table player: a connection's cache only shows what is in the database; call a "
        "reducer to change it"
    )
    assert list(conn.db[Player]) == list(db.sql(ALL)) == [PLAYERS[0]]


def test_wrong_look_ups_say_so() -> None:
    conn = open_hall().connect()
    table: Any = conn.db[Player]
    with pytest.raises(qsdb.KindError):
        table.get("one")
    with pytest.raises(qsdb.UsageError, match="not unique; use filter"):
        table.level.find(5)
    with pytest.raises(qsdb.NotFoundError, match="no index 'nothing'"):
        table.index("nothing")


def test_each_connection_has_a_cache_of_its_own() -> None:
    db = open_hall(*PLAYERS, Guild(1))
    first, second = db.connect(), db.connect()
    first.subscribe("SELECT * FROM player WHERE level = 5")
    second.subscribe("SELECT * FROM player WHERE level = 7", "SELECT * FROM guild")

    assert {row.id for row in first.db[Player]} == {1, 3}
    assert {row.id for row in second.db[Player]} == {2}
    assert (len(first.db[Guild]), len(second.db[Guild])) == (0, 1)


def test_a_column_whose_name_a_method_has_is_reached_by_index() -> None:
    module = qsdb.Module("odd")

    class Odd(qsdb.Row, module=module, public=True):
        id: qsdb.u32 = qsdb.primary_key()
        on_insert: int = qsdb.index(default=0)

    with qsdb.Database(module) as db, db.connect() as conn:
        heard: list[Any] = []
        conn.db[Odd].on_insert(lambda _, row: heard.append(row))
        conn.subscribe("SELECT * FROM odd")
        db.sql("INSERT INTO odd VALUES (1, 7)")
        assert heard == [Odd(1, 7)]
        assert list(conn.db[Odd].index("on_insert").filter(7)) == heard
        with db.read() as tx:
            assert list(tx.odd.on_insert.filter(7)) == heard
