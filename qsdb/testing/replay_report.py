"""`Replay`: what came of running logged calls again."""

from collections.abc import Iterator, Mapping

import attrs

from qsdb.errors import brief
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["Deviation", "Replay", "TableDeviation"]

CHANGES_SHOWN_MAX, CHANGE_LENGTH_MAX = 10, 200
"""Of each table in the text of a report; characters of each."""


@attrs.frozen
class TableDeviation:
    """How the changes of one table differ; those that are alike are left out."""

    logged: tuple[str, ...]
    """What the commit did and the call, run again, did not: rows put, keys removed, and
    where sequences are, as texts."""
    found: tuple[str, ...]
    """And the contrary."""


@attrs.frozen
class Deviation:
    """A call that did something else when it was run again."""

    offset: int
    """Of its commit."""
    reducer: str
    arguments: Mapping[str, object]
    sender: Identity
    connection: ConnectionId | None
    timestamp: Timestamp
    tables: Mapping[str, TableDeviation]
    error: Exception | None = None
    """What it raised now."""

    def __str__(self) -> str:
        """Give the call, and a line for each change that is not on both sides."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        given = [f"{name}={brief(value)}" for name, value in self.arguments.items()]
        yield f"  {self.reducer}({', '.join(given)})"
        over = "" if self.connection is None else f" over {self.connection.to_hex()}"
        yield f"  called by {self.sender.to_hex()}{over} at {self.timestamp}"
        if self.error is not None:
            said = f"{type(self.error).__name__}: {self.error}"
            yield f"  now it raises {said}"
        for name, table in self.tables.items():
            yield f"  table {name}: - is logged, + is what it does now"
            yield from _shown("-", table.logged)
            yield from _shown("+", table.found)


def _shown(sign: str, changes: tuple[str, ...]) -> Iterator[str]:
    for each in changes[:CHANGES_SHOWN_MAX]:
        yield f"  {sign} {_shortened(each)}"
    if len(changes) > CHANGES_SHOWN_MAX:
        yield f"  {sign} … and {len(changes) - CHANGES_SHOWN_MAX} more"


def _shortened(text: str) -> str:
    """Give a text, and of a long one the beginning."""
    is_short = len(text) <= CHANGE_LENGTH_MAX
    return text if is_short else f"{text[: CHANGE_LENGTH_MAX - 1]}…"


@attrs.frozen
class Replay:
    """What came of running logged calls again; to be printed."""

    path: str
    from_offset: int
    to_offset: int
    """The last commit that was looked at."""
    replayed: int
    """How many calls were run again and did the same."""
    applied: int
    """How many commits were no calls, and were taken from the log."""
    deviation: Deviation | None = None
    """The first call that did something else, with which this ends; None if all did
    the same."""

    def __str__(self) -> str:
        """Say it in a line, and show what differs."""
        same = f"{self.replayed} calls did the same again"
        applied = f"{self.applied} commits were no calls"
        head = f"{self.path}, commits {self.from_offset} to {self.to_offset}"
        if self.deviation is None:
            return f"{head}: {same}, {applied}"
        text = f"{head}: the call of commit {self.to_offset} does something else now"
        return f"{text}\n{self.deviation}\n  before it {same}, {applied}"
