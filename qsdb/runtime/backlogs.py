"""`Backlog`: updates that wait for who reads them one by one.

Who reads more slowly than is committed falls behind. Then all that waits is merged into
one update, which says the same: the backlog is never longer than some updates, and none
is larger than the results before and after it.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator

from qsdb.errors import QueryError
from qsdb.runtime.updates import Update, merged

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
        self._changed = threading.Condition()
        self._updates: deque[Update] = deque()
        self.is_ended = False
        self._error: QueryError | None = None

    def put(self, update: Update) -> None:
        """Have an update read. Cost: O(1), and O(rows) once in so many."""
        with self._changed:
            self._updates.append(update)
            if len(self._updates) > UPDATES_MAX:
                one = merged(self._updates)
                self._updates = deque([one] if one else [])
            self._changed.notify_all()

    def end(self, error: QueryError | None = None) -> None:
        """Have the reader end when all is read, with an error if there is one."""
        with self._changed:
            self.is_ended = True
            self._error = error
            self._changed.notify_all()

    def take(self, timeout: float | None) -> Update | None:
        """Wait for an update, and give it; None at the end, and when time is over.

        Raises:
            QueryError: the query has ended with it.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._updates or self.is_ended, timeout)
            if self._updates:
                return self._updates.popleft()
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
