"""Where the command line begins: with the extra ``qsdb[cli]``, and without it.

The commands on files (`qsdb.recovery.commands`) need nothing but qsdb, so they run
where neither click nor rich is installed; the others say there what they need.
"""

import importlib
import sys
from collections.abc import Callable, Sequence

from qsdb.recovery import commands

__all__ = ["EXTRA_COMMANDS", "main", "run"]

EXTRA_COMMANDS = (
    *("serve", "dev", "call", "sql", "subscribe", "describe", "logs", "generate"),
)
"""What needs the extra."""

_WRONG_USE = 2
_LIBRARIES = ("click", "rich")


def main(arguments: Sequence[str]) -> int:
    """Do what a command line asks, and give the exit code.

    Args:
        arguments: Without the name of the program.

    Raises:
        SystemExit: for wrong use, with 2; after the help, with 0.
    """
    try:
        program = importlib.import_module("qsdb.cli.program")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _LIBRARIES:
            raise
        return _without_extra(arguments)
    run_program: Callable[[Sequence[str]], int] = program.run_program
    return run_program(arguments)


def run() -> None:
    """Be the program ``qsdb``."""
    sys.exit(main(sys.argv[1:]))


def _without_extra(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else ""
    if name in EXTRA_COMMANDS:
        sys.stderr.write(
            f"qsdb {name}: it needs the extra cli: pip install 'qsdb[cli]'\n"
        )
        return _WRONG_USE
    return commands.main(arguments)
