"""The command `generate`: sources for clients, made of a module."""

import sys
from collections.abc import Callable, Mapping

import click

from qsdb.cli.options import module_of
from qsdb.cli.targets import RequestError
from qsdb.files import place_of
from qsdb.generate.python_client import python_client
from qsdb.generate.typescript import typescript_bindings
from qsdb.log.whole_files import read_file, write_file
from qsdb.runtime.row_filters import check_filters

__all__ = ["generate"]

GENERATORS: Mapping[str, Callable[..., str]] = {
    "typescript": typescript_bindings,
    "python": python_client,
}
"""Language → what makes its source."""


@click.command()
@click.argument("module", metavar="PACKAGE:MODULE")
@click.option(
    "--lang",
    type=click.Choice([*GENERATORS]),
    required=True,
    help="The language of the source.",
)
@click.option(
    "--out", type=click.Path(), metavar="FILE", help="Standard output if not given."
)
@click.option(
    "--check", is_flag=True, help="Write nothing; exit with 1 if FILE would change."
)
@click.option("--include-private", is_flag=True, help="What only the owner sees, too.")
def generate(
    module: str,
    lang: str,
    out: str | None,
    check: bool,  # noqa: FBT001  click gives options by name
    include_private: bool,  # noqa: FBT001  likewise
) -> None:
    """Write the source that clients of a module are written with.

    \b
    typescript  bindings for the npm package spacetimedb 2.x
    python      classes of rows and functions, for qsdb.client.connect(module=…)

    Equal modules give equal sources, so --check tells whether a file is up to date.
    """  # noqa: D301  \b keeps the lines for click
    if check and out is None:
        raise click.UsageError("--check compares with a file: --out FILE")
    command = f"python -m qsdb generate --lang {lang} {module}"
    if include_private:
        command += " --include-private"
    schema = module_of(module).compiled(check_filters)
    text = GENERATORS[lang](schema, command=command, private=include_private)
    if out is None:
        sys.stdout.write(text)
        return
    directory, name = place_of(out)
    data = text.encode()
    is_same = directory.exists(name) and read_file(directory, name) == data
    if check and not is_same:
        raise RequestError(f"{out} is not what {command} writes")
    if not is_same:
        directory.make_directory()
        write_file(directory, name, data)
        directory.sync()
