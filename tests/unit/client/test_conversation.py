"""How a connection begins, is lost, is made again, and ends."""

from concurrent.futures import Future

import pytest

from qsdb import ConnectionId, Identity
from qsdb.client.client_errors import NotConnectedError, UnansweredError
from qsdb.client.conversation import Conversation
from qsdb.errors import ClosedError, QsdbError
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import InitialConnection, ReducerOkEmpty
from qsdb.protocol.server_messages import ReducerResult as Answer
from qsdb.protocol.subprotocols import V2, V3
from tests.unit.client.talk import KNOWN, Talk, transaction

GONE = NotConnectedError("the cable is cut")
USERS = "SELECT * FROM user"


def test_the_server_says_who_the_client_is() -> None:
    talk = Talk(greet=False)
    conversation = talk.conversation
    before = conversation.phase, conversation.identity, conversation.token

    talk.open(token="abc", identity=5)

    assert before == ("away", None, None)
    assert conversation.phase == "online"
    assert conversation.identity == Identity.from_bytes(bytes(31) + b"\5")
    assert conversation.connection_id == ConnectionId.from_bytes(bytes(15) + b"\1")
    assert conversation.token == "abc"
    assert talk.told == []


def test_a_token_that_was_given_stays() -> None:
    conversation = Conversation(KNOWN, "mine", 1000)
    conversation.opened(V3)
    conversation.received(b"\0" + InitialConnection(bytes(32), bytes(16), "x").encode())

    assert conversation.token == "mine"


def test_a_token_that_was_made_stays() -> None:
    talk = Talk()
    talk.conversation.lost(GONE)
    talk.open(token="another")

    assert talk.conversation.token == "made"


def test_the_server_speaks_first_and_says_it_once() -> None:
    talk = Talk(greet=False)
    with pytest.raises(NotConnectedError, match="is being made again"):
        talk.call("quiet")
    talk.conversation.opened(V3)
    with pytest.raises(ProtocolError, match=r"ReducerResult, .*before InitialConn"):
        talk.say(Answer(0, 0, ReducerOkEmpty()))
    talk.conversation.lost(GONE)
    talk.open()

    with pytest.raises(ProtocolError, match=r"InitialConnection, .*again"):
        talk.say(InitialConnection(bytes(32), bytes(16), ""))


@pytest.mark.parametrize("frame", [b"", b"\0", b"\0\xff", b"\7", b"\0\0\1", b"\2abc"])
def test_what_is_no_message_is_refused(frame: bytes) -> None:
    talk = Talk()

    with pytest.raises(ProtocolError):
        talk.conversation.received(frame)


def test_a_frame_is_bounded() -> None:
    talk = Talk()

    with pytest.raises(ProtocolError, match="over 1048576 bytes"):
        talk.conversation.received(b"\0" + bytes(1 << 20) + b"x")


def test_version_2_has_one_message_in_each_frame() -> None:
    talk = Talk(V2)
    talk.subscribe(USERS, "SELECT * FROM note")

    assert len(talk.conversation.outgoing()) == 2


def test_version_3_sends_together_what_is_due_up_to_a_bound() -> None:
    talk = Talk()
    for _ in range(3):
        talk.call("rename", 1, "x" * (100 << 10))
    sizes = [len(each) for each in talk.conversation.outgoing()]

    assert [size >> 10 for size in sizes] == [200, 100]
    assert talk.conversation.outgoing() == []


def test_who_waits_is_told_when_the_connection_is_lost() -> None:
    talk = Talk()
    call, (_, begun) = talk.call("quiet"), talk.subscribe(USERS)
    talk.conversation.lost(GONE)

    with pytest.raises(UnansweredError, match=r"cable is cut.*not known whether"):
        call.result(0)
    with pytest.raises(NotConnectedError, match="cable is cut"):
        begun.result(0)
    assert talk.told == [("disconnect", "the cable is cut")]
    assert talk.conversation.outgoing() == []


def test_nothing_can_be_asked_while_the_connection_is_lost() -> None:
    talk = Talk()
    talk.conversation.lost(GONE)
    question = KNOWN.questions.once(USERS, None)

    for ask in (
        lambda: talk.call("quiet"),
        lambda: talk.subscribe(USERS),
        lambda: talk.conversation.ask(question, Future()),
    ):
        with pytest.raises(NotConnectedError):
            ask()


def test_to_lose_it_twice_is_to_lose_it_once() -> None:
    talk = Talk()
    talk.conversation.lost(GONE)
    talk.conversation.lost(GONE)

    assert len(talk.told) == 1


def test_it_is_there_again() -> None:
    talk = Talk()
    talk.conversation.lost(GONE)
    talk.open()

    assert talk.told == [("disconnect", "the cable is cut"), ("reconnect",)]
    assert talk.conversation.phase == "online"


def test_it_is_not_there_before_subscriptions_are() -> None:
    talk = Talk()
    talk.joined((USERS, []))
    talk.conversation.lost(GONE)
    talk.open()
    phase = talk.conversation.phase
    with pytest.raises(NotConnectedError):
        talk.call("quiet")
    talk.answer(talk.heard(), [[]])

    assert phase == "resuming"
    assert talk.conversation.phase == "online"
    assert talk.told[-1] == ("reconnect",)


def test_losing_it_while_it_is_made_again_is_not_told() -> None:
    talk = Talk()
    talk.joined((USERS, []))
    talk.conversation.lost(GONE)
    talk.open()
    talk.conversation.lost(GONE)
    talk.open()
    talk.answer(talk.heard(), [[]])

    assert talk.told == [("disconnect", "the cable is cut"), ("reconnect",)]


def test_numbers_begin_anew_with_each_connection() -> None:
    talk = Talk()
    talk.call("quiet")
    first = talk.heard()
    talk.conversation.lost(GONE)
    talk.open()
    talk.call("quiet")

    assert talk.heard() == first


def test_closing_tells_those_who_wait_and_nobody_else() -> None:
    talk = Talk()
    sub = talk.joined((USERS, [(1, "a", 0, None)]))
    call = talk.call("quiet")
    talk.conversation.close()
    talk.conversation.close()
    talk.conversation.lost(GONE)
    talk.conversation.end(sub)

    with pytest.raises(UnansweredError, match="connection is closed"):
        call.result(0)
    with pytest.raises(ClosedError, match="this connection is closed"):
        talk.call("quiet")
    assert talk.told == []
    assert not sub.is_active
    assert [user.name for user in talk.rows("user")] == ["a"]


def test_giving_up_is_told_and_says_why_later() -> None:
    talk = Talk()
    talk.conversation.give_up(QsdbError("refused"))
    talk.conversation.give_up(QsdbError("refused"))

    with pytest.raises(ClosedError, match="closed: refused"):
        talk.call("quiet")
    assert talk.told == [("disconnect", "refused")]


def test_giving_up_after_the_connection_was_lost_is_told_too() -> None:
    talk = Talk()
    talk.conversation.lost(GONE)
    talk.conversation.give_up(QsdbError("refused"))

    assert [each[1] for each in talk.told] == ["the cable is cut", "refused"]


def test_a_callback_may_close_and_hears_nothing_more() -> None:
    talk = Talk()
    talk.joined((USERS, []))
    table = talk.conversation.cache.user
    table.on_insert(lambda *_: talk.conversation.close())
    more = transaction((1, USERS, [(1, "a", 0, None), (2, "b", 0, None)], []))
    talk.say(more, transaction((1, USERS, [(3, "c", 0, None)], [])))

    assert talk.conversation.phase == "closed"
    assert len(talk.rows("user")) == 2
    # Listeners that come before the one which closes have been told of both rows.
    assert [each[0] for each in talk.told] == ["insert", "insert"]


def test_what_callbacks_of_the_connection_raise_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    talk = Talk()
    talk.conversation.listeners.add("on_disconnect", lambda _: 1 // 0)
    talk.conversation.lost(GONE)

    assert "callback of on_disconnect" in caplog.text
