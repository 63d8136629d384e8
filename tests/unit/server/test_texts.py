"""What clients are told in words; also over WebSockets."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb import AccessError, QueryError, StorageError, u32
from qsdb.protocol import server_messages as s
from qsdb.server.hosts import Served
from qsdb.server.texts import Logged, query_text, refusal_text
from tests.support.session_client import SessionClient

SAYS_MORE = "the log of the server says more"

VAULT = Logged("vault", qsdb.Identity.ZERO)

vault = qsdb.Module("vault")


class Door(qsdb.Row, module=vault, public=True):
    id: u32 = qsdb.primary_key()


class Pin(qsdb.Row, module=vault):
    id: u32 = qsdb.primary_key()
    digits: str


@vault.view(public=True)
def broken(ctx: qsdb.AnonymousViewContext) -> list[Door]:
    for pin in ctx.db[Pin]:
        raise KeyError(pin.digits)
    return []


@vault.reducer
def keep(ctx: qsdb.ReducerContext, digits: str) -> None:
    ctx.db[Pin].upsert(Pin(1, digits))


@pytest.fixture
def served() -> Iterator[Served]:
    with qsdb.Database(vault, scheduler="manual") as db:
        yield Served("vault", db)


def caused(error: QueryError | AccessError | StorageError, cause: Exception) -> None:
    error.__cause__ = cause


def test_a_query_that_is_wrong_is_told_to_all() -> None:
    error = QueryError("there is no table x", "SELECT * FROM x", 14)

    assert query_text(VAULT, error, is_owner=False) == str(error)


def test_why_a_query_has_failed_is_told_to_the_owner_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    view = QueryError("view broken failed: KeyError: '1234'")
    disk = StorageError("/var/data/log cannot be read")
    for error in (view, disk):
        caused(error, KeyError("1234"))

    assert query_text(VAULT, view, is_owner=True) == str(view)
    told = [query_text(VAULT, each, is_owner=False) for each in (view, disk)]
    assert told == [
        f"view broken failed; {SAYS_MORE}",
        f"the query failed; {SAYS_MORE}",
    ]
    assert [each.name for each in caplog.records] == ["qsdb.vault.views"] * 2


def test_why_somebody_is_refused_is_told_if_the_module_says_so() -> None:
    cases = (
        (qsdb.ReducerError("you are banned"), "you are banned"),
        (AccessError("not you"), "not you"),
        (KeyError("1234"), f"greet failed with KeyError; {SAYS_MORE}"),
    )
    for cause, told in cases:
        error = AccessError(f"greet refuses the connection: {cause}")
        caused(error, cause)
        said = refusal_text(VAULT, error, is_owner=False)
        assert said == f"greet refuses the connection: {told}"
    alone = AccessError("the database takes nobody")
    assert refusal_text(VAULT, alone, is_owner=False) == str(alone)


def errors_of(client: SessionClient) -> list[str]:
    heard = client.hear()
    return [each.error for each in heard if isinstance(each, s.SubscriptionError)]


def test_a_view_that_fails_tells_a_client_no_more(served: Served) -> None:
    stranger = SessionClient(served)
    owner = SessionClient(served, identity=served.database.owner)
    for client in (stranger, owner):
        client.subscribe(0, "SELECT * FROM broken")
        client.hear()

    served.database.call(keep, "1234")

    assert errors_of(stranger) == [f"view broken failed; {SAYS_MORE}"]
    assert errors_of(owner) == ["view broken failed: KeyError: '1234'"]
    for client, is_told in ((stranger, False), (owner, True)):
        client.subscribe(1, "SELECT * FROM broken")
        client.ask("SELECT * FROM broken")
        refused, answered = client.hear()
        assert isinstance(refused, s.SubscriptionError)
        assert isinstance(answered, s.OneOffQueryResult)
        assert ("1234" in refused.error) is is_told
        assert ("1234" in str(answered.result)) is is_told


def test_a_module_that_is_published_tells_a_client_no_steps(served: Served) -> None:
    other = qsdb.Module("vault")
    stranger = SessionClient(served)
    owner = SessionClient(served, identity=served.database.owner)

    served.database.publish(other, allow_breaking=True)

    assert "door" not in str(stranger.session.ending)
    assert "which clients cannot go on" in str(stranger.session.ending)
    assert "door" in str(owner.session.ending)
