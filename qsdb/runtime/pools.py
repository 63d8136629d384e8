"""`Pool`: some threads of a database, that work off what they are given.

Threads are begun when there is work for them, as many as are allowed, and end when they
have had none for a while. They never keep the interpreter alive, as those of
`concurrent.futures` would: a procedure that waits for a server which says nothing must
not keep a program from ending.

Who waits inside of a transaction for a thread that wants one would wait for ever, and
all who write with it. So a pool may be told when there is to be no waiting: then its
futures refuse it.
"""

import contextvars
import threading
import weakref
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ParamSpec, TypeVar

import attrs

from qsdb.errors import ClosedError
from qsdb.forks import on_fork

__all__ = ["Pool"]

IDLE_SECONDS = 10.0
"""A thread that has had no work for so long ends."""

P = ParamSpec("P")
T = TypeVar("T")


@attrs.frozen(eq=False)
class _Job:
    """Some work, and the future that is told how it ended."""

    future: Future[Any]
    work: Callable[[], object]

    def do(self) -> None:
        if not self.future.set_running_or_notify_cancel():
            return
        try:
            result = self.work()
        except BaseException as error:  # noqa: BLE001  whoever waits is told
            self.future.set_exception(error)
        else:
            self.future.set_result(result)


class _Awaited(Future[T]):
    """A future that is not waited for everywhere."""

    def __init__(self, check: Callable[[], object]) -> None:
        """Begin.

        Args:
            check: Raises where there is to be no waiting.
        """
        super().__init__()
        self._check = check

    def result(self, timeout: float | None = None) -> T:
        """Wait for what was returned, or raise what was raised.

        Raises:
            UsageError: it is not there yet, and this thread is not to wait.
        """
        if timeout != 0 and not self.done():
            self._check()
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Wait for what was raised; None if nothing was.

        Raises:
            UsageError: as `result` does.
        """
        if timeout != 0 and not self.done():
            self._check()
        return super().exception(timeout)


def _nothing() -> None:
    """Let whoever likes wait."""


class Pool:
    """Threads for work that may wait.

    Attributes:
        name: What its threads are called.
        threads_max: How many there are at most.
    """

    def __init__(
        self, name: str, threads_max: int, check: Callable[[], object] = _nothing
    ) -> None:
        """Begin without any thread.

        Args:
            name: What its threads are called.
            threads_max: How many there are at most.
            check: Raises where nobody is to wait for what a thread does.
        """
        self.name = name
        self.threads_max = threads_max
        self._check = check
        self._renew()
        on_fork(self._renew)

    def _renew(self) -> None:
        """Begin anew; in a forked child, which has no threads of its parent."""
        self._shared = _Shared()
        weakref.finalize(self, self._shared.close)

    def submit(
        self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Have a thread call a function, in the caller's context variables.

        Raises:
            ClosedError: the database is closed.
            RuntimeError: the system gives no thread; then nothing is called.
        """
        run = contextvars.copy_context().run
        job = _Job(_Awaited[T](self._check), lambda: run(function, *args, **kwargs))
        shared = self._shared
        with shared.changed:
            if shared.is_closed:
                raise ClosedError("the database is closed")
            is_short = shared.idle_count <= len(shared.waiting)
            if is_short and shared.threads_count < self.threads_max:
                threading.Thread(
                    target=_work, args=(shared,), name=self.name, daemon=True
                ).start()
                shared.threads_count += 1
            shared.waiting.append(job)
            shared.changed.notify()
        return job.future

    def close(self) -> None:
        """Take nothing more, and cancel what waits; what runs goes on."""
        self._shared.close()


class _Shared:
    """What a pool and its threads have in common: they do not keep the pool alive."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.waiting: deque[_Job] = deque()
        self.idle_count = 0
        self.threads_count = 0
        self.is_closed = False

    def close(self) -> None:
        with self.changed:
            self.is_closed = True
            left = [*self.waiting]
            self.waiting.clear()
            self.changed.notify_all()
        for job in left:
            job.future.cancel()

    def next(self) -> _Job | None:
        """Wait for work; None if the thread is to end."""
        with self.changed:
            self.idle_count += 1
            is_there = self.changed.wait_for(self._is_over_or_there, IDLE_SECONDS)
            self.idle_count -= 1
            if is_there and self.waiting:
                return self.waiting.popleft()
            self.threads_count -= 1
            return None

    def _is_over_or_there(self) -> bool:
        return self.is_closed or bool(self.waiting)


def _work(shared: _Shared) -> None:
    while (job := shared.next()) is not None:
        job.do()
        del job  # whoever has the future keeps what it gave
