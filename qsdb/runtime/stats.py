"""`Stats`: what a database counts, as numbers and as a page to look at."""

from collections.abc import Mapping

import attrs

__all__ = ["Stats"]


@attrs.frozen
class Stats:
    """Counters since the database was opened, and sizes now.

    >>> print(Stats("chat", 7, 7, 1, 9, 2, 30, {"user": 2, "message": 1500}))
    chat at offset 7
      calls     9 · commits 7 · rollbacks 1
      reading   2 offsets pinned · 30 old rows kept for them
      table     rows
      user         2
      message  1,500
    """

    module: str
    offset: int
    """Number of the last commit."""
    commits: int
    rollbacks: int
    calls: int
    pins: int
    """Offsets that read transactions keep readable."""
    undo_rows: int
    """Old rows kept for them."""
    rows: Mapping[str, int]
    """Table name → number of rows at the last commit."""

    def __str__(self) -> str:
        """Give a page of a few lines."""
        width = max([8, *map(len, self.rows)])
        digits = max([4, *[len(f"{count:,}") for count in self.rows.values()]])
        ended = f"commits {self.commits:,} · rollbacks {self.rollbacks:,}"
        kept = f"{self.undo_rows:,} old rows kept for them"
        lines = [
            f"{self.module} at offset {self.offset:,}",
            f"  calls     {self.calls:,} · {ended}",
            f"  reading   {self.pins:,} offsets pinned · {kept}",
            f"  {'table':<{width}} {'rows':>{digits}}",
        ]
        lines += [
            f"  {name:<{width}} {count:>{digits},}" for name, count in self.rows.items()
        ]
        return "\n".join(lines)
