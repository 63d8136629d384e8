# ruff: noqa: RUF001  a sign of multiplication, not a letter
"""The command line of the benchmarks: sizes, JSON, tables, and how it fails."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.harness import Contender, Cost, Question, Role, Speed, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from benchmarks.report import Answer, Result
from benchmarks.summary import best_peer, summary

TEXT = "How fast is nothing?\n\nNot measured: anything.\n"


def idle(name: str, count: int, role: Role, *, is_right: bool = True) -> Contender:
    def verify(_: object) -> int:
        require(is_right, "something is wrong")
        return count

    return Contender(name, lambda: Task(lambda: sum(range(99)), verify), count, role)


def questions(sizes: Sizes) -> Iterator[Question]:
    count = sizes["gets"]
    yield Question(
        "nothing",
        [
            idle("qsdb", count, "subject"),
            idle("qsdb read-only", count, "subject"),
            idle("sqlite3", count, "peer"),
            idle("dict", count, "floor"),
        ],
        [Speed("qsdb", 1e-9, "sqlite3"), Cost("qsdb read-only", 1e-9, "dict")],
    )
    yield Question("less", [idle("qsdb", count, "subject")])


def wrong_questions(sizes: Sizes) -> Iterator[Question]:
    count = sizes["gets"]
    yield Question("wrong", [idle("qsdb", count, "subject", is_right=False)])


FULL, SMALL = {"gets": 1_000_000}, {"gets": 2}
NOTHING = Benchmark("bench_nothing", TEXT, FULL, SMALL, questions)
WRONG = Benchmark("bench_wrong", TEXT, FULL, SMALL, wrong_questions)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    run(NOTHING, make_parser(TEXT).parse_args(["--runs", "1", *arguments]))
    return capsys.readouterr().out


def answers(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Answer]:
    found: list[Answer] = json.loads(printed(capsys, "--json", *arguments))
    return found


def test_json_holds_all_that_a_figure_depends_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nothing, less = json.loads(printed(capsys, "--json", "--runs", "3"))

    assert nothing["question"] == "nothing"
    assert nothing["benchmark"] == less["benchmark"] == "bench_nothing"
    assert nothing["sizes"] == FULL
    assert nothing["runs"] == 3
    assert nothing["clock"] == "wall"
    assert nothing["python"].startswith("CPython 3.")
    assert nothing["cpu_count"] >= 1


def test_json_holds_the_figures(capsys: pytest.CaptureFixture[str]) -> None:
    nothing, less = answers(capsys)

    names = [each["name"] for each in nothing["results"]]
    assert names == ["qsdb", "qsdb read-only", "sqlite3", "dict"]
    for each in nothing["results"]:
        assert each["unit"] == "us/op"
        assert 0 < each["min"] <= each["median"] <= each["max"]
        assert set(each["ratio"]) == {"sqlite3", "dict"}
    assert nothing["results"][2]["ratio"]["sqlite3"] == 1
    assert less["results"][0]["ratio"] == {}


def test_targets_are_judged(capsys: pytest.CaptureFixture[str]) -> None:
    nothing, _ = answers(capsys)

    assert [each["met"] for each in nothing["targets"]] == [True, False]


def test_small_mode_has_small_sizes_and_no_targets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nothing, _ = json.loads(printed(capsys, "--json", "--small"))

    assert nothing["sizes"] == SMALL
    assert nothing["results"][0]["count"] == 2
    assert nothing["targets"] == []


def test_quick_mode_has_a_tenth_of_the_sizes_and_no_targets(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nothing, _ = json.loads(printed(capsys, "--json", "--quick"))

    assert nothing["sizes"] == {"gets": 100_000}
    assert nothing["targets"] == []


def test_quick_sizes_are_not_less_than_small_ones() -> None:
    sizes = {"rows": 50, "few": 2}
    benchmark = Benchmark("bench_few", TEXT, sizes, {"rows": 20, "few": 3}, questions)

    assert benchmark.quick == {"rows": 20, "few": 2}


def test_a_seed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    benchmark = Benchmark("bench_none", TEXT, FULL, SMALL, lambda _: (), seed=42)

    run(benchmark, make_parser(TEXT).parse_args([]))

    assert "seed: 42" in capsys.readouterr().out


def test_who_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def ask_fewer(sizes: Sizes) -> Iterator[Question]:
        (question,) = [*questions(sizes)][1:]
        yield replace(question, left_out=("absent (not installed)",))

    benchmark = Benchmark("bench_fewer", TEXT, FULL, SMALL, ask_fewer)
    run(benchmark, make_parser(TEXT).parse_args(["--runs", "1"]))
    assert "  not asked: absent (not installed)\n" in capsys.readouterr().out
    run(benchmark, make_parser(TEXT).parse_args(["--runs", "1", "--json"]))

    told = summary(json.loads(capsys.readouterr().out))

    assert told.splitlines()[-1] == "not asked: absent (not installed)"


def test_the_best_peer_is_the_one_that_needs_least(
    capsys: pytest.CaptureFixture[str],
) -> None:
    nothing, less = answers(capsys)
    another: Result = {**nothing["results"][2], "name": "faster", "median": 1e-9}
    nothing["results"].append(another)

    assert best_peer(nothing) == another
    assert best_peer(less) is None


@pytest.mark.parametrize(
    ("options", "runs"), [([], 5), (["--quick"], 3), (["--small"], 1)]
)
def test_runs_if_nothing_is_said(
    options: list[str], runs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    benchmark = Benchmark("bench_none", TEXT, FULL, SMALL, lambda _: ())

    run(benchmark, make_parser(TEXT).parse_args(options))

    assert f"runs: {runs}" in capsys.readouterr().out


def test_processor_time_is_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert "clock: processor" in printed(capsys, "--cpu", "--small")


def test_tables_are_for_readers(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys)

    assert text.startswith("How fast is nothing?\n\nNot measured: anything.\n\n")
    assert "gets: 1,000,000" in text
    assert "sqlite3 ÷ it" in text
    assert "it ÷ dict" in text
    assert "  checksum " in text
    assert "  qsdb: target ≥ 1e-09 × sqlite3: " in text
    assert " met\n" in text
    assert " missed\n" in text


def test_summary_has_a_line_for_each_subject(
    capsys: pytest.CaptureFixture[str],
) -> None:
    head, rule, group, *lines = summary(answers(capsys)).splitlines()

    assert head.split()[:5] == ["question", "qsdb", "best", "peer", "floor"]
    assert head.endswith("target")
    assert set(rule) == {"─"}
    assert group == "· nothing ·"
    starts = [line.split("  ")[0] for line in lines]
    assert starts == ["nothing", "nothing, read-only", "less"]
    assert lines[0].endswith(" met")
    assert lines[1].endswith(" missed")


def test_a_wrong_result_ends_the_program() -> None:
    arguments = make_parser(TEXT).parse_args(["--small"])

    with pytest.raises(SystemExit) as caught:
        run(WRONG, arguments)

    told = "bench_wrong: an invariant does not hold: wrong: qsdb: something is wrong"
    assert caught.value.code == told


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_runs_is_a_positive_number(
    count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        make_parser(TEXT).parse_args(["--runs", count])

    assert "--runs" in capsys.readouterr().err
