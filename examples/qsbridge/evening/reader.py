"""Reads an event file: JSON lines in, events and bad lines out.

Rules:

1. A line is good or bad as a whole. A bad one becomes a `BadLine` with its
   number and the reason, and reading goes on with the next line.
2. Blank lines, unknown fields and repeated fields are bad: a misspelt `hours`
   must not become a ban for ever.
3. Time never goes back: a line earlier than the last good one is bad. (So one
   good line of the year 2062 makes the rest of the evening bad.)
4. A server is known once a good `register` line has named it. Whether that call
   was granted is for the reducers to say, not for the file.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from examples.qsbridge.evening.events import (
    EPOCH,
    MICROSECOND,
    BadLine,
    Ban,
    Beat,
    Event,
    Heartbeat,
    Join,
    Leave,
    Register,
    Unban,
    format_time,
)

__all__ = ["LINE_BYTES_MAX", "read_events"]

LINE_BYTES_MAX = 1 << 20
"""Room for a beat of some 30,000 players; more than that is no event."""

U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1
MICROS_MAX = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
"""The end of the year 9999, the last that RFC 3339 can write."""

RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII
)
BRIEF_CHARS_MAX = 60
"""Longest piece of a user's line in a message."""


def read_events(stream: BinaryIO) -> Iterator[Event | BadLine]:
    """Yield one event or one bad line for each line of `stream`, in order.

    Never raises for what the lines hold, and keeps one line in memory at a time.
    """
    time_last = 0
    servers: set[str] = set()
    for line, data in _lines(stream):
        try:
            event = _parse(line, data)
            _check_order(event, time_last, servers)
        except _LineError as error:
            yield BadLine(line, str(error))
            continue
        time_last = event.at
        if isinstance(event, Register):
            servers.add(event.server)
        yield event


class _LineError(ValueError):
    """Why one line is bad."""


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield numbered lines without their ends; None stands for one too long."""
    line = 0
    while data := stream.readline(LINE_BYTES_MAX + 1):
        line += 1
        if line == 1:
            data = data.removeprefix(b"\xef\xbb\xbf")
        if len(data) > LINE_BYTES_MAX and not data.endswith(b"\n"):
            while (rest := stream.readline(LINE_BYTES_MAX)) and rest[-1:] != b"\n":
                pass
            yield line, None
        else:
            yield line, data.rstrip(b"\r\n")


def _parse(line: int, data: bytes | None) -> Event:
    """Make an event of one line.

    Raises:
        _LineError: the line is no event.
    """
    if data is None:
        raise _LineError(f"longer than {LINE_BYTES_MAX} bytes")
    fields = _Fields(_decode(data))
    at = fields.time("at")
    kind = fields.text("kind")
    if kind not in _READERS:
        raise _LineError(
            f"unknown kind {_brief(kind)}; known are {', '.join(_READERS)}"
        )
    event = _READERS[kind](fields, line, at)
    fields.end()
    return event


def _check_order(event: Event, time_last: int, servers: set[str]) -> None:
    """Check what a line may not say after the lines before it (rules 3 and 4)."""
    if event.at < time_last:
        raise _LineError(
            f"time goes back: {format_time(event.at)} after {format_time(time_last)}"
        )
    is_known = event.server is None or event.server in servers
    if not is_known and not isinstance(event, Register):
        raise _LineError(
            f"unknown server {_brief(event.server)}: no register line before names it"
        )


def _decode(data: bytes) -> dict[str, object]:
    """Give the object that a line holds."""
    if not data.strip():
        raise _LineError("blank line")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _LineError(
            f"not UTF-8: byte 0x{data[error.start]:02x} at position {error.start + 1}"
        ) from error
    try:
        value: object = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        message = error.msg.removesuffix(" at")
        raise _LineError(f"not JSON: {message} at column {error.colno}") from error
    except RecursionError as error:
        raise _LineError("not JSON that can be read: nested too deeply") from error
    except _LineError:
        raise
    except ValueError as error:  # an integer of thousands of digits
        raise _LineError(f"not JSON that can be read: {error}") from error
    if not isinstance(value, dict):
        raise _LineError(f"not an object: {_brief(value)}")
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make a dict of an object's fields, each of which may come once."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _LineError(f"field {_brief(twice)} is given twice")
    return fields


def _no_constant(name: str) -> object:
    """Refuse NaN and Infinity, which Python's reader would take."""
    raise _LineError(f"not JSON: {name} is no JSON number")


def _brief(value: object) -> str:
    """Give ``repr(value)`` without control characters, cut where it is long."""
    text = repr(value)
    if len(text) > BRIEF_CHARS_MAX:
        return f"{text[:BRIEF_CHARS_MAX]}…"
    return text


class _Fields:
    """The fields of one object, taken out one after the other."""

    def __init__(self, values: dict[str, object]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """Take a string."""
        return _text(name, self._take(name))

    def text_or(self, name: str, other: str | None) -> str | None:
        """Take a string where the field is there, else give `other`."""
        return self.text(name) if name in self._values else other

    def texts(self, name: str) -> tuple[str, ...]:
        """Take an array of strings."""
        value = self._take(name)
        if not isinstance(value, list):
            raise _LineError(f"field {name}: {_brief(value)} is not an array")
        return tuple(_text(name, each) for each in value)

    def number(self, name: str, number_max: int) -> int:
        """Take a whole number from 0 to `number_max`."""
        value = self._take(name)
        if type(value) is not int or not 0 <= value <= number_max:
            raise _LineError(
                f"field {name}: {_brief(value)} is not "
                f"a whole number from 0 to {number_max}"
            )
        return value

    def number_or_null(self, name: str, number_max: int) -> int | None:
        """Take a whole number, or null."""
        if name in self._values and self._values[name] is None:
            del self._values[name]
            return None
        return self.number(name, number_max)

    def time(self, name: str) -> int:
        """Take a time as microseconds since 1970."""
        value = self._take(name)
        micros = _micros(value)
        if micros is None or not 0 <= micros <= MICROS_MAX:
            raise _LineError(
                f"field {name}: {_brief(value)} is not a time in RFC 3339, "
                "nor in microseconds, from 1970 to 9999"
            )
        return micros

    def end(self) -> None:
        """Check that every field has been taken."""
        if self._values:
            raise _LineError(f"unknown field {_brief(next(iter(self._values)))}")

    def _take(self, name: str) -> object:
        if name not in self._values:
            raise _LineError(f"field {name} is missing")
        return self._values.pop(name)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise _LineError(f"field {name}: {_brief(value)} is not a string")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # half of a pair, written as an escape
        raise _LineError(
            f"field {name}: {_brief(value)} is not valid Unicode"
        ) from error
    return value


def _micros(value: object) -> int | None:
    """Give a time in microseconds, or None for what is no time."""
    if type(value) is int:
        return value
    if not isinstance(value, str) or RFC_3339.fullmatch(value) is None:
        return None
    try:
        return (datetime.fromisoformat(value) - EPOCH) // MICROSECOND
    except (OverflowError, ValueError):  # 30 February, or a zone off the calendar
        return None


def _register(fields: _Fields, line: int, at: int) -> Event:
    server = fields.text("server")
    return Register(
        line=line,
        at=at,
        server=server,
        bridge=fields.text_or("bridge", server),
        display_name=fields.text("display_name"),
        region=fields.text("region"),
        game_module=fields.text("game_module"),
        game_mode=fields.text("game_mode"),
        hosting_id=fields.text("hosting_id"),
        version=fields.text("version"),
        max_players=fields.number("max_players", U32_MAX),
        wipe_schedule=fields.text("wipe_schedule"),
        config_template_id=fields.text("config_template_id"),
    )


def _heartbeat(fields: _Fields, line: int, at: int) -> Event:
    server = fields.text("server")
    bridge = fields.text_or("bridge", server)
    count = fields.number("online_count", U32_MAX)
    return Heartbeat(line=line, at=at, server=server, bridge=bridge, online_count=count)


def _join(fields: _Fields, line: int, at: int) -> Event:
    server = fields.text("server")
    bridge = fields.text_or("bridge", server)
    player = fields.text("player")
    return Join(line=line, at=at, server=server, bridge=bridge, player=player)


def _beat(fields: _Fields, line: int, at: int) -> Event:
    server = fields.text("server")
    bridge = fields.text_or("bridge", server)
    players = fields.texts("players")
    return Beat(line=line, at=at, server=server, bridge=bridge, players=players)


def _leave(fields: _Fields, line: int, at: int) -> Event:
    server = fields.text("server")
    bridge = fields.text_or("bridge", server)
    player = fields.text("player")
    return Leave(line=line, at=at, server=server, bridge=bridge, player=player)


def _ban(fields: _Fields, line: int, at: int) -> Event:
    server = fields.text_or("server", None)
    return Ban(
        line=line,
        at=at,
        server=server,
        bridge=fields.text_or("bridge", server),
        player=fields.text("player"),
        name=fields.text("name"),
        reason=fields.text("reason"),
        hours=fields.number_or_null("hours", U64_MAX),
    )


def _unban(fields: _Fields, line: int, at: int) -> Event:
    server = fields.text_or("server", None)
    bridge = fields.text_or("bridge", server)
    player = fields.text("player")
    return Unban(line=line, at=at, server=server, bridge=bridge, player=player)


_READERS: dict[str, Callable[[_Fields, int, int], Event]] = {
    "register": _register,
    "heartbeat": _heartbeat,
    "join": _join,
    "beat": _beat,
    "leave": _leave,
    "ban": _ban,
    "unban": _unban,
}
