"""Clients come and go: who is noted, what runs, and what a refusal leaves."""

import errno
import gc
import logging
from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import AccessError, ConnectionId, Identity, ReducerContext
from qsdb.testing import (
    Call,
    Fail,
    Fault,
    FaultyDirectory,
    SimulatedDirectory,
)
from tests.support.hoard import abandon
from tests.unit.runtime.ledger import QUIET

ALICE = Identity.from_claims("test", "alice")
BOB = Identity.from_claims("test", "bob")
MALLORY = Identity.from_claims("test", "mallory")

door = qsdb.Module("door")


class Online(qsdb.Row, module=door, public=True):
    connection: ConnectionId = qsdb.primary_key()
    who: Identity


class Visit(qsdb.Row, module=door):
    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    what: str


class Closed(qsdb.Row, module=door):
    """While there is a row nobody gets out properly."""

    reason: str


@door.client_connected
def come(ctx: ReducerContext) -> None:
    assert ctx.connection_id is not None
    assert not ctx.auth.is_internal
    ctx.db[Visit].insert(Visit("come"))
    ctx.db[Online].insert(Online(ctx.connection_id, ctx.sender))
    if ctx.sender == MALLORY:
        raise qsdb.ReducerError("not you")


@door.client_disconnected
def go(ctx: ReducerContext) -> None:
    assert ctx.connection_id is not None
    ctx.db[Online].delete_by_key(ctx.connection_id)
    ctx.db[Visit].insert(Visit("go"))
    for row in ctx.db[Closed]:
        raise ValueError(row.reason)


@door.reducer
def wave(ctx: ReducerContext) -> Identity:
    return ctx.sender


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(door) as made:
        yield made
        if not made._directory.store.is_closed:
            made.check()


def noted(db: qsdb.Database) -> list[tuple[Identity, ConnectionId]]:
    """Give who is connected."""
    found: Any = db.sql("SELECT * FROM st_client")
    return [(each.identity, each.connection_id) for each in found]


def online(db: qsdb.Database) -> list[Identity]:
    with db.read() as tx:
        return [row.who for row in tx[Online]]


def visits(db: qsdb.Database) -> list[str]:
    with db.read() as tx:
        return [row.what for row in sorted(tx[Visit], key=lambda row: row.id)]


# Coming.


def test_a_client_that_connects_is_noted_in_one_commit(db: qsdb.Database) -> None:
    before = db.offset
    conn = db.connect(ALICE)

    assert db.offset == before + 1
    assert noted(db) == [(ALICE, conn.connection_id)]
    assert online(db) == [ALICE]
    assert conn.reducers.wave() == ALICE


def test_who_connects_sees_itself_and_others_are_told(db: qsdb.Database) -> None:
    first = db.connect(ALICE)
    first.subscribe("SELECT * FROM online")
    assert [row.who for row in first.db[Online]] == [ALICE]
    second = db.connect(BOB)
    assert {row.who for row in first.db[Online]} == {ALICE, BOB}
    second.close()
    assert [row.who for row in first.db[Online]] == [ALICE]


def test_a_refused_client_leaves_nothing(db: qsdb.Database) -> None:
    before = db.offset

    refused = r"^come refuses the connection: not you$"
    with pytest.raises(AccessError, match=refused) as caught:
        db.connect(MALLORY)

    assert type(caught.value.__cause__) is qsdb.ReducerError
    assert db.offset == before
    assert noted(db) == online(db) == visits(db) == []
    assert db.stats().rollbacks == 1
    db.connect(ALICE)


@pytest.mark.parametrize(
    ("error", "said"), [(ValueError("full"), "full"), (KeyError(), "KeyError")]
)
def test_any_exception_refuses(error: Exception, said: str) -> None:
    module = qsdb.Module("shut")

    @module.client_connected
    def refuse(_: ReducerContext) -> None:
        raise error

    with qsdb.Database(module) as db:
        with pytest.raises(AccessError, match=f": {said}$") as caught:
            db.connect()
        assert caught.value.__cause__ is error
        assert noted(db) == []


def test_an_interrupt_is_no_refusal() -> None:
    module = qsdb.Module("cut")

    @module.client_connected
    def interrupt(_: ReducerContext) -> None:
        raise KeyboardInterrupt

    with qsdb.Database(module) as db:
        with pytest.raises(KeyboardInterrupt):
            db.connect()
        assert noted(db) == []


def test_a_coroutine_in_disguise_is_refused() -> None:
    module = qsdb.Module("disguised")

    async def wait() -> None: ...

    @module.client_connected
    def begin(_: ReducerContext) -> None:
        return wait()  # type: ignore[return-value]

    with qsdb.Database(module) as db:
        with pytest.raises(AccessError, match="gave a coroutine") as caught:
            db.connect()
        assert type(caught.value.__cause__) is qsdb.UsageError


def test_lifecycle_functions_cannot_be_called(db: qsdb.Database) -> None:
    for who in (db, db.connect(ALICE)):
        for function in ("come", "go", come):
            with pytest.raises(qsdb.NotFoundError):
                who.call(function)


def test_nobody_connects_inside_a_transaction(db: qsdb.Database) -> None:
    conn = db.connect(ALICE)
    with db.write() as tx:
        tx[Visit].insert(Visit("inside"))
        with pytest.raises(qsdb.UsageError):
            db.connect(BOB)
        with pytest.raises(qsdb.UsageError):
            conn.close()
    assert noted(db) == [(ALICE, conn.connection_id)]
    conn.close()
    assert noted(db) == []


# Going.


def test_a_client_that_goes_is_taken_off_in_one_commit(db: qsdb.Database) -> None:
    conn = db.connect(ALICE)
    before = db.offset
    conn.close()

    assert db.offset == before + 1
    assert noted(db) == online(db) == []
    assert visits(db) == ["come", "go"]
    conn.close()
    assert db.offset == before + 1


def test_an_end_that_fails_is_logged_and_is_one(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    conn = db.connect(ALICE)
    with db.write() as tx:
        tx[Closed].insert(Closed("the door is stuck"))

    with caplog.at_level(logging.ERROR):
        conn.close()

    assert noted(db) == []
    assert online(db) == [ALICE]
    assert visits(db) == ["come"]
    [record] = caplog.records
    assert record.name == "qsdb.door.clients"
    assert record.getMessage() == (
        f"client_disconnected failed for {conn.connection_id!r}, which has gone"
    )
    assert "the door is stuck" in str(record.exc_info)


def test_closing_the_database_sees_all_off(db: qsdb.Database) -> None:
    conns = [db.connect(each) for each in (ALICE, BOB)]
    told: list[str] = []
    db.subscribe(
        "SELECT what FROM visit", lambda u: told.extend(r.what for r in u.inserts)
    )
    db.close()

    assert told == ["go", "go"]
    for conn in conns:
        conn.close()


def test_another_thread_may_be_faster_to_close(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    db.connect(ALICE)
    clients = db._connector.clients
    assert clients is not None
    disconnect_all = clients.disconnect_all

    def overtaken() -> None:
        db._writer.close()
        disconnect_all()

    monkeypatch.setattr(clients, "disconnect_all", overtaken)
    db.close()
    assert db._directory.store.is_closed


def test_one_that_nobody_has_is_seen_off_at_the_end(db: qsdb.Database) -> None:
    db.connect(ALICE)
    gc.collect()

    assert len(noted(db)) == 1
    db.close()


def test_a_client_may_go_in_a_callback(db: qsdb.Database) -> None:
    first, second = db.connect(ALICE), db.connect(BOB)
    second.subscribe("SELECT * FROM online")
    second.db[Online].on_delete(lambda *_: second.close())
    first.close()

    assert noted(db) == []
    assert visits(db) == ["come", "come", "go", "go"]


# On disk.


def test_clients_of_a_killed_process_are_seen_off_at_the_next_opening() -> None:
    disk = SimulatedDirectory()
    db = qsdb.Database(door, disk, durability="always", options=QUIET)
    gone = db.connect(ALICE)
    db.connect(BOB)
    gone.close()
    disk = disk.kill()
    abandon(db)

    with qsdb.Database(None, disk, read_only=True) as reading:
        assert [who for who, _ in noted(reading)] == [BOB]
    with qsdb.Database(door, disk, durability="always") as again:
        assert noted(again) == online(again) == []
        assert visits(again) == ["come", "come", "go", "go"]
        offset = again.offset
    with qsdb.Database(door, disk) as third:
        assert third.offset == offset


def test_a_module_that_attends_to_nobody_forgets_those_of_one_that_did() -> None:
    disk = SimulatedDirectory()
    db = qsdb.Database(door, disk, durability="always", options=QUIET)
    db.connect(ALICE)
    disk = disk.kill()
    abandon(db)
    deaf = qsdb.Module("door")
    for row_class in (Online, Visit, Closed):
        deaf.add_table(row_class, public=row_class is Online)

    with qsdb.Database(deaf, disk) as again:
        assert noted(again) == []
        offset = again.offset
        again.connect(BOB).close()
        assert again.offset == offset
        assert visits(again) == ["come"]


def test_a_reader_beside_the_writer_notes_nobody() -> None:
    disk = SimulatedDirectory()
    with qsdb.Database(door, disk, durability="always") as db:
        with (
            qsdb.Database(door, disk, read_only=True) as reading,
            reading.connect(ALICE) as conn,
        ):
            assert [*conn.sql("SELECT * FROM online")] == []
        assert noted(db) == []


def test_an_end_that_cannot_be_written_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk, is_broken = SimulatedDirectory(), False

    def plan(call: Call) -> Fault | None:
        return Fail(errno.EIO) if is_broken and call.operation == "write" else None

    files = FaultyDirectory(disk, plan)
    db = qsdb.Database(door, files, durability="always", options=QUIET)
    conn = db.connect(ALICE)
    is_broken = True
    with caplog.at_level(logging.WARNING):
        conn.close()
    with pytest.raises(qsdb.StorageError):
        db.connect(BOB)

    assert "will be noted when the database is opened again" in caplog.text
    with pytest.raises(qsdb.FailedError):
        db.close()
    abandon(db)
    with qsdb.Database(door, disk.kill()) as again:
        assert noted(again) == []
        assert visits(again) == ["come", "go"]
