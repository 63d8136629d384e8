r"""The prompt of `sql`: statements of several lines, and words about the tables.

A statement goes on until a semicolon; an empty line ends it too. What begins with a
backslash is for the prompt itself:

=============  ================================================
``\d``         which tables and views there are
``\d NAME``    the columns, keys and indexes of one
``\f``         which functions there are
``\q``         the end, as is the end of input (Ctrl-D)
``\?``         this list
=============  ================================================

What was typed is kept in a file of the user's, and comes back with the arrow keys,
where Python has readline.
"""

import contextlib
import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType

import click
from rich.console import Console
from rich.table import Table

from qsdb.cli.definition_pages import function_grids, table_grids, tables_grid
from qsdb.cli.targets import Answer, RequestError, Target
from qsdb.errors import QsdbError
from qsdb.files import open_directory

__all__ = ["Prompt", "reader_with_history", "split_statements"]

ReadLine = Callable[[str], str]
"""Shows a prompt and gives a line; raises EOFError at the end."""

HISTORY = "sql-history"
HISTORY_LINES_MAX = 2000

_HELP = r"""A statement ends with ; or an empty line.
\d         tables and views
\d NAME    columns, keys and indexes of one
\f         reducers and procedures
\q         leave; so does Ctrl-D
\?         this help"""


def split_statements(text: str) -> list[str]:
    """Give the statements of a text, without their semicolons.

    Semicolons in texts, names and comments end nothing.

    >>> split_statements("SELECT ';' FROM a; SELECT 2; ")
    ["SELECT ';' FROM a", 'SELECT 2']
    """
    statements, _ = _split(text)
    return statements


def _split(text: str) -> tuple[list[str], bool]:
    """Give the statements, and whether the last one has ended.

    What says nothing, blanks and comments, is no statement; one that is begun has not
    ended.
    """
    statements: list[str] = []
    start, at, says_something = 0, 0, False
    while at < len(text):
        stop, is_comment = _skip(text, at)
        if text[at] == ";" and stop == at:
            statements += [text[start:at].strip()] * says_something
            start, says_something = at + 1, False
        elif not is_comment and not text[at].isspace():
            says_something = True
        at = max(stop, at + 1)
    statements += [text[start:].strip()] * says_something
    return statements, not says_something


def _skip(text: str, at: int) -> tuple[int, bool]:
    """Give the place after a text, a name or a comment, and whether it is the last.

    It is `at` if none of them begins there.
    """
    if text.startswith("--", at):
        return _after(text, "\n", at), True
    if text.startswith("/*", at):
        return _after_comment(text, at), True
    if text[at] in "'\"":
        return _after(text, text[at], at + 1), False
    return at, False


def _after(text: str, end: str, start: int) -> int:
    found = text.find(end, start)
    return len(text) if found < 0 else found + len(end)


_COMMENT_MARK = re.compile(r"/\*|\*/")


def _after_comment(text: str, at: int) -> int:
    """Give the place after a comment, which may have others inside."""
    depth = 0
    for found in _COMMENT_MARK.finditer(text, at):
        depth += 1 if found.group() == "/*" else -1
        if depth == 0:
            return found.end()
    return len(text)


def reader_with_history(
    import_module: Callable[[str], ModuleType] = importlib.import_module,
    folder: str | None = None,
) -> ReadLine:
    """Give what reads lines from the terminal, with what was typed before.

    Args:
        import_module: Imports readline, which not every Python has.
        folder: Where the history is kept; a folder of the user's if not given.
    """
    try:
        readline = import_module("readline")
    except ModuleNotFoundError:
        return input
    directory = open_directory(click.get_app_dir("qsdb") if folder is None else folder)
    path = directory.describe(HISTORY)
    readline.set_history_length(HISTORY_LINES_MAX)
    with contextlib.suppress(OSError):  # a convenience: it may be missing
        directory.make_directory()
        if directory.exists(HISTORY):
            readline.read_history_file(path)

    def read(prompt: str) -> str:
        line = input(prompt)
        with contextlib.suppress(OSError):
            readline.write_history_file(path)
        return line

    return read


class Prompt:
    """Reads statements, runs them and shows what they give, until the end."""

    def __init__(
        self, target: Target, show: Callable[[list[Answer]], None], console: Console
    ) -> None:
        """Prepare.

        Args:
            target: Runs statements.
            show: Shows answers.
            console: Shows all else.
        """
        self._target = target
        self._show = show
        self._console = console

    def run(self, read: ReadLine) -> None:
        """Go on until the end of input."""
        lines: list[str] = []
        while True:
            try:
                line = read("...> " if lines else "sql> ")
            except EOFError:
                self._console.print()
                return
            except KeyboardInterrupt:  # gives up what was begun
                self._console.print()
                lines = []
                continue
            if not lines and line.strip().startswith("\\"):
                if not self._command(*line.split()):
                    return
                continue
            lines.append(line)
            statements, has_ended = _split("\n".join(lines))
            if has_ended or not line.strip():
                lines = []
                self._statements(statements)

    def _statements(self, statements: Sequence[str]) -> None:
        for each in statements:
            try:
                self._show(self._target.sql(each))
            except (QsdbError, RequestError) as error:
                self._console.print(f"{error}", style="red")
                return
            except KeyboardInterrupt:
                self._console.print("interrupted", style="red")
                return

    def _command(self, name: str, *words: str) -> bool:
        """Do what is for the prompt itself; whether it goes on."""
        if (name, *words) == ("\\q",):
            return False
        try:
            for each in self._told(name, words):
                self._console.print(each)
        except (QsdbError, RequestError) as error:
            self._console.print(f"{error}", style="red")
        return True

    def _told(self, name: str, words: Sequence[str]) -> Iterable[Table | str]:
        match (name, *words):
            case ("\\d",):
                return [tables_grid(self._target.definition())]
            case ("\\d", table):
                return table_grids(self._target.definition(), table)
            case ("\\f",):
                return function_grids(self._target.definition(has_returns=True))
            case ("\\?",):
                return [_HELP]
            case _:
                return [f"{name} is no command; \\? lists them"]
