"""A server that is killed under load, again and again.

**Strategy**: a process serves a database on the disk, with confirmed delivery, and is
killed after a random number of answers; several clients write, erase and follow all the
while, each with many calls in flight. It is begun again in the same directory; the
clients connect with their tokens, subscribe, and go on where they were.

**Invariants**:

1. What was answered stays done, and what was told of stays: no row that a client was
   told of is lost, and none that it was told had gone is there again.
2. Of what was not answered each call has happened as a whole or not at all.
3. A client that has subscribed knows the very rows that the database has.
4. A token gives the same identity as before.
"""

import asyncio
import itertools
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import attrs
import pytest

import qsdb
from qsdb.codec.bsatn import decoder, encoder
from qsdb.protocol import server_messages as s
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import STR, U32
from tests.conftest import _PROFILE
from tests.support.ledger import Entry, Total, arguments, ledger
from tests.support.sources import ROOT
from tests.support.wire_client import LostError, WireClient, connect

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL"),
]

KILLS_COUNT = 100 if _PROFILE == "nightly" else 10
WRITERS_COUNT = 4
IN_FLIGHT = 8
ANSWERS_MAX = 300
"""A server is killed after a random number of answers, up to this."""

ENTRIES = "SELECT * FROM entry"
WAITING_SECONDS = 120

Key = tuple[int, int]

_ENTRY = ProductKind(
    "entry", (Field("writer", U32), Field("number", U32), Field("text", STR))
)
_TOTAL = ProductKind("total", (Field("writer", U32), Field("count", U32)))
ENCODE = encoder(_ENTRY)
entry_of = cast(Callable[[bytes], tuple[int, int, str]], decoder(_ENTRY))
total_of = cast(Callable[[bytes], tuple[int, int]], decoder(_TOTAL))


class Server:
    """A process that serves a directory."""

    def __init__(self, path: Path, *options: str) -> None:
        program = "tests.faults.serving_ledger"
        self.process = subprocess.Popen(
            [sys.executable, "-m", program, str(path), *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    async def address(self) -> str:
        """Wait until it serves, and give where."""
        assert self.process.stdout is not None
        read = asyncio.to_thread(self.process.stdout.readline)
        line = await asyncio.wait_for(read, WAITING_SECONDS)
        assert line, "the server has ended"
        return line.strip()

    def kill(self) -> None:
        """End it at once; twice is no error."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAITING_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Answers:
    """Counts answers, up to the one after which the server is killed."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self.are_enough = asyncio.Event()
        self.count()

    def count(self) -> None:
        """Take one in."""
        self._left -= 1
        if self._left < 0:
            self.are_enough.set()


@attrs.define(eq=False)
class Writer:
    """One client, across all servers.

    Attributes:
        writer: Its number in the ledger.
        token: With which it comes again.
        identity: Whom it is told that it is.
        done: How many entries it has written, by the answers.
        erased: Numbers of entries that are erased, by the answers.
        doubtful: Numbers of entries that it wanted to erase, and was not answered.
        present: Entries that it was told of, by whomever they are.
        gone: Entries of which it was told that they had gone.
    """

    writer: int
    token: str = ""
    identity: bytes = b""
    done: int = 0
    erased: set[int] = attrs.Factory(set)
    doubtful: set[int] = attrs.Factory(set)
    present: set[Key] = attrs.Factory(set)
    gone: set[Key] = attrs.Factory(set)

    async def connect(self, address: str) -> WireClient:
        """Come again, as whom it was."""
        client = await connect(address, "ledger", token=self.token)
        began = await client.begin()
        if self.token:
            assert began.identity == self.identity
        self.token, self.identity = began.token, began.identity
        await client.subscribe(0, ENTRIES, "SELECT * FROM bell")
        await client.subscribe(1, f"SELECT * FROM total WHERE writer = {self.writer}")
        return client

    @property
    def explained(self) -> set[Key]:
        """Entries that may be missing, since it erased them, or may have."""
        return {(self.writer, number) for number in self.erased | self.doubtful}

    def look(self, client: WireClient) -> None:
        """Note what it was told, before that is forgotten."""
        now = keys_of(client)
        self.gone |= self.present - now
        self.present = now

    def check(self, client: WireClient, total: int, explained: set[Key]) -> None:
        """Compare what is there after a kill with what was answered and told."""
        now = keys_of(client)
        mine = {number for writer, number in now if writer == self.writer}
        missing = {*range(total)} - mine
        assert total >= self.done, "an entry that was answered is lost"
        assert self.erased <= missing, "an entry that was erased is there again"
        assert missing <= self.erased | self.doubtful, "an entry is lost"
        assert max(mine, default=-1) < total
        assert self.present - now <= explained, "an entry that was told of is lost"
        assert not now & self.gone, "an entry that had gone is there again"
        self.done, self.erased, self.doubtful = total, missing, set()

    async def work(
        self, client: WireClient, rng: random.Random, answers: Answers
    ) -> None:
        """Write and erase, with many calls in flight, until the server is gone."""
        flight: set[asyncio.Task[bool]] = set()
        for number in itertools.count(self.done):
            flight.add(asyncio.ensure_future(self.write(client, number, answers)))
            if rng.random() < 0.3 and self.done:
                which = rng.randrange(self.done)
                flight.add(asyncio.ensure_future(self.erase(client, which, answers)))
            while len(flight) >= IN_FLIGHT:
                when = asyncio.FIRST_COMPLETED
                ended, flight = await asyncio.wait(flight, return_when=when)
                if not all(each.result() for each in ended):
                    await asyncio.gather(*flight)
                    return

    async def write(self, client: WireClient, number: int, answers: Answers) -> bool:
        """Write an entry, of which it is told before the answer; say if it came."""
        text = f"entry {number} of {self.writer}"
        try:
            outcome = await client.call("write", arguments(self.writer, number, text))
        except LostError:
            return False
        assert isinstance(outcome, s.ReducerOk), outcome
        assert client.known.rows[0]["entry", ENCODE((self.writer, number, text))] == 1
        self.done = max(self.done, number + 1)
        answers.count()
        return True

    async def erase(self, client: WireClient, number: int, answers: Answers) -> bool:
        """Erase an entry, unless that was tried; say if the answer came."""
        if number in self.erased | self.doubtful:
            return True
        self.doubtful.add(number)
        try:
            outcome = await client.call("erase", arguments(self.writer, number))
        except LostError:
            return False
        assert isinstance(outcome, s.ReducerOk), outcome
        self.doubtful.discard(number)
        self.erased.add(number)
        answers.count()
        return True


def keys_of(client: WireClient) -> set[Key]:
    """Give the entries that a client knows."""
    rows = +client.known.rows[0]
    assert max(rows.values(), default=1) == 1
    return {entry_of(data)[:2] for _, data in rows}


async def check_all(writers: list[Writer], clients: list[WireClient]) -> None:
    """Compare what each client knows, is told and was told."""
    explained = set[Key]().union(*[each.explained for each in writers])
    rows = await clients[0].ask("SELECT * FROM total")
    totals = dict(map(total_of, [data for _, data in rows]))
    for writer, client in zip(writers, clients, strict=True):
        assert +client.known.rows[0] == await client.ask(ENTRIES)
        writer.check(client, totals.get(writer.writer, 0), explained)
        writer.look(client)


async def work_until_killed(
    server: Server, writers: list[Writer], clients: list[WireClient], rng: random.Random
) -> None:
    """Have all work, and kill the server in the middle."""
    answers = Answers(rng.randrange(ANSWERS_MAX))
    pairs = zip(writers, clients, strict=True)
    works = [asyncio.ensure_future(w.work(c, rng, answers)) for w, c in pairs]
    enough = asyncio.ensure_future(answers.are_enough.wait())
    when = asyncio.FIRST_COMPLETED
    ended, _ = await asyncio.wait(
        [enough, *works], timeout=WAITING_SECONDS, return_when=when
    )
    assert ended == {enough}, "a client has ended, or nothing is answered"
    server.kill()
    await asyncio.gather(*works)
    for writer, client in zip(writers, clients, strict=True):
        writer.look(client)
        await client.close()


async def kill_often(
    path: Path, rng: random.Random, count: int, *options: str
) -> list[Writer]:
    """Begin and kill servers; give what the clients know in the end."""
    writers = [Writer(number) for number in range(WRITERS_COUNT)]
    for number in range(count + 1):
        server = Server(path, *options)
        try:
            address = await server.address()
            clients = [await each.connect(address) for each in writers]
            await check_all(writers, clients)
            if number < count:
                await work_until_killed(server, writers, clients, rng)
            for client in clients:
                await client.close()
        finally:
            server.kill()
    return writers


def test_a_killed_server_has_kept_what_it_answered(tmp_path: Path) -> None:
    seed = random.getrandbits(32) if _PROFILE == "nightly" else 1
    print(f"seed {seed}")

    writers = asyncio.run(kill_often(tmp_path, random.Random(seed), KILLS_COUNT))

    with qsdb.Database(ledger, tmp_path / "data") as db:
        db.check()
        with db.read() as tx:
            keys = {(row.writer, row.number) for row in tx[Entry]}
            totals = {row.writer: row.count for row in tx[Total]}
        assert len(db.sql("SELECT * FROM st_client")) == 0
    assert totals == {each.writer: each.done for each in writers}
    assert sum(totals.values()) > KILLS_COUNT * IN_FLIGHT
    assert all(each.present == keys for each in writers)


def test_answers_that_do_not_wait_for_the_disk_are_caught(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"is lost|is there again"):
        asyncio.run(kill_often(tmp_path, random.Random(1), 5, "unconfirmed"))
