"""The command line: ``python -m examples.qsbridge [COMMAND] …``.

Without the name of a command an evening of events is played (`cli.evening`). A file
that is called like a command is written with its folder, as ``./dashboard``.

Exit codes: 0, done; 1, a simulation found something wrong; 2, something could not be
used, or the command line is wrong; 130, stopped by Ctrl-C. For commands that run until
then that is 0.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from examples.qsbridge.cli import dashboard, evening, serve, simulate

__all__ = ["main"]

COMMANDS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "dashboard": dashboard.main,
    "serve": serve.main,
    "simulate": simulate.main,
}
"""Name → what runs with the arguments behind it, and gives the exit code."""
STOPPED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that is named; give the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        if given and given[0] in COMMANDS:
            code = COMMANDS[given[0]](given[1:])
        else:
            code = evening.main(given)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return STOPPED
    return code


if __name__ == "__main__":
    sys.exit(main())
