"""Calls and questions: what is sent, and what each answer means."""

from concurrent.futures import Future
from typing import Any

import pytest

from qsdb import Timestamp
from qsdb.client.client_errors import RemoteError
from qsdb.codec.bsatn import encoder as bsatn
from qsdb.errors import (
    ArgumentError,
    NotFoundError,
    QueryError,
    ReducerError,
    SchemaError,
)
from qsdb.protocol.client_messages import (
    CLIENT_FRAME_BYTES_MAX,
    CallProcedure,
    CallReducer,
    OneOffQuery,
)
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import (
    InternalFailure,
    OneOffQueryResult,
    ProcedureResult,
    ReducerErr,
    ReducerOk,
    ReducerOkEmpty,
    ReducerResult,
    Returned,
)
from qsdb.values.compounds import ArrayKind, OptionKind
from qsdb.values.kinds import F64, U64
from tests.unit.client.talk import KNOWN, Talk, User, clean, encoder, quiet, transaction

USERS = "SELECT * FROM user"
SEVEN = bsatn(U64)(7)
NOTHING = transaction()


def done(value: bytes = b"") -> ReducerOk:
    return ReducerOk(value, NOTHING)


def test_a_reducer_is_called_and_gives_its_value() -> None:
    talk = Talk()
    reply = talk.call("rename", 7)
    heard = talk.heard()
    talk.say(ReducerResult(0, 5, done(SEVEN)))

    args = SEVEN + b"\6\0\0\0nobody"
    assert heard == [CallReducer(0, 0, "rename", args)]
    assert reply.result(timeout=0) == 7


def test_no_bytes_are_none() -> None:
    talk = Talk()
    replies = talk.call("quiet"), talk.call("rename", 1), talk.call("quiet")
    talk.say(ReducerResult(0, 5, done()), ReducerResult(1, 5, ReducerOkEmpty()))
    talk.say(ReducerResult(2, 5, done(b"of whatever kind")))

    assert [each.result(timeout=0) for each in replies] == [None, None, None]


def test_what_a_call_did_is_shown_before_it_gives_anything() -> None:
    talk = Talk()
    talk.joined((USERS, []))
    reply = talk.call("rename", 7)
    seen: list[bool] = []
    talk.conversation.cache.user.on_insert(lambda *_: seen.append(reply.done()))
    update = transaction((1, USERS, [(7, "a", 0, None)], []))
    talk.say(ReducerResult(2, 5, ReducerOk(SEVEN, update)))

    assert seen == [False]
    assert reply.done()
    assert talk.told == [("insert", "reducer", User(7, "a"))]


def test_the_event_of_an_own_call_names_it() -> None:
    talk = Talk()
    talk.joined((USERS, []))
    events: list[Any] = []
    talk.conversation.cache.user.on_insert(lambda event, _: events.append(event))
    talk.call("rename", 7)
    update = transaction((1, USERS, [(7, "a", 0, None)], []))
    talk.say(ReducerResult(2, 5, ReducerOk(b"", update)))
    [event] = events

    assert (event.reducer, event.status, event.offset) == ("rename", "committed", 0)


def test_a_refusal_is_a_reducer_error() -> None:
    talk = Talk()
    reply = talk.call("quiet")
    talk.say(ReducerResult(0, 5, ReducerErr.of_text("no\nway")))

    with pytest.raises(ReducerError, match="no\nway"):
        reply.result(timeout=0)


def test_a_failure_is_a_remote_error() -> None:
    talk = Talk()
    reply = talk.call("quiet")
    talk.say(ReducerResult(0, 5, InternalFailure("ZeroDivisionError")))

    with pytest.raises(RemoteError, match="ZeroDivisionError"):
        reply.result(timeout=0)


def test_a_value_of_another_kind_is_told_by_name() -> None:
    talk = Talk()
    reply = talk.call("rename", 1)
    talk.say(ReducerResult(0, 5, done(b"\1")))

    with pytest.raises(SchemaError, match=r"reducer rename .*not expect.*byte 0"):
        reply.result(timeout=0)


def test_an_error_that_is_no_text_ends_the_connection() -> None:
    talk = Talk()
    reply = talk.call("quiet")
    with pytest.raises(ProtocolError, match="ReducerErr"):
        talk.say(ReducerResult(0, 5, ReducerErr(b"\1")))
    assert not reply.done()
    talk.conversation.lost(RemoteError("it lied"))

    with pytest.raises(Exception, match="it lied"):
        reply.result(timeout=0)


def test_a_procedure_gives_its_value() -> None:
    talk = Talk()
    reply = talk.call("measure", Timestamp.from_micros(3))
    heard = talk.heard()
    value = bsatn(OptionKind(ArrayKind(F64)))((1.5, 2.5))
    talk.say(ProcedureResult(Returned(value), 1, 2, 0))

    assert heard == [CallProcedure(0, 0, "measure", bsatn(U64)(3))]
    assert reply.result(timeout=0) == [1.5, 2.5]


def test_a_procedure_that_fails_is_a_remote_error() -> None:
    talk = Talk()
    replies = [talk.call("measure", Timestamp.from_micros(3)) for _ in range(2)]
    talk.say(ProcedureResult(InternalFailure("no"), 1, 2, 0))
    talk.say(ProcedureResult(Returned(b"\5"), 1, 2, 1))

    with pytest.raises(RemoteError, match="no"):
        replies[0].result(timeout=0)
    with pytest.raises(SchemaError, match="procedure measure gave"):
        replies[1].result(timeout=0)


def ask(talk: Talk, text: str, params: dict[str, object] | None = None) -> Future[Any]:
    reply: Future[Any] = Future()
    talk.conversation.ask(KNOWN.questions.once(text, params), reply)
    return reply


def test_a_query_gives_rows_of_the_table() -> None:
    talk = Talk()
    reply = ask(talk, USERS)
    heard = talk.heard()
    part = encoder(USERS).rows([(7, "a", 0, None)])
    talk.say(OneOffQueryResult(0, (part,)))

    assert heard == [OneOffQuery(0, USERS)]
    assert [*reply.result(timeout=0)] == [User(7, "a")]


def test_a_query_gives_columns_counts_and_nothing() -> None:
    talk = Talk()
    columns, count = "SELECT age, name FROM user", "SELECT COUNT(*) AS n FROM user"
    replies = [ask(talk, columns), ask(talk, count), ask(talk, USERS)]
    talk.say(OneOffQueryResult(0, (encoder(columns).rows([(None, "a"), (7, "b")]),)))
    talk.say(OneOffQueryResult(1, (encoder(count).rows([(5,)]),)))
    talk.say(OneOffQueryResult(2, ()))
    found = [each.result(timeout=0) for each in replies]

    assert found[0].columns == ("age", "name")
    assert [tuple(row) for row in found[0]] == [(None, "a"), (7, "b")]
    assert found[1][0].n == 5
    assert [*found[2]] == []


def test_a_query_that_the_server_refuses_is_a_query_error() -> None:
    talk = Talk()
    reply = ask(talk, "SELECT * FROM secret")
    talk.say(OneOffQueryResult(0, "no table 'secret'"))

    with pytest.raises(QueryError, match="no table 'secret'"):
        reply.result(timeout=0)


@pytest.mark.parametrize(
    "text", ["DELETE FROM user", "EXPLAIN SELECT * FROM user", "SHOW row_limit"]
)
def test_only_queries_can_be_asked(text: str) -> None:
    with pytest.raises(QueryError, match="only a SELECT can be asked"):
        KNOWN.questions.once(text, None)


def test_answers_may_come_in_any_order() -> None:
    talk = Talk()
    first, second = talk.call("rename", 1), talk.call("rename", 2)
    talk.say(ReducerResult(1, 5, done(bsatn(U64)(2))))
    talk.say(ReducerResult(0, 5, done(bsatn(U64)(1))))

    assert (first.result(timeout=0), second.result(timeout=0)) == (1, 2)
    assert len(talk.conversation._requests) == 0


def test_an_answer_that_nobody_waits_for_is_taken_in() -> None:
    talk = Talk()
    talk.joined((USERS, []))
    ok, refused = talk.call("quiet"), talk.call("quiet")
    ok.cancel()
    refused.cancel()
    update = transaction((1, USERS, [(7, "a", 0, None)], []))
    talk.say(ReducerResult(2, 5, ReducerOk(b"", update)))
    talk.say(ReducerResult(3, 5, ReducerErr.of_text("no")))

    assert talk.rows("user") == [User(7, "a")]


@pytest.mark.parametrize(
    "message",
    [
        ReducerResult(1, 5, ReducerOkEmpty()),
        OneOffQueryResult(0, ()),
        ProcedureResult(Returned(b""), 0, 0, 0),
    ],
    ids=["another request", "another sort", "no procedure"],
)
def test_an_answer_to_what_nobody_asked_is_refused(message: Any) -> None:
    talk = Talk()
    talk.call("quiet")

    with pytest.raises(ProtocolError, match="no request"):
        talk.say(message)


def test_a_call_that_is_too_long_is_not_sent() -> None:
    talk = Talk()
    with pytest.raises(ArgumentError, match=f"at most {CLIENT_FRAME_BYTES_MAX} can"):
        talk.call("rename", 1, "x" * CLIENT_FRAME_BYTES_MAX)

    assert talk.heard() == []
    assert len(talk.conversation._requests) == 0


def test_functions_are_found_by_themselves_and_by_name() -> None:
    assert KNOWN.function(quiet) is KNOWN.function("quiet")
    assert KNOWN.function(clean).is_private
    with pytest.raises(NotFoundError, match=r"'nothing' in module hall; there are: re"):
        KNOWN.function("nothing")
    with pytest.raises(NotFoundError):
        KNOWN.function(len)
    with pytest.raises(ArgumentError, match="by its name, not 7"):
        KNOWN.function(7)


def test_names_for_all_are_without_private_ones() -> None:
    assert KNOWN.names(reducers=True) == ["rename", "quiet"]
    assert KNOWN.names(reducers=False) == ["measure"]


@pytest.mark.parametrize(
    ("args", "kwargs", "match"),
    [
        ((), {}, "missing"),
        ((1, "a", 2), {}, "takes"),
        ((-1,), {}, "-1 is not an int from 0"),
        ((1,), {"nick": "a"}, "nick"),
    ],
)
def test_arguments_are_checked_before_anything_is_sent(
    args: tuple[object, ...], kwargs: dict[str, object], match: str
) -> None:
    with pytest.raises(ArgumentError, match=match):
        KNOWN.function("rename").encode(args, kwargs)


def test_numbers_of_requests_begin_anew_after_the_last_one() -> None:
    talk = Talk()
    talk.conversation._outgoing._last_id = (1 << 32) - 1
    talk.call("quiet")

    assert talk.heard() == [CallReducer(0, 0, "quiet", b"")]
