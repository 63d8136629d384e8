"""Two revisions are asked in turn, and compared round by round."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.compare import (
    change_table,
    changes,
    interpreter,
    other_revision,
    take_turns,
)
from benchmarks.harness import (
    Contender,
    InvariantError,
    Outcome,
    Question,
    Series,
    Task,
)
from benchmarks.report import Answer, answer
from tests.support.programs import run_python
from tests.support.sources import ROOT


def unasked() -> Task[None]:
    raise AssertionError


def round_of(qsdb: float, peer: float = 1.0, checksum: str = "0") -> list[Answer]:
    """Give what one round answers, in seconds for one operation."""
    question = Question("which?", [Contender("qsdb", unasked, 1)])
    series = (
        Series("qsdb", "subject", 1, (qsdb,)),
        Series("sqlite3", "peer", 1, (peer,)),
    )
    return [answer(Outcome(question, series, checksum))]


def test_ratio_is_of_rounds_and_has_a_spread() -> None:
    here = [round_of(each) for each in (1.0, 30.0, 2.0, 3.0, 3.0)]
    there = [round_of(each) for each in (2.0, 40.0, 8.0, 6.0, 6.0)]

    ours, noise = changes(here, there)

    assert (ours["ratio"], ours["least"], ours["greatest"]) == (0.5, 0.25, 0.75)
    assert (ours["here"], ours["there"]) == (3e6, 6e6)
    assert ours["is_clear"]
    assert (noise["role"], noise["ratio"], noise["is_clear"]) == ("peer", 1.0, False)


def test_a_change_on_which_rounds_differ_is_none() -> None:
    here = [round_of(each) for each in (1.0, 1.0, 1.0, 1.0, 3.0)]

    (ours, _) = changes(here, [round_of(2.0)] * 5)

    assert not ours["is_clear"]


def test_few_rounds_prove_nothing() -> None:
    (ours, _) = changes([round_of(1.0)] * 4, [round_of(9.0)] * 4)

    assert not ours["is_clear"]


def test_a_change_that_a_peer_shows_too_is_noise() -> None:
    here, there = [round_of(1.0, peer=1.0)] * 5, [round_of(1.5, peer=0.6)] * 5

    (ours, _) = changes(here, there)

    assert not ours["is_clear"]


def test_with_another_interpreter_peers_are_no_noise() -> None:
    here, there = [round_of(1.0, peer=1.0)] * 5, [round_of(1.5, peer=0.6)] * 5

    ours, peer = changes(here, there, peers_are_noise=False)

    assert ours["is_clear"]
    assert peer["is_clear"]
    *_, last = change_table([ours, peer], "Python 4").splitlines()
    assert last.split("  ")[-1].strip() == "slower"


def test_another_interpreter_tells_its_version() -> None:
    assert interpreter(sys.executable).startswith(platform.python_version())


def test_an_interpreter_that_cannot_run_qsdb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no Python '.*nowhere': No such file"):
        interpreter(str(tmp_path / "nowhere"))
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(ValueError, match=r"bare' cannot run qsdb: .*No module named"):
        interpreter(str(bare))


def test_revisions_that_do_something_else_are_not_compared() -> None:
    with pytest.raises(InvariantError, match=r"which\?.*not do the same on both"):
        changes([round_of(1.0)], [round_of(1.0, checksum="1")])


def test_turns_alternate_who_begins() -> None:
    here, there, diary = Path("here"), Path("there"), []

    def ask(folder: Path) -> list[Answer]:
        diary.append(folder.name)
        return round_of(1.0 if folder == here else 2.0)

    ours, _ = take_turns(ask, here, there, 3)

    assert diary == ["here", "there", "there", "here", "here", "there"]
    assert ours["ratio"] == 0.5


def test_the_table_says_who_is_faster() -> None:
    faster = changes([round_of(1.0)] * 5, [round_of(2.0)] * 5)
    slower = changes([round_of(3.0)] * 5, [round_of(2.0)] * 5)
    same = changes([round_of(2.0)] * 5, [round_of(2.0)] * 5)

    head, rule, *lines = change_table([*faster, *slower, *same], "v1").splitlines()

    assert head.split() == [
        *["question", "who", "here", "v1", "unit", "here", "÷", "there", "spread"]
    ]
    assert set(rule) == {"─"}
    assert [line.split("  ")[-1].strip() for line in lines] == [
        *["faster", "noise", "slower", "noise", "no change seen", "noise"]
    ]
    assert "0.50 to 0.50" in lines[0]


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True)


def make_repository(folder: Path, text: str, later: str) -> None:
    """Make one with two revisions of qsdb, and a benchmark that was not committed."""
    (folder / "qsdb").mkdir()
    module = folder / "qsdb" / "__init__.py"
    module.write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", "qsdb")
    git(folder, "commit", "--quiet", "-m", "first")
    module.write_text(later)
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks" / "bench_new.py").write_text("new")


def test_another_revision_is_asked_by_the_benchmarks_of_today(tmp_path: Path) -> None:
    make_repository(tmp_path, "old", "changed")

    with other_revision("HEAD", tmp_path) as folder:
        assert (folder / "qsdb" / "__init__.py").read_text() == "old"
        assert (folder / "benchmarks" / "bench_new.py").read_text() == "new"

    assert not folder.exists()


def test_unknown_revision_is_refused(tmp_path: Path) -> None:
    make_repository(tmp_path, "old", "changed")

    with (
        pytest.raises(ValueError, match="no revision 'nowhere' of qsdb"),
        other_revision("nowhere", tmp_path),
    ):
        pytest.fail("it was found")


@pytest.mark.slow
def test_the_program_compares_with_another_revision() -> None:
    given = ["points", "--small", "--runs", "2", "--json"]
    ran = run_python("-m", "benchmarks", *given, "--compare", "HEAD", cwd=ROOT)

    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert {each["role"] for each in found} == {"subject", "peer", "floor"}
    assert all(0 < each["least"] <= each["ratio"] <= each["greatest"] for each in found)


@pytest.mark.slow
def test_the_program_compares_with_another_interpreter() -> None:
    given = ["points", "--small", "--runs", "1", "--python", sys.executable]
    ran = run_python("-m", "benchmarks", *given, cwd=ROOT)

    assert ran.returncode == 0, ran.stderr
    assert f"Python {platform.python_version()}" in ran.stdout
    assert "no change seen" in ran.stdout


@pytest.mark.slow
def test_the_program_draws_what_grows(tmp_path: Path) -> None:
    given = ["fanout", "--small", "--plots", str(tmp_path / "plots")]
    ran = run_python("-m", "benchmarks", *given, cwd=ROOT)

    assert ran.returncode == 0, ran.stderr
    assert "growth of the cost of" in ran.stdout
    names = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert names == [
        "fan_out_of_a_query_by_join_by_listeners.svg",
        "fan_out_of_a_query_by_key_by_listeners.svg",
        "fan_out_of_a_query_by_range_by_listeners.svg",
    ]


@pytest.mark.slow
def test_the_program_refuses_an_unknown_revision() -> None:
    ran = run_python("-m", "benchmarks", "points", "--compare", "nowhere", cwd=ROOT)

    assert ran.returncode == 1
    assert "benchmarks: no revision 'nowhere'" in ran.stderr
