"""How fast are clients served, over real sockets on the loopback?

The server is a process of its own, ``benchmarks.arena``; clients are in the process
that measures, or in one of node, so on two cores each side has one. Clients are
SpacetimeDB's own SDK where node and its npm package are there (``--node-modules``, a
folder with ``spacetimedb`` and ``undici`` in it), and plain sockets with messages that
were made before. The floor is the same call in process, with one live query.

Delivery is confirmed, as it is if clients do not say otherwise: on disk an answer waits
for the sync of its commit, which all calls in flight share.

Not measured: TLS, other machines, a network that loses anything.
"""

import argparse
import asyncio
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import qsdb
from benchmarks.arena import REGION, arena, fill, rename
from benchmarks.arena_clients import Client, connect, rename_call
from benchmarks.harness import (
    MILLISECONDS,
    Contender,
    Question,
    Role,
    Task,
    Total,
    Unit,
    require,
)
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb.codec.bsatn import decoder
from qsdb.protocol import server_messages as s
from qsdb.protocol.client_messages import CallReducer, encode_client_message
from qsdb.protocol.server_messages import QuerySetUpdate, TransactionUpdate
from qsdb.protocol.tables import PersistentTable, TableEncoder, read_table_update
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import F32, STR, U16, U32, U64

ROOT = Path(__file__).parent.parent
SDK = Path(__file__).with_name("arena_sdk.mjs")
SECONDS = 60
CLIENT_BYTES = Unit("bytes/client", 1)
MOVER = ProductKind(
    "Mover",
    (
        Field("id", U32),
        Field("region", U16),
        Field("x", F32),
        Field("y", F32),
        Field("asked", U64),
    ),
)
PLAYER = ProductKind("Player", (Field("id", U32), Field("name", STR)))
MOVES_PER_SECOND = 5
WATCHED = 20
"""Of so many movers what they are told is read; the others only take it."""
PATIENCE_SECONDS = 10.0
"""Where nothing more is told for so long, nothing more comes."""


@dataclass(frozen=True)
class Found:
    """What a run has measured itself.

    Attributes:
        figure: In seconds, or bytes.
        evidence: What was done, for the checksum.
    """

    figure: float
    evidence: object


def _name(number: int) -> str:
    return f"name {number:08}"


def figure_of(_: float, found: Found) -> float:
    """Give what a run has measured."""
    return found.figure


class Arena:
    """A server in a process of its own."""

    def __init__(self, directory: Path | None, *options: str) -> None:
        """Begin it; in memory without a directory."""
        self._folder = None
        command = [sys.executable, "-m", "benchmarks.arena", *options]
        if directory is not None:
            place = directory.resolve()
            self._folder = tempfile.mkdtemp(prefix="benchmark-", dir=place)
            command += ["--data", str(Path(self._folder) / "arena")]
        self._process = subprocess.Popen(  # noqa: S603  our own program
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        place = json.loads(self._process.stdout.readline())
        self.port: int = place["port"]
        self.process: int = place["process"]

    def close(self) -> None:
        """End it, and take its files away."""
        self._process.communicate(timeout=SECONDS)
        if self._folder is not None:
            shutil.rmtree(self._folder)

    @property
    def resident_bytes(self) -> int:
        """What the process has in memory."""
        pages = Path(f"/proc/{self.process}/statm").read_text().split()[1]
        return int(pages) * 4096


# Calls.


def by_sdk(
    modules: Path, directory: Path | None, count: int, in_flight: int, listeners: int
) -> Task[Found]:
    """Call with SpacetimeDB's own SDK."""
    server = Arena(directory)
    folder = Path(tempfile.mkdtemp())
    shutil.copy(SDK, folder)
    (folder / "node_modules").symlink_to(modules.resolve(), target_is_directory=True)
    node = subprocess.Popen(  # noqa: S603  our own program
        ["node", SDK.name, str(server.port)],  # noqa: S607  wherever it is
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def play() -> Found:
        game = {"count": count, "inFlight": in_flight, "listeners": listeners}
        assert node.stdin is not None
        assert node.stdout is not None
        print(json.dumps(game), file=node.stdin, flush=True)
        for line in node.stdout:
            if line.startswith("{"):
                told = json.loads(line)
                require(told["last"] == f"name {count - 1}", f"the last is {told}")
                require(told["told"] == listeners * count, f"told {told['told']}")
                return Found(told["seconds"], count * max(1, listeners))
        raise RuntimeError("the program of node has ended")

    def close() -> None:
        node.communicate(timeout=SECONDS)
        shutil.rmtree(folder)
        server.close()

    return Task(play, lambda found: found.evidence, close)


async def _call_many(port: int, count: int, in_flight: int) -> Found:
    """Call with so many on their way; each answer lets another one go."""
    client = await connect(port)
    done, answered, applied = asyncio.Event(), 0, asyncio.Event()
    calls = [rename_call(n, n % 100, f"name {n}") for n in range(count)]

    def heard(message: s.ServerMessage) -> None:
        nonlocal answered
        if isinstance(message, s.ReducerResult):
            require(isinstance(message.outcome, s.ReducerOk), f"{message.outcome}")
            answered += 1
            if answered == count:
                done.set()
            elif answered % in_flight == 0:
                client.send(b"".join(calls[answered : answered + in_flight]))
        elif isinstance(message, s.SubscribeApplied):
            applied.set()

    client.on_message = heard
    client.subscribe("SELECT * FROM player")
    await asyncio.wait_for(applied.wait(), SECONDS)
    began = time.perf_counter()
    client.send(b"".join(calls[:in_flight]))
    await asyncio.wait_for(done.wait(), SECONDS)
    seconds = time.perf_counter() - began
    client.close()
    return Found(seconds, count)


def by_socket(directory: Path | None, count: int, in_flight: int) -> Task[Found]:
    """Call over a plain socket."""
    server = Arena(directory)
    return Task(
        lambda: asyncio.run(_call_many(server.port, count, in_flight)),
        lambda found: found.evidence,
        server.close,
    )


def in_process(count: int) -> Task[Found]:
    """Call in process, with one live query."""
    db = qsdb.Database(arena, seed=1)
    db.call(fill, 100, 0)
    told: list[qsdb.Update] = []
    db.subscribe("SELECT * FROM player", told.append)

    def work() -> Found:
        began = time.perf_counter()
        for number in range(count):
            db.call(rename, number % 100, f"name {number}")
        return Found(time.perf_counter() - began, len(told))

    return Task(work, lambda found: found.evidence, db.close)


# Who is told.


async def _subscribe_all(asked: Sequence[tuple[Client, str]]) -> None:
    """Have each client ask its query, and wait until all have the first result."""
    waiting = {client for client, _ in asked}

    def heard(client: Client, message: s.ServerMessage) -> None:
        if isinstance(message, s.SubscribeApplied):
            waiting.discard(client)

    async def all_have() -> None:
        while waiting:
            await asyncio.sleep(0.001)

    for client, query in asked:
        client.on_message = partial(heard, client)
        client.subscribe(query)
    await asyncio.wait_for(all_have(), SECONDS)
    for client, _ in asked:
        client.on_message = None


def _update_bytes() -> int:
    """Give the size of the message that tells of a row that was renamed."""
    encoder = TableEncoder("player", PLAYER, is_event=False)
    part = encoder.changes([(1, _name(1))], [(1, _name(2))])
    update = TransactionUpdate((QuerySetUpdate(0, (part,)),))
    return len(update.encode())


async def _until_all_have(clients: Sequence[Client], size: int) -> None:
    """Wait until each has so many bytes more than it was noted to have."""
    while any(each.bytes < size for each in clients):
        await asyncio.sleep(0.001)


async def _fan_out(port: int, listeners: int, count: int) -> Found:
    """Have listeners take every single change: their bytes say so."""
    caller = await connect(port)
    others = [await connect(port) for _ in range(listeners)]
    await _subscribe_all([(each, "SELECT * FROM player") for each in others])
    calls = [rename_call(n, n % 100, _name(n)) for n in range(count + 200)]
    await _call_all(caller, calls[:200])  # so that all names have one length
    await asyncio.sleep(0.5)
    for each in others:
        each.bytes = 0
    began = time.perf_counter()
    await _call_all(caller, calls[200:])
    await asyncio.wait_for(_until_all_have(others, count * _update_bytes()), SECONDS)
    seconds = time.perf_counter() - began
    for each in (caller, *others):
        each.close()
    return Found(seconds, listeners * count)


async def _call_all(client: Client, calls: Sequence[bytes]) -> None:
    """Call with 16 in flight."""
    answered, done = 0, asyncio.Event()

    def heard(message: s.ServerMessage) -> None:
        nonlocal answered
        if isinstance(message, s.ReducerResult):
            answered += 1
            if answered == len(calls):
                done.set()
            elif answered % 16 == 0:
                client.send(b"".join(calls[answered : answered + 16]))

    client.on_message = heard
    client.send(b"".join(calls[:16]))
    await asyncio.wait_for(done.wait(), SECONDS)


def by_fan_out(listeners: int, count: int) -> Task[Found]:
    """Have plain sockets told of what another one does."""
    server = Arena(None)
    return Task(
        lambda: asyncio.run(_fan_out(server.port, listeners, count)),
        lambda found: found.evidence,
        server.close,
    )


# Who only waits.


async def _idle(server: Arena, count: int) -> Found:
    clients = [await _subscribed(server.port) for _ in range(count // 10 or 1)]
    await asyncio.sleep(0.3)
    before = server.resident_bytes
    clients += [await _subscribed(server.port) for _ in range(count)]
    await asyncio.sleep(0.3)
    grown = server.resident_bytes - before
    for each in clients:
        each.close()
    return Found(float(grown), count)


async def _subscribed(port: int) -> Client:
    client = await connect(port)
    client.subscribe("SELECT * FROM player WHERE id = 1")
    return client


def by_idle(count: int) -> Task[Found]:
    """Have clients that subscribe and then wait."""
    server = Arena(None)
    return Task(
        lambda: asyncio.run(_idle(server, count)),
        lambda found: found.evidence,
        server.close,
    )


# Who moves.


class _Watch:
    """Notes how long after they were asked moves come to one client.

    A move counts as told with the next one of the same mover: of a client that is
    behind what others commit is joined.

    Attributes:
        waiting: Mover → when those of its moves were asked that are not told yet.
        delays: Of those that were, in seconds.
    """

    def __init__(self, movers: range) -> None:
        self.waiting = {number: deque[int]() for number in movers}
        self.delays: list[float] = []
        self._decode = decoder(MOVER)

    def __call__(self, message: s.ServerMessage) -> None:
        match message:
            case s.TransactionUpdate(query_sets=sets):
                pass
            case s.ReducerResult(outcome=s.ReducerOk(transaction_update=update)):
                sets = update.query_sets
            case _:
                return
        now = time.perf_counter_ns()
        for query_set in sets:
            for part in query_set.tables:
                for entry in read_table_update(part).rows:
                    assert isinstance(entry, PersistentTable)
                    for row in entry.inserts.split():
                        self._told(self._decode(row), now)

    def _told(self, row: Any, now: int) -> None:  # noqa: ANN401  a stored Mover
        number, *_, asked = row
        waiting = self.waiting[number]
        while waiting and waiting[0] <= asked:
            self.delays.append((now - waiting.popleft()) / 1e9)

    @property
    def left(self) -> int:
        """How many moves are not told yet."""
        return sum(map(len, self.waiting.values()))


def _move_call(request: int, number: int, now: int) -> bytes:
    args = struct.pack("<IffQ", number, float(request), float(number), now)
    return encode_client_message(CallReducer(request, 0, "move", args))


async def _all_told(watches: Sequence[_Watch]) -> None:
    """Wait for what is told late, until nothing more comes."""
    before, since = -1, time.monotonic()
    while left := sum([each.left for each in watches]):
        if left != before:
            before, since = left, time.monotonic()
        elif time.monotonic() - since > PATIENCE_SECONDS:
            break
        await asyncio.sleep(0.1)
    require(not left, f"{left} moves were not told")


async def _move_about(port: int, count: int, seconds: float) -> Found:
    """Have movers move at their pace, each told of its region."""
    clients = [await connect(port) for _ in range(count)]
    query = "SELECT * FROM mover WHERE region = "
    await _subscribe_all(
        [(each, f"{query}{number // REGION}") for number, each in enumerate(clients)]
    )
    by_region: dict[int, list[_Watch]] = {}
    for number in range(0, count, max(1, count // WATCHED)):
        region = number // REGION
        watch = _Watch(range(region * REGION, min(count, (region + 1) * REGION)))
        by_region.setdefault(region, []).append(watch)
        clients[number].on_message = watch
    loop = asyncio.get_running_loop()
    began, steps = loop.time(), int(seconds * MOVES_PER_SECOND * count)
    for step in range(steps):
        due = began + step / (MOVES_PER_SECOND * count)
        if (wait := due - loop.time()) > 0:
            await asyncio.sleep(wait)
        number, now = step % count, time.perf_counter_ns()
        for watch in by_region.get(number // REGION, ()):
            watch.waiting[number].append(now)
        clients[number].send(_move_call(step, number, now))
    watches = [each for found in by_region.values() for each in found]
    await _all_told(watches)
    for client in clients:
        client.close()
    delays = sorted([delay for each in watches for delay in each.delays])
    return Found(delays[len(delays) * 99 // 100], count)


def by_moving(count: int, seconds: float, directory: Path | None) -> Task[Found]:
    """Have clients move five times a second."""
    server = Arena(directory, "--movers", str(count))
    return Task(
        lambda: asyncio.run(_move_about(server.port, count, seconds)),
        lambda found: found.evidence,
        server.close,
    )


# The questions.

Maker = Callable[[], Task[Any]]


def questions(
    sizes: Sizes, directory: Path, modules: Path | None
) -> Iterator[Question]:
    """Ask for calls, for who is told, and for who waits."""
    calls, single = sizes["calls"], sizes["single"]
    yield Question(
        "a call that changes one row the caller listens to, 256 in flight",
        [
            *_sdk("SDK", modules, None, calls, 256),
            *_sdk("SDK, on disk", modules, directory, calls, 256),
            Contender("socket", partial(by_socket, None, calls, 256), calls),
            Contender(
                "socket, on disk", partial(by_socket, directory, calls, 256), calls
            ),
            Contender("in process", partial(in_process, calls), calls, "floor"),
        ],
        _targets(modules, calls),
        reading=figure_of,
    )
    yield Question(
        "the same, one after the other",
        [
            *_sdk("SDK", modules, None, single, 1),
            Contender("socket", partial(by_socket, None, single, 1), single),
        ],
        [Total("socket", single * 150e-6)],
        reading=figure_of,
    )
    listeners, told = sizes["listeners"], sizes["told"]
    updates = listeners * told
    yield Question(
        f"a row that changes, told to each of {listeners} clients",
        [
            *_sdk("SDK", modules, None, told, 16, listeners),
            Contender("socket", partial(by_fan_out, listeners, told), updates),
        ],
        [Total("socket", updates * 10e-6)],
        reading=figure_of,
    )
    if Path("/proc/self/statm").exists():
        idle = sizes["idle"]
        yield Question(
            "memory of a client that has subscribed and waits",
            [Contender("socket", partial(by_idle, idle), idle)],
            [Total("socket", 40 * 1024.0 * idle)],
            unit=CLIENT_BYTES,
            reading=figure_of,
        )
    movers, seconds = sizes["movers"], sizes["seconds"]
    yield Question(
        f"{movers} clients move 5 times a second; until one of {REGION} is told, p99",
        [
            Contender("in memory", partial(by_moving, movers, seconds, None), 1),
            Contender("on disk", partial(by_moving, movers, seconds, directory), 1),
        ],
        [Total("in memory", 0.1), Total("on disk", 0.1)],
        unit=MILLISECONDS,
        reading=figure_of,
    )


def _sdk(
    name: str,
    modules: Path | None,
    directory: Path | None,
    count: int,
    in_flight: int,
    listeners: int = 0,
) -> list[Contender]:
    """Give the SDK as a contender, where it is there."""
    if modules is None:
        return []
    setup = partial(by_sdk, modules, directory, count, in_flight, listeners)
    role: Role = "subject"
    return [Contender(name, setup, count * max(1, listeners), role)]


def _targets(modules: Path | None, calls: int) -> list[Total]:
    if modules is None:
        return [Total("socket", calls / 45_000), Total("socket, on disk", calls / 35e3)]
    return [Total("SDK", calls / 45_000), Total("SDK, on disk", calls / 35_000)]


def benchmark(directory: Path, modules: Path | None) -> Benchmark:
    """Give the benchmark, with its folders."""
    return Benchmark(
        "bench_server",
        __doc__,
        full={
            "calls": 40_000,
            "single": 5_000,
            "listeners": 50,
            "told": 5_000,
            "idle": 1_000,
            "movers": 700,
            "seconds": 10,
        },
        small={
            "calls": 300,
            "single": 20,
            "listeners": 3,
            "told": 20,
            "idle": 20,
            "movers": 20,
            "seconds": 1,
        },
        questions=partial(questions, directory=directory, modules=modules),
    )


def _modules(text: str) -> Path:
    folder = Path(text)
    if not (folder / "spacetimedb" / "package.json").exists():
        raise argparse.ArgumentTypeError(f"there is no spacetimedb in {folder}")
    return folder


def main() -> None:
    """Run as a program."""
    parser = make_parser(__doc__)
    parser.add_argument(
        "--node-modules", type=_modules, help="where npm has put spacetimedb and undici"
    )
    arguments = parser.parse_args()
    run(benchmark(arguments.directory, arguments.node_modules), arguments)


if __name__ == "__main__":
    main()
