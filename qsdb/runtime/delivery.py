"""`Delivery`: who has to be told what, in the order of commits.

Whatever is to be told is put into the outbox under the writer lock, so the outbox is in
the order of commits. It is emptied after the lock is given back, by one thread at a
time:

* a thread that has committed empties it, or waits for the thread that does, before its
  call returns: so whoever called sees the effect on the next line;
* what is put in while something is told (a callback called a reducer) is told after
  that, by the same thread;
* what is to be told only once it is on the disk goes to a thread of its own, which
  waits for that. That thread never keeps a program alive. What waits for a receiver
  who falls behind is joined, so that it never is more than what there is to say.

Since the writer lock is free meanwhile, callbacks may read, call reducers, subscribe
and close what they like. A callback that raises is logged. What is no `Exception`, as
of `sys.exit` or a signal handler, goes on to whoever tells, once all others are told.
"""

import contextlib
import functools
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Protocol, Self

from qsdb.cache.steps import PASSING, finish, go_on
from qsdb.errors import FailedError, UsageError
from qsdb.forks import on_fork

__all__ = ["Delivery", "Joinable", "Message"]

_LOGGER = logging.getLogger("qsdb.delivery")

WAITING_MAX = 1024
"""So many messages wait for the disk before it is looked whose can be joined, or twice
as many as were left last time."""

BEHIND_MIN = 64
"""A receiver for whom so many wait has fallen behind."""


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


class Joinable(Message, Protocol):
    """Something to be told to a receiver, that can be told together with more."""

    offset: int
    """The commit that it is about."""

    @property
    def phase(self) -> object:
        """To whom it is told, and between which moments.

        What has the same phase may be told together; somebody may wait for a moment.
        """
        ...

    def joined(self, later: Sequence[Self], /) -> Self:
        """Give one that says what this and later ones say."""
        ...


class Delivery:
    """The outbox of a database.

    Attributes:
        lock: Held by the thread that tells.
        outbox: What is to be told, the first of which may be told just now; what is
            told is no more there.
        put: Has a message told; under the writer lock.
    """

    def __init__(self, wait_durable: Callable[[int], object] | None) -> None:
        """Begin with nothing to tell.

        Args:
            wait_durable: Waits until an offset is on the disk; None in memory, where
                nothing is ever more durable.
        """
        self._renew_lock()
        on_fork(self._forked)
        self.outbox: deque[Message] = deque()
        self.put = self.outbox.append
        self._is_busy = False
        self._wait_durable = wait_durable
        self._durable: deque[Joinable] = deque()
        self._durable_max = WAITING_MAX
        self._taken: Joinable | None = None
        """What was taken out of these, and is told just now."""
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

    def put_durable(self, message: Joinable) -> None:
        """Have something told once its commit is on the disk; under the writer lock."""
        if self._wait_durable is None:
            self.outbox.append(message)
            return
        with self._wake:
            self._durable.append(message)
            if len(self._durable) > self._durable_max:
                self._durable = joined(self._durable)
                self._durable_max = max(WAITING_MAX, 2 * len(self._durable))
            if self._thread is None:
                self._start()
            self._wake.notify()

    def run(self) -> None:
        """Tell what is due, or wait for the thread that does.

        Called in a callback it does nothing: what is due is told after that.
        """
        # Who takes something out of the outbox was busy before.
        if (self.outbox or self._is_busy) and not self._is_mine():
            with self.lock:
                try:
                    self._empty()
                except PASSING:
                    go_on(self._empty)
                    raise

    def _empty(self) -> None:
        outbox = self.outbox
        try:
            self._is_busy = True
            while outbox:
                message = outbox[0]
                try:  # as `tell` does, without a call of its own
                    if not message.is_told:
                        message.deliver()
                except Exception:
                    _LOGGER.exception("a callback raised")
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
        if self._taken is not None:  # an interrupt has cut that off
            self.tell(self._taken)
        while (message := self._next(offset)) is not None:
            self.tell(message)
        self._taken = None

    def _next(self, offset: int) -> Joinable | None:
        """Take out what is to be told first, if it waits for no later offset."""
        with self._wake:
            waiting = self._durable
            if not waiting or waiting[0].offset > offset:
                return None
            # No call stands between these, so no signal handler does.
            self._taken = waiting[0]
            del waiting[0]
            return self._taken

    @property
    def is_telling_here(self) -> bool:
        """Whether this thread is in a callback."""
        return self._is_mine()

    def require_outside(self) -> None:
        """Refuse a callback.

        Raises:
            UsageError: this thread is in one.
        """
        if self._is_mine():
            raise UsageError("a callback waits for changes, and they come after it")

    def catch_up(self, offset: int) -> None:
        """Wait until a commit is on the disk, and tell what waits for that.

        In a callback nothing is told: that comes after it.
        """
        if self._wait_durable is not None and not self._is_mine():
            self._wait_durable(offset)
            with self.lock:
                finish(functools.partial(self._tell_all, offset))

    def _tell_all(self, offset: int) -> None:
        """Tell what waits for an offset that is there, and what callbacks committed."""
        self.tell_durable(offset)
        self._empty()

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
                offset = self._durable[0].offset
            try:
                self._wait_durable(offset)
            except FailedError:
                _LOGGER.warning("what waits for the disk is never told: it failed")
                return
            with self.lock:
                go_on(functools.partial(self._tell_all, offset))

    def close(self) -> None:
        """Tell what waits for the disk; the log is closed, so it is there or never.

        In a callback that is told after it.
        """
        with self._wake:
            self._is_closed = True
            self._wake.notify()
            if self._is_mine():
                with contextlib.suppress(FailedError):
                    while self._durable and self._wait_durable is not None:
                        self._wait_durable(self._durable[0].offset)
                        self.outbox.append(self._durable.popleft())
                return
        if self._thread is not None:
            self._thread.join()


def joined(waiting: Iterable[Joinable]) -> deque[Joinable]:
    """Join what waits for each who has fallen behind. Cost: O(all that is said)."""
    by_phase: dict[object, list[Joinable]] = {}
    for message in waiting:
        by_phase.setdefault(message.phase, []).append(message)
    left: list[Joinable] = []
    for messages in by_phase.values():
        first, *later = messages
        left += [first.joined(later)] if len(later) >= BEHIND_MIN else messages
    return deque(sorted(left, key=attrgetter("offset")))
