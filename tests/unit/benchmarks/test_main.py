"""``python -m benchmarks``: what is told where a benchmark fails."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks.report import Answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with a benchmark that fails and one that does not."""
    package = tmp_path / "benchmarks"
    package.mkdir()
    (package / "bench_wrong.py").write_text("import sys\nsys.exit('3 of 4')\n")
    (package / "bench_right.py").write_text("print('[]')\n")
    return tmp_path


def test_who_fails_says_so(folder: Path) -> None:
    assert program.answers_of("right", [], folder) == []
    with pytest.raises(program.BenchmarkError, match="wrong has failed, with 1"):
        program.answers_of("wrong", [], folder)


def test_the_others_are_told_where_one_fails(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []

    def answers_of(name: str, options: list[str], _: Path) -> list[Answer]:
        asked.append(name)
        return real(name, options, folder)

    real = program.answers_of
    monkeypatch.setattr(program, "answers_of", answers_of)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "wrong", "right", "--json"])
    monkeypatch.setattr(program, "names", lambda: ["right", "wrong"])

    with pytest.raises(SystemExit, match="benchmarks: wrong has failed, with 1"):
        program.main()

    assert asked == ["wrong", "right"]
    out, err = capfd.readouterr()
    assert json.loads(out) == []
    assert "3 of 4" in err
