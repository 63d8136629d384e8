"""What sessions of version 1 tell their clients, as BSATN and as JSON."""

import json
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb.protocol import v1_client_messages as c
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.server import moments
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from tests.support.v1_client import BINARY, FORMS, JSON, Told, V1Client
from tests.unit.server import chatting
from tests.unit.server.test_sessions import line, text

LINES = "SELECT * FROM line"
ROOMS = "SELECT * FROM room"
FRAGILE = "SELECT * FROM room WHERE level * level < 100"
NO_REDUCER = 0xFFFF_FFFF


@pytest.fixture
def served() -> Iterator[Served]:
    with qsdb.Database(chatting.chatting, scheduler="manual") as db:
        yield Served("chat", db)


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def say(client: V1Client, room: int, value: str, flags: int = 0) -> int:
    return client.call("say", line(room, value), json.dumps([room, value]), flags)


def row(form: str, number: int, room: int, value: str) -> tuple[str, Any]:
    if form == BINARY:
        return "line", struct.pack("<I", number) + line(room, value)
    columns = {"id": number, "room": room, "text": value}
    return "line", json.dumps(columns, separators=(",", ":"), ensure_ascii=False)


def names(told: list[Told]) -> list[str]:
    return [each.name for each in told]


def test_the_first_message_says_who_the_client_is(served: Served, form: str) -> None:
    client = V1Client(served, form)

    [first] = client.hear()

    sender = client.session.peer.sender
    assert sender.connection is not None
    assert first == Told(
        "IdentityToken",
        {
            "identity": sender.identity.stored,
            "token": "token",
            "connection_id": sender.connection.stored,
        },
    )


# Calls.


def test_a_call_is_told_to_its_caller_and_what_it_changed_to_others(
    served: Served, form: str
) -> None:
    caller, other, stranger = (V1Client(served, form) for _ in range(3))
    for each in (caller, other):
        each.subscribe(7, LINES)
    for each in (caller, other, stranger):
        each.hear()

    request = say(caller, 3, "Zoë")

    [told] = caller.hear()
    sender = caller.session.peer.sender
    assert sender.connection is not None
    assert told.name == "TransactionUpdate"
    assert told.status[0] == "Committed"
    assert told.caller_identity == sender.identity.stored
    assert told.caller_connection_id == sender.connection.stored
    assert (told.reducer_name, told.reducer_id) == ("say", 0)
    assert (told.request_id, told.energy) == (request, 0)
    assert told.args == (line(3, "Zoë") if form == BINARY else json.dumps([3, "Zoë"]))
    assert told.duration >= 0
    now = served.access.calls.writer.clock.now().micros
    assert now - 60_000_000 < told.timestamp <= now
    [light] = other.hear()
    assert light.name == "TransactionUpdateLight"
    assert (light.request_id, light.update) == (0, told.status[1])
    assert stranger.hear() == []
    assert caller.rows == other.rows == {row(form, 1, 3, "Zoë"): 1}


def test_who_is_not_concerned_is_told_of_its_call_all_the_same(
    served: Served, form: str
) -> None:
    client = V1Client(served, form)
    client.hear()

    say(client, 1, "a")

    [told] = client.hear()
    assert told.status == ["Committed", []]


def test_who_wants_no_answer_has_none_if_all_is_well_and_nothing_changed(
    served: Served, form: str
) -> None:
    client = V1Client(served, form)
    client.hear()

    say(client, 1, "a", c.NO_SUCCESS_NOTIFY)
    quiet = client.hear()
    say(client, 1, "", c.NO_SUCCESS_NOTIFY)
    refused = client.hear()
    client.subscribe(1, LINES)
    client.hear()
    say(client, 1, "b", c.NO_SUCCESS_NOTIFY)
    concerned = client.hear()

    assert quiet == []
    assert [each.status for each in refused] == [["Failed", "nothing said"]]
    assert [each.status[0] for each in concerned] == ["Committed"]
    assert sum(client.rows.values()) == 2


def test_calls_that_fail_are_told_with_why(
    served: Served, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = V1Client(served, form)
    client.subscribe(1, LINES)
    client.hear()

    say(client, 1, "")
    client.call("break_down", text("it"), '["it"]')
    client.call("nothing", b"", "[]")
    client.call("hidden", b"", "[]")
    client.call("say", b"\1", "[1]")
    client.call("say", line(1, "a") + b"\0", "not JSON")

    told = client.hear()
    assert {each.name for each in told} == {"TransactionUpdate"}
    assert {each.status[0] for each in told} == {"Failed"}
    first, second, *others = [each.status[1] for each in told]
    assert first == "nothing said"
    assert second == (
        "break_down failed with NotFoundError; the log of the server says more"
    )
    assert others[:2] == ["no such reducer: nothing", "no such reducer: hidden"]
    assert all("say" in each or "JSON" in each for each in others[2:])
    numbers = [each.reducer_id for each in told]
    assert numbers == [0, *[NO_REDUCER] * 5]
    assert [each.request_id for each in told] == [
        each.request_id for each in client.messages if "request_id" in each.fields
    ][-6:]
    assert served.database.offset == 1
    assert "nobody has this word" in caplog.text


def test_texts_of_errors_may_have_anything_in_them(form: str) -> None:
    module = qsdb.Module("rude")

    @module.reducer
    def curse(_: qsdb.ReducerContext) -> None:
        raise qsdb.ReducerError('no\ud800 "quoted" \0')

    @module.procedure
    def mutter(_: qsdb.ProcedureContext) -> None:
        raise qsdb.ReducerError("no\udfff")

    with qsdb.Database(module) as db:
        client = V1Client(Served("rude", db), form)
        client.hear()
        client.call("curse", b"", "[]")
        client.start("mutter", b"", "[]")
        wait_for_procedures(client)
        told, muttered = client.hear()

    assert told.status == ["Failed", 'no\\ud800 "quoted" \0']
    assert muttered.status == ["InternalError", "no\\udfff"]


def test_a_result_that_is_not_what_was_declared_is_for_the_log(
    served: Served, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = V1Client(served, form)
    client.hear()

    client.call("lie", b"", "[]")

    [told] = client.hear()
    assert told.status == ["Committed", []]
    assert "'no number'" in caplog.text


# Procedures.


def wait_for_procedures(client: V1Client) -> None:
    pool = client.session.peer.access.procedures.pool
    for _ in range(3000):
        if not client.session.calls.running:
            return
        pool.submit(threading.Event().wait, 0.01).result(30)
    raise AssertionError("a procedure does not come to its end")


def test_procedures_are_answered_behind_what_they_changed(
    served: Served, form: str
) -> None:
    client = V1Client(served, form)
    client.subscribe(1, LINES)
    client.hear()

    request = client.start("reverse", text("abc"), '["abc"]')
    wait_for_procedures(client)

    update, result = client.hear()
    assert update.name == "TransactionUpdateLight"
    assert result.name == "ProcedureResult"
    assert result.status == ["Returned", text("cba") if form == BINARY else '"cba"']
    assert result.request_id == request
    assert result.duration >= 0


def test_procedures_give_units_and_fail(
    served: Served, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = V1Client(served, form)
    client.hear()
    chatting.GATE.set()

    for name, binary, plain in (
        ("wait", b"", "[]"),
        ("stumble", b"\1", "[true]"),
        ("stumble", b"\0", "[false]"),
        ("inner", b"", "[]"),
        ("nothing", b"", "[]"),
        ("reverse", b"", "{}"),
    ):
        client.start(name, binary, plain)
        wait_for_procedures(client)

    *told, last = [each.status for each in client.hear()]
    assert told == [
        ["Returned", b"" if form == BINARY else "[]"],
        ["InternalError", "it stumbles"],
        [
            "InternalError",
            "stumble failed with KeyError; the log of the server says more",
        ],
        ["InternalError", "no such procedure: inner"],
        ["InternalError", "no such procedure: nothing"],
    ]
    assert last[0] == "InternalError"
    assert "reverse" in last[1]
    assert "where it is" in caplog.text


# Sets of queries.


def test_a_query_counts_once_in_however_many_sets_it_stands(
    served: Served, form: str
) -> None:
    served.database.call(chatting.say, 1, "a")
    served.database.call(chatting.open_room, 1, 1)
    client = V1Client(served, form)
    client.hear()

    client.subscribe(1, LINES, LINES)
    client.subscribe(2, LINES, ROOMS)
    client.say(c.SubscribeSingle(LINES, 77, 3))

    first, second, third = client.hear()
    assert [len(each.update) for each in (first, second)] == [1, 1]
    assert second.update[0][1] == "room"
    assert third.name == "SubscribeApplied"
    assert (third.request_id, third.query_id, third.table_name) == (77, 3, "line")
    assert third.part[2] == 0
    assert set(client.rows.values()) == {1}

    say(client, 1, "b")
    [told] = client.hear()
    assert [each[1:3] for each in told.status[1]] == [["line", 1]]
    client.unsubscribe(1)
    client.unsubscribe(2)
    client.say(c.Unsubscribe(78, 3))

    first, second, third = client.hear()
    assert names([first, second, third]) == [
        "UnsubscribeMultiApplied",
        "UnsubscribeMultiApplied",
        "UnsubscribeApplied",
    ]
    assert first.update == []
    assert [each[1:3] for each in second.update] == [["room", 1]]
    assert (third.request_id, third.query_id, third.table_name) == (78, 3, "line")
    assert third.part[2] == 2
    assert not +client.rows
    assert served.database.stats().live == []


def test_a_single_query_that_stands_elsewhere_goes_without_rows(
    served: Served, form: str
) -> None:
    served.database.call(chatting.say, 1, "a")
    client = V1Client(served, form)
    client.subscribe(1, LINES)
    client.say(c.SubscribeSingle(LINES, 5, 2))
    client.hear()

    client.say(c.Unsubscribe(6, 2))

    [told] = client.hear()
    assert (told.name, told.part[2]) == ("UnsubscribeApplied", 0)
    assert sum(client.rows.values()) == 1


def test_the_old_subscribe_takes_the_place_of_everything(
    served: Served, form: str
) -> None:
    served.database.call(chatting.say, 1, "a")
    client = V1Client(served, form)
    client.subscribe(1, LINES)
    client.say(c.Subscribe((LINES, ROOMS), 9))
    client.hear()

    client.say(c.Subscribe((ROOMS,), 10))
    served.database.call(chatting.say, 1, "b")
    served.database.call(chatting.open_room, 1, 1)

    first, light = client.hear()
    assert (first.name, first.request_id) == ("InitialSubscription", 10)
    assert first.duration >= 0
    assert [each[1] for each in light.update] == ["room"]
    assert [table for table, _ in client.rows] == ["room"]
    client.unsubscribe(1)
    [error] = client.hear()
    assert error.error == "there is no query 1"


class A(qsdb.Row):
    id: qsdb.u8 = qsdb.primary_key()


class B(qsdb.Row):
    id: qsdb.u8 = qsdb.primary_key()


def test_a_star_is_every_public_table_but_no_single_query(form: str) -> None:
    module = qsdb.Module("flat")
    for table in (A, B):
        module.add_table(table, public=True)
    with qsdb.Database(module) as db:
        client = V1Client(Served("flat", db), form)
        client.hear()

        client.subscribe(1, "SELECT * FROM *")
        client.say(c.SubscribeSingle("SELECT * FROM *", 5, 2))

        applied, error = client.hear()
        assert [each[1] for each in applied.update] == ["a", "b"]
        assert (error.name, error.query_id) == ("SubscriptionError", 2)
        assert "one query is asked here, and this is several" in error.error


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("SELECT * FROM secret", "no table secret"),
        ("SELEC", "SELEC"),
        ("SELECT * FROM knock", "this version of the protocol knows no event tables"),
        ("SELECT text FROM line", "this client keeps whole rows of one table"),
        ("SELECT * FROM line WHERE room = :room", "no value for parameter :room"),
        ("DELETE FROM line", "only a SELECT"),
    ],
)
def test_queries_that_cannot_be_asked_begin_nothing(
    served: Served, form: str, query: str, fault: str
) -> None:
    client = V1Client(served, form)
    client.hear()

    client.say(c.SubscribeMulti((LINES, query), 5, 6))
    client.say(c.SubscribeSingle(query, 7, 8))
    client.say(c.Subscribe((LINES, query), 9))

    told = client.hear()
    assert names(told) == ["SubscriptionError"] * 3
    assert [(e.request_id, e.query_id) for e in told] == [(5, 6), (7, 8), (9, None)]
    assert all(fault in each.error for each in told)
    assert all(each.table_id is None for each in told)
    assert served.database.stats().live == []


def test_a_set_that_is_there_cannot_be_begun_again(served: Served, form: str) -> None:
    client = V1Client(served, form)
    client.subscribe(4, LINES)

    with pytest.raises(ProtocolError, match=r"SubscribeMulti, .* query 4 is there"):
        client.subscribe(4, LINES)
    with pytest.raises(ProtocolError, match=r"SubscribeSingle, .* query 4 is there"):
        client.say(c.SubscribeSingle(LINES, 1, 4))


def test_a_set_of_several_or_of_none_is_not_ended_as_a_single_query(
    served: Served, form: str
) -> None:
    client = V1Client(served, form)
    client.subscribe(1, LINES, ROOMS)
    client.subscribe(2)
    client.hear()

    for number in (1, 2, 3):
        client.say(c.Unsubscribe(number, number))

    told = client.hear()
    assert [each.error for each in told] == [
        "1 is a set of 2 queries, which UnsubscribeMulti ends",
        "2 is a set of 0 queries, which UnsubscribeMulti ends",
        "there is no query 3",
    ]
    client.unsubscribe(1)
    client.unsubscribe(2)
    assert names(client.hear()) == ["UnsubscribeMultiApplied"] * 2
    assert served.database.stats().live == []


def test_views_are_subscribed_to_like_tables(served: Served, form: str) -> None:
    client = V1Client(served, form)
    client.subscribe(0, "SELECT * FROM mine")
    client.hear()

    client.call("visit", b"", "[]")

    client.hear()
    assert [table for table, _ in client.rows] == ["mine"]
    client.unsubscribe(0)
    client.hear()
    assert not +client.rows


# Queries that fail.


def test_a_query_that_fails_ends_all_sets_in_which_it_stands(
    served: Served, form: str
) -> None:
    served.database.call(chatting.open_room, 1, 5)
    client, other = V1Client(served, form), V1Client(served, form)
    for each in (client, other):
        each.subscribe(1, FRAGILE, LINES)
        each.subscribe(2, FRAGILE)
        each.subscribe(3, ROOMS)
        each.hear()

    client.call("open_room", struct.pack("<Hi", 1, 100_000), "[1,100000]")
    served.database.call(chatting.say, 1, "after")

    for each in (client, other):
        told = each.hear()
        errors = [m for m in told if m.name == "SubscriptionError"]
        assert [(m.request_id, m.query_id) for m in errors] == [(None, 1), (None, 2)]
        tables = [
            part[1]
            for m in told
            if m not in errors
            for part in (m.update if "update" in m.fields else m.status[1])
        ]
        assert set(tables) == {"room"}, "of lines nothing more is told"
    [live] = served.database.stats().live
    assert live.subscribers == 2


def test_what_ends_with_a_failure_is_not_there_any_more(
    served: Served, form: str
) -> None:
    served.database.call(chatting.open_room, 1, 5)
    client = V1Client(served, form)
    client.subscribe(1, FRAGILE)
    client.hear()
    served.database.call(chatting.open_room, 1, 100_000)

    client.unsubscribe(1)
    served.database.call(chatting.open_room, 1, 5)
    client.subscribe(1, FRAGILE)

    ended, refused, applied = client.hear()
    assert (ended.request_id, ended.query_id) == (None, 1)
    assert refused.error == "there is no query 1"
    assert applied.name == "SubscribeMultiApplied"
    client.unsubscribe(1)
    client.hear()
    assert served.database.stats().live == []


def test_a_first_result_that_fails_begins_nothing(served: Served, form: str) -> None:
    served.database.call(chatting.open_room, 1, 100_000)
    client = V1Client(served, form)
    client.subscribe(1, LINES)
    client.hear()

    client.say(c.SubscribeMulti((FRAGILE, LINES, ROOMS), 5, 6))
    served.database.call(chatting.open_room, 2, 1)
    served.database.call(chatting.say, 1, "after")

    error, light = client.hear()
    assert (error.name, error.request_id, error.query_id) == ("SubscriptionError", 5, 6)
    assert [each[1] for each in light.update] == ["line"]
    [live] = served.database.stats().live
    assert live.subscribers == 1
    client.say(c.SubscribeSingle(ROOMS, 7, 6))
    [applied] = client.hear()
    assert applied.part[2] == 2


def test_a_last_result_that_fails_ends_the_set_all_the_same(
    served: Served, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = V1Client(served, form)
    client.subscribe(1, LINES)
    client.hear()

    def fail(*_: object) -> None:
        raise qsdb.errors.QueryError("it cannot be read", LINES)

    with monkeypatch.context() as patched:
        patched.setattr(moments, "first_result", fail)
        client.say(c.UnsubscribeMulti(5, 1))

    [error] = client.hear()
    assert (error.name, error.request_id, error.query_id) == ("SubscriptionError", 5, 1)
    assert "it cannot be read" in error.error
    assert served.database.stats().live == []


# Queries that are asked once.


def test_a_query_is_answered_once(served: Served, form: str) -> None:
    served.database.call(chatting.say, 1, "a")
    client = V1Client(served, form)
    client.hear()

    for query in (
        LINES,
        "DELETE FROM line",
        "SELECT * FROM secret",
        "SELECT * FROM line WHERE id + 4294967295 > 0",
        "SELECT text FROM line",
    ):
        client.say(c.OneOffQuery(b"\7\xff", query))

    rows, *errors = client.hear()
    assert names([rows, *errors]) == ["OneOffQueryResponse"] * 5
    assert {each.message_id for each in [rows, *errors]} == {b"\7\xff"}
    table, told = row(form, 1, 1, "a")
    assert rows.tables == [{"table": table, "rows": [told]}]
    assert rows.error is None
    for each, reason in zip(
        errors,
        ["only the owner", "no table secret", "u32", "whole rows"],
        strict=True,
    ):
        assert reason in each.error
        assert each.tables == []


# Time, and threads.


def test_long_answers_are_made_elsewhere(served: Served, form: str) -> None:
    with served.database.write() as tx:
        tx[chatting.Line].insert_many(
            [chatting.Line(room=1, text="x") for _ in range(30)]
        )
    client = V1Client(served, form, options=SessionOptions(inline_rows=10))
    client.hear()
    for message, name in (
        (c.SubscribeMulti((LINES,), 1, 1), "SubscribeMultiApplied"),
        (c.OneOffQuery(b"", LINES), "OneOffQueryResponse"),
        (c.UnsubscribeMulti(1, 1), "UnsubscribeMultiApplied"),
    ):
        job = client.session.handle(message)
        assert job is not None
        assert client.hear() == []
        job()
        assert names(client.hear()) == [name]
    assert not +client.rows


def one_of(number: int) -> str:
    return f"SELECT * FROM line WHERE id = {number}"


LONG = "SELECT * FROM line WHERE " + " OR ".join(["id = 1"] * 300)


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (c.SubscribeMulti(tuple(map(one_of, range(9))), 1, 1), "SubscribeMultiApplied"),
        (c.SubscribeSingle(LONG, 1, 1), "SubscribeApplied"),
        (c.OneOffQuery(b"", LONG), "OneOffQueryResponse"),
    ],
)
def test_what_takes_time_to_read_is_read_elsewhere(
    served: Served, form: str, message: c.V1ClientMessage, name: str
) -> None:
    with served.database.write() as tx:
        tx[chatting.Line].insert_many(
            [chatting.Line(room=1, text="x") for _ in range(30)]
        )
    client = V1Client(served, form, options=SessionOptions(inline_rows=10))
    client.hear()

    job = client.session.handle(message)

    assert job is not None
    assert client.hear() == []
    job()
    assert names(client.hear()) == [name]


def test_a_client_has_so_many_queries_at_most(served: Served, form: str) -> None:
    client = V1Client(served, form, options=SessionOptions(queries_max=2))
    client.subscribe(1, one_of(1), one_of(2))
    client.subscribe(2, one_of(1))
    client.hear()

    client.subscribe(3, one_of(1), one_of(3))

    [refusal] = client.hear()
    assert refusal.name == "SubscriptionError"
    assert "a client may have 2 queries kept current at once" in refusal.error


def test_few_queries_of_a_client_compare_each_change_with_all_rows(
    served: Served, form: str
) -> None:
    client = V1Client(served, form, options=SessionOptions(comparing_max=1))
    compares = "SELECT line.* FROM line JOIN room ON line.room < room.id"
    client.subscribe(1, compares)
    client.subscribe(2, compares)
    client.hear()

    client.subscribe(3, f"{compares} AND level > 1")

    [refusal] = client.hear()
    assert refusal.error.endswith("and with these it would have 2")


def test_a_clock_that_is_set_back_harms_nobody(form: str) -> None:
    class Back:
        micros = 1 << 50

        def now(self) -> qsdb.Timestamp:
            self.micros -= 1
            return qsdb.Timestamp.from_micros(self.micros)

    with qsdb.Database(chatting.chatting, scheduler="manual", clock=Back()) as db:
        client = V1Client(Served("chat", db), form)
        client.subscribe(1, LINES)
        client.say(c.SubscribeSingle(LINES, 2, 2))
        client.say(c.OneOffQuery(b"", LINES))
        client.say(c.OneOffQuery(b"", "SELEC"))
        client.say(c.SubscribeSingle("SELEC", 3, 3))
        say(client, 1, "a")
        client.unsubscribe(1)
        client.say(c.Unsubscribe(4, 2))
        told = client.hear()
    assert {each.duration for each in told if "duration" in each.fields} == {0}


def test_who_has_gone_is_told_nothing_more(served: Served, form: str) -> None:
    client = V1Client(served, form)
    client.subscribe(0, LINES)
    client.say(c.Subscribe((ROOMS,), 1))
    client.hear()

    client.session.end()

    served.database.call(chatting.say, 1, "a")
    assert client.hear() == []
    assert served.database.stats().live == []


# Frames.


@pytest.mark.parametrize(
    ("form", "frame", "fault"),
    [
        (BINARY, "text", "frame, byte 0: it is text, and messages are bytes"),
        (JSON, b"bytes", "frame, byte 0: it is bytes, and messages are text"),
        (BINARY, b"", "frame, byte 0: it is empty; a message was expected"),
        (
            BINARY,
            bytes((32 << 20) + 1),
            "frame, byte 33554432: it has 33554433 bytes, at most 33554432 are allowed",
        ),
    ],
)
def test_frames_that_are_none(
    served: Served, form: str, frame: bytes | str, fault: str
) -> None:
    client = V1Client(served, form)

    with pytest.raises(ProtocolError) as refusal:
        list(client.session.read(frame))

    assert str(refusal.value) == fault


@pytest.mark.parametrize("is_reducer", [True, False])
def test_long_arguments_are_read_elsewhere(
    served: Served,
    form: str,
    is_reducer: bool,  # noqa: FBT001  of two
) -> None:
    client = V1Client(served, form)
    client.hear()
    long = "a" * 40_000
    given: list[object] = [1, long] if is_reducer else [long]
    binary = line(1, long) if is_reducer else text(long)
    args = binary if form == BINARY else json.dumps(given).encode()
    message: c.V1ClientMessage = (
        c.CallReducer("say", args, 1, 0)
        if is_reducer
        else c.CallProcedure("reverse", args, 1, 0)
    )

    job = client.session.handle(message)

    assert job is not None
    assert client.hear() == []
    job()
    name = "TransactionUpdate" if is_reducer else "ProcedureResult"
    wait_for_procedures(client)
    assert name in names(client.hear())
