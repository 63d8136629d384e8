"""Coroutines of procedures: where they can run, and running one to its end.

`asyncio` takes long to import, and many programs never need it: so it is imported when
the first coroutine is there.
"""

import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

__all__ = [
    "Watch",
    "cancel",
    "in_a_thread",
    "is_loop_running",
    "pause",
    "result_of",
    "run_to_end",
    "soon",
]

T = TypeVar("T")

CANCELS_MAX = 100
"""What awaits again so often when it is cancelled is left to the garbage collector."""


class Watch(Protocol):
    """Something that an event loop is about to call."""

    def cancel(self) -> None:
        """Have it not called."""
        ...


def is_loop_running() -> bool:
    """Whether this thread is in an event loop."""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None  # noqa: SLF001


def run_to_end(coroutine: Coroutine[Any, Any, object]) -> object:
    """Run a coroutine in an event loop of its own, and give what it returns.

    In a thread that is in no event loop; which one it has besides is left as it is.
    """
    import asyncio  # noqa: PLC0415  see above

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(coroutine)


async def result_of(future: Future[T]) -> T:
    """Wait in an event loop for what a thread does."""
    import asyncio  # noqa: PLC0415  see above

    return await asyncio.wrap_future(future)


async def in_a_thread(function: Callable[..., T], *arguments: object) -> T:
    """Call a function in a thread, and wait in an event loop for what it gives."""
    import asyncio  # noqa: PLC0415  see above

    return await asyncio.to_thread(function, *arguments)


async def pause(seconds: float) -> None:
    """Let the event loop go on for so long."""
    import asyncio  # noqa: PLC0415  see above

    await asyncio.sleep(seconds)


def cancel(coroutine: Coroutine[Any, Any, object]) -> Exception | None:
    """End a coroutine that has suspended itself, and give what it fails with then.

    As `asyncio` cancels a task; closing would give up what it awaits in a ``finally``.
    There it is cancelled again.
    """
    import asyncio  # noqa: PLC0415  see above

    for _ in range(CANCELS_MAX):
        try:
            coroutine.throw(asyncio.CancelledError())
        except (asyncio.CancelledError, StopIteration):
            break
        except Exception as error:  # noqa: BLE001  of the user's function
            return error
    return None


def soon(callback: Callable[[], object]) -> Watch | None:
    """Have a callback called when the event loop of this thread has control again.

    Returns:
        What can still be cancelled; None if the thread is in no event loop.
    """
    if not is_loop_running():
        return None
    import asyncio  # noqa: PLC0415  see above

    return asyncio.get_running_loop().call_soon(callback)
