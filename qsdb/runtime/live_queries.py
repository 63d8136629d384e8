"""`LiveQuery`: a result that is kept current, and who is told of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Self

import attrs

from qsdb.errors import QueryError
from qsdb.live.operators import Difference, LiveResult
from qsdb.sql.loops import StoredRow

__all__ = ["LiveQuery", "Shape", "Update"]

Callback = Callable[["Update"], object]
OnError = Callable[[QueryError], object]


@attrs.frozen
class Shape:
    """What the rows of a result are to users.

    Attributes:
        columns: The names of the columns.
        make: Makes rows of stored ones.
        key_of: The primary key of a stored row; None where a result has none.
    """

    columns: tuple[str, ...]
    make: Callable[[list[StoredRow]], list[Any]]
    key_of: Callable[[StoredRow], object] | None


class Update:
    """How a result changed with a commit.

    Rows are made when they are asked for, once for all who are told.

    Attributes:
        offset: The commit.
        difference: The same, as stored rows.
    """

    __slots__ = ("_deletes", "_inserts", "_shape", "_updates", "difference", "offset")

    def __init__(self, offset: int, difference: Difference, shape: Shape) -> None:
        """Keep what changed."""
        self.offset = offset
        self.difference = difference
        self._shape = shape
        self._inserts: list[Any] | None = None
        self._deletes: list[Any] | None = None
        self._updates: list[tuple[Any, Any]] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self._shape.columns

    @property
    def inserts(self) -> list[Any]:
        """All rows that came; one that came twice is there twice."""
        if self._inserts is None:
            self._inserts = self._shape.make([*self.difference.inserts])
        return self._inserts

    @property
    def deletes(self) -> list[Any]:
        """All rows that went."""
        if self._deletes is None:
            self._deletes = self._shape.make([*self.difference.deletes])
        return self._deletes

    @property
    def updates(self) -> list[tuple[Any, Any]]:
        """Those that went and came with the same primary key: old and new."""
        if self._updates is None:
            self._updates = [*self._paired()]
        return self._updates

    def _paired(self) -> Sequence[tuple[Any, Any]]:
        key_of = self._shape.key_of
        if key_of is None:
            return []
        went = {
            key_of(stored): row
            for stored, row in zip(self.difference.deletes, self.deletes, strict=True)
        }
        came = zip(self.difference.inserts, self.inserts, strict=True)
        return [
            (went[key], row) for stored, row in came if (key := key_of(stored)) in went
        ]

    def __repr__(self) -> str:
        """Say how much changed."""
        came, went = len(self.difference.inserts), len(self.difference.deletes)
        return f"<Update at offset {self.offset}: {came} inserts, {went} deletes>"


class LiveQuery:
    """A query whose result is kept current until it is closed.

    Attributes:
        offset: The commit at which it began; `initial` was its result then.
        error: Why it ended by itself; None if it did not.
        result: What it shares with all who ask the same; None when it has ended.
    """

    __slots__ = (
        "_bag",
        "_callback",
        "_end",
        "_initial",
        "_on_error",
        "_pending",
        "confirmed",
        "error",
        "offset",
        "result",
        "shape",
    )

    def __init__(
        self,
        end: Callable[["LiveQuery"], None],
        shape: Shape,
        callback: Callback | None,
        on_error: OnError | None,
        *,
        confirmed: bool,
    ) -> None:
        """Prepare; `Subscriptions` begins it."""
        self._end = end
        self._callback = callback
        self._on_error = on_error
        self._pending: list[Update] | None = []
        self.result: LiveResult | None = None
        self._initial: list[StoredRow] = []
        self._bag: Counter[StoredRow] | None = None
        self.shape = shape
        self.confirmed = confirmed
        self.error: QueryError | None = None
        self.offset = 0

    def begin(self, offset: int, stored: list[StoredRow]) -> None:
        """Take the first result, and what has changed since."""
        self.offset = offset
        self._initial = stored
        pending, self._pending = self._pending or [], None
        for update in pending:
            self.apply(update)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.shape.columns

    @property
    def initial(self) -> list[Any]:
        """The result when it began."""
        return self.shape.make([*self._initial])

    @property
    def rows(self) -> list[Any]:
        """The result now; in a callback, at that update's offset."""
        bag = self._bag
        if bag is None:
            return self.initial
        return self.shape.make([*bag.elements()])

    def apply(self, update: Update) -> None:
        """Take a change in, and tell of it."""
        if self.result is None:
            return  # closed meanwhile
        if self._pending is not None:
            self._pending.append(update)
            return
        bag = self._bag
        if bag is None:
            bag = self._bag = Counter(self._initial)
        for row in update.difference.inserts:
            bag[row] += 1
        for row in update.difference.deletes:
            left = bag[row] - 1
            if left:
                bag[row] = left
            else:
                del bag[row]
        if self._callback is not None:
            self._callback(update)

    def fail(self, error: QueryError) -> None:
        """End with an error, and tell of it."""
        if self.result is None:
            return
        self.result = None
        self.error = error
        if self._on_error is not None:
            self._on_error(error)

    def close(self) -> None:
        """End; once this has returned no callback comes. Twice is no error.

        A callback that another thread is in the middle of is waited for.
        """
        self._end(self)

    def __enter__(self) -> Self:
        """Give the query itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Say what it is and where it began."""
        state = "closed" if self.result is None else "live"
        return f"<LiveQuery {state} since offset {self.offset}>"
