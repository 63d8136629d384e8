"""The options that say where a database is, and those that several commands have."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from qsdb.cli.local import Local
from qsdb.cli.remote import Remote, server_of
from qsdb.cli.specs import load_specs, parse_spec
from qsdb.cli.targets import Target
from qsdb.errors import ArgumentError
from qsdb.files import place_of
from qsdb.log.whole_files import read_file
from qsdb.schema.modules import Module
from qsdb.server.hosts import check_name

__all__ = ["as_json", "module_of", "taken", "with_target"]

T = TypeVar("T")

TOKEN_BYTES_MAX = 16384
"""No token is longer; servers take no longer header."""

DEFAULT_SERVER = "http://127.0.0.1:3000"

as_json = click.option("--json", "is_json", is_flag=True, help="Print JSON.")
"""The option ``--json``."""


def taken(read: Callable[[str], T], text: str) -> T:
    """Read what stands on the command line.

    Raises:
        click.UsageError: it is not of its form; then the exit code is 2.
    """
    try:
        return read(text)
    except ArgumentError as error:
        raise click.UsageError(f"{error}") from None


def module_of(text: str) -> Module:
    """Give the module of a spec, imported.

    Raises:
        click.UsageError: it is no spec.
        ArgumentError: what it names is no module.
        RequestError: it cannot be imported.
    """
    [(_, module)] = load_specs([taken(parse_spec, text)]).values()
    return module


def with_target(command: Callable[..., T]) -> Callable[..., T]:
    """Give a command the options that say where its database is, and the database."""

    @click.option(
        "--server",
        envvar="QSDB_SERVER",
        default=DEFAULT_SERVER,
        show_default=True,
        help="Where a server is.  [env: QSDB_SERVER]",
    )
    @click.option(
        "--database",
        envvar="QSDB_DATABASE",
        metavar="NAME",
        help="Which of its databases; name or identity.  [env: QSDB_DATABASE]",
    )
    @click.option(
        "--token",
        envvar="QSDB_TOKEN",
        help="Shows who you are; somebody new without. @FILE for what is in a file.  "
        "[env: QSDB_TOKEN]",
    )
    @click.option(
        "--data",
        nargs=2,
        type=(click.Path(), str),
        metavar="DIR PACKAGE:MODULE",
        help="No server: a database in files, as its owner, and its module.",
    )
    @functools.wraps(command)
    def run(**options: Any) -> T:  # noqa: ANN401  click gives options by name
        target = _target(
            options.pop("server"),
            options.pop("database"),
            options.pop("token"),
            options.pop("data"),
        )
        try:
            return command(target, **options)
        finally:
            target.close()

    return run


def _target(
    server: str, database: str | None, token: str | None, data: tuple[str, str] | None
) -> Target:
    """Give the database that options name.

    Raises:
        click.UsageError: they name none, or two, or what can be none.
    """
    if data is not None:
        if database is not None:
            raise click.UsageError("--data and --database name two databases")
        path, spec = data
        return Local(path, module_of(spec))
    if database is None:
        raise click.UsageError(
            "which database? --database NAME of a server, or --data DIR "
            "PACKAGE:MODULE for one in files"
        )
    where, name = taken(server_of, server), taken(_name, database)
    return Remote(where, name, _shown_token(token))


def _shown_token(text: str | None) -> str | None:
    """Give the token that an option names.

    Raises:
        OSError: the file that it is in cannot be read.
        click.UsageError: there is none in it.
    """
    if text is not None and text.startswith("@"):
        directory, name = place_of(text[1:])
        data = read_file(directory, name, TOKEN_BYTES_MAX)
        text = data.decode("ascii", "replace")
    token = (text or "").strip()
    if not token.isprintable() or not token.isascii():
        raise click.UsageError("the token is none: it has more than ASCII letters")
    return token or None


def _name(text: str) -> str:
    is_identity = len(text) == 64 and all(each in "0123456789abcdef" for each in text)
    return text if is_identity else check_name(text)
