"""Who may connect, and what who may not is told."""

import asyncio
import threading
from typing import Any

import pytest

import qsdb
from qsdb.protocol import server_messages as s
from qsdb.protocol.client_messages import CallReducer, Subscribe
from qsdb.protocol.subprotocols import V1, V1_TEXT, V2, V3
from qsdb.server.doors import Door, DoorOptions
from qsdb.server.hosts import Host
from qsdb.server.subscribing import Subscribing
from qsdb.testing import FakeClock, SimulatedDirectory
from qsdb.values.identity import Identity
from tests.support.asgi_sockets import SECONDS, Doorkeeper, Socket, eventually, run
from tests.unit.server import chatting
from tests.unit.server.test_sessions import LINES, line


def serving(db: qsdb.Database, **options: Any) -> Subscribing:
    return Subscribing(Host({"chat": db}), Doorkeeper(), **options)


async def text_of(socket: Socket) -> tuple[int, str]:
    """Give the status and the text of a refusal before the upgrade."""
    start = await socket.open()
    body = await socket.next()
    await socket.over()
    assert start["type"] == "websocket.http.response.start"
    assert body["type"] == "websocket.http.response.body"
    headers = dict(start["headers"])
    assert headers[b"content-length"] == str(len(body["body"])).encode()
    assert headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert headers[b"access-control-allow-origin"] == b"*"
    return start["status"], body["body"].decode()


def test_a_client_is_told_who_it_is_before_and_after_the_upgrade() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            socket = Socket(serving(db))
            accepted = await socket.open()
            first = await socket.hear()
            await socket.leave()

        assert isinstance(first, s.InitialConnection)
        assert first.token == "made 1"
        identity = Identity.from_claims("t", "anonymous 1")
        assert first.identity == identity.stored
        assert accepted == {
            "type": "websocket.accept",
            "subprotocol": V3.name,
            "headers": [
                (b"spacetime-identity", identity.to_hex().encode()),
                (b"spacetime-identity-token", b"made 1"),
            ],
        }

    run(main)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ((V2.name, V3.name), V3),
        ((f"{V1.name}, {V2.name}",), V2),
        ((V1.name, "x"), V1),
        ((V1_TEXT.name,), V1_TEXT),
    ],
)
def test_the_best_protocol_is_taken(offered: tuple[str, ...], chosen: Any) -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            socket = Socket(serving(db), subprotocols=offered)
            accepted = await socket.open()
            assert accepted["subprotocol"] == chosen.name
            first = await socket.next()
            assert first["type"] == "websocket.send"
            if chosen is V1_TEXT:
                assert first["text"].startswith('{"IdentityToken":{')
            else:
                assert first["bytes"][:2] == (b"\0\3" if chosen is V1 else b"\0\0")
            await socket.leave()

    run(main)


BEARER = ((b"host", b"x"), (b"authorization", b"bEARER  good "))


def bearer(value: bytes) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"authorization", value),)


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        ({"name": "other"}, 404, "`other` not found"),
        ({"name": "0" * 64}, 404, "No such database."),
        ({"subprotocols": ()}, 400, "no sub-protocol that is served"),
        ({"subprotocols": ("v9",)}, 400, "v3.bsatn.spacetimedb, v2"),
        ({"query": "compression=gzip"}, 400, "compression is 'gzip', not one of"),
        ({"query": "confirmed=1"}, 400, "confirmed is '1', not true or false"),
        ({"query": "columns=True"}, 400, "columns is 'True', not true or false"),
        ({"query": "connection_id=0"}, 400, "connection_id: '0' is not the hex form"),
        ({"query": "connection_id=" + "0" * 32}, 400, "connection_id is 0, which"),
        ({"query": "connection_id=" + "g" * 32}, 400, "connection_id: 'ggg"),
        ({"query": "&".join(f"a{n}=1" for n in range(17))}, 400, "over 16 parameters"),
        ({"query": "token=bad"}, 401, "the token is not good"),
        ({"query": "token=broken"}, 400, "this is no token"),
        ({"headers": bearer(b"Bearer bad")}, 401, "the token is not good"),
        ({"headers": bearer(b"Bearer bad"), "query": "token=ok"}, 401, "not good"),
        ({"headers": bearer(b"Bearer ")}, 400, "is not of the form: Bearer TOKEN"),
        ({"headers": bearer(b"Basic abc")}, 400, "is not of the form: Bearer TOKEN"),
        ({"headers": bearer(b"Bearer ok") * 2}, 400, "not of the form: Bearer TOKEN"),
        ({"headers": bearer(b"\xff\xfe")}, 400, "is not of the form: Bearer TOKEN"),
    ],
)
def test_what_cannot_be_served_is_refused_before_the_upgrade(
    asked: dict[str, Any], status: int, text: str
) -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            found, told = await text_of(Socket(serving(db), **asked))
        assert found == status
        assert text in told

    run(main)


def test_where_no_status_can_be_told_the_socket_is_closed() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            socket = Socket(serving(db), name="other", extensions=())
            assert await socket.open() == {
                "type": "websocket.close",
                "code": 1008,
                "reason": "",
            }
            await socket.over()

    run(main)


def test_the_header_counts_more_than_the_parameter() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            for query, headers, token in (
                ("token=bad", BEARER, "good"),
                ("token=one%20more", (), "one more"),
                ("token=", (), "made 1"),
            ):
                socket = Socket(serving(db), query=query, headers=headers)
                await socket.open()
                first: Any = await socket.hear()
                assert first.token == token
                await socket.leave()

    run(main)


def test_parameters_are_taken_and_unknown_ones_ignored() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            number = "00112233445566778899AABBCCDDEEFF"
            query = f"compression=None&light=true&x=%ff&connection_id={number}"
            socket = Socket(serving(db), query=f"{query}&columns=true&confirmed=true")
            await socket.open()
            first: Any = await socket.hear()
            assert first.connection_id == bytes.fromhex(number)
            socket.say(Subscribe(1, 1, ("SELECT text FROM line",)))
            assert isinstance(await socket.hear(), s.SubscribeApplied)
            await socket.leave()

    run(main)


def gate(log: list[str], entered: threading.Event, release: threading.Event) -> Any:
    module = qsdb.Module("gate")

    @module.client_connected
    def connected(ctx: qsdb.ReducerContext) -> None:
        assert ctx.auth.claims is not None
        subject = ctx.auth.claims["sub"]
        log.append(f"{subject} comes")
        entered.set()
        assert release.wait(SECONDS)
        if subject == "stranger":
            raise qsdb.ReducerError("nobody knows you")
        if subject == "odd":
            raise LookupError("a secret table")

    @module.client_disconnected
    def disconnected(_: qsdb.ReducerContext) -> None:
        log.append("somebody goes")

    return module


def test_the_module_may_refuse_and_is_told_of_who_goes() -> None:
    log: list[str] = []
    release = threading.Event()
    release.set()
    module = gate(log, threading.Event(), release)

    async def main() -> None:
        with qsdb.Database(module) as db:
            serve = serving(db)
            told = await text_of(Socket(serve, query="token=stranger"))
            assert told == (
                403,
                "connected refuses the connection: nobody knows you",
            )
            status, told_less = await text_of(Socket(serve, query="token=odd"))
            assert status == 403
            assert "connected failed with LookupError; the log" in told_less
            assert "secret" not in told_less
            assert serve._links == {}
            friend = Socket(serve, query="token=friend")
            await friend.open()
            await friend.hear()
            assert log == ["stranger comes", "odd comes", "friend comes"]
            await friend.leave()
            assert log[3:] == ["somebody goes"]

    run(main)


def test_a_number_that_somebody_has_is_refused_where_clients_are_noted() -> None:
    log: list[str] = []
    release = threading.Event()
    release.set()
    module = gate(log, threading.Event(), release)

    async def main() -> None:
        with qsdb.Database(module) as db:
            serve, number = serving(db), "connection_id=" + "1" * 32
            first, second = Socket(serve, query=number), Socket(serve, query=number)
            await first.open()
            status, _ = await text_of(second)
            assert status in (403, 503)
            await first.leave()
            assert log.count("somebody goes") == 1

    run(main)


def test_a_client_that_is_cut_off_while_the_module_is_asked_is_seen_off() -> None:
    log: list[str] = []
    entered, release = threading.Event(), threading.Event()
    module = gate(log, entered, release)

    async def main() -> None:
        with qsdb.Database(module) as db:
            serve = serving(db)
            socket = Socket(serve, query="token=friend")
            socket.begin()
            await asyncio.to_thread(entered.wait, SECONDS)
            assert socket.task is not None
            socket.task.cancel()
            release.set()
            with pytest.raises(asyncio.CancelledError):
                await socket.task
            await eventually(lambda: "somebody goes" in log)
            assert log == ["friend comes", "somebody goes"]
            await serve.close()

    run(main)


def test_a_database_that_is_closed_takes_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release = threading.Event()
    release.set()
    module = gate([], threading.Event(), release)

    async def main() -> None:
        with qsdb.Database(module) as db:
            serve = serving(db)
        told = await text_of(Socket(serve))
        assert told == (503, "the database cannot take clients now")
        assert serve._links == {}
        assert "a client cannot connect: " in caplog.text

    run(main)


def test_a_database_that_is_only_read_is_served_too() -> None:
    async def main() -> None:
        disk = SimulatedDirectory()
        with qsdb.Database(chatting.chatting, disk, durability="always") as db:
            db.call(chatting.say, 1, "a")
        with qsdb.Database(chatting.chatting, disk, read_only=True) as db:
            socket = Socket(serving(db))
            await socket.open()
            socket.say(Subscribe(1, 1, (LINES,)))
            await socket.hear()
            applied: Any = await socket.hear()
            assert len(applied.rows) == 1
            await socket.leave()

    run(main)


# How many.


def test_more_clients_than_may_come_are_told_to_come_later() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            serve = serving(db, door=Door(DoorOptions(connections_max=2)))
            sockets = [Socket(serve) for _ in range(2)]
            for each in sockets:
                await each.open()
            told = await text_of(Socket(serve))
            assert told == (503, "the server takes no more clients now")
            await sockets[0].leave()
            third = Socket(serve)
            assert (await third.open())["type"] == "websocket.accept"
            await third.leave()
            await sockets[1].leave()

    run(main)


FORWARDED = b"x-forwarded-for"


def one(number: int, **options: Any) -> dict[str, Any]:
    """Give a client of an address, behind a proxy."""
    headers = ((FORWARDED, b"192.0.2.%d" % number),)
    return {"client": ("10.0.0.1", 1), "headers": headers, **options}


def test_one_address_does_not_take_the_place_of_others() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            room = Door(DoorOptions(connections_each_max=2, proxies=("10.0.0.1",)))
            serve = serving(db, door=room)
            sockets = [Socket(serve, **one(each)) for each in (1, 1, 2)]
            for each in sockets:
                assert (await each.open())["type"] == "websocket.accept"
            refused = Socket(serve, **one(1))
            start = await refused.open()
            assert (start["status"], dict(start["headers"])[b"retry-after"]) == (
                429,
                b"5",
            )
            assert (await refused.next())["body"] == (
                b"this address has 2 WebSockets, and no more are allowed at once"
            )
            await refused.over()
            await sockets[0].leave()
            again = Socket(serve, **one(1))
            assert (await again.open())["type"] == "websocket.accept"
            for each in (again, *sockets[1:]):
                await each.leave()
        assert len(room.connections) == 0

    run(main)


def test_one_address_is_somebody_new_as_often_as_it_may() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            room = Door(
                DoorOptions(identities_each_max=2, proxies=("10.0.0.1",)),
                clock=FakeClock(),
            )
            serve = serving(db, door=room)
            first = Socket(serve, **one(1))
            await first.open()
            assert (await text_of(Socket(serve, **one(1, query="token=bad"))))[0] == 401
            for query in ("", "token=good"):
                status, text = await text_of(Socket(serve, **one(1, query=query)))
                assert (status, text[:24]) == (429, "this address has had 2 n")
            other = Socket(serve, **one(2))
            await other.open()
            for each in (first, other):
                await each.leave()

    run(main)


def test_clients_whose_tokens_take_long_count_when_they_come() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            door = Doorkeeper(waits=asyncio.Event())
            room = Door(DoorOptions(connections_max=2))
            serve = Subscribing(Host({"chat": db}), door, door=room)
            sockets = [Socket(serve, query=f"token=t{n}") for n in range(5)]
            for each in sockets:
                each.begin()
            await asyncio.sleep(0)
            assert door.waits is not None
            door.waits.set()
            answers = [await each.next() for each in sockets]
            kinds = [each["type"] for each in answers]
            assert kinds.count("websocket.accept") == 2
            for each in sockets:
                each.vanish()
                await each.over()

    run(main)


def test_many_clients_of_one_database_are_all_told_of_all() -> None:
    async def main() -> None:
        with qsdb.Database(chatting.chatting) as db:
            serve = serving(db)
            sockets = [Socket(serve) for _ in range(30)]
            for each in sockets:
                await each.open()
                each.say(Subscribe(0, 0, (LINES,)))
                await each.hear()
                await each.hear()
            for number in range(10):
                sockets[number].say(CallReducer(1, 0, "say", line(1, f"{number}")))
                result = await sockets[number].hear_until(s.ReducerResult)
                assert isinstance(result.outcome, s.ReducerOk)
                for each in sockets:
                    if each is not sockets[number]:
                        await each.hear_until(s.TransactionUpdate)
            for each in sockets:
                await each.leave()
            assert db.stats().live == []

    run(main)
