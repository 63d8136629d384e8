"""What is noted of clients: what their tokens say, and of whom when a module comes."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

import qsdb
from qsdb import AccessError, ConnectionId, Identity, ReducerContext
from qsdb.runtime import publishing
from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.client_notes import set_clients
from qsdb.runtime.clients import Clients
from qsdb.runtime.migrated_tables import Migrated
from qsdb.runtime.writer import Writer
from qsdb.schema.contexts import Auth
from qsdb.testing import SimulatedDirectory
from tests.support.hoard import abandon
from tests.unit.runtime.ledger import QUIET

ALICE = Identity.from_claims("test", "alice")
BOB = Identity.from_claims("test", "bob")
NUMBER = ConnectionId.from_bytes(bytes(15) + b"\x07")
CREDENTIALS = "SELECT * FROM st_connection_credentials"


class House:
    """A module that attends to its clients or not, and what it was told."""

    def __init__(self, *, attends: bool, wide: bool = False) -> None:
        self.module = module = qsdb.Module("house")
        self.told: list[tuple[str, object]] = []
        self.refuses = False

        class Wall(qsdb.Row, module=module, public=True):
            id: qsdb.u32 = qsdb.primary_key()
            if wide:
                colour: str = "white"

        @module.reducer
        def knock(ctx: ReducerContext) -> None:
            self.told.append(("knock", subject(ctx)))

        if attends:
            self._attend()

    def _attend(self) -> None:
        @self.module.client_connected
        def come(ctx: ReducerContext) -> None:
            self.told.append(("come", subject(ctx)))
            if self.refuses:
                raise ValueError("full")

        @self.module.client_disconnected
        def go(ctx: ReducerContext) -> None:
            self.told.append(("go", subject(ctx)))


def subject(ctx: ReducerContext) -> object:
    claims = ctx.auth.claims
    return None if claims is None else claims["sub"]


def clients_of(db: qsdb.Database) -> Clients:
    clients = db._connector.clients
    assert clients is not None
    return clients


def sender(name: str, number: ConnectionId = NUMBER) -> Sender:
    who = Identity.from_claims("test", name)
    return Sender(who, number, Auth(claims={"iss": "test", "sub": name}))


def noted(db: qsdb.Database) -> list[Identity]:
    return [each.identity for each in db.sql("SELECT * FROM st_client")]


# What tokens say.


def test_what_a_token_says_is_known_when_its_client_goes_with_the_process() -> None:
    house, disk = House(attends=True), SimulatedDirectory()
    db = qsdb.Database(house.module, disk, durability="always", options=QUIET)
    clients_of(db).connect(sender("ann"))
    killed = disk.kill()
    abandon(db)

    later = House(attends=True)
    with qsdb.Database(later.module, killed) as again:
        assert later.told == [("go", "ann")]
        assert not again.sql(CREDENTIALS).rows


def test_what_a_token_says_is_known_when_the_database_is_closed() -> None:
    house = House(attends=True)
    db = qsdb.Database(house.module)
    clients_of(db).connect(sender("ann"))
    db.close()
    assert house.told == [("come", "ann"), ("go", "ann")]


def test_only_the_owner_reads_what_tokens_say() -> None:
    house = House(attends=True)
    with qsdb.Database(house.module) as db:
        conn = db.connect(ALICE)
        [row] = db.sql(CREDENTIALS).rows
        assert row.connection_id == conn.connection_id
        assert ALICE.to_hex() in row.jwt_payload
        for who in (ALICE, BOB):
            with pytest.raises(qsdb.QueryError):
                db.sql(CREDENTIALS, sender=who)
        with pytest.raises(qsdb.QueryError):
            conn.subscribe(CREDENTIALS)
        conn.close()
        assert not db.sql(CREDENTIALS).rows


def test_clients_without_a_token_are_noted_without_one() -> None:
    house = House(attends=True)
    with qsdb.Database(house.module) as db:
        clients_of(db).connect(Sender(BOB, NUMBER))
        assert noted(db) == [BOB]
        assert not db.sql(CREDENTIALS).rows
    assert house.told == [("come", None), ("go", None)]


def test_a_number_is_one_clients_alone() -> None:
    house = House(attends=True)
    with qsdb.Database(house.module) as db:
        clients, first = clients_of(db), sender("ann")
        clients.connect(first)
        with pytest.raises(qsdb.UniqueError):
            clients.connect(sender("bob"))
        assert noted(db) == [first.identity]
        assert clients.count == 1
    assert house.told == [("come", "ann"), ("go", "ann")]


# A module that attends to clients comes later.


def test_whoever_is_connected_is_noted_when_a_module_attends_to_them() -> None:
    before, after = House(attends=False), House(attends=True)
    disk = SimulatedDirectory()
    db = qsdb.Database(before.module, disk, durability="always", options=QUIET)
    conns = [db.connect(each) for each in (ALICE, BOB)]
    db.connect().close()
    offset = db.offset
    db.publish(after.module)

    assert db.offset == offset + 1
    assert sorted(noted(db)) == sorted([ALICE, BOB])
    assert after.told == []
    conns[0].close()
    assert after.told == [("go", ALICE.to_hex())]
    killed = disk.kill()
    abandon(db)
    last = House(attends=True)
    with qsdb.Database(last.module, killed) as again:
        assert last.told == [("go", BOB.to_hex())]
        again.check()


def test_clients_whom_the_publication_ends_are_seen_off_by_the_new_module() -> None:
    before, after = House(attends=False), House(attends=True, wide=True)
    with qsdb.Database(before.module) as db:
        conn = db.connect(ALICE)
        conn.subscribe("SELECT * FROM wall")
        db.publish(after.module, allow_breaking=True)

        assert conn.is_closed
        assert after.told == [("go", ALICE.to_hex())]
        assert noted(db) == []


def test_who_was_noted_before_is_noted_once() -> None:
    first, deaf, last = [House(attends=each) for each in (True, False, True)]
    with qsdb.Database(first.module) as db:
        conns = [db.connect(ALICE)]
        db.publish(deaf.module)
        conns.append(db.connect(BOB))
        assert noted(db) == [ALICE]
        db.publish(last.module)
        assert sorted(noted(db)) == sorted([ALICE, BOB])
        offset = db.offset
        db.publish(House(attends=True).module)
        assert db.offset == offset
        assert [conn.is_closed for conn in conns] == [False, False]
        db.check()


def test_a_client_that_nobody_has_any_more_is_not_noted() -> None:
    with qsdb.Database(House(attends=False).module) as db:
        clients_of(db).connect(sender("ann"))
        offset = db.offset
        db.publish(House(attends=True).module)
        assert db.offset == offset
        assert noted(db) == []


@pytest.mark.parametrize("refuses", [False, True])
def test_a_client_may_connect_and_a_publication_be_faster(*, refuses: bool) -> None:
    after = House(attends=True)
    with qsdb.Database(House(attends=False).module) as db:
        clients, coming = clients_of(db), sender("ann")
        clients.connect(coming)
        db.publish(after.module)
        assert noted(db) == [coming.identity]
        after.refuses = refuses
        if refuses:
            with pytest.raises(AccessError, match="full"):
                clients.connect(coming)
        else:
            clients.connect(coming)
        assert noted(db) == [coming.identity] * (not refuses)
        assert clients.count == 1 - refuses
        assert after.told == [("come", "ann")]


During = Callable[[Callable[[], object]], None]


@pytest.fixture
def during(monkeypatch: pytest.MonkeyPatch) -> Iterator[During]:
    """Begin some work in a thread when a publication has noted the clients."""
    threads: list[threading.Thread] = []

    def begin(work: Callable[[], object]) -> None:
        def noting(found: Migrated, senders: list[Sender]) -> None:
            set_clients(found, senders)
            threads.append(threading.Thread(target=work))
            threads[0].start()
            time.sleep(0.05)  # it is about to take the lock, or will find out later

        monkeypatch.setattr(publishing, "set_clients", noting)

    yield begin
    for each in threads:
        each.join()


def wait_for(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.001)


def test_who_connects_during_a_publication_meets_the_new_module(during: During) -> None:
    after, coming = House(attends=True), sender("ann")
    with qsdb.Database(House(attends=False).module) as db:
        during(lambda: clients_of(db).connect(coming))
        db.publish(after.module)
        wait_for(lambda: noted(db) == [coming.identity])
        assert after.told == [("come", "ann")]


def test_who_goes_during_a_publication_meets_the_new_module(during: During) -> None:
    after, going = House(attends=True), sender("ann")
    with qsdb.Database(House(attends=False).module) as db:
        clients_of(db).connect(going)
        during(lambda: clients_of(db).disconnect(going))
        db.publish(after.module)
        wait_for(lambda: noted(db) == [])
        assert after.told == [("go", "ann")]


def test_nobody_is_noted_for_a_publication_that_fails(
    during: During, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, coming = House(attends=False), sender("ann")
    done: list[bool] = []
    with qsdb.Database(before.module) as db:
        offset = db.offset

        def connect() -> None:
            clients_of(db).connect(coming)
            done.append(True)

        def fail(*_: object) -> None:
            raise MemoryError

        during(connect)
        monkeypatch.setattr(publishing, "record_of", fail)
        with pytest.raises(MemoryError):
            db.publish(House(attends=True).module)
        wait_for(lambda: done == [True])
        assert db.offset == offset
        assert noted(db) == []
        assert not clients_of(db).are_noted
        assert clients_of(db).count == 1


def test_a_database_that_is_closed_knows_nobody() -> None:
    house = House(attends=True)
    db = qsdb.Database(house.module)
    clients = clients_of(db)
    db.close()
    with pytest.raises(qsdb.ClosedError):
        clients.connect(sender("ann"))
    assert clients.count == 0


def test_callers_over_a_connection_have_what_their_token_says() -> None:
    house = House(attends=False)
    with qsdb.Database(house.module) as db:
        db.connect(ALICE).reducers.knock()
    assert house.told == [("knock", ALICE.to_hex())]


def test_a_database_that_another_thread_closes_publishes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with qsdb.Database(House(attends=False).module) as db:

        def overtaken(_: Writer) -> int:
            raise qsdb.ClosedError("the database is closed")

        monkeypatch.setattr(Writer, "enter_to_publish", overtaken)
        with pytest.raises(qsdb.ClosedError):
            db.publish(House(attends=True).module)
        assert not clients_of(db).are_noted
