"""What functions raise to end more than themselves, and who must not end by it.

``sys.exit()`` in a function of a module, or a library that calls it, raises
`SystemExit`; a coroutine that was cancelled raises `asyncio.CancelledError`. Whoever
calls in the same process is given that. But an event loop that serves many would end
with it, and so would a thread that works for many; for these it is a failure like
others. `KeyboardInterrupt` is none: it comes from the operator.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

__all__ = ["EXITS", "FAILURES", "ExitedError", "contained"]

T = TypeVar("T")

EXITS = (SystemExit, GeneratorExit, asyncio.CancelledError)
"""What is no `Exception`, and is raised by functions."""

FAILURES = (Exception, *EXITS)
"""All that functions raise by themselves."""


class ExitedError(Exception):
    """A function has raised what would end more than itself; that is the cause."""


def contained(work: Callable[[], T]) -> T:
    """Do something of a module, and raise no more than an `Exception`.

    Raises:
        ExitedError: it would have ended whoever does it.
        Whatever else it raises.
    """
    try:
        return work()
    except EXITS as error:
        raise ExitedError(f"it raised {type(error).__name__}") from error
