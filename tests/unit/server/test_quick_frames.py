"""Calls of who waits for each, which are obeyed without a turn of the event loop."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb.protocol import server_messages as s
from qsdb.protocol.client_messages import (
    CallReducer,
    ClientMessage,
    Subscribe,
    encode_client_message,
)
from qsdb.protocol.subprotocols import V1
from qsdb.server import links
from qsdb.server.dialects import choose_dialect
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from qsdb.server.serving import Running
from qsdb.server.sessions import Session
from qsdb.server.v2_sessions import QUICK_BYTES, V2Session
from tests.support.session_client import SessionClient
from tests.unit.server import chatting as c
from tests.unit.server.test_serving import connect, db, messages, server
from tests.unit.server.test_sessions import line

__all__ = ["db", "server"]  # fixtures

CALL = CallReducer(1, 0, "say", line(1, "a"))
OTHER = CallReducer(2, 0, "say", line(1, "b"))
ASK = Subscribe(3, 1, ("SELECT * FROM line",))
LONG = CallReducer(4, 0, "say", line(1, "a" * QUICK_BYTES))


@pytest.fixture
def served() -> Iterator[Served]:
    with qsdb.Database(c.chatting, scheduler="manual") as db:
        yield Served("chat", db)


def frame(*parts: ClientMessage) -> bytes:
    return b"".join(map(encode_client_message, parts))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (frame(CALL), CALL),
        (frame(CALL, OTHER), None),
        (frame(CALL, ASK), None),
        (frame(ASK), None),
        (frame(LONG), None),
        (frame(CALL)[:-1], None),
        (frame(CALL) + b"\xff", None),
        (b"", None),
    ],
)
def test_what_is_quick(served: Served, data: bytes, expected: object) -> None:
    assert SessionClient(served).session.quick(data) == expected


def test_nothing_is_quick_in_other_versions(served: Served) -> None:
    dialect = choose_dialect([V1.name])
    assert dialect is not None
    sender = SessionClient(served).session.peer.sender
    session: Session[object] = dialect.session(
        served, sender, SessionOptions(), lambda: None
    )
    assert session.quick(frame(CALL)) is None


def test_calls_are_answered_in_their_order(db: qsdb.Database, server: Running) -> None:
    with connect(server) as client:
        messages(client, 1)
        client.send(frame(ASK))
        messages(client, 1)
        for number in range(20):
            client.send(frame(CallReducer(number, 0, "say", line(1, "x"))))
            [answer] = messages(client, 1)
            assert isinstance(answer, s.ReducerResult)
            assert answer.request_id == number
        client.send(frame(*[CallReducer(n, 0, "say", line(1, "y")) for n in range(9)]))
        answers = messages(client, 9)

    assert [each.request_id for each in answers] == [*range(9)]  # type: ignore[union-attr]
    assert db.offset == 30


def test_of_a_client_for_whom_much_waits_nothing_is_obeyed_at_once(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "SINGLES_MIN", 1)
    answers = iter([True])  # when the frame comes, and not when its turn has come
    monkeypatch.setattr(V2Session, "is_full", property(lambda _: next(answers, False)))
    with connect(server) as client:
        messages(client, 1)
        client.send(frame(CALL))
        [answer] = messages(client, 1)

    assert isinstance(answer, s.ReducerResult)
    assert next(answers, None) is None


def test_a_session_that_fails_ends_its_client_alone(
    server: Running,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with connect(server) as client, connect(server) as other:
        messages(client, 1)
        messages(other, 1)
        with monkeypatch.context() as patch:
            patch.setattr(links, "SINGLES_MIN", 1)
            patch.setattr(V2Session, "_call", fail)
            client.send(frame(CALL))
            assert client.receive_or_end() is None
        other.send(frame(CALL))
        [answer] = messages(other, 1)

    assert isinstance(answer, s.ReducerResult)
    assert "a session failed" in caplog.text
    assert links.FAILED == 1011
