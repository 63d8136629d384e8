"""The prompt of `sql`: what is typed, and what is shown."""

import io
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import pytest
from rich.console import Console

from qsdb.cli import asking
from qsdb.cli.local import Local
from qsdb.cli.prompts import Prompt, reader_with_history, split_statements
from qsdb.cli.targets import Answer
from tests.unit.cli.shop import SPEC, fill, run, shop


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Local]:
    fill(tmp_path / "data")
    target = Local(f"{tmp_path / 'data'}", shop)
    yield target
    target.close()


def typed(*lines: str | type[BaseException]) -> Callable[[str], str]:
    """Give what reads these lines, and then the end."""
    left = [*lines, EOFError]

    def read(prompt: str) -> str:
        asked.append(prompt)
        line = left.pop(0)
        if isinstance(line, str):
            return line
        raise line

    asked: list[str] = []
    return read


def shown(target: Local, *lines: str | type[BaseException]) -> tuple[list[Answer], str]:
    """Give the answers, and what was said besides."""
    answers: list[Answer] = []
    text = io.StringIO()
    prompt = Prompt(target, answers.extend, Console(file=text, width=200))
    prompt.run(typed(*lines))
    return answers, text.getvalue()


def rows(answers: Sequence[Answer]) -> list[list[object]]:
    return [[*row] for each in answers for row in each.rows]


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" ; ;", []),
        ("a", ["a"]),
        ("a;b ; c", ["a", "b", "c"]),
        ("a';'b;c", ["a';'b", "c"]),
        ("a''';'b;c", ["a''';'b", "c"]),
        ('a";"b', ['a";"b']),
        ("a -- ;\nb;c", ["a -- ;\nb", "c"]),
        ("a -- ;", ["a -- ;"]),
        ("-- a;\n", []),
        (" /* ; */ ;", []),
        ("a /* ; /* ; */ ; */ b; c", ["a /* ; /* ; */ ; */ b", "c"]),
        ("a /* ;", ["a /* ;"]),
        ("'a;", ["'a;"]),
        ("a '; b", ["a '; b"]),
        ("a - b; c", ["a - b", "c"]),
    ],
)
def test_statements_end_with_semicolons(text: str, statements: list[str]) -> None:
    assert split_statements(text) == statements


def test_a_statement_goes_on_until_its_semicolon(target: Local) -> None:
    answers, text = shown(target, "SELECT name", "FROM toy", "WHERE id = 1;")

    assert rows(answers) == [["ball"]]
    assert text == "\n"


def test_an_empty_line_ends_a_statement(target: Local) -> None:
    answers, _ = shown(target, "SELECT name FROM toy WHERE id = 2", "", "", ";")

    assert rows(answers) == [["kite"]]


def test_a_comment_alone_is_no_statement(target: Local) -> None:
    answers, text = shown(target, "-- all toys", "SELECT id FROM toy; -- done", "\\q")

    assert rows(answers) == [[1], [2]]
    assert text == ""


def test_several_statements_run_in_turn(target: Local) -> None:
    answers, _ = shown(
        target,
        "DELETE FROM toy WHERE id = 1; SELECT id FROM toy; SELECT name",
        "FROM toy;",
    )

    assert [each.affected for each in answers] == [1, None, None]


def test_an_error_is_told_and_the_prompt_goes_on(target: Local) -> None:
    answers, text = shown(
        target, "SELECT x FROM toy; SELECT 1;", "SELECT id FROM toy WHERE id = 1;"
    )

    assert "line 1, column 8: " in text
    assert rows(answers) == [[1]]


def test_an_interrupt_gives_up_what_was_begun(target: Local) -> None:
    answers, _ = shown(
        target, "SELECT nothing", KeyboardInterrupt, "SELECT id FROM toy WHERE id = 2;"
    )

    assert rows(answers) == [[2]]


def test_an_interrupt_ends_a_statement_that_runs(
    target: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: str) -> list[Answer]:
        raise KeyboardInterrupt

    monkeypatch.setattr(target, "sql", interrupted)
    _, text = shown(target, "SELECT 1; SELECT 2;")

    assert text == "interrupted\n\n"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("\\d", "cheap"),
        ("\\d sold", "sold (private)"),
        ("\\d cheap", "list[Toy]"),
        ("\\d till", "no table or view 'till'; there are: toy, sold, cheap"),
        ("\\f", "name: str, price: f64"),
        ("\\?", "reducers and procedures"),
        ("\\x", "\\x is no command; \\? lists them"),
        (" \\d a b", "\\d is no command; \\? lists them"),
    ],
)
def test_what_is_for_the_prompt_itself(line: str, told: str, target: Local) -> None:
    _, text = shown(target, line)

    assert told in text


def test_q_leaves(target: Local) -> None:
    answers, text = shown(target, "\\q", "SELECT 1;")

    assert (answers, text) == ([], "")


def test_a_backslash_inside_a_statement_is_part_of_it(target: Local) -> None:
    answers, _ = shown(target, "SELECT id FROM toy WHERE name = '", "\\q';")

    assert [each.columns for each in answers] == [("id",)]


# History.


class Readline(types.ModuleType):
    """What stands in for readline."""

    def __init__(self) -> None:
        super().__init__("readline")
        self.read: list[str] = []
        self.written: list[str] = []
        self.length = 0

    def set_history_length(self, length: int) -> None:
        self.length = length

    def read_history_file(self, path: str) -> None:
        self.read.append(path)

    def write_history_file(self, path: str) -> None:
        self.written.append(path)
        Path(path).touch()


def test_what_was_typed_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt: f"{prompt}typed")
    readline, folder = Readline(), str(tmp_path / "new")
    path = str(tmp_path / "new" / "sql-history")

    read = reader_with_history(lambda _: readline, folder)
    line = read("> ")

    assert (line, readline.read, readline.written) == ("> typed", [], [path])
    reader_with_history(lambda _: readline, folder)
    assert readline.read == [path]


def test_a_python_without_readline_reads_lines() -> None:
    def missing(name: str) -> types.ModuleType:
        raise ModuleNotFoundError(name)

    assert reader_with_history(missing) is input


def test_sql_has_a_prompt_on_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "data")
    lines = ["SELECT name FROM toy WHERE id = 1;"]

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(asking, "reader_with_history", lambda: typed(*lines))
    monkeypatch.setattr(asking, "sys", types.SimpleNamespace(stdin=Terminal()))

    done = run("sql", "--data", tmp_path / "data", SPEC, "--json")

    assert done.exit_code == 0, done.output
    assert done.stdout == '[{"name": "ball"}]\n\n'


def test_the_history_is_in_a_folder_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click, "get_app_dir", lambda name: str(tmp_path / name))

    reader_with_history(lambda _: Readline())

    assert (tmp_path / "qsdb").is_dir()
