"""The group of all commands, and what errors are on a terminal.

Exit codes are those of `qsdb.recovery.commands`: 0 done, 1 the request failed, 2 wrong
use. What fails is one sentence on standard error, behind the command's name.
"""

import sys
from collections.abc import Sequence

import click

from qsdb.cli.asking import call, sql
from qsdb.cli.describing import describe
from qsdb.cli.generating import generate
from qsdb.cli.serving_modules import dev, serve
from qsdb.cli.targets import RequestError
from qsdb.cli.telling import logs, subscribe
from qsdb.errors import QsdbError
from qsdb.recovery import commands
from qsdb.runtime.version import VERSION

__all__ = ["program", "run_program"]


class _FailedError(click.ClickException):
    """A request failed; the exit code is 1."""

    def __init__(self, command: str, message: str) -> None:
        super().__init__(message)
        self._command = command

    def show(self, file: object = None) -> None:
        """Print one sentence, as the commands on files do."""
        sys.stderr.write(f"qsdb {self._command}: {self.message}\n")


class _Program(click.Group):
    """All commands, in the order in which they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands]

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever reads has enough; click ends quietly
            raise
        except (QsdbError, RequestError, OSError) as error:
            raise _FailedError(ctx.invoked_subcommand or "", f"{error}") from error


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 the request failed or damage was found, 2 wrong use.",
)
@click.version_option(VERSION, package_name="qsdb", prog_name="qsdb")
def program() -> None:
    """Serve databases of qsdb, ask them, and look after their files."""


def _file_command(name: str, summary: str) -> click.Command:
    """Give a command on files, which reads its arguments by itself."""

    @click.command(
        name,
        short_help=f"{summary[0].upper()}{summary[1:]}.",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("arguments", nargs=-1, type=click.Path())
    def run(arguments: tuple[str, ...]) -> None:
        code = commands.main([name, *arguments])
        click.get_current_context().exit(code)

    return run


for _command in (serve, dev, call, sql, subscribe, describe, logs, generate):
    program.add_command(_command)
for _name, _summary in commands.summaries().items():
    program.add_command(_file_command(_name, _summary))


def run_program(arguments: Sequence[str]) -> int:
    """Do what a command line asks, and give the exit code."""
    try:
        program.main([*arguments], prog_name="qsdb")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    raise AssertionError("click ends each program")  # pragma: no cover  it does
