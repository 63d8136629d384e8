"""Peers that are missing are named, and those that are there do what was asked."""

import importlib.util
import shutil
from pathlib import Path
from typing import TypeVar

import pytest

from benchmarks import peers
from benchmarks.bench_keynote import by_flight
from benchmarks.bench_transfer import by_dict, by_reducer, draw_pairs
from benchmarks.harness import InvariantError, Task
from benchmarks.peers import is_installed, left_out, versions
from benchmarks.statements import open_sqlite
from benchmarks.transfer_peers import (
    by_apsw,
    by_file,
    by_lmdb,
    by_redis,
    by_statements,
)

T = TypeVar("T")
ACCOUNTS = 20
PAIRS = draw_pairs(ACCOUNTS, 150, 1.0)


def evidence(task: Task[T]) -> object:
    try:
        return task.verify(task.work())
    finally:
        task.close()


EXPECTED = evidence(by_dict(ACCOUNTS, PAIRS))


def needs(name: str) -> pytest.MarkDecorator:
    # Peers are no dependency of the tests: the group `bench` brings them.
    missing = not is_installed(name)
    return pytest.mark.skipif(missing, reason=f"{name} is not installed")


def test_a_peer_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    assert left_out(["apsw", "lmdb"]) == (
        "apsw (not installed)",
        "lmdb (not installed)",
    )
    assert versions() == {}


def test_redis_needs_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert not is_installed("redis")

    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")

    assert is_installed("redis")
    assert peers.redis_server() == "/bin/redis-server"


@pytest.mark.slow
def test_transfers_by_all_that_is_always_there_agree(tmp_path: Path) -> None:
    found = [
        evidence(by_reducer(ACCOUNTS, PAIRS)),
        evidence(by_flight(tmp_path, 70, ACCOUNTS, PAIRS)),
        evidence(by_file("sqlite3", "NORMAL", tmp_path, ACCOUNTS, PAIRS)),
        evidence(by_file("sqlite3", "OFF", tmp_path, ACCOUNTS, PAIRS)),
    ]

    assert set(found) == {EXPECTED}
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_that_a_peer_loses_is_noticed() -> None:
    task = by_statements(open_sqlite(), ACCOUNTS, PAIRS)

    assert task.verify(None) != EXPECTED
    task.close()


def test_money_that_a_peer_makes_is_noticed() -> None:
    peer = open_sqlite()
    task = by_statements(peer, ACCOUNTS, PAIRS)
    task.work()
    peer.execute("UPDATE account SET balance = balance + 1 WHERE id = 3")

    with pytest.raises(InvariantError, match="money was made or lost"):
        task.verify(None)

    task.close()


@pytest.mark.slow
def test_in_flight_is_what_was_said(tmp_path: Path) -> None:
    task = by_flight(tmp_path, 70, ACCOUNTS, PAIRS[:100])

    with pytest.raises(InvariantError, match=r"offset 2 on disk, 102 is right"):
        task.verify(None)

    task.close()


@needs("apsw")
@pytest.mark.slow
def test_apsw_agrees(tmp_path: Path) -> None:
    assert evidence(by_apsw(ACCOUNTS, PAIRS)) == EXPECTED
    assert evidence(by_file("apsw", "OFF", tmp_path, ACCOUNTS, PAIRS)) == EXPECTED


@needs("lmdb")
@pytest.mark.slow
def test_lmdb_agrees(tmp_path: Path) -> None:
    assert evidence(by_lmdb(None, ACCOUNTS, PAIRS)) == EXPECTED
    assert evidence(by_lmdb(tmp_path, ACCOUNTS, PAIRS)) == EXPECTED
    assert list(tmp_path.iterdir()) == []


@needs("redis")
@pytest.mark.slow
@pytest.mark.parametrize("sync", ["", "always"])
def test_redis_agrees(sync: str, tmp_path: Path) -> None:
    assert evidence(by_redis(sync, 64, tmp_path, ACCOUNTS, PAIRS)) == EXPECTED
    assert list(tmp_path.iterdir()) == []
