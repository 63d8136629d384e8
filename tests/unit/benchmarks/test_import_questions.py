"""What the benchmark of the import runs are programs that do what they say."""

from pathlib import Path

import pytest

from benchmarks.bench_import import programs, questions, taken
from benchmarks.harness import InvariantError


def test_all_contenders_of_a_question_say_the_same() -> None:
    asked = [*questions({})]

    roles = [[each.role for each in question.contenders] for question in asked]
    assert roles == [["subject", "peer", "floor"]] * 3
    assert [bool(question.targets) for question in asked] == [True, False, False]


@pytest.mark.slow
def test_a_program_takes_time_and_is_asked_what_it_said(tmp_path: Path) -> None:
    task = programs("print('here')", "here\n", str(tmp_path))

    seconds = task.work()

    assert taken(0.0, seconds) == seconds > 0
    assert task.verify(seconds) == "here\n"


@pytest.mark.slow
@pytest.mark.parametrize("code", ["pass", "print('there')", "raise SystemExit(3)"])
def test_a_program_that_does_something_else_is_refused(
    code: str, tmp_path: Path
) -> None:
    task = programs(code, "here\n", str(tmp_path))
    seconds = task.work()

    with pytest.raises(InvariantError, match="it said"):
        task.verify(seconds)
