"""`Backlog`: updates that wait for who reads them one by one.

Who reads more slowly than is committed falls behind. Then all that waits is merged into
one update, which says the same: the backlog is never longer than some updates, and none
is larger than the results before and after it. Rows of event tables are told one by one
however many they are; who is too far behind with those is told no more, and why.

A signal handler may raise while an update is put in; then it is put in again. The last
one twice is once.
"""

import threading
from collections.abc import Callable, Iterator

from qsdb.errors import QueryError
from qsdb.runtime.updates import Update, excess, merged

__all__ = ["Backlog", "Changes"]

UPDATES_MAX = 256
"""So many updates wait before they are merged."""


class Backlog:
    """What one reader has not read yet.

    Attributes:
        is_ended: Whether nothing is put in any more.
    """

    def __init__(self) -> None:
        """Begin with nothing to read."""
        # Of its own: a condition's ``with`` may be interrupted, and keep the lock.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        nothing: tuple[Update, ...] = ()
        last: Update | None = None
        self._state = (nothing, last)
        """What waits, and what was put in last; replaced as a whole."""
        self.is_ended = False
        self._error: QueryError | None = None

    def put(self, update: Update) -> None:
        """Have an update read; the last one twice is once.

        Cost: that of a list of at most `UPDATES_MAX`, and O(rows) once in so many.
        """
        with self._lock:
            waiting, last = self._state
            if last is not update:
                waiting = (*waiting, update)
                if update.is_event and (error := excess(waiting)) is not None:
                    self.end(error)
                    return
                if len(waiting) > UPDATES_MAX:
                    one = merged(waiting)
                    waiting = (one,) if one else ()
                self._state = (waiting, update)
            self._changed.notify_all()

    def end(self, error: QueryError | None = None) -> None:
        """Have the reader end when all is read, with an error if there is one."""
        with self._lock:
            self.is_ended = True
            self._error = error
            self._changed.notify_all()

    def take(self, timeout: float | None) -> Update | None:
        """Wait for an update, and give it; None at the end, and when time is over.

        Raises:
            QueryError: the query has ended with it.
        """
        with self._lock:
            self._changed.wait_for(lambda: self._state[0] or self.is_ended, timeout)
            waiting, last = self._state
            if waiting:
                self._state = (waiting[1:], last)
                return waiting[0]
            if self._error is not None:
                raise self._error
            return None


class Changes(Iterator[Update]):
    """What one reader reads: it waits for each update, and goes on where it was.

    It ends when nothing came for as long as it was told to wait; then it can be read
    on. Who does not read to the end closes it, or lets it go.
    """

    def __init__(
        self,
        backlog: Backlog,
        timeout: float | None,
        require_outside: Callable[[], None],
    ) -> None:
        """Read a backlog."""
        self._backlog = backlog
        self._timeout = timeout
        self._require_outside = require_outside

    def __next__(self) -> Update:
        """Wait for an update, and give it.

        Raises:
            QueryError: what the query has ended with, after all that came before.
            UsageError: this thread is in a transaction, or in a callback.
        """
        self._require_outside()
        update = self._backlog.take(self._timeout)
        if update is None:
            raise StopIteration
        return update

    def close(self) -> None:
        """Read no more; twice is no error."""
        self._backlog.end()

    def __del__(self) -> None:
        """Have nothing kept for it."""
        self._backlog.end()
