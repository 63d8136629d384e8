"""The benchmarks of the disk write what they say, notice a loss, and clean up."""

import os
from pathlib import Path
from typing import TypeVar

import pytest

import qsdb
from benchmarks.bench_durability import (
    by_always,
    by_bare_loop,
    by_interval,
    by_sqlite,
    cut,
    found_in,
    load_bank,
    logs,
)
from benchmarks.bench_recovery import (
    by_pause,
    by_replay,
    by_snapshot,
    numbers_digest,
    recovered,
    write_records,
)
from benchmarks.bench_transfer import draw_pairs
from benchmarks.harness import InvariantError, Task
from benchmarks.program import make_parser
from qsdb.log.segments import segment_name

T = TypeVar("T")

ACCOUNTS = 10
PAIRS = draw_pairs(ACCOUNTS, 40, 0.0)


def evidence(task: Task[T]) -> object:
    try:
        return task.verify(task.work())
    finally:
        task.close()


def test_pieces_are_the_whole_and_of_almost_one_size() -> None:
    data = bytes(range(103))

    pieces = cut(data, 10)

    assert b"".join(pieces) == data
    assert {len(piece) for piece in pieces} == {10, 11}


def test_all_ways_lead_to_the_same_accounts_and_leave_nothing(tmp_path: Path) -> None:
    given = tmp_path, ACCOUNTS, PAIRS
    before, added, end = logs(*given)

    found = [
        evidence(by_always(*given, 1)),
        evidence(by_always(*given, 32)),
        evidence(by_interval(*given)),
        evidence(by_sqlite(*given, "FULL")),
        evidence(by_bare_loop(tmp_path, ACCOUNTS, before, cut(added, 40), end)),
    ]

    assert len(set(map(str, found))) == 1
    assert list(tmp_path.iterdir()) == []


def test_bare_loop_that_stops_early_is_noticed(tmp_path: Path) -> None:
    before, added, end = logs(tmp_path, ACCOUNTS, PAIRS)
    pieces = cut(added, 40)
    task = by_bare_loop(tmp_path, ACCOUNTS, before, [*pieces[:39], bytes(9)], end)

    with pytest.raises(InvariantError, match=r"offset 4. on disk, 42 is right"):
        evidence(task)


def test_lost_transfer_is_noticed(tmp_path: Path) -> None:
    load_bank(tmp_path, ACCOUNTS, "always").close()

    with pytest.raises(InvariantError, match="offset 2 on disk, 3 is right"):
        found_in(tmp_path, ACCOUNTS, 3)


def test_replay_with_too_few_transfers_is_noticed(tmp_path: Path) -> None:
    load_bank(tmp_path, ACCOUNTS, "always").close()

    assert evidence(by_replay(tmp_path, ACCOUNTS, 0))
    with pytest.raises(InvariantError, match="was not replayed"):
        evidence(by_replay(tmp_path, ACCOUNTS, 1))


def test_load_without_a_snapshot_is_noticed(tmp_path: Path) -> None:
    write_records(tmp_path, 50)
    for path in (tmp_path / "qsdb" / "snapshots").iterdir():
        path.unlink()

    with pytest.raises(InvariantError, match="another snapshot"):
        evidence(by_snapshot(tmp_path / "qsdb", 50))


def test_load_of_fewer_rows_is_noticed(tmp_path: Path) -> None:
    write_records(tmp_path, 50)

    with pytest.raises(InvariantError, match="a row is missing"):
        evidence(by_snapshot(tmp_path / "qsdb", 51))


@pytest.mark.slow
@pytest.mark.parametrize("has_snapshot", [False, True])
def test_pause_is_measured_and_leaves_nothing(
    tmp_path: Path,
    has_snapshot: bool,  # noqa: FBT001  a parameter of a test
) -> None:
    task = by_pause(tmp_path, ACCOUNTS, PAIRS, has_snapshot=has_snapshot)

    assert task.work() > 0
    assert task.verify(0.0) == ACCOUNTS
    task.close()
    assert list(tmp_path.iterdir()) == []


def test_numbers_in_disorder_are_noticed() -> None:
    assert numbers_digest([1, 2, 2]) != numbers_digest([1, 1, 2])
    with pytest.raises(InvariantError, match="disorder"):
        numbers_digest([2, 1])


def test_database_in_memory_has_recovered_nothing() -> None:
    with (
        qsdb.Database(qsdb.Module("nothing")) as db,
        pytest.raises(InvariantError, match="in memory"),
    ):
        recovered(db)


def test_log_of_the_bare_loop_is_that_of_qsdb(tmp_path: Path) -> None:
    before, added, end = logs(tmp_path, ACCOUNTS, PAIRS)
    task = by_bare_loop(tmp_path, ACCOUNTS, before, cut(added, 40), end)

    task.work()

    (folder,) = tmp_path.iterdir()
    assert (folder / segment_name(1)).read_bytes() == before + added
    task.close()


def test_files_are_kept_here_or_where_the_user_says(tmp_path: Path) -> None:
    parser = make_parser("")

    assert parser.parse_args([]).directory.resolve() == Path(os.getcwd())
    assert parser.parse_args(["--directory", str(tmp_path)]).directory == tmp_path
