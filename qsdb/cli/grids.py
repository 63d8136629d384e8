"""Answers as tables to look at, as JSON, or as CSV.

What comes from a database may hold anything: what a terminal would obey, an escape for
example, is shown by its number and never sent.
"""

import csv
import json
import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qsdb.cli.targets import Answer

__all__ = [
    "cell_text",
    "console",
    "grid",
    "harmless",
    "print_csv",
    "print_json",
    "show_answer",
]

WIDE = 100_000
"""Columns of what is no terminal: nothing is cut off there."""


def console(*, to_error: bool = False) -> Console:
    """Give what prints now; it colours on a terminal alone."""
    stream = sys.stderr if to_error else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def cell_text(value: object) -> str:
    r"""Give a plain value in one line.

    >>> cell_text("a\nb\x1b"), cell_text(None), cell_text({"x": [1, "y"]})
    ('a⏎b\\x1b', 'NULL', '{"x": [1, "y"]}')
    """
    match value:
        case None:
            return "NULL"
        case str():
            return harmless(value)
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value}"
        case _:
            return harmless(json.dumps(value, ensure_ascii=False))


def harmless(text: str) -> str:
    """Give a text in one line, in which a terminal obeys nothing."""
    if text.isprintable():
        return text
    letters = [
        each if each.isprintable() else "⏎" if each == "\n" else _escaped(each)
        for each in text
    ]
    return "".join(letters)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


def grid(title: str | None, columns: Sequence[str]) -> Table:
    """Begin a table to look at."""
    table = Table(
        title=None if title is None else Text(harmless(title), style="bold"),
        title_justify="left",
        box=box.ROUNDED,
        header_style="bold",
    )
    for each in columns:
        table.add_column(Text(harmless(each)), overflow="fold")
    return table


def _styled(value: object) -> Text:
    style = "dim" if value is None else ""
    return Text(cell_text(value), style=style)


def show_answer(answer: Answer) -> None:
    """Print an answer for people."""
    shown = console()
    if answer.affected is not None:
        shown.print(f"{_counted(answer.affected)} affected")
        return
    table = grid(None, answer.columns)
    for place, _ in enumerate(answer.columns):
        if answer.rows and all(type(row[place]) in (int, float) for row in answer.rows):
            table.columns[place].justify = "right"
    for row in answer.rows:
        table.add_row(*[_styled(value) for value in row])
    shown.print(table)
    shown.print(_counted(len(answer.rows)))


def _counted(number: int) -> str:
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def print_json(value: object, *, indent: int | None = None) -> None:
    """Print plain data as JSON, in a line of its own; it is there at once."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def print_csv(answers: Iterable[Answer]) -> None:
    """Print rows as CSV: nothing for NULL, JSON for what has parts."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for answer in answers:
        if answer.affected is not None:
            writer.writerows([["affected"], [answer.affected]])
            continue
        writer.writerow(answer.columns)
        for row in answer.rows:
            writer.writerow([_csv_cell(value) for value in row])


def _csv_cell(value: object) -> object:
    match value:
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
        case bool():
            return str(value).lower()
        case _:
            return value
