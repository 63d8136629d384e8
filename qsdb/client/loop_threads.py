"""`LoopThread`: an event loop in a thread of its own, for those who have none."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from qsdb.client.clients import unanswered
from qsdb.errors import ClosedError, UsageError

__all__ = ["LoopThread"]

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""Whoever waits looks so often whether the thread is still there."""


class LoopThread(threading.Thread):
    """An event loop; it does not keep the interpreter alive."""

    def __init__(self) -> None:
        """Begin at once."""
        super().__init__(name="qsdb client", daemon=True)
        self.loop = asyncio.new_event_loop()
        self._ending: asyncio.Task[None] | None = None
        self.start()

    def run(self) -> None:
        """Run until `finish` has come to its end."""
        loop = self.loop
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(_cancel_all())
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    @staticmethod
    def is_here() -> bool:
        """Whether this thread is one of them: then it runs a callback."""
        return isinstance(threading.current_thread(), LoopThread)

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have something done in the loop; give what tells of its end.

        Raises:
            ClosedError: the loop has ended.
        """
        try:
            return asyncio.run_coroutine_threadsafe(work, self.loop)
        except RuntimeError:
            work.close()
            raise ClosedError("this connection is closed") from None

    def wait(self, work: Coroutine[Any, Any, T], seconds: float | None) -> T:
        """Have something done in the loop, and wait for what comes of it.

        Args:
            work: What is to be done.
            seconds: How long to wait, should the loop be stuck in a callback.

        Raises:
            UsageError: this thread runs a callback; to wait here would be for ever.
            ClosedError: the loop has ended.
            UnansweredError: the time is over.
        """
        if self.is_here():
            work.close()
            raise UsageError(
                "this is a callback of a connection over the network, where nothing "
                "can wait for the server: call from another thread, or use "
                "connect_async"
            )
        future = self.begin(work)
        try:
            return self._result(future, seconds)
        except CancelledError:
            raise ClosedError("this connection is closed") from None
        except BaseException:
            future.cancel()
            raise

    def _result(self, future: Future[T], seconds: float | None) -> T:
        left = float("inf") if seconds is None else seconds
        while left > 0:
            with contextlib.suppress(TimeoutError):
                return future.result(min(LOOK_SECONDS, left))
            if future.done():  # the error was its own
                return future.result()
            if not self.is_alive():
                raise ClosedError("this connection is closed")
            left -= LOOK_SECONDS
        raise unanswered("a callback runs still", seconds)

    def soon(self, work: Callable[[], object]) -> None:
        """Have something done in the loop: now if this is its thread, else soon.

        A loop that has ended does nothing.
        """
        if threading.current_thread() is self:
            work()
            return
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(work)

    def finish(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have the loop end, after something last; twice is no error."""

        async def end() -> None:
            try:
                await last()
            finally:
                self.loop.stop()

        def begin() -> None:
            if self._ending is None:
                self._ending = self.loop.create_task(end())

        self.soon(begin)


async def _cancel_all() -> None:
    """Cancel all other tasks of this loop, and wait for them."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)
