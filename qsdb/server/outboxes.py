"""`Outbox`: what one client is to be sent, in the order of commits.

Threads put things in, as they commit; the event loop takes messages out, as fast as the
client reads. Three things can wait in it:

* a message that is made;
* a `Place` kept for one that is not, so that what belongs behind it stays there: the
  answer to a call that has committed and is about to return, the first result of a
  subscription that another thread computes;
* a `Batch`, what a commit did to the client's queries. It is encoded when it is taken:
  by the first of all clients whom it is told, for all of them.

Each stands for an offset, and with *confirmed* delivery nothing is taken before that
offset is on the disk. Of a client that reads slowly the batches that stand one behind
another are joined into one with the same net change, so that never more waits than
there is to say; what even so is more than `rows_max` rows ends the client. One commit
may have as many rows as it likes: whoever is behind by nothing else is not slow.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

import attrs

from qsdb.errors import QueryError
from qsdb.runtime.batches import Batch

__all__ = ["BEHIND", "FULL", "FULL_BYTES", "Outbox", "Place"]

BEHIND = 64
"""Batches that wait for a client until it is looked which can be joined."""

FULL = 1024
"""Messages that wait for a client until no more is read from it."""

FULL_BYTES = 4 << 20
"""Likewise their bytes: few answers can be long ones."""

TAKEN_BYTES_MAX = 1 << 20
"""About so many bytes are taken at once, and held while they are sent."""

TAKEN_AT_ONCE = 16
"""So many things are taken out before it is looked how many bytes they have."""


@attrs.define(eq=False)
class Place:
    """Where a message stands that is yet to be made.

    Attributes:
        offset: The commit that it waits for.
        data: The message, once it is made (`Outbox.fill`); empty if there is none
            after all.
    """

    offset: int
    data: bytes | None = None


class Outbox:
    """What one client is to be sent.

    Attributes:
        is_overfull: Whether more waits than may; then the client is to be ended.
        is_ending: Whether the client is to be ended, and nothing is to wait.
    """

    __slots__ = (
        *("_batches", "_encode", "_items", "_last", "_limit", "_lock", "_rows_max"),
        *("_size", "is_ending", "is_overfull"),
    )

    def __init__(
        self, encode: Callable[[Batch], Sequence[bytes]], rows_max: int
    ) -> None:
        """Begin with nothing.

        Args:
            encode: Makes messages of a batch.
            rows_max: Rows of changes that may wait.
        """
        self._items: deque[Place | Batch] = deque()
        self._encode = encode
        self._rows_max = rows_max
        self._batches, self._limit = 0, BEHIND
        self._size = 0  # bytes of messages that are made
        self._last = 0  # the last offset that anything has waited for
        self._lock = threading.Lock()
        self.is_overfull = self.is_ending = False

    def __len__(self) -> int:
        """Give how many things wait."""
        return len(self._items)

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nothing more is to be asked for."""
        return len(self._items) >= FULL or self._size >= FULL_BYTES

    @property
    def may_wait(self) -> bool:
        """Whether there are only a few commits of others, and more is to come."""
        few = 0 < self._batches == len(self._items) < BEHIND // 2
        return few and not self.is_ending

    def put(self, offset: int, data: bytes) -> None:
        """Have a message sent, after all that waits."""
        place = Place(offset, data)
        with self._lock:
            self._append(place)
            self._size += len(data)

    def reserve(self, offset: int) -> Place:
        """Keep a place for a message, to be given to `fill`."""
        place = Place(offset)
        with self._lock:
            self._append(place)
        return place

    def fill(self, place: Place, data: bytes) -> None:
        """Have a message sent at a place that was kept for it."""
        with self._lock:
            place.data = data
            self._size += len(data)

    def _append(self, item: Place | Batch) -> None:
        self._items.append(item)
        # Who puts something in may have been overtaken since it looked at the offset.
        if item.offset > self._last:  # noqa: PLR1730  `max` would be a call
            self._last = item.offset

    def put_batch(self, batch: Batch) -> None:
        """Have the client told of a commit. Cost: O(1); of one behind, O(rows)."""
        with self._lock:
            self._append(batch)
            self._batches += 1
            if self._batches > self._limit:
                self._join()

    def take(self, durable: int | None) -> list[bytes]:
        """Take messages that are due, in their order, as many as is sensible at once.

        Args:
            durable: The offset that is on the disk; None if nobody waits for that.
        """
        taken, size = list[bytes](), 0
        while size < TAKEN_BYTES_MAX and (due := self._due(durable)):
            for count, item in enumerate(due, 1):
                found: Sequence[bytes]
                if isinstance(item, Batch):
                    found = self._encode(item)  # no lock: who commits asks for that
                else:
                    found = (item.data,) if item.data else ()
                for data in found:
                    taken.append(data)
                    size += len(data)
                if size >= TAKEN_BYTES_MAX:
                    self._put_back(due[count:])
                    break
        return taken

    def _due(self, durable: int | None) -> list[Place | Batch]:
        """Take some of what is due out, in its order; nothing if nothing is."""
        items, due = self._items, list[Place | Batch]()
        with self._lock:
            while items and len(due) < TAKEN_AT_ONCE:
                item = items[0]
                if durable is not None and item.offset > durable:
                    break
                if isinstance(item, Batch):
                    self._batches -= 1
                elif item.data is None:
                    break
                else:
                    self._size -= len(item.data)
                due.append(items.popleft())
        return due

    def _put_back(self, items: Sequence[Place | Batch]) -> None:
        """Have what was taken out stand first again."""
        with self._lock:
            self._items.extendleft(reversed(items))
            for item in items:
                if isinstance(item, Batch):
                    self._batches += 1
                else:
                    self._size += len(item.data or b"")

    @property
    def awaited(self) -> int | None:
        """An offset at which all that waits is due; None if nothing waits."""
        return self._last if self._items else None

    def bound(self) -> None:
        """See that a client which reads slowly has no more waiting than it may.

        Cost: O(batches that wait), and O(rows) where they are too many.
        """
        with self._lock:
            rows = [_rows_of(each) for each in self._items if isinstance(each, Batch)]
            if sum(rows[:-1]) > self._rows_max:
                self._join()

    def _join(self) -> None:
        """Join batches that stand one behind another; see that they do not add up."""
        left: deque[Place | Batch] = deque()
        run: list[Batch] = []
        rows = batches = 0
        for item in [*self._items, None]:
            if isinstance(item, Batch):
                run.append(item)
                continue
            if run:
                first, *later = run
                batch = first.joined(later) if later else first
                rows += _rows_of(batch)
                batches += 1
                left.append(batch)
                run = []
            if item is not None:
                left.append(item)
        self._items.clear()
        self._items.extend(left)
        self._batches, self._limit = batches, max(BEHIND, 2 * batches)
        if rows > self._rows_max:
            self.is_overfull = True


def _rows_of(batch: Batch) -> int:
    differences = [
        what.difference for _, what in batch.parts if not isinstance(what, QueryError)
    ]
    return sum([len(each.inserts) + len(each.deletes) for each in differences])
