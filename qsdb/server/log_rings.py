"""`Logs`: what modules have said, kept for their owners.

All that qsdb and functions of a module log goes to loggers below ``qsdb.<module>`` (see
`qsdb.logs`). While a server runs, the last records of each module are kept in memory,
as the lines that are told: a `LogRing`. Whoever follows a log reads on from where they
were; who is so slow that lines have gone meanwhile is told how many.

Databases of modules that have one name log to one place. What a record is about, it
says by a field (`qsdb.logs.DATABASE`), and it is kept for the owner of that database.
What a module logs by `logging` itself says nothing, and all of these owners read it.

A line is an object of JSON, as SpacetimeDB's tools read it::

    {
        "level": "Info",
        "ts": 1767268800000000,
        "target": "qsdb.chat.send",
        "filename": "chat.py",
        "line_number": 12,
        "function": "send",
        "message": "sent",
    }

``Panic`` is what an exception came with; it has ``trace``, the functions that were
running.
"""

import json
import logging
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from qsdb.logs import DATABASE
from qsdb.values.identity import Identity

__all__ = ["Lines", "LogRing", "Logs", "line_of"]

MESSAGE_CHARACTERS_MAX = 1 << 16
"""Of a longer message the beginning is kept."""

_LEVELS = (
    (logging.ERROR, "Error"),
    (logging.WARNING, "Warn"),
    (logging.INFO, "Info"),
    (logging.DEBUG, "Debug"),
)


def line_of(record: logging.LogRecord) -> bytes:
    """Give a record as a line."""
    levels = (name for least, name in _LEVELS if record.levelno >= least)
    message = record.getMessage()
    fields: dict[str, object] = {
        "level": next(levels, "Trace"),
        "ts": int(record.created * 1_000_000),
        "target": record.name,
        "filename": record.filename,
        "line_number": record.lineno,
        "function": getattr(record, "reducer", None) or record.funcName,
        "message": message[:MESSAGE_CHARACTERS_MAX],
    }
    error = record.exc_info[1] if record.exc_info else None
    if error is not None:
        said = f"{message}: {type(error).__name__}: {error}"
        fields |= {"level": "Panic", "message": said[:MESSAGE_CHARACTERS_MAX]}
        fields["trace"] = [
            {"module_name": each.filename, "func_name": each.name}
            for each in traceback.extract_tb(error.__traceback__)
        ]
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


class Lines(NamedTuple):
    """Some lines of a ring.

    Attributes:
        lines: They.
        end: How many there were up to the last of them.
        gone: How many before them were asked for too, and have gone.
    """

    lines: list[bytes]
    end: int
    gone: int = 0


class LogRing(logging.Handler):
    """The last records of one database, as lines.

    Attributes:
        followers: What is called, from any thread, when there is another line.
        is_closed: Whether there will be none any more.
    """

    def __init__(self, database: Identity, records_max: int, bytes_max: int) -> None:
        """Keep so many records at most, of so many bytes at most."""
        super().__init__()
        self._database = database
        self.followers: dict[Callable[[], None], None] = {}
        self.is_closed = False
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._count = 0
        self._mutex = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, DATABASE, self._database) != self._database:
            return
        try:
            line = line_of(record)
        except Exception:  # noqa: BLE001  logging must not break what logs
            self.handleError(record)
            return
        with self._mutex:
            self._lines.append(line)
            self._size += len(line)
            self._count += 1
            while len(self._lines) > self._records_max or self._size > self._bytes_max:
                self._size -= len(self._lines.popleft())
        self._wake()

    def last(self, count: int | None) -> Lines:
        """Give the last lines; without a count all of them."""
        with self._mutex:
            lines = [*self._lines]
            wanted = len(lines) if count is None else min(count, len(lines))
            return Lines(lines[len(lines) - wanted :], self._count)

    def after(self, count: int) -> Lines:
        """Give the lines that came when there had been so many."""
        with self._mutex:
            new = self._count - count
            gone = max(0, new - len(self._lines))
            lines = [*self._lines] if new else []
            return Lines(lines[len(lines) - new + gone :], self._count, gone)

    def end(self) -> None:
        """Tell those who follow that there is no more."""
        self.is_closed = True
        self._wake()

    def _wake(self) -> None:
        for wake in [*self.followers]:
            wake()


class Logs:
    """The rings of several databases."""

    def __init__(
        self,
        databases: Iterable[tuple[str, Identity]],
        records_max: int,
        bytes_max: int,
    ) -> None:
        """Prepare to keep so much of each, at most.

        Args:
            databases: The name of the module, and the identity, of each.
            records_max: So many records.
            bytes_max: So many bytes of them.
        """
        self._records_max = records_max
        self._bytes_max = bytes_max
        self._rings: dict[tuple[str, Identity], LogRing] = {}
        self._levels: dict[logging.Logger, int] = {}
        self._is_open = False
        for name, database in databases:
            self.ring(name, database)

    def ring(self, name: str, database: Identity) -> LogRing:
        """Give the ring of a database.

        Args:
            name: Of its module; of one that was published since there is a new ring.
            database: Its identity.
        """
        found = self._rings.get((name, database))
        if found is None:
            found = LogRing(database, self._records_max, self._bytes_max)
            self._rings[name, database] = found
            if self._is_open:
                self._attach(name, found)
        return found

    def open(self) -> None:
        """Begin to keep what is logged; twice is no error.

        A module's logger takes what is of the level INFO then, unless somebody has
        said something else.
        """
        if not self._is_open:
            self._is_open = True
            for (name, _), ring in self._rings.items():
                self._attach(name, ring)

    def _attach(self, name: str, ring: LogRing) -> None:
        logger = logging.getLogger(f"qsdb.{name}")
        self._levels.setdefault(logger, logger.level)
        if logger.getEffectiveLevel() > logging.INFO and not logger.level:
            logger.setLevel(logging.INFO)
        ring.is_closed = False
        logger.addHandler(ring)

    def close(self) -> None:
        """End that, and leave loggers as they were; twice is no error."""
        if self._is_open:
            self._is_open = False
            for (name, _), ring in self._rings.items():
                logging.getLogger(f"qsdb.{name}").removeHandler(ring)
                ring.end()
            while self._levels:
                logger, level = self._levels.popitem()
                logger.setLevel(level)
