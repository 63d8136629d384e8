"""`TerminalText`: log records as lines for people, on a terminal.

What is logged may hold what strangers have sent. So a message is one line, a line break
in it is shown as ``⏎``, and what a terminal would obey is shown by its number. Lines of
a traceback are indented, and so never look like a record.
"""

import logging
from typing import Any

from qsdb.cli.grids import harmless

__all__ = ["TerminalText"]

_FORM = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class TerminalText(logging.Formatter):
    """Formats records as lines, in which nothing is obeyed."""

    def __init__(self) -> None:
        """Begin each line with time, level and logger."""
        super().__init__(_FORM)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  as logging has it
        record.message = harmless(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802  as logging has it
        lines = super().formatException(ei).split("\n")
        return "\n".join([f"    {harmless(each)}" for each in lines])
