"""The commands `call` and `sql`: one request, and its answer."""

import sys
from collections.abc import Iterable

import click

from qsdb.cli.grids import cell_text, console, print_csv, print_json, show_answer
from qsdb.cli.options import as_json, with_target
from qsdb.cli.prompts import Prompt, reader_with_history, split_statements
from qsdb.cli.targets import Answer, Target
from qsdb.codec.json_text import JsonTextError, read_json

__all__ = ["call", "sql"]


@click.command(context_settings={"ignore_unknown_options": True})  # for -1
@with_target
@click.argument("function")
@click.argument("arguments", nargs=-1)
@as_json
def call(
    target: Target,
    function: str,
    arguments: tuple[str, ...],
    is_json: bool,  # noqa: FBT001  click gives options by name
) -> None:
    r"""Call a reducer or a procedure.

    ARGUMENTS are JSON values, in the order of the parameters; those with a default
    may be left out at the end:

    \b
        qsdb call --database chat send '"lobby"' '"hi"'

    What the function returns is printed.
    """
    for each in arguments:
        try:
            read_json(each)
        except JsonTextError as error:
            raise click.BadParameter(
                f"{each!r} is no JSON value ({error}); a text is written '\"{each}\"'",
                param_hint="ARGUMENTS",
            ) from None
    given = target.call(function, f"[{','.join(arguments)}]")
    if is_json:
        print_json(given)
    elif given is not None:
        console().print(cell_text(given))


@click.command()
@with_target
@click.argument("text", required=False)
@as_json
@click.option("--csv", "is_csv", is_flag=True, help="Print CSV.")
def sql(
    target: Target,
    text: str | None,
    is_json: bool,  # noqa: FBT001  click gives options by name
    is_csv: bool,  # noqa: FBT001  likewise
) -> None:
    r"""Run SQL: TEXT, what standard input has, or what you type.

    Several statements end with a semicolon each, and run one after the other; the
    first that fails ends it. On a terminal without TEXT there is a prompt, where \?
    tells more.
    """
    if is_json and is_csv:
        raise click.UsageError("--json and --csv: choose one")
    show = print_csv if is_csv else _print_json if is_json else _show
    if text is None and sys.stdin.isatty():
        Prompt(target, show, console()).run(reader_with_history())
        return
    statements = split_statements(sys.stdin.read() if text is None else text)
    if not statements:
        raise click.UsageError("there is no statement to run")
    for each in statements:
        show(target.sql(each))


def _show(answers: Iterable[Answer]) -> None:
    for each in answers:
        show_answer(each)


def _print_json(answers: Iterable[Answer]) -> None:
    for each in answers:
        is_query = each.affected is None
        print_json(each.objects() if is_query else {"affected": each.affected})
