"""Transfers by peers of other kinds: apsw and sqlite3 on disk, lmdb, Redis.

Each takes the steps of the reducer of bench_transfer at its best: statements kept
prepared, a script inside Redis that is called by its hash, calls sent without waiting
for the answers of those before. Redis is a process of its own, reached by a socket of
the file system.
"""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.accounts import SELECT, UPDATE, opening_rows
from benchmarks.bench_transfer import Pairs, verified
from benchmarks.harness import Task, require
from benchmarks.keyed import Lmdb
from benchmarks.peers import library, redis_server
from benchmarks.statements import Statements, open_apsw, open_sqlite

__all__ = ["by_apsw", "by_file", "by_lmdb", "by_redis"]

ACCOUNTS = "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)"
PARTS = {"account": 1}
SECONDS = 30

SCRIPT = """
local held = tonumber(redis.call('HGET', 'account', ARGV[1]))
local other = tonumber(redis.call('HGET', 'account', ARGV[2]))
local amount = tonumber(ARGV[3])
if held < amount then return redis.error_reply('insufficient funds') end
redis.call('HSET', 'account', ARGV[1], string.format('%.0f', held - amount),
           ARGV[2], string.format('%.0f', other + amount))
return 1
"""


def by_statements(peer: Statements, accounts: int, pairs: Pairs) -> Task[None]:
    """Load accounts and take the steps as six statements."""
    peer.execute(ACCOUNTS)
    peer.load("account", [*opening_rows(accounts)])

    def work() -> None:
        execute = peer.execute
        for source, target in pairs:
            execute("BEGIN")
            ((payer,),) = execute(SELECT, (source,))
            ((payee,),) = execute(SELECT, (target,))
            if payer < 1:
                raise ValueError("insufficient funds")
            execute(UPDATE, (payer - 1, source))
            execute(UPDATE, (payee + 1, target))
            execute("COMMIT")

    def verify(_: None) -> str:
        return verified([(a, b) for a, b in peer.rows("account")], accounts)

    return Task(work, verify, peer.close)


def by_apsw(accounts: int, pairs: Pairs) -> Task[None]:
    """Ask apsw in memory."""
    return by_statements(open_apsw(), accounts, pairs)


OPENERS: dict[str, Callable[[Path, str], Statements]] = {
    "sqlite3": open_sqlite,
    "apsw": open_apsw,
}


def by_file(
    engine: str, synchronous: str, directory: Path, accounts: int, pairs: Pairs
) -> Task[None]:
    """Ask sqlite on disk, with a write-ahead log.

    Args:
        engine: By which library.
        synchronous: OFF, NORMAL or FULL.
        directory: Where a folder is made, which goes again.
        accounts: How many.
        pairs: Whose money moves.
    """
    folder = Path(tempfile.mkdtemp(prefix="benchmark-", dir=directory))
    peer = OPENERS[engine](folder / "bank.sqlite", synchronous)
    task = by_statements(peer, accounts, pairs)
    list(peer.execute("PRAGMA wal_checkpoint(TRUNCATE)"))

    def verify(_: None) -> str:
        peer.close()
        again = OPENERS[engine](folder / "bank.sqlite", synchronous)
        try:
            return verified([(a, b) for a, b in again.rows("account")], accounts)
        finally:
            again.close()

    def close() -> None:
        peer.close()
        shutil.rmtree(folder)

    return Task(task.work, verify, close)


def by_lmdb(directory: Path | None, accounts: int, pairs: Pairs) -> Task[None]:
    """Ask lmdb: without sync and in memory, or with sync in a directory."""
    folder = directory and Path(tempfile.mkdtemp(prefix="benchmark-", dir=directory))
    env = Lmdb(PARTS, folder, is_synced=folder is not None)
    env.load({"account": [*opening_rows(accounts)]}, PARTS)
    table = env.tables["account"]

    def work() -> None:
        begin = env.begin
        for source, target in pairs:
            with begin(write=True) as env.txn:
                payer, payee = table[source][1], table[target][1]
                if payer < 1:
                    raise ValueError("insufficient funds")
                table[source] = (source, payer - 1)
                table[target] = (target, payee + 1)

    def verify(_: None) -> str:
        rows = env.rows()["account"]
        return verified([(a, b) for a, b in rows], accounts)

    return Task(work, verify, env.close)


class _Server:
    """A Redis of our own."""

    def __init__(self, sync: str, directory: Path | None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="benchmark-", dir=directory))
        self.socket = self.folder / "socket"
        program = redis_server()
        assert program is not None
        options = ["--port", "0", "--unixsocket", str(self.socket), "--save", ""]
        options += ["--dir", str(self.folder), "--daemonize", "no"]
        if sync:
            options += ["--appendonly", "yes", "--appendfsync", sync]
        self._process = subprocess.Popen(  # noqa: S603  our own server
            [program, *options], stdout=subprocess.DEVNULL
        )
        self.client = self._connect()

    def _connect(self) -> Any:  # noqa: ANN401  of redis
        redis = library("redis")
        client = redis.Redis(unix_socket_path=str(self.socket), decode_responses=True)
        deadline = time.monotonic() + SECONDS
        while True:
            try:
                client.ping()
            except redis.exceptions.ConnectionError:
                require(time.monotonic() < deadline, "Redis does not answer")
                time.sleep(0.01)
            else:
                return client

    def close(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(SECONDS)
        shutil.rmtree(self.folder)


def by_redis(
    sync: str, in_flight: int, directory: Path | None, accounts: int, pairs: Pairs
) -> Task[None]:
    """Ask Redis, with so many calls on their way before answers are read.

    Args:
        sync: ``always`` or ``everysec``, of its log; nothing for no log.
        in_flight: How many.
        directory: Where its log is.
        accounts: How many.
        pairs: Whose money moves.
    """
    server = _Server(sync, directory)
    client = server.client
    rows = [*opening_rows(accounts)]
    for first in range(0, accounts, 1000):
        client.hset("account", mapping=dict(rows[first : first + 1000]))
    digest = client.script_load(SCRIPT)

    def work() -> None:
        for first in range(0, len(pairs), in_flight):
            pipe = client.pipeline(transaction=False)
            for source, target in pairs[first : first + in_flight]:
                pipe.evalsha(digest, 0, source, target, 1)
            pipe.execute()

    def verify(_: None) -> str:
        found = client.hgetall("account").items()
        return verified([(int(key), int(held)) for key, held in found], accounts)

    return Task(work, verify, server.close)
