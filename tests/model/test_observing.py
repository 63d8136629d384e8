"""Rows 169 to 172: logs, counters, and the tables that describe all others."""

import io
import json
import logging

import pytest

import qsdb
from qsdb import ReducerContext, Row, u8, u32
from qsdb.logs import JsonLines
from qsdb.testing import FakeClock, database

mine = qsdb.Module("mine")
clock = FakeClock()
"""Moved by a reducer, so that it takes some time."""


class Ore(Row, module=mine, public=True):
    kind: str = qsdb.primary_key()
    tons: u32


@mine.reducer
def dig(ctx: ReducerContext, kind: str, tons: u32) -> None:
    with ctx.log.timer("digging"):
        clock.advance(tons)
    ctx.db[Ore].insert(Ore(kind, tons))
    ctx.log.debug("dust")
    ctx.log.warning("%s is rare", kind, extra={"tons": tons})


def test_row_169_logs_have_levels_and_are_lines_of_json(
    caplog: pytest.LogCaptureFixture,
) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("qsdb")
    logger.addHandler(handler)
    try:
        with (
            caplog.at_level("WARNING", "qsdb"),
            database(mine) as db,
            db.connect() as client,
        ):
            client.reducers.dig("gold", 0)
    finally:
        logger.removeHandler(handler)

    [line] = written.getvalue().splitlines()  # those at lower levels are left out
    told = json.loads(line)
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "WARNING",
        "logger": "qsdb.mine.dig",
        "message": "gold is rare",
        "module_name": "mine",
        "reducer": "dig",
        "sender": client.identity.to_hex(),
        "connection": client.connection_id.to_hex(),
        "timestamp": "1970-01-01T00:00:00Z",
        "tons": 0,
    }


def test_row_170_a_stopwatch_writes_how_long_a_block_took(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("INFO", "qsdb"), database(mine, clock=clock) as db:
        db.call(dig, "iron", 2)

    told = [record for record in caplog.records if record.levelname == "INFO"]
    assert [record.getMessage() for record in told] == ["digging took 2.000000 s"]


def test_row_171_a_database_counts_what_it_does() -> None:
    with database(mine, clock=clock) as db, db.connect() as client:
        client.subscribe("SELECT * FROM ore WHERE tons > 5")
        client.reducers.dig("iron", 3)
        client.reducers.dig("gold", 7)
        with pytest.raises(qsdb.UniqueError):
            client.reducers.dig("gold", 1)
        stats = db.stats()

    assert (stats.tables["ore"].rows, stats.tables["ore"].written) == (2, 2)
    dug = stats.reducers["dig"]
    assert (dug.calls, dug.failures, dug.seconds, dug.longest) == (3, 1, 11, 7)
    [live] = stats.live
    assert (live.subscribers, live.rows, live.changes) == (1, 1, 1)
    assert json.loads(json.dumps(stats.to_dict()))["reducers"]["dig"]["calls"] == 3
    assert "dig" in str(stats)


def test_row_172_system_tables_describe_the_module() -> None:
    module = qsdb.Module("described")

    class Item(Row, module=module, public=True):
        id: u8 = qsdb.primary_key(auto_inc=True)
        sku: str = qsdb.unique()
        shelf: str = qsdb.index("hash")

    @module.reducer
    def buy(ctx: qsdb.ReducerContext, sku: str) -> None: ...

    with database(module) as db, db.connect() as stranger:
        tables = db.sql("SELECT table_id, table_access FROM st_table").rows
        assert (4096, "public") in tables
        assert all(number < 4096 for number, _ in tables if number != 4096)
        columns = "SELECT col_name FROM st_column WHERE table_id = 4096"
        assert stranger.sql(columns).rows == [("id",), ("sku",), ("shelf",)]
        assert len(db.sql("SELECT * FROM st_sequence")) == 1
        assert len(db.sql("SELECT * FROM st_index WHERE table_id = 4096")) == 1
        assert len(db.sql("SELECT * FROM st_constraint WHERE table_id = 4096")) == 1
        assert db.sql("SELECT name FROM st_reducer").rows == [("buy",)]
        assert db.sql("SELECT module_name FROM st_module").rows == [("described",)]
        with pytest.raises(qsdb.QueryError):
            stranger.sql("SELECT * FROM st_secret")
        with pytest.raises(qsdb.QsdbError):
            db.sql("DELETE FROM st_table")
