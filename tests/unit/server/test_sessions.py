"""What a session tells its client, message by message."""

import struct
import threading
from collections.abc import Iterator

import pytest

import qsdb
from qsdb.errors import AccessError, ClosedError
from qsdb.protocol import server_messages as s
from qsdb.protocol.client_messages import (
    CallProcedure,
    CallReducer,
    ClientMessage,
    OneOffQuery,
    Subscribe,
)
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from tests.support.session_client import SessionClient, counted
from tests.unit.server import chatting as c

LINES = "SELECT * FROM line"


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def line(room: int, value: str) -> bytes:
    return struct.pack("<H", room) + text(value)


@pytest.fixture
def served() -> Iterator[Served]:
    with qsdb.Database(c.chatting, scheduler="manual") as db:
        yield Served("chat", db)


def outcome_of(client: SessionClient, reducer: str, args: bytes = b"") -> object:
    request = client.call(reducer, args)
    [result] = [each for each in client.hear() if isinstance(each, s.ReducerResult)]
    assert result.request_id == request
    return result.outcome


def test_the_first_message_says_who_the_client_is(served: Served) -> None:
    client = SessionClient(served)

    [first] = client.hear()

    sender = client.session.peer.sender
    assert sender.connection is not None
    assert first == s.InitialConnection(
        sender.identity.stored, sender.connection.stored, "token"
    )


def test_a_call_tells_its_caller_inside_of_the_answer_and_others_beside_it(
    served: Served,
) -> None:
    caller, other, stranger = (SessionClient(served) for _ in range(3))
    for each in (caller, other):
        each.subscribe(7, LINES)
        each.hear()
    stranger.hear()

    request = caller.call("say", line(3, "hello"))

    [answer] = caller.hear()
    assert isinstance(answer, s.ReducerResult)
    assert answer.request_id == request
    assert isinstance(answer.outcome, s.ReducerOk)
    assert answer.outcome.ret_value == struct.pack("<I", 1)
    assert answer.outcome.transaction_update.query_sets[0].query_set_id == 7
    [update] = other.hear()
    assert update == answer.outcome.transaction_update
    assert stranger.hear() == []
    row = ("line", struct.pack("<I", 1) + line(3, "hello"))
    assert caller.rows[7] == other.rows[7] == {row: 1}


def test_the_time_of_a_call_is_that_of_its_transaction(served: Served) -> None:
    client = SessionClient(served)
    client.subscribe(0, LINES)
    client.call("say", line(1, "a"))
    before = served.database.call(c.say, 1, "b")

    *_, answer, _ = client.hear()

    assert before == 2
    assert isinstance(answer, s.ReducerResult)
    now = served.access.calls.writer.clock.now().micros
    assert now - 60_000_000 < answer.timestamp <= now


def test_a_call_that_changes_nothing_for_its_caller_is_ok(served: Served) -> None:
    client = SessionClient(served)
    client.hear()

    assert outcome_of(client, "open_room", struct.pack("<Hi", 1, 2)) == (
        s.ReducerOkEmpty()
    )
    outcome = outcome_of(client, "say", line(1, "a"))
    assert outcome == s.ReducerOk(struct.pack("<I", 1), s.TransactionUpdate(()))


def test_refusals_reach_the_caller_and_change_nothing(served: Served) -> None:
    client = SessionClient(served)
    client.subscribe(0, LINES)
    client.hear()

    outcome = outcome_of(client, "say", line(1, ""))

    assert isinstance(outcome, s.ReducerErr)
    assert outcome.text() == "nothing said"
    assert served.database.offset == 1


def test_what_a_function_raises_is_not_told_to_strangers_but_to_the_log(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = SessionClient(served)
    owner = SessionClient(served, served.database.owner)
    stranger.hear()
    owner.hear()

    told = outcome_of(stranger, "break_down", text("a secret"))
    told_owner = outcome_of(owner, "break_down", text("a secret"))

    assert told == s.InternalFailure(
        "break_down failed with NotFoundError; the log of the server says more"
    )
    assert isinstance(told_owner, s.InternalFailure)
    assert "nobody has this word" in told_owner.message
    assert "nobody has this word" in caplog.text


def test_a_private_reducer_looks_like_one_that_is_missing(served: Served) -> None:
    stranger = SessionClient(served)
    owner = SessionClient(served, served.database.owner)
    stranger.hear()
    owner.hear()

    assert outcome_of(stranger, "hidden", b"rubbish") == s.InternalFailure(
        "no such reducer: hidden"
    )
    assert outcome_of(stranger, "nothing\n" + "x" * 200) == s.InternalFailure(
        "no such reducer: nothing?" + "x" * 120
    )
    assert outcome_of(owner, "hidden") == s.ReducerOkEmpty()


def test_arguments_that_cannot_be_read_run_nothing(served: Served) -> None:
    client = SessionClient(served)
    client.hear()

    short = outcome_of(client, "say", b"\1")
    long = outcome_of(client, "say", line(1, "a") + b"\0")

    assert isinstance(short, s.InternalFailure)
    assert short.message.startswith("say(), arguments, byte ")
    assert isinstance(long, s.InternalFailure)
    assert served.database.offset == 1


def test_a_result_that_is_not_what_was_declared_is_left_out(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    client = SessionClient(served)
    client.hear()

    assert outcome_of(client, "lie") == s.ReducerOkEmpty()
    assert "'no number'" in caplog.text


def test_queries_of_a_set_begin_together_or_not_at_all(served: Served) -> None:
    client = SessionClient(served)
    client.hear()

    request = client.subscribe(4, LINES, "SELECT * FROM secret")

    [error] = client.hear()
    assert isinstance(error, s.SubscriptionError)
    assert (error.request_id, error.query_set_id) == (request, 4)
    assert "no table secret" in error.error
    client.subscribe(4, LINES)
    [applied] = client.hear()
    assert isinstance(applied, s.SubscribeApplied)


def test_a_set_that_is_there_cannot_be_begun_again(served: Served) -> None:
    client = SessionClient(served)
    client.subscribe(4, LINES)

    with pytest.raises(ProtocolError, match="query set 4 is there already"):
        client.subscribe(4, LINES)


def test_a_query_without_a_value_for_its_parameter_is_refused(served: Served) -> None:
    client = SessionClient(served)
    client.hear()

    client.subscribe(1, "SELECT * FROM line WHERE room = :room")

    [error] = client.hear()
    assert isinstance(error, s.SubscriptionError)
    assert "there is no value for parameter :room" in error.error


def test_a_star_is_every_public_table(served: Served) -> None:
    served.database.call(c.say, 1, "a")
    served.database.call(c.open_room, 1, 1)
    client = SessionClient(served)

    client.subscribe(0, "SELECT * FROM *", "SELECT * FROM *")

    client.hear()
    assert {table for table, _ in client.rows[0]} == {"line", "room"}
    assert set(client.rows[0].values()) == {1}


def test_unsubscribing_tells_the_rows_that_go_if_that_is_wanted(served: Served) -> None:
    served.database.call(c.say, 1, "a")
    client = SessionClient(served)
    for number in (1, 2):
        client.subscribe(number, LINES)
    client.hear()

    client.unsubscribe(1)
    client.unsubscribe(2, flags=0)

    with_rows, without = client.hear()
    assert isinstance(with_rows, s.UnsubscribeApplied)
    assert with_rows.rows is not None
    assert sum(counted(with_rows.rows).values()) == 1
    assert isinstance(without, s.UnsubscribeApplied)
    assert without.rows is None
    served.database.call(c.say, 1, "b")
    assert client.hear() == []


def test_unsubscribing_what_is_not_there_is_an_error(served: Served) -> None:
    client = SessionClient(served)
    client.hear()

    request = client.unsubscribe(5)

    [error] = client.hear()
    assert isinstance(error, s.SubscriptionError)
    assert (error.request_id, error.query_set_id) == (request, 5)
    assert error.error == "there is no query set 5"


def test_events_are_told_with_their_commit_and_at_no_other_time(
    served: Served,
) -> None:
    client = SessionClient(served)
    client.subscribe(3, "SELECT * FROM knock")
    [_, applied] = client.hear()
    assert isinstance(applied, s.SubscribeApplied)
    assert applied.rows == ()

    served.database.call(c.knock, 8)

    client.hear()
    client.unsubscribe(3)
    client.hear()
    assert client.events == [(3, "knock", struct.pack("<H", 8))]


def test_views_are_subscribed_to_like_tables(served: Served) -> None:
    client = SessionClient(served)
    client.subscribe(0, "SELECT * FROM mine")
    client.hear()

    client.call("visit")

    client.hear()
    stored = client.session.peer.sender.identity.stored
    assert client.rows[0] == {("mine", stored[::-1]): 1}
    client.unsubscribe(0)
    client.hear()


def test_columns_are_told_to_who_can_keep_them(served: Served) -> None:
    served.database.call(c.say, 1, "a")
    usual = SessionClient(served)
    wider = SessionClient(served, options=SessionOptions(has_columns=True))
    queries = LINES, "SELECT text FROM line"
    for client in (usual, wider):
        client.hear()
        client.subscribe(0, *queries)
        client.ask("SELECT text FROM line")
        client.ask("SELECT COUNT(*) AS n FROM line")

    refused, _, _ = usual.hear()
    _, once, count = wider.hear()

    assert isinstance(refused, s.SubscriptionError)
    assert "this client keeps whole rows of one table" in refused.error
    assert wider.rows[0][("#1", text("a"))] == 1
    assert isinstance(once, s.OneOffQueryResult)
    assert not isinstance(once.result, str)
    assert counted(once.result) == {("#0", text("a")): 1}
    assert isinstance(count, s.OneOffQueryResult)
    assert not isinstance(count.result, str)
    assert counted(count.result) == {("#0", struct.pack("<Q", 1)): 1}


def test_a_query_is_answered_once(served: Served) -> None:
    served.database.call(c.say, 1, "a")
    client = SessionClient(served)
    client.hear()

    client.ask(LINES)
    client.ask("DELETE FROM line")
    client.ask("SELECT * FROM secret")
    client.ask("SELECT * FROM line WHERE id + 4294967295 > 0")

    rows, *errors = client.hear()
    assert isinstance(rows, s.OneOffQueryResult)
    assert not isinstance(rows.result, str)
    assert sum(counted(rows.result).values()) == 1
    for each, reason in zip(
        errors, ["only the owner", "no table secret", "u32"], strict=True
    ):
        assert isinstance(each, s.OneOffQueryResult)
        assert isinstance(each.result, str)
        assert reason in each.result


def test_a_query_that_fails_later_ends_its_set_in_its_turn(served: Served) -> None:
    served.database.call(c.open_room, 1, 5)
    client, other = SessionClient(served), SessionClient(served)
    for each in (client, other):
        each.subscribe(1, "SELECT * FROM room WHERE level * level < 100", LINES)
        each.subscribe(2, LINES)
        each.hear()

    client.call("open_room", struct.pack("<Hi", 1, 100_000))
    served.database.call(c.say, 1, "after")

    for each in (client, other):
        [error] = [m for m in each.hear() if isinstance(m, s.SubscriptionError)]
        assert (error.request_id, error.query_set_id) == (None, 1)
        assert set(each.rows) == {2}
        assert sum(each.rows[2].values()) == 1


def test_a_first_result_that_fails_begins_nothing(served: Served) -> None:
    served.database.call(c.open_room, 1, 100_000)
    client = SessionClient(served)
    client.hear()

    request = client.subscribe(1, "SELECT * FROM room WHERE level * level < 100", LINES)
    served.database.call(c.say, 1, "after")

    [error] = client.hear()
    assert isinstance(error, s.SubscriptionError)
    assert error.request_id == request
    assert served.database.stats().live == []


def test_procedures_are_answered_behind_what_they_changed(served: Served) -> None:
    client = SessionClient(served)
    client.subscribe(1, LINES)
    client.hear()

    request = client.start("reverse", text("abc"))
    _wait_for_procedures(client)

    update, result = client.hear()
    assert isinstance(update, s.TransactionUpdate)
    assert isinstance(result, s.ProcedureResult)
    assert result.status == s.Returned(text("cba"))
    assert result.request_id == request
    assert result.total_host_execution_duration >= 0


relaying = qsdb.Module("relaying")


class Note(qsdb.Row, module=relaying, public=True):
    text: str


@relaying.reducer
def note(ctx: qsdb.ReducerContext, text: str) -> None:
    ctx.db[Note].insert(Note(text))


@relaying.procedure
def relay(ctx: qsdb.ProcedureContext, text: str) -> None:
    ctx.call(note, text)


def test_what_a_procedure_calls_is_not_what_its_client_calls_meanwhile() -> None:
    with qsdb.Database(relaying, scheduler="manual") as db:
        client = SessionClient(Served("relaying", db))
        client.subscribe(1, "SELECT * FROM note")
        client.hear()
        client.session.calls.is_calling = True  # it waits for its turn to write

        client.start("relay", text("a"))
        _wait_for_procedures(client)

        update, result = client.hear()
    assert isinstance(update, s.TransactionUpdate)
    assert isinstance(result, s.ProcedureResult)
    assert client.rows[1] == {("note", text("a")): 1}


def test_what_others_write_during_a_call_is_told_beside_it() -> None:
    with qsdb.Database(relaying, scheduler="manual") as db:
        client = SessionClient(Served("relaying", db))
        client.subscribe(1, "SELECT * FROM note")
        client.hear()
        client.session.calls.is_calling = True  # it waits for its turn to write

        with db.write() as tx:
            tx[Note].insert(Note("a"))

        [update] = client.hear()
    assert isinstance(update, s.TransactionUpdate)


def test_procedures_that_fail_say_so(served: Served) -> None:
    client = SessionClient(served)
    client.hear()

    client.start("stumble", b"\1")
    _wait_for_procedures(client)
    client.start("stumble", b"\0")
    _wait_for_procedures(client)
    client.start("inner")
    client.start("nothing")
    client.start("reverse", b"")

    told = [
        each.status for each in client.hear() if isinstance(each, s.ProcedureResult)
    ]
    assert told[:4] == [
        s.InternalFailure("it stumbles"),
        s.InternalFailure(
            "stumble failed with KeyError; the log of the server says more"
        ),
        s.InternalFailure("no such procedure: inner"),
        s.InternalFailure("no such procedure: nothing"),
    ]
    assert isinstance(told[4], s.InternalFailure)


def test_a_client_with_too_much_that_waits_is_full(served: Served) -> None:
    client = SessionClient(served, options=SessionOptions(procedures_max=1))
    fullness = [client.session.is_full]

    c.GATE.clear()
    client.start("wait")
    fullness.append(client.session.is_full)
    c.GATE.set()
    _wait_for_procedures(client)
    fullness.append(client.session.is_full)
    for _ in range(1024):
        client.call("visit")
    fullness.append(client.session.is_full)
    client.hear()
    fullness.append(client.session.is_full)

    assert fullness == [False, True, False, True, False]


def _wait_for_procedures(client: SessionClient) -> None:
    pool = client.session.peer.access.procedures.pool
    for _ in range(3000):
        if not client.session.calls.running:
            return
        pool.submit(threading.Event().wait, 0.01).result(30)
    raise AssertionError("a procedure does not come to its end")


def test_what_waits_for_the_disk_is_kept(served: Served) -> None:
    client = SessionClient(served)
    offset = served.database.offset
    client.call("visit")

    assert [type(each) for each in client.hear(offset)] == [s.InitialConnection]
    assert client.session.peer.outbox.awaited == offset + 1
    assert [type(each) for each in client.hear(offset + 1)] == [s.ReducerResult]
    assert client.session.peer.outbox.awaited is None


def test_slow_readers_are_told_the_net_change(served: Served) -> None:
    slow, quick = SessionClient(served), SessionClient(served)
    for each in (slow, quick):
        each.subscribe(0, LINES)
        each.hear()
    served.database.call(c.say, 1, "a")
    for number in range(300):
        served.database.call(c.edit, 1, f"line {number}")
        quick.hear()
        assert len(slow.session.peer.outbox) <= 65

    told = slow.hear()

    assert len(told) < 70
    assert slow.rows == quick.rows


def test_who_reads_much_too_slowly_is_ended(served: Served) -> None:
    client = SessionClient(served, options=SessionOptions(rows_max=50))
    client.subscribe(0, LINES)
    endings = [client.session.ending]

    for number in range(100):
        served.database.call(c.say, 1, f"line {number}")

    assert endings == [None]
    assert client.session.ending == "it reads too slowly: too many changes wait for it"
    assert client.session.peer.outbox.is_overfull
    assert client.woken


def test_when_the_database_closes_sessions_end(served: Served) -> None:
    client = SessionClient(served)
    client.subscribe(0, LINES)

    served.database.close()

    assert client.session.ending == "the database is closed"
    client.session.end()


def test_when_the_database_closes_sessions_that_ask_nothing_end_too(
    served: Served,
) -> None:
    client = SessionClient(served)

    served.database.close()

    assert client.session.ending == "the database is closed"


def test_nobody_connects_to_a_database_that_is_closed(served: Served) -> None:
    served.database.close()

    with pytest.raises(ClosedError, match="closed"):
        SessionClient(served)


def test_who_has_gone_is_told_nothing_more(served: Served) -> None:
    client = SessionClient(served)
    client.subscribe(0, LINES)
    client.hear()

    client.session.end()
    client.session.end()

    served.database.call(c.say, 1, "a")
    assert client.hear() == []
    assert served.database.stats().live == []


def test_a_module_that_is_published_is_called_from_then_on(served: Served) -> None:
    client = SessionClient(served)
    client.subscribe(0, "SELECT * FROM line")
    client.hear()

    wider = qsdb.Module("chatting")
    for table in (c.Line, c.Room, c.Secret, c.Visit):
        wider.add_table(table, public=table is not c.Secret)
    wider.add_table(c.Knock, public=True, event=True)

    @wider.reducer
    def shout(ctx: qsdb.ReducerContext, text: str) -> None:
        ctx.db[c.Line].insert(c.Line(room=1, text=text.upper()))

    served.database.publish(wider, allow_breaking=True)
    client.hear()

    assert client.session.ending is not None


class RefusedError(Exception):
    pass


def test_the_module_is_asked_who_may_connect() -> None:
    module = qsdb.Module("gate")
    came: list[tuple[str, object]] = []

    @module.client_connected
    def connected(ctx: qsdb.ReducerContext) -> None:
        came.append(("came", ctx.auth.claims))
        if len(came) > 1:
            raise RefusedError("full")

    @module.client_disconnected
    def disconnected(ctx: qsdb.ReducerContext) -> None:
        came.append(("went", ctx.sender))

    with qsdb.Database(module) as db:
        served = Served("gate", db)
        client = SessionClient(served)
        with pytest.raises(AccessError, match="connected refuses the connection: full"):
            SessionClient(served)
        client.session.end()
        assert came == [
            ("came", {"sub": "x"}),
            ("came", {"sub": "x"}),
            ("went", client.session.peer.sender.identity),
        ]


def test_long_answers_are_made_elsewhere(served: Served) -> None:
    with served.database.write() as tx:
        tx[c.Line].insert_many([c.Line(room=1, text="x") for _ in range(30)])
    client = SessionClient(served, options=SessionOptions(inline_rows=10))
    client.hear()

    job = client.session.handle(Subscribe(1, 1, (LINES,)))

    assert job is not None
    assert client.hear() == []
    job()
    client.hear()
    assert sum(client.rows[1].values()) == 30


JOIN = "SELECT a.* FROM line a JOIN line b ON a.id <> b.id JOIN line c ON c.id <> a.id"


@pytest.mark.parametrize("asks_once", [False, True])
def test_a_join_without_an_index_is_made_elsewhere(
    served: Served,
    asks_once: bool,  # noqa: FBT001  of two
) -> None:
    """Of a few rows there are very many combinations, and others are served here."""
    with served.database.write() as tx:
        tx[c.Line].insert_many([c.Line(room=1, text="x") for _ in range(20)])
    client = SessionClient(served)
    client.hear()

    message = OneOffQuery(1, JOIN) if asks_once else Subscribe(1, 1, (JOIN,))
    job = client.session.handle(message)

    assert job is not None
    assert client.hear() == []


def one_of(number: int) -> str:
    return f"SELECT * FROM line WHERE id = {number}"


LONG = "SELECT * FROM line WHERE " + " OR ".join(["id = 1"] * 300)


@pytest.mark.parametrize(
    "message",
    [
        Subscribe(1, 1, tuple(map(one_of, range(9)))),
        Subscribe(1, 1, (LONG,)),
        OneOffQuery(1, LONG),
    ],
    ids=["many", "long", "once"],
)
def test_what_takes_time_to_read_is_read_elsewhere(
    served: Served, message: Subscribe | OneOffQuery
) -> None:
    client = SessionClient(served)
    client.hear()

    job = client.session.handle(message)

    assert job is not None
    assert client.hear() == []
    job()
    [answer] = client.hear()
    assert isinstance(answer, s.SubscribeApplied | s.OneOffQueryResult)


def test_what_is_read_elsewhere_may_take_long_to_answer_too(served: Served) -> None:
    with served.database.write() as tx:
        tx[c.Line].insert_many([c.Line(room=1, text="x") for _ in range(30)])
    client = SessionClient(served, options=SessionOptions(inline_rows=10))
    client.hear()

    client.ask(LONG)

    [answer] = client.hear()
    assert isinstance(answer, s.OneOffQueryResult)
    assert not isinstance(answer.result, str)


def test_a_client_has_so_many_queries_at_most(served: Served) -> None:
    options = SessionOptions(queries_max=3)
    client = SessionClient(served, options=options)
    client.subscribe(1, one_of(1), one_of(2), one_of(1))
    client.subscribe(2, one_of(1))
    client.hear()

    request = client.subscribe(3, one_of(1))

    [refusal] = client.hear()
    fault = (
        "a client may have 3 queries kept current at once, and with these it would "
        "have 4"
    )
    assert refusal == s.SubscriptionError(request, 3, fault)
    client.unsubscribe(2)
    client.subscribe(3, one_of(1))
    assert isinstance(client.hear()[-1], s.SubscribeApplied)
    owner = SessionClient(served, served.database.owner, options=options)
    owner.subscribe(1, *map(one_of, range(5)))
    assert isinstance(owner.hear()[-1], s.SubscribeApplied)


def test_the_queries_of_a_client_are_so_long_at_most(served: Served) -> None:
    client = SessionClient(served, options=SessionOptions(texts_max=len(one_of(1))))
    client.hear()

    client.subscribe(1, one_of(10))
    client.subscribe(2, one_of(1))

    refusal, applied = client.hear()
    assert isinstance(refusal, s.SubscriptionError)
    assert "characters of queries kept current at once" in refusal.error
    assert isinstance(applied, s.SubscribeApplied)


def test_a_look_up_in_a_long_table_is_answered_at_once(served: Served) -> None:
    with served.database.write() as tx:
        tx[c.Line].insert_many([c.Line(room=1, text="x") for _ in range(30)])
    client = SessionClient(served, options=SessionOptions(inline_rows=10))

    client.subscribe(1, "SELECT * FROM line WHERE id = 7")

    client.hear()
    assert sum(client.rows[1].values()) == 1


@pytest.mark.parametrize("asks_once", [False, True])
def test_a_join_without_end_is_the_owners_to_ask(
    served: Served,
    asks_once: bool,  # noqa: FBT001  of two
) -> None:
    with served.database.write() as tx:
        tx[c.Line].insert_many([c.Line(room=1, text="x") for _ in range(400)])
    stranger, owner = (
        SessionClient(served),
        SessionClient(served, served.database.owner),
    )
    message = OneOffQuery(1, JOIN) if asks_once else Subscribe(1, 1, (JOIN,))
    stranger.hear()

    assert stranger.session.handle(message) is None
    [refusal] = stranger.hear()
    assert isinstance(refusal, s.OneOffQueryResult | s.SubscriptionError)
    said = refusal.result if isinstance(refusal, s.OneOffQueryResult) else refusal.error
    assert "this looks at some 64,160,400 rows, and the server's limit is" in str(said)
    assert owner.session.handle(message) is not None


def test_few_queries_of_a_client_compare_each_change_with_all_rows(
    served: Served,
) -> None:
    """They cost nothing as long as the tables are empty, and then every commit."""
    options = SessionOptions(comparing_max=9)
    client = SessionClient(served, options=options)
    compares = "SELECT line.* FROM line JOIN room ON line.room < room.id"
    matches = "SELECT line.* FROM line JOIN room ON line.room = room.id"
    client.subscribe(1, JOIN, compares, *[f"{matches} AND level > {n}" for n in (1, 2)])
    client.hear()

    client.subscribe(2, f"{compares} AND level > 1")

    [refusal] = client.hear()
    assert isinstance(refusal, s.SubscriptionError)
    assert refusal.error.endswith(
        "a client may have 9 such queries kept current, and with these it would have 10"
    )
    owner = SessionClient(served, served.database.owner, options=options)
    owner.subscribe(1, JOIN, JOIN + " AND a.id > 1")
    assert isinstance(owner.hear()[-1], s.SubscribeApplied)


def test_who_sets_another_limit_is_obeyed(served: Served) -> None:
    with served.database.write() as tx:
        tx[c.Line].insert_many([c.Line(room=1, text="x") for _ in range(400)])
    served.database.sql("SET row_limit = 100000000")

    assert SessionClient(served).session.handle(OneOffQuery(1, JOIN)) is not None


def test_what_a_callback_commits_during_a_call_is_not_the_calls(
    served: Served,
) -> None:
    client = SessionClient(served)
    client.subscribe(1, LINES)
    client.hear()
    with served.database.connect(served.database.owner) as near:
        near.subscribe("SELECT * FROM room")
        near.db.room.on_insert(lambda *_: served.database.call(c.say, 1, "a room"))

        client.call("open_room", struct.pack("<Hi", 1, 1))

    update, answer = client.hear()
    assert isinstance(update, s.TransactionUpdate)
    assert isinstance(answer, s.ReducerResult)
    assert answer.outcome == s.ReducerOkEmpty()
    assert client.session.moment_of(None) == 0


def test_the_owner_may_ask_what_costs_much(served: Served) -> None:
    owner = SessionClient(served, served.database.owner)
    owner.subscribe(1, "SELECT * FROM secret", LINES)
    owner.hear()
    served.database.call(c.hidden)

    owner.hear()

    assert owner.rows[1] == {("secret", text("told")): 1}


def test_a_session_that_cannot_keep_a_commit_harms_nobody(
    served: Served,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken, other = SessionClient(served), SessionClient(served)
    for each in (broken, other):
        each.subscribe(7, LINES)
        each.hear()
    monkeypatch.setattr(broken.session.peer.outbox, "_items", None)

    served.database.call(c.say, 1, "a")

    assert served.database.offset == 2
    assert [type(each) for each in other.hear()] == [s.TransactionUpdate]
    assert "what a client is to be told could not be kept" in caplog.text


def test_what_others_commit_while_a_call_waits_is_not_its_own(served: Served) -> None:
    client = SessionClient(served)
    client.subscribe(7, LINES)
    client.hear()
    client.session.calls.is_calling = True  # and it waits for the writer lock

    served.database.call(c.say, 1, "a")
    with served.database.write() as tx:
        tx[c.Line].insert(c.Line(room=1, text="b"))

    assert [type(each) for each in client.hear()] == [s.TransactionUpdate] * 2


@pytest.mark.parametrize("is_reducer", [True, False])
def test_long_arguments_are_read_elsewhere(
    served: Served,
    is_reducer: bool,  # noqa: FBT001  of two
) -> None:
    client = SessionClient(served)
    client.subscribe(1, LINES)
    client.hear()
    long = "a" * 40_000
    message: ClientMessage = (
        CallReducer(1, 0, "say", line(1, long))
        if is_reducer
        else CallProcedure(1, 0, "reverse", text(long))
    )

    job = client.session.handle(message)

    assert job is not None
    assert client.hear() == []
    job()
    _wait_for_procedures(client)
    *_, answer = client.hear()
    assert isinstance(answer, s.ReducerResult | s.ProcedureResult)
    assert answer.request_id == 1
    assert sum(client.rows[1].values()) == 1
