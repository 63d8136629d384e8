"""What a server writes into its log when it fails: tests want none of it."""

import contextlib
import logging
from collections.abc import Iterator

__all__ = ["no_server_failures"]

LOGGERS = ("qsdb.server", "uvicorn.error", "asyncio")
"""What users' functions raise goes to loggers of their modules."""


class _Failures(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


@contextlib.contextmanager
def no_server_failures() -> Iterator[None]:
    """Have no server fail for the length of a block; all else is kept out of logs.

    Raises:
        AssertionError: at the end: one has.
    """
    failures, root = _Failures(), logging.getLogger()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [each.level for each in [root, *loggers]]
    root.setLevel(logging.CRITICAL)
    for each in loggers:
        each.setLevel(logging.ERROR)
        each.addHandler(failures)
    try:
        yield
    finally:
        for each in loggers:
            each.removeHandler(failures)
        for each, level in zip([root, *loggers], levels, strict=True):
            each.setLevel(level)

    assert not failures.told, failures.told[0]
