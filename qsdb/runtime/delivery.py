"""`Delivery`: who has to be told what, in the order of commits.

Whatever is to be told is put into the outbox under the writer lock, so the outbox is in
the order of commits. It is emptied after the lock is given back, by one thread at a
time:

* a thread that has committed empties it, or waits for the thread that does, before its
  call returns: so whoever called sees the effect on the next line;
* what is put in while something is told (a callback called a reducer) is told after
  that, by the same thread;
* what is to be told only once it is on the disk goes to a thread of its own, which
  waits for that. That thread never keeps a program alive.

Since the writer lock is free meanwhile, callbacks may read, call reducers, subscribe
and close what they like. A callback that raises is logged.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from qsdb.errors import FailedError
from qsdb.forks import on_fork

__all__ = ["Delivery", "Message"]

_LOGGER = logging.getLogger("qsdb.delivery")


class Message(Protocol):
    """Something to be told.

    An interrupt may cut it off; then it is delivered again, unless it says that it is
    told.
    """

    is_told: bool
    """Set by who delivers it: first of all, or as soon as twice would not be once."""

    def deliver(self) -> None:
        """Tell it."""
        ...


class Delivery:
    """The outbox of a database.

    Attributes:
        lock: Held by the thread that tells.
    """

    def __init__(self, wait_durable: Callable[[int], object] | None) -> None:
        """Begin with nothing to tell.

        Args:
            wait_durable: Waits until an offset is on the disk; None in memory, where
                nothing is ever more durable.
        """
        self._renew_lock()
        on_fork(self._forked)
        self._outbox: deque[Message] = deque()
        self._is_busy = False
        self._wait_durable = wait_durable
        self._durable: deque[tuple[int, Message]] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def _renew_lock(self) -> None:
        self.lock = threading.RLock()
        self._is_mine: Callable[[], bool] = self.lock._is_owned  # type: ignore[attr-defined]  # noqa: SLF001  as threading.Condition does

    def _forked(self) -> None:
        """In a forked child, go on without the threads of the parent."""
        self._wake = threading.Condition()
        self._thread = None
        if not self._is_mine():  # or it forked in a callback, and lives on
            self._renew_lock()
            self._is_busy = False

    def put(self, offset: int, message: Message, *, confirmed: bool) -> None:
        """Have something told; under the writer lock.

        Args:
            offset: The commit that it is about.
            message: It.
            confirmed: Whether only once the commit is on the disk.
        """
        if not confirmed or self._wait_durable is None:
            self._outbox.append(message)
            return
        with self._wake:
            self._durable.append((offset, message))
            if self._thread is None:
                self._start()
            self._wake.notify()

    def run(self) -> None:
        """Tell what is due, or wait for the thread that does.

        Called in a callback it does nothing: what is due is told after that.
        """
        # Who takes something out of the outbox was busy before.
        if (self._outbox or self._is_busy) and not self._is_mine():
            with self.lock:
                self._empty()

    def _empty(self) -> None:
        outbox = self._outbox
        try:
            self._is_busy = True
            while outbox:
                self.tell(outbox[0])
                outbox.popleft()
        finally:
            self._is_busy = False

    def tell(self, message: Message) -> None:
        """Tell something now; by whoever has the lock."""
        try:
            if not message.is_told:
                message.deliver()
        except Exception:
            _LOGGER.exception("a callback raised")

    # What waits for the disk.

    def tell_durable(self, offset: int) -> None:
        """Tell what waits for an offset that is there; by whoever has the lock."""
        while self._durable and self._durable[0][0] <= offset:
            _, message = self._durable.popleft()
            self.tell(message)

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=self._follow_the_disk, name="qsdb-delivery", daemon=True
        )
        self._thread.start()

    def _follow_the_disk(self) -> None:
        assert self._wait_durable is not None
        while True:
            with self._wake:
                while not self._durable:
                    if self._is_closed:
                        return
                    self._wake.wait()
                offset, _ = self._durable[0]
            try:
                self._wait_durable(offset)
            except FailedError:
                _LOGGER.warning("what waits for the disk is never told: it failed")
                return
            with self.lock:
                try:
                    self.tell_durable(offset)
                    self._empty()  # what callbacks have committed
                except BaseException:  # this thread goes on for the others
                    _LOGGER.exception("a callback raised")

    def close(self) -> None:
        """Tell nothing more than what is due already."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()
