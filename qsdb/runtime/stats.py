"""`Stats`: what a database counts, as numbers and as a page to look at."""

from collections.abc import Iterator, Mapping

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
    live_queries: int = 0
    """Queries that are kept current, equal ones counted once."""
    evaluations: int = 0
    """How often one was looked at after a commit."""
    changes: int = 0
    """How often a result changed."""
    views: int = 0
    """Views that are kept current: for each caller and arguments one."""
    view_runs: int = 0
    """How often one of them was run, to begin or again."""
    runs: int = 0
    """How often a reducer was run because it was due."""
    run_failures: int = 0
    """How often one of those runs failed."""
    durable_offset: int | None = None
    """The last commit that is on the disk. None, as those that follow, of a database
    in memory, and of one that is only read."""
    snapshot_offset: int | None = None
    """Of the newest snapshot; 0 if there is none."""
    log_bytes: int | None = None
    """What was written to the log since the database was opened, at most."""
    snapshot_error: str | None = None
    """Why the last snapshot was not taken; None if it was."""

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
            *self._live_lines(),
            *self._schedule_lines(),
            *self._disk_lines(),
            f"  {'table':<{width}} {'rows':>{digits}}",
        ]
        lines += [
            f"  {name:<{width}} {count:>{digits},}" for name, count in self.rows.items()
        ]
        return "\n".join(lines)

    def _live_lines(self) -> Iterator[str]:
        if self.live_queries or self.evaluations:
            looked_at = f"{self.evaluations:,} looked at"
            changed = f"{self.changes:,} changes told"
            yield f"  live      {self.live_queries:,} queries · {looked_at} · {changed}"
        if self.views or self.view_runs:
            yield f"  views     {self.views:,} kept · {self.view_runs:,} runs"

    def _schedule_lines(self) -> Iterator[str]:
        if self.runs:
            failed = f"{self.run_failures:,} failed"
            yield f"  due       {self.runs:,} runs of schedules · {failed}"

    def _disk_lines(self) -> Iterator[str]:
        if self.durable_offset is not None:
            durable = f"offset {self.durable_offset:,} on it"
            written = f"{self.log_bytes or 0:,} bytes of log written"
            yield f"  disk      {durable} · {written}"
        if self.snapshot_offset:
            yield f"  snapshot  of offset {self.snapshot_offset:,}"
        if self.snapshot_error is not None:
            yield f"  snapshot  failed: {self.snapshot_error}"
