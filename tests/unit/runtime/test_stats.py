"""The page of numbers about a database."""

import asyncio
import json

import attrs
import pytest

import qsdb
from qsdb.runtime.stats import CallStats, LiveQueryStats, Stats, TableStats
from qsdb.testing import FakeClock, SimulatedDirectory

TABLES = {"user": TableStats(2, 5), "message": TableStats(1500, 7)}

NONE: dict[str, TableStats] = {}


def live_query(sql: str, evaluations: int) -> LiveQueryStats:
    return LiveQueryStats(sql, ("'lobby'",), 3, 20, evaluations, 1)


def test_the_page_has_a_line_for_each_sort_and_each_table() -> None:
    stats = Stats("chat", 7, 6, 1, 9, 2, 30, TABLES)

    assert str(stats) == (
        "chat at offset 7\n"
        "  calls     9 · commits 6 · rollbacks 1\n"
        "  reading   2 offsets pinned · 30 old rows kept for them\n"
        "  table     rows  written\n"
        "  user         2        5\n"
        "  message  1,500        7"
    )


def test_large_numbers_have_commas() -> None:
    text = str(
        Stats(
            "c", 1234567, 1234, 5678, 9012, 3456, 7890, {"t": TableStats(1234567890, 0)}
        )
    )

    assert text == (
        "c at offset 1,234,567\n"
        "  calls     9,012 · commits 1,234 · rollbacks 5,678\n"
        "  reading   3,456 offsets pinned · 7,890 old rows kept for them\n"
        "  table             rows  written\n"
        "  t        1,234,567,890        0"
    )


def test_long_names_widen_the_page() -> None:
    text = str(
        Stats("c", 1, 1, 0, 0, 0, 0, TABLES | {"a_rather_long_name": TableStats(5)})
    )

    assert text.splitlines()[-4:] == [
        "  table               rows  written",
        "  user                   2        5",
        "  message            1,500        7",
        "  a_rather_long_name     5        0",
    ]


def test_a_database_without_tables_has_a_page() -> None:
    page = str(Stats("c", 1, 1, 0, 0, 0, 0, NONE))

    assert page.splitlines()[-1] == "  table    rows  written"


def test_stats_are_values() -> None:
    stats = Stats("c", 1, 2, 3, 4, 5, 6, {"t": TableStats(7)})

    assert stats == Stats("c", 1, 2, 3, 4, 5, 6, {"t": TableStats(7)})
    assert (stats.module, stats.offset, stats.commits) == ("c", 1, 2)
    assert (stats.rollbacks, stats.calls, stats.pins) == (3, 4, 5)
    assert (stats.undo_rows, stats.rows["t"], stats.live_queries) == (6, 7, 0)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        stats.offset = 2  # type: ignore[misc]


def test_a_database_with_listeners_has_a_line_more() -> None:
    stats = attrs.evolve(
        Stats("c", 1, 1, 0, 0, 0, 0, NONE),
        live=[live_query("SELECT * FROM t", 5)],
        evaluations=2300,
        changes=40,
    )

    lines = str(stats).splitlines()
    assert lines[3] == "  live      1 queries · 2,300 looked at · 40 changes told"
    assert lines[-2:] == [
        "  live query      told  rows  evaluated  changed",
        "  SELECT * FROM t    3    20          5        1",
    ]


def test_of_many_live_queries_the_busiest_are_on_the_page() -> None:
    long = "SELECT *\n  FROM message WHERE room = :room AND text <> 'something long'"
    queries = [live_query("SELECT * FROM t", number) for number in range(11)]
    stats = attrs.evolve(
        Stats("c", 1, 1, 0, 0, 0, 0, NONE), live=[live_query(long, 99), *queries]
    )

    lines = str(stats).splitlines()
    assert lines[-1] == "  … and 2 live queries more"
    assert lines[-11] == (
        "  SELECT * FROM message WHERE room = :room AND text <> 'somet…"
        "    3    20         99        1"
    )
    assert [line.split()[-2] for line in lines[-11:-1]] == [
        "99",
        *[f"{number}" for number in range(10, 1, -1)],
    ]


def test_reducers_that_were_called_are_on_the_page_the_dearest_first() -> None:
    reducers = {
        "send": CallStats(1200, 3, 0.25, 0.0001),
        "never": CallStats(0, 0, 0.0, 0.0),
        "sweep": CallStats(2, 0, 1.5, 1.25),
    }
    stats = attrs.evolve(Stats("c", 1, 1, 0, 0, 0, 0, NONE), reducers=reducers)

    assert str(stats).splitlines()[-3:] == [
        "  reducer  calls  failed   seconds   longest",
        "  sweep        2       0  1.500000  1.250000",
        "  send     1,200       3  0.250000  0.000100",
    ]


def test_all_of_it_may_be_json() -> None:
    stats = attrs.evolve(
        Stats("c", 1, 1, 0, 0, 0, 0, TABLES),
        reducers={"send": CallStats(1, 0, 0.5, 0.5)},
        live=[live_query("SELECT * FROM t", 5)],
    )

    found = json.loads(json.dumps(stats.to_dict()))

    assert found == stats.to_dict()
    assert found["tables"]["user"] == {"rows": 2, "written": 5}
    assert found["reducers"]["send"]["seconds"] == 0.5
    assert found["live"][0] == {
        "sql": "SELECT * FROM t",
        "values": ["'lobby'"],
        "subscribers": 3,
        "rows": 20,
        "evaluations": 5,
        "changes": 1,
    }


def test_rows_that_commits_touch_are_counted() -> None:
    module = qsdb.Module("counted")

    class Item(qsdb.Row, module=module):
        id: qsdb.u32 = qsdb.primary_key()
        stock: qsdb.u32 = 0

    with qsdb.Database(module) as db:
        with db.write() as tx:
            tx[Item].insert_many([Item(1), Item(2)])
        db.sql("UPDATE item SET stock = 1 WHERE id = 1")
        db.sql("DELETE FROM item WHERE id = 2")
        with pytest.raises(KeyError), db.write() as tx:
            tx[Item].insert(Item(3))
            raise KeyError
        with db.write() as tx:  # no net change, so no commit
            tx[Item].update(Item(1, 1))

        assert db.stats().tables == {"item": TableStats(1, 4)}


def test_what_is_counted_begins_with_the_opening_and_outlives_a_publication() -> None:
    was, module, disk = qsdb.Module("m"), qsdb.Module("m"), SimulatedDirectory()

    class Item(qsdb.Row, module=was):
        name: str = qsdb.primary_key()

    module.add_table(Item, name="item", indexes=[qsdb.BTree("name")])
    insert = "INSERT INTO item VALUES (:name)"
    with qsdb.Database(was, disk) as db:
        for name in ("a", "b"):
            db.sql(insert, {"name": name})
        assert (db.offset, db.stats().commits) == (3, 3)

    with qsdb.Database(was, disk) as db:
        assert (db.offset, db.stats().commits) == (3, 0)
        db.sql(insert, {"name": "c"})
        db.publish(module)
        stats = db.stats()
        assert (db.offset, stats.commits) == (5, 2)
        assert stats.tables == {"item": TableStats(3, 1)}


def test_each_live_query_is_counted() -> None:
    module = qsdb.Module("rooms")

    class Message(qsdb.Row, module=module, public=True):
        id: qsdb.u32 = qsdb.primary_key()
        room: str

    text = "SELECT * FROM message WHERE room = :room"
    with qsdb.Database(module) as db:
        db.sql("INSERT INTO message VALUES (1, 'a'), (2, 'a')")
        heard = [db.subscribe(text, params={"room": room}) for room in "aab"]
        with db.connect() as conn:
            conn.subscribe("SELECT id FROM message WHERE id > 1")
            db.sql("INSERT INTO message VALUES (3, 'a')")
            db.sql("DELETE FROM message WHERE id = 1")
            db.sql("UPDATE message SET room = 'c' WHERE id = 3")

            assert sorted(
                db.stats().live, key=lambda each: (each.sql, each.values)
            ) == [
                LiveQueryStats(
                    "SELECT * FROM message WHERE room = :room", ("'a'",), 2, 1, 3, 3
                ),
                LiveQueryStats(
                    "SELECT * FROM message WHERE room = :room", ("'b'",), 1, 0, 0, 0
                ),
                LiveQueryStats(
                    "SELECT id FROM message WHERE id > 1", ("1",), 1, 2, 1, 1
                ),
            ]
        for each in heard:
            each.close()
        assert db.stats().live == []


def test_who_listens_is_counted() -> None:
    module = qsdb.Module("notes")

    class Note(qsdb.Row, module=module):
        text: str

    with qsdb.Database(module) as db:
        assert db.stats().live_queries == 0
        queries = [db.subscribe("SELECT * FROM note") for _ in range(2)]
        db.sql("INSERT INTO note VALUES ('milk')")
        stats = db.stats()
        assert (stats.live_queries, stats.evaluations, stats.changes) == (1, 1, 1)
        for query in queries:
            query.close()
        assert db.stats().live_queries == 0


def test_a_database_on_disk_has_lines_more() -> None:
    stats = attrs.evolve(
        Stats("c", 1, 1, 0, 0, 0, 0, NONE),
        durable_offset=1200,
        snapshot_offset=0,
        log_bytes=34567,
    )

    assert str(stats).splitlines()[3:-1] == [
        "  disk      offset 1,200 on it · 34,567 bytes of log written",
    ]
    stats = attrs.evolve(stats, snapshot_offset=1100, snapshot_error="OSError: full")
    assert str(stats).splitlines()[4:-1] == [
        "  snapshot  of offset 1,100",
        "  snapshot  failed: OSError: full",
    ]


def test_a_live_query_that_ends_just_now_is_left_out() -> None:
    module = qsdb.Module("ending")

    class Note(qsdb.Row, module=module):
        text: str

    with qsdb.Database(module) as db, db.subscribe("SELECT * FROM note") as query:
        assert query.result is not None
        subscribers = {**query.result.subscribers}
        query.result.subscribers.clear()
        assert db.stats().live == []
        query.result.subscribers |= subscribers
        assert len(db.stats().live) == 1


def test_a_database_with_schedules_has_a_line_more() -> None:
    stats = attrs.evolve(Stats("c", 1, 1, 0, 0, 0, 0, NONE), runs=1200, run_failures=3)

    assert str(stats).splitlines()[3] == (
        "  due       1,200 runs of schedules · 3 failed"
    )


def test_what_procedures_and_views_cost_is_on_the_page_and_who_is_connected() -> None:
    stats = attrs.evolve(
        Stats("c", 1, 1, 0, 0, 0, 0, NONE),
        procedures={"fetch": CallStats(2, 1, 1.5, 1.0)},
        view_calls={"me": CallStats(3, 1, 0.5, 0.25), "you": CallStats(4, 2, 2.0, 1.0)},
        clients=1200,
    )

    assert stats.view_failures == 3
    assert str(stats).splitlines()[3:] == [
        "  clients   1,200 connected",
        "  table    rows  written",
        "  procedure calls  failed   seconds   longest",
        "  fetch         2       1  1.500000  1.000000",
        "  view     calls  failed   seconds   longest",
        "  you          4       2  2.000000  1.000000",
        "  me           3       1  0.500000  0.250000",
    ]


def inn(clock: FakeClock) -> qsdb.Module:
    """Give a module with a procedure and a view, which take their time and may fail."""
    module = qsdb.Module("inn")

    class Room(qsdb.Row, module=module):
        id: int = qsdb.primary_key()

    @module.reducer
    def add(ctx: qsdb.ReducerContext, number: int) -> None:
        ctx.db[Room].insert(Room(number))

    @module.procedure
    def fetch(_: qsdb.ProcedureContext, seconds: int) -> None:
        clock.advance(abs(seconds))
        if seconds < 0:
            raise ValueError("not before")

    @module.procedure
    async def gather(_: qsdb.ProcedureContext) -> None:
        clock.advance(4)

    @module.view(public=True, on_error="suspend")
    def rooms(ctx: qsdb.AnonymousViewContext) -> list[Room]:
        clock.advance(1)
        if ctx.db[Room].get(13):
            raise ValueError("unlucky")
        return list(ctx.db[Room])

    return module


def test_procedures_views_and_clients_are_counted_through_publications() -> None:
    clock = FakeClock()
    with qsdb.Database(inn(clock), clock=clock) as db:
        db.call("fetch", 2)
        with pytest.raises(ValueError, match="not before"):
            db.call("fetch", -3)
        db.call("gather")
        asyncio.run(db.call_async("gather"))
        conn = db.connect()
        conn.subscribe("SELECT * FROM rooms")
        db.sql("SELECT * FROM rooms")
        db.publish(inn(clock))
        db.call("add", 13)
        stats = db.stats()
        assert stats.procedures == {
            "fetch": CallStats(2, 1, 5.0, 3.0),
            "gather": CallStats(2, 0, 8.0, 4.0),
        }
        rooms = stats.view_calls["rooms"]
        assert (rooms.failures, rooms.longest) == (1, 1.0)
        assert rooms.calls >= 3
        assert stats.clients == 1
        assert stats.view_failures == 1
        conn.close()
        assert db.stats().clients == 0
        json.dumps(stats.to_dict())


def test_a_database_that_is_only_read_counts_no_clients() -> None:
    disk = SimulatedDirectory()
    qsdb.Database(qsdb.Module("m"), disk).close()
    with qsdb.Database(None, disk, read_only=True) as db, db.connect():
        assert db.stats().clients == 0
