"""Suites: engines agree, and one that does something else is found out."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.bench_games import agents, circles, positions
from benchmarks.bench_micro import suite as micro_suite
from benchmarks.bench_smallbank import SMALLBANK
from benchmarks.bench_smallbank import suite as smallbank_suite
from benchmarks.bench_tatp import TATP
from benchmarks.bench_tatp import suite as tatp_suite
from benchmarks.bench_tpcb import TPCB
from benchmarks.bench_tpcb import suite as tpcb_suite
from benchmarks.bench_tpcc import TPCC
from benchmarks.bench_tpcc import suite as tpcc_suite
from benchmarks.bench_ycsb import MIXES
from benchmarks.bench_ycsb import load as ycsb_rows
from benchmarks.bench_ycsb import suite as ycsb_suite
from benchmarks.draws import zipf
from benchmarks.harness import InvariantError, Question, ask
from benchmarks.keyed import Lmdb
from benchmarks.peers import is_installed
from benchmarks.statements import open_sqlite
from benchmarks.suites import (
    Functions,
    Suite,
    evidence,
    in_dicts,
    in_qsdb,
    in_sql,
    questions_of,
)

SUITES: dict[str, Callable[[], Suite]] = {
    "TPC-B": lambda: tpcb_suite(TPCB.small),
    "SmallBank": lambda: smallbank_suite(SMALLBANK.small),
    "TATP": lambda: tatp_suite(TATP.small),
    "TPC-C": lambda: tpcc_suite({**TPCC.small, "transactions": 300}),
    "circles": lambda: circles(5, 2),
    "positions": lambda: positions(20, 2),
    "agents": lambda: agents(30, 3),
    "YCSB A": lambda: ycsb_suite("A", ycsb_rows(20), 40),
    "YCSB D": lambda: ycsb_suite("D", ycsb_rows(20), 40),
    "YCSB E": lambda: ycsb_suite("E", ycsb_rows(20), 40),
    "YCSB F": lambda: ycsb_suite("F", ycsb_rows(20), 40),
    "update_bulk": lambda: micro_suite("update_bulk", "plain", "update", 300, 2),
    "insert_bulk": lambda: micro_suite("insert_bulk", "indexed", "insert", 300, 2),
}


def rows_and_answers(suite: Suite) -> tuple[dict[str, list[Any]], list[Any]]:
    """Have a suite done over dicts, and give what is left and was answered."""
    found: list[Any] = []
    watched = replace(suite, check=lambda rows, answers: found.append((rows, answers)))
    task = in_dicts(watched)
    task.verify(task.work())
    return found[0][0], found[0][1]


def ask_once(question: Question) -> str:
    return ask(question, 1, random.Random(0).random).checksum


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITES)
def test_engines_that_are_always_there_agree(name: str) -> None:
    suite = SUITES[name]()
    found = set()

    for task in (in_qsdb(suite), in_sql(suite, "sqlite3"), in_dicts(suite)):
        found.add(task.verify(task.work()))
        task.close()

    assert len(found) == 1


@pytest.mark.parametrize("name", SUITES)
def test_a_lost_row_is_noticed(name: str) -> None:
    suite = SUITES[name]()
    rows, answers = rows_and_answers(suite)
    evidence(suite, rows, answers)
    written = {
        "TATP": "call_forwarding",
        "TPC-B": "history",
        "SmallBank": "savings",
        "TPC-C": "order_line",
    }
    table = written.get(name, next(iter(rows)))

    with pytest.raises(InvariantError):
        evidence(suite, {**rows, table: rows[table][1:]}, answers)


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("TPC-B", "branch", 1),
        ("TPC-B", "teller", 2),
        ("TPC-B", "account", 2),
        ("TPC-B", "history", 4),
        ("SmallBank", "savings", 1),
        ("SmallBank", "checking", 1),
        ("TPC-C", "warehouse", 2),
        ("TPC-C", "district", 3),
        ("TPC-C", "district", 4),
        ("TPC-C", "customer", 5),
        ("TPC-C", "customer", 6),
        ("TPC-C", "customer", 8),
        ("TPC-C", "history", 4),
        ("TPC-C", "orders", 6),
        ("TPC-C", "order_line", 6),
        ("TPC-C", "new_order", 2),
        ("positions", "position", 1),
        ("agents", "mobile", 1),
        ("agents", "targetable", 1),
        ("YCSB A", "record", 3),
        ("update_bulk", "plain", 1),
    ],
)
def test_a_wrong_value_is_noticed(name: str, table: str, column: int) -> None:
    suite = SUITES[name]()
    rows, answers = rows_and_answers(suite)
    first, *others = rows[table]
    wrong = "?" if isinstance(first[column], str) else first[column] + 1_000
    first = (*first[:column], wrong, *first[column + 1 :])

    with pytest.raises(InvariantError):
        evidence(suite, {**rows, table: [first, *others]}, answers)


def forgetful(functions: Functions) -> Functions:
    """Give transactions that answer and do nothing for every second call."""
    calls = 0

    def planted(name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal calls
            calls += 1
            return 1 if calls % 2 == 0 else functions[name](*arguments)

        return call

    return {name: planted(name) for name in functions}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SUITES if name != "YCSB D"])
def test_a_planted_contender_that_forgets_makes_the_run_fail(name: str) -> None:
    suite = SUITES[name]()
    (question, *_) = questions_of(
        replace(suite, mapped=lambda tables: forgetful(suite.mapped(tables)))
    )
    two = [each for each in question.contenders if each.name in ("qsdb", "dict")]

    with pytest.raises(InvariantError, match=f"{suite.title}: dict"):
        ask_once(replace(question, contenders=two))


def test_transactions_of_tatp_fail_by_design_and_succeed() -> None:
    suite = tatp_suite({"subscribers": 100, "transactions": 3_000})
    _, answers = rows_and_answers(suite)
    done: dict[str, list[bool]] = {}
    for (name, _), answer in zip(suite.steps, answers, strict=True):
        done.setdefault(name, []).append(bool(answer))
    share = {name: sum(each) / len(each) for name, each in done.items()}

    assert share["get_subscriber"] == share["update_location"] == 1
    assert share["get_access_data"] == pytest.approx(0.625, abs=0.1)
    assert share["get_new_destination"] == pytest.approx(0.24, abs=0.1)
    for name in ("update_subscriber", "insert_call_forwarding"):
        assert 0 < share[name] < 1
    assert 0.75 < sum(len(done[name]) for name in suite.readings) / 3_000 < 0.85


@pytest.mark.parametrize("workload", MIXES)
def test_workloads_of_ycsb_have_their_mixes(workload: str) -> None:
    steps = ycsb_suite(workload, ycsb_rows(10), 2_000).steps
    names = [name for name, _ in steps]

    for name, percent in MIXES[workload].items():
        assert names.count(name) / 2_000 == pytest.approx(percent / 100, abs=0.04)


def test_zipf_is_uniform_without_an_alpha() -> None:
    drawn = zipf(random.Random(1), 4, 0.0, 4_000)

    assert all(drawn.count(n) == pytest.approx(1_000, rel=0.15) for n in range(4))


# A peer, and so no dependency of the tests: the group `bench` brings it.
@pytest.mark.skipif(not is_installed("lmdb"), reason="lmdb is not installed")
def test_a_table_of_lmdb_is_a_mapping_in_the_order_of_its_keys() -> None:
    parts = {"one": 1, "two": 2}
    env = Lmdb(parts)
    env.load({"one": [(300, "c"), (2, "a"), (256, "b")], "two": [(1, 2, 3)]}, parts)

    with env.begin(write=True) as env.txn:
        one, two = env.tables["one"], env.tables["two"]
        assert [*one] == [2, 256, 300]
        assert [*one.irange(3)] == [256, 300]
        assert one.get(7) is None
        assert (7 in one, 2 in one, len(one)) == (False, True, 3)
        assert two[1, 2] == (1, 2, 3)
        del one[2]
        with pytest.raises(KeyError):
            one[2]
        with pytest.raises(KeyError):
            del one[2]

    assert env.rows()["one"] == [(256, "b"), (300, "c")]
    env.close()


def test_sqlite_is_loaded_at_once_and_asked() -> None:
    peer = open_sqlite()
    peer.execute("CREATE TABLE some (id INTEGER PRIMARY KEY, name TEXT)")
    peer.load("some", [(1, "a"), (2, "b")])
    peer.load("some", [])
    peer.many("UPDATE some SET name = ? WHERE id = ?", [("c", 1)])

    assert peer.rows("some") == [(1, "c"), (2, "b")]
    peer.close()
