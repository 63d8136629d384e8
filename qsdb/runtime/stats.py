"""`Stats`: what a database counts, as numbers and as a page to look at.

Counting is cheap, so it is always done: see `qsdb.runtime.meters` for what functions
cost. Sizes in bytes are not among the numbers, as nobody can tell them without looking
at each row; of a database on disk, the size of its snapshot is near them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

__all__ = ["CallStats", "LiveQueryStats", "Stats", "TableStats"]

TEXT_MAX = 60
"""So many characters of a query are on the page."""

LIVE_QUERIES_SHOWN_MAX = 10
"""On the page; all are in `Stats.live`."""


@attrs.frozen
class TableStats:
    """One table."""

    rows: int
    """At the last commit."""
    written: int = 0
    """Rows that commits have inserted, updated or deleted since it was opened; such as
    they touched and left as they were are counted too."""


@attrs.frozen
class CallStats:
    """One function: a reducer, one that runs at a turn, a procedure or a view."""

    calls: int
    failures: int
    """How many of these calls raised."""
    seconds: float
    """How long the function took, all in all. Of a reducer, waiting and commits are not
    in it; of a procedure, all that it did."""
    longest: float
    """Seconds that it took at most."""


@attrs.frozen
class LiveQueryStats:
    """One live query: equal ones are one."""

    sql: str
    """The text, as it was asked first."""
    values: tuple[str, ...]
    """Its constants and parameters, as texts: what tells it from others alike."""
    subscribers: int
    rows: int
    """Of its result, as far as the first subscriber was told."""
    evaluations: int
    """In how many commits it was looked at."""
    changes: int
    """How many of these have changed its result."""


@attrs.frozen
class Stats:
    """Counters since the database was opened, and sizes now.

    >>> tables = {"user": TableStats(2, 4), "message": TableStats(1500, 1500)}
    >>> print(Stats("chat", 7, 7, 1, 9, 2, 30, tables))
    chat at offset 7
      calls     9 · commits 7 · rollbacks 1
      reading   2 offsets pinned · 30 old rows kept for them
      table     rows  written
      user         2        4
      message  1,500    1,500
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
    tables: Mapping[str, TableStats]
    """By name."""
    conflicts: int = 0
    """Optimistic transactions that were refused, among `rollbacks`."""
    fallbacks: int = 0
    """Functions that `transact` has run serially in the end."""
    reducers: Mapping[str, CallStats] = attrs.Factory(dict)
    """By name; `init` and its like, too, once they have run."""
    live: Sequence[LiveQueryStats] = ()
    """Queries that are kept current."""
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
    procedures: Mapping[str, CallStats] = attrs.Factory(dict)
    """By name, once they have run; handlers of HTTP, too."""
    view_calls: Mapping[str, CallStats] = attrs.Factory(dict)
    """Of views by name, once they have run: for who asks, and to be kept current."""
    clients: int = 0
    """Who is connected, in the process or over the network. Of a database that is only
    read nobody is counted."""
    durable_offset: int | None = None
    """The last commit that is on the disk. None, as those that follow, of a database
    in memory, and of one that is only read."""
    snapshot_offset: int | None = None
    """Of the newest snapshot; 0 if there is none."""
    log_bytes: int | None = None
    """What was written to the log since the database was opened, at most."""
    snapshot_error: str | None = None
    """Why the last snapshot was not taken; None if it was."""

    @property
    def rows(self) -> dict[str, int]:
        """Table name → number of rows at the last commit."""
        return {name: each.rows for name, each in self.tables.items()}

    @property
    def view_failures(self) -> int:
        """How often a view failed."""
        return sum([each.failures for each in self.view_calls.values()])

    @property
    def live_queries(self) -> int:
        """How many queries are kept current, equal ones counted once."""
        return len(self.live)

    def to_dict(self) -> dict[str, Any]:
        """Give all of it as dicts, lists, numbers and texts, as JSON has them."""
        return attrs.asdict(self, value_serializer=_as_list)

    def __str__(self) -> str:
        """Give a page."""
        ended = f"commits {self.commits:,} · rollbacks {self.rollbacks:,}"
        kept = f"{self.undo_rows:,} old rows kept for them"
        lines = [
            f"{self.module} at offset {self.offset:,}",
            f"  calls     {self.calls:,} · {ended}",
            f"  reading   {self.pins:,} offsets pinned · {kept}",
            *self._conflict_lines(),
            *self._client_lines(),
            *self._live_lines(),
            *self._schedule_lines(),
            *self._disk_lines(),
            *self._table_lines(),
            *_call_lines("reducer", self.reducers),
            *_call_lines("procedure", self.procedures),
            *_call_lines("view", self.view_calls),
            *self._query_lines(),
        ]
        return "\n".join(lines)

    def _table_lines(self) -> Iterator[str]:
        rows = [
            (name, f"{each.rows:,}", f"{each.written:,}")
            for name, each in self.tables.items()
        ]
        yield from _aligned(("table", "rows", "written"), rows)

    def _query_lines(self) -> Iterator[str]:
        first = sorted(self.live, key=lambda each: -each.evaluations)
        rows = [
            (
                _shortened(each.sql),
                f"{each.subscribers:,}",
                f"{each.rows:,}",
                f"{each.evaluations:,}",
                f"{each.changes:,}",
            )
            for each in first[:LIVE_QUERIES_SHOWN_MAX]
        ]
        if rows:
            heads = ("live query", "told", "rows", "evaluated", "changed")
            yield from _aligned(heads, rows)
        if len(first) > LIVE_QUERIES_SHOWN_MAX:
            yield f"  … and {len(first) - LIVE_QUERIES_SHOWN_MAX:,} live queries more"

    def _client_lines(self) -> Iterator[str]:
        if self.clients:
            yield f"  clients   {self.clients:,} connected"

    def _conflict_lines(self) -> Iterator[str]:
        if self.conflicts:
            serially = f"{self.fallbacks:,} run serially in the end"
            yield f"  beside    {self.conflicts:,} conflicts · {serially}"

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


def _as_list(_: object, __: object, value: object) -> object:
    return [*value] if isinstance(value, tuple) else value


def _shortened(sql: str) -> str:
    """Give a query on one line, and not all of a long one."""
    line = " ".join(sql.split())
    return line if len(line) <= TEXT_MAX else f"{line[: TEXT_MAX - 1]}…"


def _call_lines(what: str, functions: Mapping[str, CallStats]) -> Iterator[str]:
    """Yield lines for functions that were called, the dearest first."""
    called = [item for item in functions.items() if item[1].calls]
    called.sort(key=lambda item: -item[1].seconds)
    rows = [
        (
            name,
            f"{each.calls:,}",
            f"{each.failures:,}",
            f"{each.seconds:,.6f}",
            f"{each.longest:,.6f}",
        )
        for name, each in called
    ]
    if rows:
        yield from _aligned((what, "calls", "failed", "seconds", "longest"), rows)


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table: names on the left, figures on the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    widths[0] = max(8, widths[0])
    for name, *figures in (heads, *rows):
        told = [
            f"{text:>{width}}" for text, width in zip(figures, widths[1:], strict=True)
        ]
        yield f"  {name:<{widths[0]}} {'  '.join(told)}"
