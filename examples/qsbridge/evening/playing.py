"""How far an event file is played, kept by the very commit that plays it.

A process can be killed between any two of its steps. With the place in the file
written after the event, the event would come twice; written before, it would be
lost. So neither is before the other: `play_event` runs the event's reducer and
moves the place, in one transaction::

    line 7  join, granted   commit: the player's row, and lines_read 7
    line 8  join, refused   commit: lines_read 8
    line 9  no event        nothing; who goes on after it reads it again

1. Each event is one commit, whether its call was granted or refused.
2. No line is played twice: `play_event` refuses what it has been past.
3. A reducer finds what it would find if the bridge had called it, and a refusal
   undoes what the reducer did. The place alone stays.

The reducer is private, since whoever may move the place may leave events out.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import qsdb
from examples.qsbridge.evening.events import BadLine, Event
from examples.qsbridge.hub.documented.lifecycle import (
    server_heartbeat,
    server_register,
)
from examples.qsbridge.hub.documented.moderation import admin_ban, admin_unban
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.suggested.presence import (
    presence_beat,
    presence_join,
    presence_leave,
)
from examples.qsbridge.hub.tables import platform
from qsdb import Identity, Timestamp, u64

__all__ = ["EventSource", "SourceError", "play_event", "unplayed"]


class SourceError(Exception):
    """The event file is not the one that was played before."""


class EventSource(qsdb.Row, module=platform):
    """How far a file is played; no row before its first event."""

    name: str = qsdb.primary_key()
    lines_read: u64
    """Up to the last event that was played; bad lines before it count."""
    event_at: Timestamp
    """The time of that event."""


_REDUCERS: Final[dict[str, Callable[..., None]]] = {
    each.__name__: each
    for each in (
        admin_ban,
        admin_unban,
        presence_beat,
        presence_join,
        presence_leave,
        server_heartbeat,
        server_register,
    )
}


@platform.reducer(private=True)
def play_event(
    ctx: qsdb.ReducerContext,
    source: str,
    line: u64,
    sender: Identity,
    reducer: str,
    arguments: str,
) -> str | None:
    """Call a reducer for somebody, and move the place in the file to `line`.

    `arguments` is a JSON array. Gives the text of a refusal, or None where the
    call was granted.

    Raises:
        ReducerError: WrongState, the line has been played.
    """
    sources = ctx.db[EventSource]
    played = sources.get(source)
    if played is not None and line <= played.lines_read:
        raise refusal(
            "WrongState",
            f"line {line} of {source!r} is played, as all up to {played.lines_read}",
        )
    sources.upsert(EventSource(source, line, ctx.timestamp))
    owner, ctx.sender = ctx.sender, sender
    try:
        with ctx.savepoint():
            _REDUCERS[reducer](ctx, *json.loads(arguments))
    except qsdb.ReducerError as error:
        return str(error)
    finally:
        ctx.sender = owner
    return None


def unplayed(
    items: Iterable[Event | BadLine], name: str, played: EventSource | None
) -> Iterator[Event | BadLine]:
    """Yield what a file holds after the place up to which it is played.

    Args:
        items: All that the file holds, from its first line on.
        name: Of the file.
        played: The place; None before the first event.

    Raises:
        SourceError: the file has another name than the one that was played, or
            not the event of that time in that line.
    """
    if played is None:
        yield from items
        return
    if played.name != name:
        raise SourceError(
            f"it holds what {played.name!r} told, up to line {played.lines_read}; "
            f"{name!r} needs a directory of its own"
        )
    rest = iter(items)
    last = next((item for item in rest if item.line >= played.lines_read), None)
    if (
        last is None
        or isinstance(last, BadLine)
        or (last.line, last.at) != (played.lines_read, played.event_at.micros)
    ):
        raise SourceError(
            f"it holds what {name!r} told up to line {played.lines_read}, an event of "
            f"{played.event_at}, which is not in that line of the file any more"
        )
    yield from rest
