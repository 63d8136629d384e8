"""Log records: their fields, the log of a call, and records as lines of JSON.

All that qsdb logs goes through `logging`, to loggers below ``qsdb``:
``qsdb.<module>.<reducer>`` for what reducers say and for calls that are slow,
``qsdb.<module>.scheduler`` and ``qsdb.<module>.clients`` for what fails there. What
such a record is about is in its fields, which have the same names everywhere, and which
a `logging.Formatter` or a filter finds as attributes. Others, ``qsdb.delivery`` and
``qsdb.snapshots``, are about no call and have none.

===============  ===========================================================
field
===============  ===========================================================
``module_name``  of the database; ``module`` is, to `logging`, a source file
``reducer``      the function that was called
``sender``       who called, an identity as hex
``connection``   over which connection, as hex; None for none
``timestamp``    the time of the transaction, RFC 3339
``due``          when the run of a schedule was due, likewise
``offset``       of the database when that had happened
``timer``        what a `CallLog.timer` was named
``seconds``      how long something took
``limit``        how long it may take before somebody is told, in seconds
``failed``       whether it raised
===============  ===========================================================

`JsonLines` writes records so that programs can read them.
"""

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self

from qsdb.values.timestamps import Timestamp

__all__ = ["DATABASE", "FIELDS", "CallLog", "JsonLines", "Timer"]

FIELDS = (
    *("module_name", "reducer", "sender", "connection", "timestamp", "due"),
    *("offset", "timer", "seconds", "limit", "failed"),
)
"""What qsdb's own records may have, in the order in which they are written."""

DATABASE = "_database"
"""A field that is not written: the identity of the database that a record is about.
Several of one module log to one place, and each has an owner of its own."""

_OF_LOGGING = frozenset(
    {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName", DATABASE}
)


class CallLog(logging.LoggerAdapter[logging.Logger]):
    """The log of one call, whose records say which call that is.

    Fields that are given with ``extra={…}`` come on top.
    """

    def __init__(
        self,
        logger: logging.Logger,
        fields: Mapping[str, object],
        ticks: Callable[[], int],
    ) -> None:
        """Log to a logger.

        Args:
            logger: It.
            fields: What all records have.
            ticks: Gives nanoseconds, for timers.
        """
        super().__init__(logger, fields)
        self._ticks = ticks

    def process(
        self,
        msg: Any,  # noqa: ANN401  as logging has it
        kwargs: MutableMapping[str, Any],
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the fields to a record."""
        own = self.extra or {}
        kwargs["extra"] = {**own, **(kwargs.get("extra") or {})}
        return msg, kwargs

    def timer(self, name: str) -> "Timer":
        """Give a context manager that logs, at level INFO, how long its block took.

        Args:
            name: Of what is done in it.
        """
        return Timer(self, name, self._ticks)


class Timer:
    """``with ctx.log.timer("path finding"):``.

    Attributes:
        seconds: How long the block took, when it is over.
    """

    def __init__(self, log: CallLog, name: str, ticks: Callable[[], int]) -> None:
        """Prepare."""
        self.seconds = 0.0
        self._log = log
        self._name = name
        self._ticks = ticks
        self._began = 0

    def __enter__(self) -> Self:
        """Begin."""
        self._began = self._ticks()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Log; an exception goes on."""
        self.seconds = max(0, self._ticks() - self._began) / 1e9
        failed = kind is not None
        fields = {"timer": self._name, "seconds": self.seconds, "failed": failed}
        text = "%s failed after %.6f s" if failed else "%s took %.6f s"
        self._log.info(text, self._name, self.seconds, extra=fields, stacklevel=2)


class JsonLines(logging.Formatter):
    """A formatter that writes each record as one line of JSON, in ASCII.

    First come ``time`` (RFC 3339, UTC), ``level``, ``logger`` and ``message``; then
    what the record has of `FIELDS`, then other fields by name, then ``exception`` and
    ``stack``, if there are any, as text. What JSON has not is written as its `str`.

    >>> record = logging.makeLogRecord(
    ...     {"name": "qsdb.chat.send", "levelname": "INFO", "msg": "sent", "created": 0}
    ... )
    >>> record.room, record.offset = "lobby", 7
    >>> print(JsonLines().format(record))  # doctest: +NORMALIZE_WHITESPACE
    {"time": "1970-01-01T00:00:00Z", "level": "INFO",
     "logger": "qsdb.chat.send", "message": "sent", "offset": 7, "room": "lobby"}
    """

    def format(self, record: logging.LogRecord) -> str:
        """Give the line, without its end."""
        return json.dumps(dict(self._parts(record)), allow_nan=False)

    def _parts(self, record: logging.LogRecord) -> Iterator[tuple[str, object]]:
        yield "time", str(Timestamp.from_micros(round(record.created * 1_000_000)))
        yield "level", record.levelname
        yield "logger", record.name
        yield "message", record.getMessage()
        fields = {
            name: value
            for name, value in vars(record).items()
            if name not in _OF_LOGGING
        }
        others = sorted(fields.keys() - {*FIELDS})
        for name in (*FIELDS, *others):
            if name in fields:
                yield name, _plain(fields[name])
        if record.exc_info and record.exc_info[0] is not None:
            yield "exception", self.formatException(record.exc_info)
        elif record.exc_text:  # as a record that went through a queue has it
            yield "exception", record.exc_text
        if record.stack_info:
            yield "stack", record.stack_info


def _plain(value: object) -> object:
    """Give what JSON has for a value."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return repr(value) if isinstance(value, bytes) else str(value)
