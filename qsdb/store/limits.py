"""What transactions may take of memory and time, and what becomes of those at the end.

As long as somebody reads at an older offset, old rows are kept for that. One who was
forgotten would have them kept for ever, so an offset can be *given up*: its old rows
are dropped, and whoever still reads there is told so.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

import attrs

from qsdb.errors import ArgumentError, brief

__all__ = ["Offsets", "PinLimits", "TransactionLimits"]

_NANOSECONDS = 1_000_000_000


@attrs.frozen(kw_only=True)
class TransactionLimits:
    """How much those transactions may take that others write beside.

    None is no limit.

    Raises:
        ArgumentError: a limit is no number, or too small.
    """

    pinned_rows: int | None = 10_000_000
    """With more old rows kept than this, in all, the oldest offsets are given up: reads
    there are a `LimitError`."""
    pinned_seconds: float | None = None
    """So is, with the next commit, an offset at which nobody has begun for so long."""
    written_rows: int = 1_000_000
    """An optimistic transaction writes no more rows, in all tables together."""

    def __attrs_post_init__(self) -> None:
        """Refuse numbers that cannot be."""
        rows, seconds = self.pinned_rows, self.pinned_seconds
        if rows is not None and (type(rows) is not int or rows < 0):
            _refuse("pinned_rows", "None or an int from 0 on", rows)
        if seconds is not None and (
            type(seconds) not in (int, float) or not seconds > 0
        ):
            _refuse("pinned_seconds", "None or a number above 0", seconds)
        if type(self.written_rows) is not int or self.written_rows < 1:
            _refuse("written_rows", "an int from 1 on", self.written_rows)


def _refuse(name: str, admitted: str, value: object) -> None:
    raise ArgumentError(f"{name} is {admitted}, not {brief(value)}")


class Offset(Protocol):
    """An offset that somebody reads at.

    Attributes:
        began: When the last one has begun to.
    """

    began: int


P = TypeVar("P", bound=Offset)


class Offsets(Protocol[P]):
    """What knows all of them; a `Store` is one.

    Attributes:
        noted: How many old rows are kept, or more.
    """

    noted: int

    @property
    def undo_count(self) -> int:
        """Number of old rows that are kept."""
        ...

    def oldest(self) -> P | None:
        """Give the oldest one that may be given up."""
        ...

    def give_up(self, pin: P, reason: str) -> None:
        """Give one up."""
        ...


class PinLimits:
    """Sees that offsets are given up when they are to be.

    Attributes:
        now: Gives the time, in nanoseconds since the epoch; None where none is asked.
    """

    def __init__(self, limits: TransactionLimits, now: Callable[[], int]) -> None:
        """Keep to some limits."""
        self._rows, self._seconds = limits.pinned_rows, limits.pinned_seconds
        self.now = None if limits.pinned_seconds is None else now

    def keep(self, offsets: Offsets[P]) -> None:
        """Give up what is beyond a limit, while nobody pins; twice is once."""
        if self._rows is not None and offsets.noted > self._rows:
            self._keep_rows(offsets, self._rows)
        if self._seconds is not None and self.now is not None:
            self._keep_seconds(offsets, self._seconds, self.now())

    def _keep_rows(self, offsets: Offsets[P], rows_max: int) -> None:
        # What is noted is counted once for each commit, and kept but once.
        while (count := offsets.undo_count) > rows_max:
            pin = offsets.oldest()
            if pin is None:
                break
            offsets.give_up(
                pin, f"{count} old rows were kept, of pinned_rows={rows_max} at most"
            )
        offsets.noted = count

    def _keep_seconds(self, offsets: Offsets[P], seconds: float, now: int) -> None:
        while (pin := offsets.oldest()) is not None:
            age = (now - pin.began) / _NANOSECONDS
            if age <= seconds:
                return
            offsets.give_up(
                pin, f"it was {age:.6g} s old, of pinned_seconds={seconds} at most"
            )
