"""The commands `subscribe` and `logs`: what goes on until it is interrupted."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from qsdb.cli.grids import cell_text, console, print_json
from qsdb.cli.options import as_json, with_target
from qsdb.cli.targets import Change, Target
from qsdb.values.timestamps import Timestamp

__all__ = ["logs", "subscribe"]

_SIGNS = {"initial": (" ", ""), "insert": ("+", "green"), "delete": ("-", "red")}


@click.command()
@with_target
@click.argument("query")
@click.option("--count", type=click.IntRange(min=1), help="End after so many rows.")
@as_json
def subscribe(
    target: Target,
    query: str,
    count: int | None,
    is_json: bool,  # noqa: FBT001  click gives options by name
) -> None:
    """Print the rows of QUERY, and then each that comes (+) or goes (-).

    Ctrl-C ends it. With --json each row is a line of its own: what became of it, the
    offset of the commit (a server does not tell it), and the row.
    """
    shown = console()
    with target.changes(query) as changes, _interruptible():
        for number, change in enumerate(changes, start=1):
            if is_json:
                print_json(_object_of(change))
            else:
                _show_change(shown, change)
            if number == count:
                return


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Take Ctrl-C as the end."""
    with contextlib.suppress(KeyboardInterrupt):
        yield


def _object_of(change: Change) -> dict[str, object]:
    row = dict(zip(change.columns, change.row, strict=True))
    offset = {"offset": change.offset} if change.offset else {}
    return {"change": change.sort, **offset, "row": row}


def _show_change(shown: Console, change: Change) -> None:
    sign, style = _SIGNS[change.sort]
    pairs = zip(change.columns, change.row, strict=True)
    parts = [f"{cell_text(name)}={cell_text(value)}" for name, value in pairs]
    shown.print(Text(f"{sign} {'  '.join(parts)}", style=style), soft_wrap=True)


@click.command()
@with_target
@click.option(
    "-n",
    "--lines",
    "count",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many of the last lines.",
)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@as_json
def logs(
    target: Target,
    count: int,
    follow: bool,  # noqa: FBT001  click gives options by name
    is_json: bool,  # noqa: FBT001  likewise
) -> None:
    """Print what a database logged, of a server's as its owner.

    Of a database in files it is the commit log: which call made each commit.
    """
    shown = console()
    with _interruptible():
        for line in target.log_lines(count, follow=follow):
            if is_json:
                print_json(line)
            else:
                _show_line(shown, line)


_LEVELS = {"Error": "red", "Panic": "bold red", "Warn": "yellow", "Debug": "dim"}


def _show_line(shown: Console, line: Mapping[str, Any]) -> None:
    """Print a line of a log: of a server's, or a commit."""
    words = [_time_of(line)]
    if "offset" in line:
        words.append(f"{line['offset']}")
        words.append(cell_text(line.get("function", "without a call")))
        if "arguments" in line:
            words.append(cell_text(line["arguments"]))
        if "sender" in line:
            words.append(f"by {cell_text(line['sender'])[:16]}…")
        words.append(f"({line['rows']} rows)")
    else:
        words.append(f"{cell_text(line.get('level', '')):<5}")
        if line.get("target"):
            words.append(f"{cell_text(line['target'])}:")
        words.append(cell_text(line.get("message", "")))
    style = _LEVELS.get(f"{line.get('level')}", "")
    shown.print(Text(" ".join(words), style=style), soft_wrap=True)
    for each in line.get("trace", ()):
        where = f"{each.get('module_name')}: {each.get('func_name')}"
        shown.print(Text(f"    {cell_text(where)}", style=style), soft_wrap=True)


def _time_of(line: Mapping[str, Any]) -> str:
    micros = line.get("ts")
    if type(micros) is not int:
        return "?"
    with contextlib.suppress(OverflowError):
        return f"{Timestamp.from_micros(micros)}"
    return f"{micros}"
