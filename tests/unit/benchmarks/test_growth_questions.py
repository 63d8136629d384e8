# ruff: noqa: RUF001  a sign of multiplication, not a letter
"""Questions of growth, of fan-out and of pauses notice what was left undone."""

from array import array
from pathlib import Path

import pytest

from benchmarks import bench_fanout
from benchmarks.bench_fanout import QUERIES, ask_again, be_told, parameters
from benchmarks.bench_growth import (
    HOLDERS,
    KINDS,
    Beyond,
    beside_connections,
    beside_queries,
    by_rows,
    decades,
    draw_keys,
    log_of,
    operate,
)
from benchmarks.bench_pauses import in_qsdb, longest, one_in_a_thousand, time_each
from benchmarks.bench_transfer import draw_pairs
from benchmarks.harness import InvariantError, Outcome, Question, Series


@pytest.mark.parametrize(
    ("least", "most", "sizes"),
    [
        (1_000, 100_000, [1_000, 10_000, 100_000]),
        (1, 100, [1, 10, 100]),
        (1_000, 50_000, [5_000, 50_000]),
        (10, 5, [5]),
    ],
)
def test_sizes_are_ten_times_one_another(
    least: int, most: int, sizes: list[int]
) -> None:
    assert decades(least, most) == sizes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", HOLDERS)
def test_operations_leave_what_was_there(name: str, kind: str) -> None:
    held = HOLDERS[name][0](50)

    for _ in range(2):
        task = operate(held, kind, draw_keys(50, 30))
        assert task.verify(task.work()) == 30

    held.close()


@pytest.mark.parametrize("name", HOLDERS)
def test_an_operation_that_is_left_out_is_noticed(name: str) -> None:
    held = HOLDERS[name][0](50)
    task = operate(held, "get", draw_keys(50, 30))

    with pytest.raises(InvariantError, match="29 of 30 were done"):
        task.verify(29)

    held.rows += 1
    with pytest.raises(InvariantError, match="left are"):
        task.verify(30)
    held.close()


def test_tables_are_loaded_once_for_all_questions() -> None:
    sizes = {"rows_least": 10, "rows": 100, "operations": 4}
    first, second, *_ = by_rows(sizes)

    names = [each.name for each in first.contenders]
    assert names[:4] == [
        *["qsdb, 10 rows", "sqlite3, 10 rows", "dict, 10 rows", "qsdb, 100 rows"]
    ]
    assert names == [each.name for each in second.contenders]
    points = [each.point for each in first.contenders if each.point]
    assert {point.size for point in points} == {10, 100}


def test_growth_beyond_the_floor_is_the_target() -> None:
    names = ["qsdb, 10 rows", "qsdb, 1,000 rows", "dict, 10 rows", "dict, 1,000 rows"]
    series = [
        Series(name, "subject", 1, (figure,))
        for name, figure in zip(names, (2.0, 12.0, 1.0, 3.0), strict=True)
    ]
    outcome = Outcome(Question("?", ()), tuple(series), "0")
    target = Beyond("qsdb", 2, "dict", (10, 1_000))

    assert target.value(outcome) == 2.0
    assert target.is_met(outcome)
    assert target.text == "target from 10 to 1,000 ≤ 2 × as dict"


@pytest.mark.slow
def test_bytes_of_log_are_those_of_the_transfers(tmp_path: Path) -> None:
    task = log_of(tmp_path, 30)
    grown = task.work()
    assert task.verify(grown) == "all transfers"
    assert 30 * 20 < grown < 30 * 1_000

    with pytest.raises(InvariantError, match="30 transfers are in 5 bytes"):
        task.verify(5)

    task.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("make", [beside_queries, beside_connections])
def test_listeners_who_are_not_told_are_noticed(make: type) -> None:
    task = make(5, 7)
    told = task.work()
    assert task.verify(told) == 7

    told.count -= 1

    with pytest.raises(InvariantError, match="6 were told, not 7"):
        task.verify(told)
    task.close()


@pytest.mark.parametrize("kind", QUERIES)
def test_who_is_told_and_who_asks_again_see_the_same(kind: str) -> None:
    told, again = be_told(kind, 100, 4, 6), ask_again(kind, 100, 4, 6)
    told.work()

    assert told.verify(None) == again.verify(again.work()) == 6
    with pytest.raises(InvariantError, match="23 changes were seen"):
        again.verify(23)
    told.close()
    again.close()


def test_an_update_that_is_lost_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget(self: bench_fanout.Listener, _: object) -> None:
        self.updates += 1

    monkeypatch.setattr(bench_fanout.Listener, "__call__", forget)
    task = be_told("key", 100, 2, 3)
    task.work()

    with pytest.raises(InvariantError, match="listener 0 has other rows"):
        task.verify(None)
    task.close()


def test_each_listener_asks_for_its_own() -> None:
    assert parameters("key", 3) == {"id": 5}
    assert parameters("range", 3) == {"low": 49_997, "high": 60_003}
    assert parameters("join", 3) == {"low": 49_997}


def test_times_are_read_as_the_longest_and_one_in_a_thousand() -> None:
    times = array("q", range(1_000, 3_000))

    assert longest(0.0, times) == pytest.approx(2_999e-9)
    assert one_in_a_thousand(0.0, times) == pytest.approx(2_998e-9)


def test_each_transfer_is_timed_and_made(tmp_path: Path) -> None:
    pairs = draw_pairs(10, 20, 0.0)
    task = in_qsdb(tmp_path, 10, pairs)
    times = task.work()
    assert task.verify(times)
    assert len(times) == 20
    assert min(times) > 0

    with pytest.raises(InvariantError, match="was not timed"):
        task.verify(times[1:])

    task.close()
    assert list(tmp_path.iterdir()) == []


def test_time_each_passes_pairs() -> None:
    made: list[tuple[int, int]] = []

    time_each(lambda source, target: made.append((source, target)), [(1, 2), (3, 4)])

    assert made == [(1, 2), (3, 4)]
