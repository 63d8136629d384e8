"""Rows 111 to 116: what runs at turns of a database's life."""

import pytest

import qsdb
from qsdb import ConnectionId, Identity, ReducerContext, Row
from qsdb.testing import SimulatedDirectory, database


class Club:
    """A module with all lifecycle functions."""

    module = qsdb.Module("club")

    class Guest(Row, module=module, public=True):
        connection: ConnectionId = qsdb.primary_key()
        who: Identity

    class Line(Row, module=module):
        text: str


club, Guest, Line = Club.module, Club.Guest, Club.Line


@club.init
def init(ctx: ReducerContext) -> None:
    assert ctx.auth.is_internal
    assert ctx.connection_id is None
    ctx.db[Line].insert(Line(f"init {ctx.sender.to_hex()}"))


@club.client_connected
def come(ctx: ReducerContext) -> None:
    assert ctx.connection_id is not None
    if len(ctx.db[Guest]) == 1:
        ctx.db[Line].insert(Line("refused"))
        raise qsdb.ReducerError("the club is full")
    ctx.db[Guest].insert(Guest(ctx.connection_id, ctx.sender))


@club.client_disconnected
def go(ctx: ReducerContext) -> None:
    assert ctx.connection_id is not None
    ctx.db[Guest].delete_by_key(ctx.connection_id)
    ctx.db[Line].insert(Line("gone"))


def lines(db: qsdb.Database) -> list[str]:
    return [row.text for row in db.sql("SELECT * FROM line")]


def test_row_111_init_runs_in_the_transaction_that_creates_the_database() -> None:
    files = SimulatedDirectory()
    with database(club, files) as db:
        assert db.offset == 1
        assert lines(db) == [f"init {db.owner.to_hex()}"]
    with database(club, files) as db:  # it is there already
        assert db.offset == 1

    failing = qsdb.Module("failing")

    @failing.init
    def fail(_: ReducerContext) -> None:
        raise RuntimeError

    files = SimulatedDirectory()
    with pytest.raises(RuntimeError):
        database(failing, files)
    with database(qsdb.Module("failing"), files) as db:  # nothing was created
        assert db.offset == 1


def test_row_112_client_connected_may_refuse() -> None:
    with database(club) as db, db.connect() as first:
        assert db.sql("SELECT identity FROM st_client").rows == [(first.identity,)]
        with pytest.raises(qsdb.AccessError, match="the club is full") as caught:
            db.connect()
        assert isinstance(caught.value.__cause__, qsdb.ReducerError)
        assert len(db.sql("SELECT * FROM st_client")) == 1
        assert "refused" not in lines(db)


def test_row_113_who_calls_without_a_connection_is_no_client() -> None:
    with database(club) as db:
        ana = Identity.from_claims("test", "ana")
        db.caller(ana).sql("SELECT * FROM guest")
        db.sql("INSERT INTO line VALUES ('x')")

        assert not db.sql("SELECT * FROM guest")
        assert not db.sql("SELECT * FROM st_client")


def test_row_114_client_disconnected_takes_the_client_away() -> None:
    with database(club) as db:
        db.connect().close()

        assert lines(db)[-1] == "gone"
        assert not db.sql("SELECT * FROM guest")
        assert not db.sql("SELECT * FROM st_client")

    rude = qsdb.Module("rude")

    @rude.client_disconnected
    def fail(_: ReducerContext) -> None:
        raise RuntimeError

    with database(rude) as db:  # it is logged, and the client has gone all the same
        client = db.connect()
        assert len(db.sql("SELECT * FROM st_client")) == 1
        client.close()
        assert not db.sql("SELECT * FROM st_client")


def test_row_115_clients_of_a_killed_process_are_taken_away_when_it_opens() -> None:
    files = SimulatedDirectory()
    with database(club, files) as db, db.connect():
        db.wait_durable()
        killed = SimulatedDirectory(files.snapshot_files())

    with database(club, killed) as again:
        assert lines(again)[-1] == "gone"
        assert not again.sql("SELECT * FROM guest")
        assert not again.sql("SELECT * FROM st_client")


def test_row_116_nobody_calls_lifecycle_functions() -> None:
    with database(club) as db:
        for name in ("init", "come", "go"):
            with pytest.raises(qsdb.NotFoundError):
                db.call(name)
        with pytest.raises(qsdb.NotFoundError):
            db.call(go)
        with db.connect() as client, pytest.raises(qsdb.NotFoundError):
            client.call("go")
