"""Connections: who somebody is, what they may call and ask, and how it ends."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import ConnectionId, Identity, Timestamp
from qsdb.runtime.tokens import claimed
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.unit.runtime.hall import ALL, Player, Secret, engine_of, hall, open_hall, put
from tests.unit.runtime.logged import records_of

ALICE = Identity.from_claims("test", "alice")
BOB = Identity.from_claims("test", "bob")


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with open_hall() as made:
        yield made
        if not made._directory.store.is_closed:
            made.check()


# Who it is.


def test_each_is_somebody_new(db: qsdb.Database) -> None:
    first, second = db.connect(), db.connect()

    assert first.identity != second.identity
    assert first.connection_id != second.connection_id
    assert Identity.ZERO not in (first.identity, second.identity)
    assert type(first.connection_id) is ConnectionId
    assert db.owner not in (first.identity, second.identity)


def test_a_token_gives_the_same_identity_again(db: qsdb.Database) -> None:
    first = db.connect()
    second = db.connect(token=first.token)

    assert second.identity == first.identity
    assert second.token == first.token
    assert second.connection_id != first.connection_id


def test_reducers_may_have_names_with_an_underscore() -> None:
    module = qsdb.Module("underscored")

    @module.reducer
    def _call(ctx: qsdb.ReducerContext, number: int) -> tuple[Identity, int]:
        return ctx.sender, number

    @module.reducer
    def _names(ctx: qsdb.ReducerContext) -> Identity:
        return ctx.sender

    with qsdb.Database(module) as db, db.connect() as conn:
        assert conn.reducers._call(1) == (conn.identity, 1)
        assert conn.reducers._names() == conn.identity


def test_an_identity_may_be_given(db: qsdb.Database) -> None:
    conn = db.connect(ALICE)

    assert conn.identity == ALICE
    assert db.connect(token=conn.token).identity == ALICE
    assert db.connect(identity=ALICE).connection_id != conn.connection_id


def _broken_tokens(db: qsdb.Database) -> list[str]:
    token = db.connect(ALICE).token
    header, claims, seal = token.split(".")
    _, others, _ = db.connect(BOB).token.split(".")
    foreign = qsdb.Database(hall).connect(ALICE).token
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return [
        "",
        ".",
        "..",
        "rubbish",
        f"{header}.{claims}",
        f"{header}.{claims}.",
        f"{header}.{claims}.{seal[:-1]}",
        f"{header}.{claims}.{seal}A",
        f"{header}.{claims}.{seal}=",
        f"{header}.{claims}.{'A' * len(seal)}",
        f"{header}.{others}.{seal}",
        f"{none}.{claims}.",
        f"{none}.{claims}.{seal}",
        f"{header}.{claims}.{seal}\ud800",
        f"{header}.{claims}\ud800.{seal}",
        f"{header}.{claims}.é",
        f" {token}",
        f"{token}\n",
        token.upper(),
        foreign,
    ]


def test_a_token_is_a_web_token(db: qsdb.Database) -> None:
    header, claims, _ = db.connect(ALICE).token.split(".")

    assert decoded(header) == {"alg": "HS256", "typ": "JWT"}
    found = decoded(claims)
    assert isinstance(found.pop("iat"), int)
    assert found == {
        "iss": "qsdb",
        "sub": ALICE.to_hex(),
        "hex_identity": ALICE.to_hex(),
    }


def test_who_is_not_named_has_an_identity_of_its_claims(db: qsdb.Database) -> None:
    conn = db.connect()
    claims = decoded(conn.token.split(".")[1])

    assert Identity.from_claims(claims["iss"], claims["sub"]) == conn.identity


def test_reducers_see_the_claims() -> None:
    seen: list[Any] = []
    module = qsdb.Module("door")

    @module.client_connected
    def come(ctx: qsdb.ReducerContext) -> None:
        seen.append(ctx.auth.claims)

    @module.reducer
    def look(ctx: qsdb.ReducerContext) -> None:
        seen.append(ctx.auth.claims)

    clock = FakeClock(Timestamp.from_micros(7_900_000))
    with qsdb.Database(module, clock=clock) as db:
        conn = db.connect(ALICE)
        conn.call("look")
        db.call("look")
        db.caller(ALICE).call("look")
        with db.connect(token=conn.token) as again:
            again.call("look")

    claims = {
        "iss": "qsdb",
        "sub": ALICE.to_hex(),
        "hex_identity": ALICE.to_hex(),
        "iat": 7,
    }
    assert seen == [claims, claims, None, None, claims, claims]
    with pytest.raises(TypeError):
        seen[0]["sub"] = "x"


def test_a_token_that_has_ended_is_refused(db: qsdb.Database) -> None:
    tokens = db._connector._tokens
    said = claimed(ALICE, "alice", 0)
    for ends, is_good in (
        (2e10, True),
        (20_000_000_000, True),
        (5, False),
        (5.5, False),
    ):
        claims = {**said.claims, "exp": ends}
        token = tokens.make(attrs.evolve(said, claims=claims))
        if is_good:
            assert db.connect(token=token).identity == ALICE
        else:
            with pytest.raises(qsdb.AccessError, match="this token has ended"):
                db.connect(token=token)


def test_an_application_makes_tokens_with_claims_of_its_own() -> None:
    given = {"role": "admin", "rooms": ("a", "b"), "aud": ["site"], "exp": 99.5}
    seen: list[Any] = []
    module = qsdb.Module("door")

    @module.client_connected
    def come(ctx: qsdb.ReducerContext) -> None:
        seen.append(ctx.auth.claims)

    clock, disk = FakeClock(Timestamp.from_micros(7_900_000)), SimulatedDirectory()
    with qsdb.Database(module, disk, clock=clock) as db:
        token = db.make_token("test", "alice", given)
        bare = db.make_token("test", "alice")
        with db.connect(token=token) as conn:
            assert (conn.identity, conn.token) == (ALICE, token)
    with qsdb.Database(module, disk, clock=clock) as db:
        assert db.connect(token=token).identity == ALICE
        clock.advance(100)
        with pytest.raises(qsdb.AccessError, match="this token has ended"):
            db.connect(token=token)
        assert db.connect(token=bare).identity == ALICE

    own = {"iss": "test", "sub": "alice", "hex_identity": ALICE.to_hex(), "iat": 7}
    full = {**own, **given, "rooms": ["a", "b"]}
    assert seen == [full, full, own]


def test_a_token_may_begin_later() -> None:
    clock = FakeClock(Timestamp.from_micros(5_000_000))
    with qsdb.Database(hall, clock=clock) as db:
        token = db.make_token("test", "alice", {"nbf": 6})
        with pytest.raises(qsdb.AccessError, match="this token is not good yet"):
            db.connect(token=token)
        clock.advance(1)
        assert db.connect(token=token).identity == ALICE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("", "alice"), "the issuer must have 1 to 128 bytes of UTF-8; '' has 0"),
        (("test", 7), "the subject must be a str, not 7"),
        (("test", "\ud800"), "a token needs somebody to speak of: "),
        (("test", "alice", 7), "claims are a dict, by name, not 7"),
        (("test", "alice", {"a": b"x"}), "claims {'a': b'x'} are no JSON: "),
        (("test", "alice", {"a": float("nan")}), "are no JSON: "),
        (("test", "alice", {"a": 10**90}), "are no JSON: an integer of 91 char"),
        (("test", "alice", {"iss": "x"}), "claim iss is made by qsdb, and cannot be"),
        (("test", "alice", {"iat": 5}), "claim iat is made by qsdb, and cannot be"),
        (("test", "alice", {"exp": True}), "exp is a number of seconds since 1970"),
        (("test", "alice", {"nbf": "now"}), "nbf is a number of seconds since 1970"),
    ],
)
def test_a_token_that_cannot_be_is_not_made(
    db: qsdb.Database, arguments: tuple[Any, ...], said: str
) -> None:
    with pytest.raises(qsdb.ArgumentError, match=re.escape(said)):
        db.make_token(*arguments)


def test_a_closed_database_makes_no_tokens() -> None:
    with qsdb.Database(hall) as db:
        pass

    with pytest.raises(qsdb.ClosedError):
        db.make_token("test", "alice")


def decoded(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_token_that_was_not_made_here_is_refused(db: qsdb.Database) -> None:
    for token in _broken_tokens(db):
        with pytest.raises(qsdb.AccessError) as caught:
            db.connect(token=token)
        assert str(caught.value) == "this token is no token of this database"
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"identity": ALICE, "token": "x"}, "an identity or a token, not both"),
        ({"identity": "alice"}, "takes a qsdb.Identity, not 'alice'"),
        ({"token": b"x"}, "a token is a str, not b'x'"),
        ({"confirmed": 1}, "confirmed is a bool, not 1"),
    ],
)
def test_arguments_that_do_not_fit(
    db: qsdb.Database, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(qsdb.ArgumentError, match=said):
        db.connect(**arguments)


# Calling.


def test_a_reducer_sees_who_calls_and_over_which_connection(db: qsdb.Database) -> None:
    conn = db.connect(ALICE)

    assert conn.call("over_which") == (ALICE, conn.connection_id)
    assert conn.reducers.over_which() == (ALICE, conn.connection_id)
    assert db.call("over_which") == (db.owner, None)
    assert db.caller(ALICE).call("over_which") == (ALICE, None)


def test_arguments_are_given_by_place_and_name(db: qsdb.Database) -> None:
    conn = db.connect()
    conn.reducers.join(1, level=7)
    conn.call("join", 2)

    assert [(row.id, row.level) for row in db.sql(ALL)] == [(1, 7), (2, 0)]
    assert conn.reducers.leave(id=2) is True
    with pytest.raises(qsdb.ArgumentError):
        conn.reducers.join("one")


def test_what_a_reducer_raises_is_what_a_call_raises(db: qsdb.Database) -> None:
    conn = db.connect()
    with pytest.raises(qsdb.ReducerError, match="as was to be"):
        conn.reducers.fail()

    assert list(db.sql(ALL)) == []


def test_a_private_reducer_looks_like_a_missing_one(db: qsdb.Database) -> None:
    conn = db.connect()
    asks: list[Callable[[str], object]] = [
        conn.call,
        lambda name: getattr(conn.reducers, name),
    ]
    for ask in asks:
        told = []
        for name in ("seal", "none"):
            with pytest.raises(qsdb.NotFoundError) as caught:
                ask(name)
            told.append(str(caught.value).replace(name, "…"))
        assert told[0] == told[1]
        assert "seal" not in told[1]
    assert not hasattr(conn.reducers, "seal")

    owner = db.connect(db.owner)
    owner.reducers.seal()
    owner.call("seal")
    assert list(db.sql("SELECT * FROM secret")) == [Secret(1)]


def test_a_module_without_reducers_has_none() -> None:
    conn = qsdb.Database(qsdb.Module("silence")).connect()
    with pytest.raises(qsdb.NotFoundError, match="no reducer 'x'; there are: none"):
        _ = conn.reducers.x


def test_the_log_holds_the_number_of_the_connection() -> None:
    disk = SimulatedDirectory()
    with qsdb.Database(hall, disk, durability="always") as db:
        conn = db.connect(ALICE)
        conn.reducers.join(1)
        db.caller(ALICE).call("join", 2)
        records = records_of(disk, db)

    over, without = [record.call for record in records[-2:]]
    assert over is not None
    assert without is not None
    assert (over.caller, over.connection) == (ALICE.stored, conn.connection_id.stored)
    assert (without.caller, without.connection) == (ALICE.stored, bytes(16))


# Asking.


def test_sql_has_the_rights_of_the_identity(db: qsdb.Database) -> None:
    put(db, Player(1, "p1"), Secret(7))
    conn = db.connect()

    assert list(conn.sql(ALL)) == [Player(1, "p1")]
    found = conn.sql("SELECT id FROM player WHERE id = :id", {"id": 1})
    assert [row.id for row in found] == [1]
    with pytest.raises(qsdb.AccessError, match="only the owner"):
        conn.sql("DELETE FROM player")
    told = []
    for name in ("secret", "secrit"):
        with pytest.raises(qsdb.QueryError) as caught:
            conn.sql(f"SELECT * FROM {name} WHERE id = 1")
        told.append(str(caught.value).splitlines()[0].replace(name, "…"))
    assert told[0] == told[1]

    owner = db.connect(db.owner)
    assert list(owner.sql("SELECT * FROM secret")) == [Secret(7)]
    assert owner.sql("DELETE FROM secret").rows_affected == 1


def test_sql_knows_the_sender() -> None:
    module = qsdb.Module("owners")

    class Thing(qsdb.Row, module=module, public=True):
        owner: Identity = qsdb.primary_key()

    db = qsdb.Database(module)
    conn = db.connect(ALICE)
    put(db, Thing(ALICE), Thing(db.owner))
    mine = "SELECT * FROM thing WHERE owner = :sender"

    assert list(conn.sql(mine)) == [Thing(ALICE)]
    assert conn.subscribe(mine).rows == [Thing(ALICE)]
    assert list(db.connect(db.owner).sql(mine)) == [Thing(db.owner)]


# In transactions, and after the end.


def test_in_a_transaction(db: qsdb.Database) -> None:
    conn = db.connect()
    sub = conn.subscribe(ALL)
    refused: list[Callable[[], object]] = [
        db.connect,
        lambda: conn.subscribe(ALL),
        lambda: conn.subscribe("SELECT * FROM *"),
        sub.close,
        conn.close,
        conn.reducers.over_which,
    ]
    with db.write() as tx:
        for each in refused:
            with pytest.raises(qsdb.UsageError, match="transaction"):
                each()
        tx[Player].insert(Player(1, "p1"))
        assert list(conn.sql(ALL)) == []

    assert sub.is_active
    assert sub.rows == list(conn.db[Player]) == [Player(1, "p1")]
    assert engine_of(db).sizes["results"] == 1


def test_in_a_reducer() -> None:
    module = qsdb.Module("inside")
    act: list[Callable[[], object]] = []

    @module.reducer
    def run(_: qsdb.ReducerContext) -> None:
        act[0]()

    class Thing(qsdb.Row, module=module, public=True):
        id: int = qsdb.primary_key()

    db = qsdb.Database(module)
    conn = db.connect()
    sub = conn.subscribe("SELECT * FROM thing")
    for each in (
        db.connect,
        lambda: conn.subscribe("SELECT * FROM thing"),
        lambda: conn.call("run"),
        sub.close,
        conn.close,
    ):
        act[:] = [each]
        with pytest.raises(qsdb.UsageError, match="transaction"):
            conn.call("run")

    assert sub.is_active
    put(db, Thing(1))
    assert sub.rows == [Thing(1)]


def test_a_closed_connection(db: qsdb.Database) -> None:
    put(db, Player(1, "p1"))
    conn = db.connect()
    sub = conn.subscribe(ALL)
    assert repr(conn) == f"<Connection open of {conn.identity.to_hex()[:16]}…>"
    assert repr(sub) == "<Subscription active, 1 queries>"

    conn.close()
    conn.close()
    sub.close()

    assert "closed" in repr(conn)
    assert repr(sub) == "<Subscription ended, 1 queries>"
    refused: list[Callable[[], object]] = [
        conn.reducers.over_which,
        lambda: conn.call("over_which"),
        lambda: conn.sql(ALL),
        lambda: conn.subscribe(ALL),
    ]
    for each in refused:
        with pytest.raises(qsdb.ClosedError, match="this connection is closed"):
            each()
    put(db, Player(2, "p2"))
    assert list(conn.db[Player]) == [Player(1, "p1")]
    assert conn.db[Player].get(1) == Player(1, "p1")
    assert set(engine_of(db).sizes.values()) == {0}


def test_a_block_closes_what_it_opened(db: qsdb.Database) -> None:
    with db.connect() as conn, conn.subscribe(ALL) as sub:
        was_active = sub.is_active

    assert (was_active, sub.is_active) == (True, False)
    with pytest.raises(qsdb.ClosedError):
        conn.sql(ALL)
    assert set(engine_of(db).sizes.values()) == {0}


def test_a_closed_database(db: qsdb.Database) -> None:
    conn = db.connect()
    sub = conn.subscribe(ALL)
    other = conn.subscribe("SELECT * FROM guild")
    db.close()
    refused: list[Callable[[], object]] = [
        db.connect,
        conn.reducers.over_which,
        lambda: conn.sql(ALL),
        lambda: conn.subscribe(ALL),
    ]

    for each in refused:
        with pytest.raises(qsdb.ClosedError, match="the database is closed"):
            each()
    sub.close()
    conn.close()
    assert not sub.is_active
    assert not other.is_active
    assert set(engine_of(db).sizes.values()) == {0}


def test_a_connection_says_whether_it_is_closed(db: qsdb.Database) -> None:
    first, second = db.connect(), db.connect()
    assert not first.is_closed
    first.close()
    closed = [first.is_closed, second.is_closed]
    db.close()

    assert closed == [True, False]
    assert second.is_closed
