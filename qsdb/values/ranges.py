"""Ranges of what is in order: from a bound up to, not including, another.

What is in order are entries: tuples of order keys (`qsdb.values.kinds`), and perhaps
something behind them. A bound is a tuple of order keys too, and shorter: so it lies
before all entries that begin as it does. With `TOP` at its end it lies behind them.

>>> Range((3,), (5, TOP)).holds((5, "whatever"))
True
>>> Range((3, TOP), None).holds((3, "whatever"))
False
"""

import attrs

__all__ = ["TOP", "Bound", "Range"]


class _Top:
    """Greater than everything: the upper end of a prefix."""

    def __lt__(self, other: object) -> bool:
        return False

    def __gt__(self, other: object) -> bool:
        return other is not self


TOP = _Top()

Bound = tuple[object, ...]
"""An end of a range: order keys of the first columns, with `TOP` behind them
where every entry that begins so lies below."""


@attrs.define(unsafe_hash=True)  # as frozen it would take three times as long to make
class Range:
    """A range of an ordered index, as bounds and in terms of values; not to be changed.

    `low` and `high` are bounds over the index's entries; a row is in the range
    when its entry is not below `low` and is below `high`.
    """

    low: Bound | None
    high: Bound | None

    def holds(self, entry: tuple[object, ...]) -> bool:
        """Whether an entry lies in the range."""
        # Bounds are no longer than entries and may end in TOP: tuples compare
        # as the index does.
        above = self.low is None or not entry < self.low
        return above and (self.high is None or entry < self.high)
