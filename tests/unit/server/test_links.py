"""One WebSocket from its first message to its end, and what strangers do to it."""

import asyncio
import contextlib
import errno
import json
import queue
import threading
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from qsdb.errors import ClosedError
from qsdb.protocol import server_messages as s
from qsdb.protocol import v1_client_messages as v1
from qsdb.protocol.client_messages import (
    CallProcedure,
    CallReducer,
    ClientMessage,
    OneOffQuery,
    Subscribe,
    Unsubscribe,
    encode_client_message,
)
from qsdb.protocol.subprotocols import V1, V1_TEXT, V2, V3
from qsdb.server import hosts, links, pacing, session_queries, v2_sessions, wires
from qsdb.server.durable_watch import DurableWatch
from qsdb.server.hosts import Host
from qsdb.server.moments import begin
from qsdb.server.outboxes import FULL
from qsdb.server.peers import SessionOptions
from qsdb.server.sessions import Session
from qsdb.server.subscribing import Subscribing
from qsdb.server.v2_sessions import V2Session
from qsdb.testing import Fail, FaultyDirectory, SimulatedDirectory
from tests.support.asgi_sockets import SECONDS, Doorkeeper, Socket, eventually, run
from tests.support.hoard import abandon
from tests.support.v1_client import json_frame
from tests.unit.server import chatting
from tests.unit.server.test_sessions import LINES, line, text

VISIT = CallReducer(1, 0, "visit", b"")
EVERYTHING: list[ClientMessage] = [
    Subscribe(1, 1, (LINES,)),
    Unsubscribe(1, 1, 1),
    OneOffQuery(1, LINES),
    CallReducer(1, 0, "say", line(1, "a")),
    CallProcedure(1, 0, "reverse", text("abc")),
]


def serving(db: qsdb.Database, **options: Any) -> Subscribing:
    return Subscribing(Host({"chat": db}), Doorkeeper(), **options)


@contextlib.asynccontextmanager
async def chat(**options: Any) -> AsyncIterator[tuple[qsdb.Database, Subscribing]]:
    """Serve a database in memory; nothing of any client may be left in it."""
    with qsdb.Database(chatting.chatting, scheduler="manual") as db:
        serve = serving(db, **options)
        yield db, serve
        await serve.close()
        assert serve._links == {}
        if not db._procedures.pool._shared.is_closed:
            assert db.stats().live == []


async def opened(serve: Subscribing, **options: Any) -> Socket:
    """Give a client that has heard who it is."""
    socket = Socket(serve, **options)
    await socket.open()
    await socket.next()
    return socket


# What is said and told.


@pytest.mark.parametrize("subprotocol", [V2, V3])
def test_a_client_subscribes_calls_and_is_told(subprotocol: Any) -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            socket = await opened(serve, subprotocols=(subprotocol.name,))
            socket.say(Subscribe(1, 1, (LINES,)))
            assert isinstance(await socket.hear(), s.SubscribeApplied)
            socket.say(CallReducer(2, 0, "say", line(1, "a")))
            assert isinstance(await socket.hear(), s.ReducerResult)
            await asyncio.to_thread(db.call, chatting.say, 1, "b")
            assert isinstance(await socket.hear(), s.TransactionUpdate)
            socket.say(CallProcedure(3, 0, "reverse", text("abc")))
            assert isinstance(await socket.hear(), s.TransactionUpdate)
            result = await socket.hear()
            assert isinstance(result, s.ProcedureResult)
            assert result.status == s.Returned(text("cba"))
            await socket.leave()

    run(main)


@pytest.mark.parametrize("form", [V1, V1_TEXT])
def test_clients_of_version_1_are_served(form: Any) -> None:
    async def main() -> None:
        async with chat() as (_, serve):
            socket = await opened(serve, subprotocols=(form.name,))
            args = b'[1,"a"]' if form is V1_TEXT else line(1, "a")
            for message in (
                v1.SubscribeMulti((LINES,), 1, 1),
                v1.CallReducer("say", args, 2, 0),
            ):
                if form is V1_TEXT:
                    socket.send(json_frame(message))
                else:
                    socket.send(v1.encode_v1_client_message(message))
            told = [await socket.next() for _ in range(2)]
            if form is V1_TEXT:
                names = [[*json.loads(each["text"])] for each in told]
                assert names == [["SubscribeMultiApplied"], ["TransactionUpdate"]]
            else:
                assert [each["bytes"][:2] for each in told] == [b"\0\x08", b"\0\x01"]
            await socket.leave()

    run(main)


def test_messages_of_a_frame_are_answered_together_and_in_their_order() -> None:
    async def main() -> None:
        async with chat() as (_, serve):
            socket = await opened(serve)
            socket.say(*[VISIT._replace(request_id=n) for n in range(100)])
            answers = [await socket.hear() for _ in range(100)]
            assert [each.request_id for each in answers] == [*range(100)]  # type: ignore[union-attr]
            assert len(socket.taken) < 10
            await socket.leave()

    run(main)


# What is no message.


@pytest.mark.parametrize("message", EVERYTHING, ids=lambda m: type(m).__name__)
def test_a_frame_that_is_cut_off_anywhere_ends_its_client(message: Any) -> None:
    async def main() -> None:
        async with chat() as (_, serve):
            frame = encode_client_message(message)
            for size in range(len(frame)):
                socket = await opened(serve)
                socket.send(frame[:size])
                code, reason = await socket.closed()
                assert code == 1011
                assert ", byte " in reason
                assert len(reason.encode()) <= 120

    run(main)


@pytest.mark.parametrize(
    ("subprotocol", "frame", "told"),
    [
        (V3, "text", "frame, byte 0: it is text, and messages are bytes"),
        (V2, "text", "frame, byte 0: it is text, and messages are bytes"),
        (V1, "text", "frame, byte 0: it is text, and messages are bytes"),
        (V1_TEXT, b"bytes", "frame, byte 0: it is bytes, and messages are text"),
        (V1_TEXT, "{}", "an object of length 0 is no object of one name"),
        (V2, encode_client_message(VISIT) * 2, "follow the one message"),
        (V3, b"\x09", "tag is 9"),
        (V1_TEXT, '{"' + "Zoë" * 300 + '":1}', "frame, byte 0: 'ZoëZoë"),
    ],
)
def test_frames_that_are_no_messages_are_answered_with_why(
    subprotocol: Any, frame: Any, told: str
) -> None:
    async def main() -> None:
        async with chat() as (_, serve):
            socket = await opened(serve, subprotocols=(subprotocol.name,))
            socket.send(frame)
            code, reason = await socket.closed()
            assert code == 1011
            assert told in reason
            assert len(reason.encode()) <= 120

    run(main)


def test_a_long_reason_is_cut_between_characters() -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            socket = await opened(serve)
            await eventually(lambda: len(serve._links) == 1)
            [link] = serve._links
            link.session.stop("é" * 100)
            assert await socket.closed() == (1001, "é" * 60)
            assert db.stats().live == []

    run(main)


def test_a_set_that_is_there_already_ends_its_client_and_no_other() -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            socket, other = await opened(serve), await opened(serve)
            for each in (socket, other):
                each.say(Subscribe(1, 1, (LINES,)))
                await each.hear()
            socket.say(Subscribe(2, 1, (LINES,)))
            assert await socket.closed() == (
                1011,
                "Subscribe, byte 5: query set 1 is there already",
            )
            db.call(chatting.say, 1, "a")
            assert isinstance(await other.hear(), s.TransactionUpdate)
            await other.leave()

    run(main)


# What fails here.


def test_what_fails_in_the_server_is_for_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise KeyError("where it is")

    async def main() -> None:
        async with chat() as (db, serve):
            for owner, method in (
                (V2Session, "handle"),
                (v2_sessions, "head_of_one_part"),
            ):
                with monkeypatch.context() as patched:
                    socket = await opened(serve)
                    socket.say(Subscribe(1, 1, (LINES,)))
                    await socket.hear()
                    patched.setattr(owner, method, fail)
                    db.call(chatting.say, 1, "a")
                    if method == "handle":
                        socket.say(VISIT)
                    told = "the server failed; its log says more"
                    assert await socket.closed() == (1011, told)

    run(main)
    logged = [each for each in caplog.records if each.name == "qsdb.server"]
    assert [each.getMessage() for each in logged] == [
        "a session failed",
        "what a client is to be told cannot be made",
    ]
    assert "where it is" in caplog.text


def test_a_client_to_which_nothing_can_be_sent_has_gone() -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            socket = await opened(serve)
            socket.has_gone = True
            socket.say(VISIT)
            await socket.over()
            assert db.stats().live == []

    run(main)


def test_what_was_being_sent_to_who_has_gone_ends_quietly() -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            socket = await opened(serve)
            socket.reads.clear()
            before = db.offset
            socket.say(VISIT)
            [link] = serve._links
            outbox = link.session.peer.outbox
            await eventually(lambda: db.offset > before and not len(outbox))
            socket.vanish(is_noticed=False)
            await socket.over()
            assert socket.sent_in_vain == 0
            socket.reads.set()
            await eventually(lambda: socket.sent_in_vain == 1)

    run(main)


def test_who_has_gone_is_not_closed() -> None:
    async def main() -> None:
        async with chat() as (_, serve):
            socket = await opened(serve)
            [link] = serve._links
            socket.vanish()
            link.session.stop("meanwhile")
            await socket.over()
            assert socket.sent_in_vain == 0

    run(main)


SAMPLES = [*map(encode_client_message, EVERYTHING)]


@settings(max_examples=10)
@given(data=st.data())
def test_strangers_frames_are_obeyed_or_end_them_alone(data: st.DataObject) -> None:
    frames = []
    for _ in range(8):
        frame = bytearray(b"".join(data.draw(st.lists(st.sampled_from(SAMPLES)))))
        start = data.draw(st.integers(0, len(frame)))
        end = data.draw(st.integers(start, min(len(frame), start + 4)))
        frame[start:end] = data.draw(st.binary(max_size=4))
        frames.append(bytes(frame))

    async def main() -> None:
        async with chat() as (db, serve):
            witness = await opened(serve)
            witness.say(Subscribe(1, 1, (LINES,)))
            await witness.hear()
            sockets = [await opened(serve) for _ in frames]
            for socket, frame in zip(sockets, frames, strict=True):
                socket.send(frame)
            db.call(chatting.say, 7, "the last")
            rows: bytes = b""
            while b"the last" not in rows:
                update: Any = await witness.hear()
                rows = update.query_sets[0].tables[0]
            for socket in sockets:
                assert socket.task is not None
                socket.vanish()
                await socket.over()
                closes = [e["code"] for e in socket.taken if "code" in e]
                assert closes in ([], [1011])
            await witness.leave()

    run(main)


def test_the_end_of_the_database_ends_its_clients() -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            socket, idle = await opened(serve), await opened(serve)
            socket.say(Subscribe(1, 1, (LINES,)))
            await socket.hear()
            db.call(chatting.say, 1, "a")
            await asyncio.to_thread(db.close)
            assert isinstance(await socket.hear(), s.TransactionUpdate)
            assert await socket.closed() == (1001, "the database is closed")
            assert await idle.closed() == (1001, "the database is closed")

    run(main)


def test_a_job_that_waits_when_the_database_is_closed_ends_its_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hosts, "THREADS", 1)

    async def main() -> None:
        options = SessionOptions(inline_rows=0)
        with qsdb.Database(chatting.chatting) as db:
            db.call(chatting.say, 1, "a")
            serve = serving(db, options=options)
            socket = await opened(serve)
            [served] = serve._host
            gate = threading.Event()
            served.pool.submit(gate.wait, SECONDS)
            socket.say(Subscribe(1, 1, (LINES,)))
            [link] = serve._links
            await eventually(lambda: link._job is not None)
            await asyncio.to_thread(db.close)
            end = await socket.next()
            assert (end["code"], end["reason"]) == (1001, "the database is closed")
            gate.set()
            await socket.over()
            assert serve._links == {}

    run(main)


# Procedures that wait.


def test_procedures_that_wait_hold_up_nobody_else(tmp_path: Path) -> None:
    async def main() -> None:
        options = SessionOptions(inline_rows=0)
        with qsdb.Database(
            chatting.chatting, tmp_path / "db", procedure_threads=1
        ) as db:
            db.call(chatting.say, 1, "a")
            serve = serving(db, options=options)
            chatting.GATE.clear()
            busy = await opened(serve)
            busy.say(*[CallProcedure(n, 0, "wait", b"") for n in range(3)])
            pool = db._procedures.pool
            await eventually(lambda: len(pool._shared.waiting) == 2)

            other = await opened(serve)  # which is noted, on the disk
            other.say(Subscribe(1, 1, (LINES,)), OneOffQuery(2, LINES))
            assert isinstance(await other.hear(), s.SubscribeApplied)
            assert isinstance(await other.hear(), s.OneOffQueryResult)
            await other.leave()
            assert len(serve._links) == 1

            chatting.GATE.set()
            answers = {(await busy.hear()).request_id for _ in range(3)}  # type: ignore[union-attr]
            assert answers == {0, 1, 2}
            await busy.leave()
            await serve.close()

    run(main)


def test_a_procedure_that_ends_while_the_server_goes_down_is_answered() -> None:
    async def main() -> None:
        async with chat() as (_, serve):
            chatting.GATE.clear()
            socket = await opened(serve)
            socket.say(CallProcedure(1, 0, "wait", b""))
            [link] = serve._links
            await eventually(lambda: link.session.calls.running == 1)
            closing = asyncio.ensure_future(serve.close())
            await eventually(lambda: link.session.ending is not None)
            for _ in range(20):
                await asyncio.sleep(0)
            assert not closing.done()
            chatting.GATE.set()
            result: Any = await socket.hear()
            assert (result.request_id, result.status) == (1, s.Returned(b""))
            assert await socket.closed() == (1001, "the server goes down")
            await closing

    run(main)


def test_the_caller_of_a_procedure_that_runs_on_is_told_before_the_end() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting, procedure_threads=1) as db:
            serve = serving(db, closing_seconds=0.05)
            chatting.GATE.clear()
            sockets = [
                await opened(serve, subprotocols=(form.name,)) for form in (V3, V1)
            ]
            call = CallProcedure(1, 0, "wait", b"")
            sockets[0].say(call, call._replace(request_id=2))
            old = v1.CallProcedure("wait", b"", 3, 0)
            sockets[1].send(v1.encode_v1_client_message(old))
            busy = [each.session.calls for each in serve._links]
            await eventually(lambda: [each.running for each in busy] == [2, 1])

            await serve.close()

            goes = "the server goes down; procedure wait"
            for state in ("runs on, untold", "has not begun"):
                result: Any = await sockets[0].hear()
                assert result.status == s.InternalFailure(f"{goes} {state}")
            last = (await sockets[1].next())["bytes"]
            assert f"{goes} has not begun".encode() in last
            for each in sockets:
                assert await each.closed() == (1001, "the server goes down")
            chatting.GATE.set()
            pool = db._procedures.pool
            await eventually(lambda: pool._shared.idle_count == 1)
            assert not pool._shared.waiting

    run(main)


def test_the_end_of_the_database_tells_who_waits_for_a_procedure() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting, procedure_threads=1) as db:
            serve = serving(db)
            chatting.GATE.clear()
            socket = await opened(serve)
            call = CallProcedure(1, 0, "wait", b"")
            socket.say(call, call._replace(request_id=2))
            pool = db._procedures.pool
            await eventually(lambda: len(pool._shared.waiting) == 1)
            await asyncio.to_thread(db.close)
            told = [(await socket.hear()).status for _ in range(2)]  # type: ignore[union-attr]
            assert told == [
                s.InternalFailure(f"the database is closed; procedure wait {state}")
                for state in ("runs on, untold", "has not begun")
            ]
            assert await socket.closed() == (1001, "the database is closed")
            chatting.GATE.set()

    run(main)


# Several event loops.


def test_an_application_is_served_by_one_event_loop_after_another(
    tmp_path: Path,
) -> None:
    with qsdb.Database(chatting.chatting, tmp_path / "db") as db:
        serve = serving(db)
        watches: list[DurableWatch] = []

        async def main() -> None:
            serve.open()
            socket = await opened(serve)
            socket.say(CallReducer(2, 0, "say", line(1, "a")))
            assert isinstance(await socket.hear(), s.ReducerResult)
            watches.extend([watch for _, watch in serve._watches])
            await serve.close()
            assert await socket.closed() == (1001, "the server goes down")

        for _ in range(2):
            run(main)

        assert len({*watches}) == 2
        assert serve._watches == []


def test_loops_that_have_ended_leave_no_watch(tmp_path: Path) -> None:
    with qsdb.Database(chatting.chatting, tmp_path / "db") as db:
        serve = serving(db)

        async def main() -> None:
            socket, other = await opened(serve), await opened(serve)
            socket.say(CallReducer(2, 0, "say", line(1, "a")))
            assert isinstance(await socket.hear(), s.ReducerResult)
            for each in (socket, other):
                await each.leave()  # and nobody closes the application

        for _ in range(3):
            run(main)
            assert len(serve._watches) == 1


def test_each_database_has_a_watch_of_its_own() -> None:
    async def main() -> None:
        with (
            qsdb.Database(chatting.chatting, SimulatedDirectory()) as one,
            qsdb.Database(chatting.chatting, SimulatedDirectory()) as two,
        ):
            serve = Subscribing(Host({"chat": one, "other": two}), Doorkeeper())
            sockets = [await opened(serve, name=n) for n in ("chat", "other", "chat")]
            assert [served.name for served, _ in serve._watches] == ["chat", "other"]
            for each in sockets:
                await each.leave()
            await serve.close()
            assert serve._watches == []

    run(main)


def test_clients_of_another_event_loop_are_ended_too() -> None:
    told: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
    is_there = threading.Event()

    with qsdb.Database(chatting.chatting) as db:
        serve = serving(db)

        async def elsewhere() -> None:
            socket = await opened(serve)
            is_there.set()
            told.put(await socket.closed())

        thread = threading.Thread(target=run, args=(elsewhere,))
        thread.start()
        assert is_there.wait(SECONDS)
        run(serve.close)

        assert told.get(timeout=SECONDS) == (1001, "the server goes down")
        thread.join(SECONDS)


# Who reads slowly, or not at all.


def test_who_reads_slowly_is_told_the_net_change_and_others_all() -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            slow, quick = await opened(serve), await opened(serve)
            for each in (slow, quick):
                each.say(Subscribe(1, 1, (LINES,)))
                await each.hear()
            slow.reads.clear()
            for number in range(300):
                await asyncio.to_thread(db.call, chatting.say, 1, f"{number}")
                await quick.hear_until(s.TransactionUpdate)
            [link, _] = serve._links
            assert len(link.session.peer.outbox) < 70
            slow.reads.set()
            rows = 0
            while rows < 300:
                update: Any = await slow.hear()
                rows += update.query_sets[0].tables[0].count(b"\1\0")
            assert len(slow.taken) < 100
            for each in (slow, quick):
                await each.leave()

    run(main)


def test_who_reads_too_slowly_is_ended_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wires, "CLOSING_SECONDS", SECONDS)  # until it reads again

    async def main() -> None:
        async with chat(options=SessionOptions(rows_max=100)) as (db, serve):
            slow, quick = await opened(serve), await opened(serve)
            for each in (slow, quick):
                each.say(Subscribe(1, 1, (LINES,)))
                await each.hear()
            slow.reads.clear()
            for number in range(200):
                await asyncio.to_thread(db.call, chatting.say, 1, f"{number}")
                await quick.hear_until(s.TransactionUpdate)
            assert slow.task is not None
            slow.reads.set()
            assert await slow.closed() == (
                1013,
                "it reads too slowly: too many changes wait for it",
            )
            await quick.leave()

    run(main)


def test_a_few_great_commits_are_too_much_for_who_reads_slowly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wires, "CLOSING_SECONDS", SECONDS)  # until it reads again

    def write(db: qsdb.Database, count: int) -> None:
        with db.write() as tx:
            for number in range(count):
                tx[chatting.Line].insert(chatting.Line(room=1, text=f"{number}"))

    async def main() -> None:
        async with chat(options=SessionOptions(rows_max=100)) as (db, serve):
            slow, quick = await opened(serve), await opened(serve)
            for each in (slow, quick):
                each.say(Subscribe(1, 1, (LINES,)))
                await each.hear()
            slow.reads.clear()
            for count in (1, 500):  # one is about to be sent, and one waits
                await asyncio.to_thread(write, db, count)
                await quick.hear_until(s.TransactionUpdate)
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(serve._links) == 2, "one commit is not too much"
            await asyncio.to_thread(write, db, 1)
            await quick.hear_until(s.TransactionUpdate)
            slow.reads.set()
            assert await slow.closed() == (
                1013,
                "it reads too slowly: too many changes wait for it",
            )
            await quick.leave()

    run(main)


def test_who_reads_nothing_at_all_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "CLOSING_SECONDS", 0.01)

    async def main() -> None:
        async with chat(options=SessionOptions(rows_max=10)) as (db, serve):
            slow = await opened(serve)
            slow.say(Subscribe(1, 1, (LINES,)))
            await slow.hear()
            slow.reads.clear()
            for number in range(100):
                await asyncio.to_thread(db.call, chatting.say, 1, f"{number}")
            await slow.over()
            assert serve._links == {}

    run(main)


@contextlib.asynccontextmanager
async def crowded_chat(
    monkeypatch: pytest.MonkeyPatch, gap: float
) -> AsyncIterator[tuple[qsdb.Database, Subscribing, Socket]]:
    """Serve a database on a disk that is synced for clients alone; one has a gap."""
    monkeypatch.setattr(pacing, "WRITE_SECONDS", gap)
    monkeypatch.setattr(pacing, "GAP_SECONDS_MAX", gap)
    with qsdb.Database(
        chatting.chatting, SimulatedDirectory(), sync_interval=60.0
    ) as db:
        serve = serving(db)
        socket = await opened(serve)
        socket.say(Subscribe(1, 1, (LINES,)))
        await socket.hear()
        yield db, serve, socket
        await serve.close()


def test_what_others_commit_and_is_not_on_the_disk_yet_is_told_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who has just been told something is not woken by the disk, but by a timer."""

    async def main() -> None:
        async with crowded_chat(monkeypatch, 0.05) as (db, _, socket):
            for number in range(3):
                for text in ("a", "b"):
                    await asyncio.to_thread(db.call, chatting.say, number, text)
                heard = [await socket.hear() for _ in range(2)]
                assert [type(each) for each in heard] == [s.TransactionUpdate] * 2
                assert db.durable_offset == db.offset
            await socket.leave()

    run(main)


def test_in_memory_what_others_commit_is_told_when_its_time_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pacing, "WRITE_SECONDS", 0.05)

    async def main() -> None:
        async with chat() as (db, serve):
            socket = await opened(serve)
            socket.say(Subscribe(1, 1, (LINES,)))
            await socket.hear()
            db.call(chatting.say, 1, "a")
            db.call(chatting.say, 1, "b")
            for _ in range(2):
                assert isinstance(await socket.hear(), s.TransactionUpdate)
            await socket.leave()

    run(main)


def test_while_a_client_waits_the_disk_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        async with crowded_chat(monkeypatch, 1_000.0) as (db, _, socket):
            await asyncio.to_thread(db.call, chatting.say, 1, "a")
            await eventually(lambda: db.durable_offset == db.offset)
            assert socket._from_server.empty()
            await socket.leave()

    run(main)


def noting_wants(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the offsets that the disk is asked for, each once."""
    wanted: list[int] = []
    want = DurableWatch.want

    def noting(self: DurableWatch, offset: int, wake: Any) -> None:
        if offset > self.wanted:
            wanted.append(offset)
        want(self, offset, wake)

    monkeypatch.setattr(DurableWatch, "want", noting)
    return wanted


def test_amid_a_frame_the_disk_is_asked_for_many_commits_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(links, "TURN_SECONDS", SECONDS)  # else it is asked then, too
    wanted = noting_wants(monkeypatch)
    calls = [CallReducer(n, 0, "say", line(1, "b")) for n in range(150)]

    async def main() -> None:
        with qsdb.Database(chatting.chatting, SimulatedDirectory()) as db:
            serve = serving(db)
            socket, before = await opened(serve), db.offset
            wanted.clear()
            socket.say(*calls)
            for _ in calls:
                assert isinstance(await socket.hear(), s.ReducerResult)
            assert [each - before for each in wanted] == [64, 128, 150]
            await socket.leave()
            await serve.close()

    run(main)


def test_before_a_thread_does_something_long_the_disk_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = noting_wants(monkeypatch)

    async def main() -> None:
        with qsdb.Database(chatting.chatting, SimulatedDirectory()) as db:
            serve = serving(db, options=SessionOptions(inline_rows=0))
            socket = await opened(serve)
            socket.say(CallReducer(3, 0, "say", line(1, "b")), OneOffQuery(5, LINES))
            await socket.hear()
            await socket.hear()
            assert db.offset in wanted
            await socket.leave()
            await serve.close()

    run(main)


def test_a_session_ends_while_others_go_on_to_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        async with crowded_chat(monkeypatch, 1_000.0) as (db, serve, socket):
            is_over = threading.Event()

            def commit() -> None:
                while not is_over.wait(0.002):
                    db.call(chatting.say, 1, "a")

            committing = asyncio.ensure_future(asyncio.to_thread(commit))
            [link] = serve._links
            link.session.stop("enough")
            try:
                assert await socket.closed() == (1001, "enough")
            finally:
                is_over.set()
                await committing

    run(main)


def test_who_is_too_slow_before_anything_was_sent_is_ended() -> None:
    async def main() -> None:
        async with chat(options=SessionOptions(rows_max=10)) as (_, serve):
            socket = await opened(serve)
            [link] = serve._links
            link.session.peer.outbox.is_overfull = True
            link.session.peer.wake()
            link.session.stop("too much")
            assert await socket.closed() == (1013, "too much")

    run(main)


def test_from_who_reads_nothing_nothing_more_is_taken() -> None:
    async def main() -> None:
        async with chat() as (_, serve):
            socket = await opened(serve)
            socket.reads.clear()
            for _ in range(3):
                socket.say(*[VISIT] * FULL)
            for _ in range(50):
                socket.say(VISIT)
            [link] = serve._links
            outbox = link.session.peer.outbox
            await eventually(lambda: outbox.is_full)
            for _ in range(20):
                await asyncio.sleep(0)
            assert len(outbox) == FULL
            assert socket.waiting >= 50
            socket.reads.set()
            for _ in range(3 * FULL + 50):
                await socket.hear()
            await socket.leave()

    run(main)


@pytest.mark.parametrize("is_one_frame", [False, True])
def test_long_answers_are_bounded_by_their_bytes(
    is_one_frame: bool,  # noqa: FBT001  of two
) -> None:
    async def main() -> None:
        async with chat(options=SessionOptions(inline_rows=0)) as (db, serve):
            with db.write() as tx:
                tx[chatting.Line].insert(chatting.Line(room=1, text="x" * (3 << 20)))
            socket = await opened(serve)
            socket.reads.clear()
            asked = [OneOffQuery(number, LINES) for number in range(20)]
            for together in [asked] if is_one_frame else [[each] for each in asked]:
                socket.say(*together)
            [link] = serve._links
            outbox = link.session.peer.outbox
            await eventually(lambda: bool(link._drained._waiters))
            assert len(outbox) <= 3
            socket.reads.set()
            for number in range(20):
                answer: Any = await socket.hear()
                assert answer.request_id == number
            await socket.leave()

    run(main)


# What takes long to read.


def test_a_long_frame_is_read_elsewhere_by_and_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also one that ends with what is no message: those before it are obeyed."""
    readers: set[int] = set()

    def read(self: V2Session, frame: bytes | str) -> Iterable[ClientMessage]:
        for message in original(self, frame):
            readers.add(threading.get_ident())
            yield message

    original = V2Session.read
    monkeypatch.setattr(V2Session, "read", read)

    async def main() -> None:
        async with chat() as (db, serve):
            socket = await opened(serve)
            calls = [CallReducer(n, 0, "say", line(1, "a" * 400)) for n in range(200)]
            socket.send(b"".join(map(encode_client_message, calls)) + b"\xff")
            for number in range(200):
                answer: Any = await socket.hear()
                assert answer.request_id == number
            code, reason = await socket.closed()
            assert (code, "tag is 255" in reason) == (1011, True)
            assert len(db.sql("SELECT * FROM line")) == 200

    run(main)
    assert readers
    assert threading.get_ident() not in readers


def test_a_client_is_served_after_a_long_frame_too() -> None:
    async def main() -> None:
        async with chat() as (_, serve):
            socket = await opened(serve)
            for number in range(2):
                socket.say(CallReducer(number, 0, "say", line(1, "a" * 40_000)))
                answer: Any = await socket.hear()
                assert answer.request_id == number
            await socket.leave()

    run(main)


def test_of_a_long_frame_nothing_more_is_obeyed_once_the_client_ends() -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            socket = await opened(serve)
            [link] = serve._links
            handle, session = link.session.handle, link.session

            def handle_and_end(message: Any) -> Any:
                session.stop("enough")
                return handle(message)

            session.handle = handle_and_end  # type: ignore[method-assign]
            calls = [CallReducer(n, 0, "say", line(1, "a" * 400)) for n in range(200)]
            socket.say(*calls)
            assert await socket.closed() == (1001, "enough")
            assert len(db.sql("SELECT * FROM line")) == 1

    run(main)


@pytest.mark.parametrize(
    ("form", "frame"),
    [(V3, b"\xff" * 40_000), (V1, b"\xff" * 40_000), (V1_TEXT, "{" * 40_000)],
)
def test_a_long_frame_that_is_none_ends_its_client(
    form: Any, frame: bytes | str
) -> None:
    async def main() -> None:
        async with chat() as (_, serve):
            socket = await opened(serve, subprotocols=(form.name,))
            socket.send(frame)
            code, _ = await socket.closed()
            assert code == 1011

    run(main)


# Who vanishes.


def test_a_client_that_vanishes_during_its_procedure_is_seen_off() -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            socket = await opened(serve)
            chatting.GATE.clear()
            socket.say(Subscribe(1, 1, (LINES,)), CallProcedure(1, 0, "wait", b""))
            await socket.hear()
            [link] = serve._links
            await eventually(lambda: link.session.calls.running == 1)
            await socket.leave()
            assert db.stats().live == []
            chatting.GATE.set()
            await eventually(lambda: link.session.calls.running == 0)

    run(main)


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_client_that_vanishes_while_a_thread_begins_its_queries_leaves_none(
    monkeypatch: pytest.MonkeyPatch, *, is_cancelled: bool
) -> None:
    entered, release = threading.Event(), threading.Event()
    real = begin

    def slow(*args: Any) -> Any:
        entered.set()
        assert release.wait(SECONDS)
        return real(*args)

    monkeypatch.setattr(session_queries, "begin", slow)

    async def main() -> None:
        async with chat(options=SessionOptions(inline_rows=0)) as (db, serve):
            db.call(chatting.say, 1, "a")
            socket = await opened(serve)
            socket.say(Subscribe(1, 1, (LINES,)))
            await asyncio.to_thread(entered.wait, SECONDS)
            assert socket.task is not None
            [link] = serve._links
            if is_cancelled:
                socket.task.cancel()
            else:
                socket.vanish()
            with contextlib.suppress(TimeoutError):  # it has to wait, so this is over
                async with asyncio.timeout(0.1):
                    await eventually(lambda: link.session._is_over)
            release.set()
            await asyncio.wait([socket.task], timeout=SECONDS)
            assert socket.task.done()
            await eventually(lambda: not serve._links)
            await eventually(lambda: db.stats().live == [])

    run(main)


def test_the_next_message_waits_for_what_a_thread_does() -> None:
    async def main() -> None:
        async with chat(options=SessionOptions(inline_rows=0)) as (db, serve):
            db.call(chatting.say, 1, "a")
            socket = await opened(serve)
            socket.say(
                Subscribe(1, 1, (LINES,)),
                OneOffQuery(2, LINES),
                CallReducer(3, 0, "say", line(1, "b")),
                Unsubscribe(4, 1, 1),
                OneOffQuery(5, LINES),
            )
            kinds = [type(await socket.hear()) for _ in range(5)]
            assert kinds == [
                s.SubscribeApplied,
                s.OneOffQueryResult,
                s.ReducerResult,
                s.UnsubscribeApplied,
                s.OneOffQueryResult,
            ]
            await socket.leave()

    run(main)


# Turns.


@pytest.mark.parametrize("is_one_frame", [True, False])
def test_very_many_messages_of_one_client_do_not_starve_others(
    monkeypatch: pytest.MonkeyPatch, *, is_one_frame: bool
) -> None:
    monkeypatch.setattr(links, "TURN_SECONDS", 0.0)
    handled: list[object] = []
    handle = V2Session.handle

    def noting(self: V2Session, message: ClientMessage) -> Any:
        handled.append(message)
        return handle(self, message)

    monkeypatch.setattr(V2Session, "handle", noting)

    async def main() -> None:
        async with chat() as (_, serve):
            many, other = await opened(serve), await opened(serve)
            if is_one_frame:
                many.say(*[VISIT] * 500)
            else:
                for _ in range(500):
                    many.say(VISIT)
            other.say(OneOffQuery(7, LINES))
            await other.hear()
            assert len(handled) < 100
            for _ in range(500):
                await many.hear()
            for each in (many, other):
                await each.leave()

    run(main)


def test_who_waited_begins_a_turn_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [0]
    sleep = asyncio.sleep

    async def counting(seconds: float) -> None:
        turns[0] += 1
        await sleep(seconds)

    async def main() -> None:
        loop, ahead = asyncio.get_running_loop(), [0.0]
        now = loop.time
        monkeypatch.setattr(loop, "time", lambda: now() + ahead[0])
        monkeypatch.setattr(links, "TURN_SECONDS", 1.0)  # also if nothing is quick here
        async with chat() as (_, serve):
            socket = await opened(serve)
            socket.say(VISIT)
            await socket.hear()
            monkeypatch.setattr(links, "asyncio", _Asyncio(counting))
            for _ in range(3):
                ahead[0] += 2 * links.TURN_SECONDS
                socket.say(VISIT)
                await socket.hear()
            assert turns == [0]
            monkeypatch.setattr(links, "TURN_SECONDS", -1.0)
            ahead[0] += 1
            socket.say(VISIT)
            await socket.hear()
            assert turns == [1]
            monkeypatch.setattr(links, "asyncio", asyncio)
            await socket.leave()

    run(main)


class _Asyncio:
    """The library, but for one function."""

    def __init__(self, sleep: Any) -> None:
        self.sleep = sleep

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


# The disk.


def test_what_is_not_on_the_disk_is_told_only_to_who_wants_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    durable = [0]
    monkeypatch.setattr(DurableWatch, "durable", property(lambda _: durable[0]))

    async def main() -> None:
        with qsdb.Database(chatting.chatting, SimulatedDirectory()) as db:
            serve = serving(db)
            bold = await opened(serve, query="confirmed=false")
            old = await opened(serve, subprotocols=(V1.name,))
            usual = Socket(serve)
            await usual.open()
            bold.say(VISIT)
            old.send(v1.encode_v1_client_message(v1.CallReducer("visit", b"", 1, 0)))
            assert isinstance(await bold.hear(), s.ReducerResult)
            assert (await old.next())["bytes"][:2] == b"\0\1"
            for _ in range(50):
                await asyncio.sleep(0)
            assert len(usual.taken) == 1
            durable[0] = 100
            usual.say(VISIT)
            assert isinstance(await usual.hear(), s.InitialConnection)
            assert isinstance(await usual.hear(), s.ReducerResult)
            for each in (bold, old, usual):
                await each.leave()
            await serve.close()

    run(main)


def test_a_disk_that_fails_ends_who_waits_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main() -> None:
        disk = FaultyDirectory(SimulatedDirectory())
        db = qsdb.Database(chatting.chatting, disk)
        serve = serving(db)
        sockets = [await opened(serve) for _ in range(3)]
        for each in sockets[:2]:
            each.say(Subscribe(1, 1, (LINES,)))
            await each.hear()
        disk.plan = lambda call: (
            Fail(errno.EIO) if call.operation in ("write", "sync") else None
        )
        sockets[0].say(CallReducer(1, 0, "say", line(1, "a")))
        for each in sockets[:2]:
            assert await each.closed() == (1011, "the disk of the database has failed")
        # Who waited for nothing goes on until it does.
        sockets[2].say(OneOffQuery(1, LINES))
        assert await sockets[2].closed() == (
            1011,
            "the disk of the database has failed",
        )
        await serve.close()
        with pytest.raises(qsdb.StorageError):
            db.close()
        abandon(db)

    run(main)
    assert "clients wait for the disk, which has failed" in caplog.text


# The end of the server.


@pytest.mark.parametrize("durability", ["interval", "always"])
def test_all_that_was_committed_is_told_before_the_server_goes_down(
    tmp_path: Path, durability: str
) -> None:
    async def main() -> None:
        path = tmp_path / "db"
        with qsdb.Database(chatting.chatting, path, durability=durability) as db:
            serve = serving(db)
            sockets = [await opened(serve) for _ in range(4)]
            for each in sockets:
                each.say(Subscribe(1, 1, (LINES,)))
                await each.hear()
            for number in range(20):
                sockets[number % 4].say(CallReducer(1, 0, "say", line(1, f"{number}")))
            await eventually(lambda: len(db.sql(LINES)) == 20)
            await serve.close()
            for each in sockets:
                rows = 0
                while rows < 20:
                    message: Any = await each.hear()
                    if isinstance(message, s.ReducerResult):
                        message = message.outcome.transaction_update  # type: ignore[union-attr]
                    rows += len(message.query_sets[0].tables)
                assert rows == 20
                assert await each.closed() == (1001, "the server goes down")
            assert serve._links == {}
            refused = Socket(serve)
            start = await refused.open()
            assert start["status"] == 503

    run(main)


def test_who_does_not_read_at_the_end_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wires, "CLOSING_SECONDS", 0.01)

    async def main() -> None:
        async with chat(closing_seconds=0.2) as (db, serve):
            socket, other = await opened(serve), await opened(serve)
            socket.reads.clear()
            before = db.offset
            socket.say(VISIT)
            await eventually(lambda: db.offset > before)
            await serve.close()
            assert serve._links == {}
            await socket.over()
            assert await other.closed() == (1001, "the server goes down")
            assert db.stats().live == []

    run(main)


def test_a_server_that_goes_down_obeys_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        async with chat() as (db, serve):
            socket = await opened(serve)
            before = db.offset
            socket.say(*[VISIT] * 3, CallReducer(1, 0, "say", line(1, "a")))
            stop = Session.stop
            calls = V2Session._call

            def call(self: V2Session, message: CallReducer) -> None:
                calls(self, message)
                stop(self, "the server goes down")

            monkeypatch.setattr(V2Session, "_call", call)
            socket.send(b"no message at all")
            assert isinstance(await socket.hear(), s.ReducerResult)
            assert await socket.closed() == (1001, "the server goes down")
            assert db.offset == before + 1

    run(main)


def test_who_is_let_in_while_the_server_goes_down_is_not() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            door = Doorkeeper(waits=asyncio.Event())
            serve = Subscribing(Host({"chat": db}), door)
            socket = Socket(serve, query="token=t")
            socket.begin()
            await asyncio.sleep(0)
            await serve.close()
            assert door.waits is not None
            door.waits.set()
            assert (await socket.next())["status"] == 503
            await socket.over()

    run(main)


def test_who_reads_nothing_in_another_event_loop_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wires, "CLOSING_SECONDS", 0.01)
    is_there = threading.Event()

    with qsdb.Database(chatting.chatting) as db:
        serve = serving(db, closing_seconds=0.2)

        async def elsewhere() -> None:
            socket = await opened(serve)
            socket.reads.clear()
            before = db.offset
            socket.say(VISIT)
            await eventually(lambda: db.offset > before)
            is_there.set()
            await socket.over()

        thread = threading.Thread(target=run, args=(elsewhere,))
        thread.start()
        assert is_there.wait(SECONDS)
        run(serve.close)

        thread.join(SECONDS)
        assert not thread.is_alive()
        assert serve._links == {}


def test_a_client_that_takes_very_long_to_end_is_waited_for_no_longer() -> None:
    gate = threading.Event()

    async def main() -> None:
        options = SessionOptions(inline_rows=0)
        async with chat(options=options, closing_seconds=0.05) as (db, serve):
            db.call(chatting.say, 1, "a")
            socket = await opened(serve)
            [served] = serve._host
            for _ in range(served.pool.threads_max):
                served.pool.submit(gate.wait, SECONDS)
            socket.say(Subscribe(1, 1, (LINES,)))
            await eventually(lambda: len(served.pool._shared.waiting) == 1)
            await serve.close()
            gate.set()
            await socket.over()

    run(main)


def test_a_thread_that_is_late_wakes_no_loop_that_has_ended() -> None:
    found: list[Any] = []

    async def main() -> None:
        async with chat() as (_, serve):
            socket = await opened(serve)
            found.extend(serve._links)
            await socket.leave()

    run(main)
    [link] = found
    thread = threading.Thread(target=link.session.peer.wake)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive()


def test_ends_of_links_of_a_closed_database_are_quiet() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            serve = serving(db)
            socket = await opened(serve)
            await asyncio.to_thread(db.close)
            with pytest.raises(ClosedError):
                db._procedures.pool.submit(int)
            await socket.leave()
            assert serve._links == {}

    run(main)


# How fast.


def calls(count: int) -> list[CallReducer]:
    return [CallReducer(n, 0, "say", line(1, "x")) for n in range(count)]


@pytest.mark.parametrize("is_in_one_frame", [False, True])
def test_who_sends_too_fast_waits(
    monkeypatch: pytest.MonkeyPatch,
    is_in_one_frame: bool,  # noqa: FBT001  of two
) -> None:
    async def main() -> None:
        async with chat(options=SessionOptions(messages_max=16)) as (db, serve):
            fast, other = Socket(serve), Socket(serve)
            for each in (fast, other):
                await each.open()
                await each.hear()
            if is_in_one_frame:
                fast.say(*calls(40))
            else:
                for call in calls(40):
                    fast.say(call)
            await eventually(lambda: db.stats().tables["line"].rows == 16)
            for _ in range(16):  # what was handled is answered
                await fast.hear_until(s.ReducerResult)
            other.say(*calls(1))
            await other.hear_until(s.ReducerResult)
            assert db.stats().tables["line"].rows == 17
            await serve.close()  # who waits is not waited for
            await fast.over()
            await other.over()

    monkeypatch.setattr(links, "RATE_SECONDS", 1000.0)
    run(main)


@pytest.mark.parametrize("seconds", [0.0, 0.01])
def test_what_waits_is_handled_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    async def main() -> None:
        async with chat(options=SessionOptions(messages_max=2)) as (_, serve):
            socket = Socket(serve)
            await socket.open()
            for call in calls(9):
                socket.say(call)
            for _ in range(9):
                await socket.hear_until(s.ReducerResult)
            await socket.leave()

    monkeypatch.setattr(links, "RATE_SECONDS", seconds)
    run(main)
