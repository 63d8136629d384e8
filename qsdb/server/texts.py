"""What clients are told in words: of names that they sent, and of what has failed.

Whoever calls from elsewhere is told what the function wants to be told: the text of a
`ReducerError`. What else a function raises may speak of rows that the caller must not
know of, so strangers are told the class of it alone, and the log of the module has the
rest. The owner is told all.
"""

import logging

import attrs

from qsdb.errors import (
    AccessError,
    ClosedError,
    QsdbError,
    QueryError,
    ReducerError,
)
from qsdb.logs import DATABASE
from qsdb.values.identity import Identity

__all__ = ["Logged", "failure_text", "query_text", "refusal_text", "shown_name"]

_NAME_CHARACTERS_MAX = 128


@attrs.frozen
class Logged:
    """What a record of the log is about.

    Attributes:
        module: The name of the module, where it is logged.
        database: The identity of the database, whose owner reads it.
    """

    module: str
    database: Identity

    @property
    def fields(self) -> dict[str, object]:
        """What the record has (`qsdb.logs`)."""
        return {"module_name": self.module, DATABASE: self.database}


def shown_name(text: str) -> str:
    """Give a name as it is told to who sent it: printable, and not long."""
    shown = text[:_NAME_CHARACTERS_MAX]
    return "".join([each if each.isprintable() else "?" for each in shown])


def failure_text(
    about: Logged, function: str, error: BaseException, *, is_owner: bool
) -> str:
    """Say that a function has failed, to who called it; the log has all of it.

    Args:
        about: The database.
        function: The name of the function.
        error: What it raised.
        is_owner: Whether the owner has called.
    """
    if isinstance(error, ReducerError | ClosedError):
        return str(error)
    logger = logging.getLogger(f"qsdb.{about.module}.{function}")
    fields = {**about.fields, "reducer": function}
    logger.error("%s failed for a client", function, exc_info=error, extra=fields)
    sort = type(error).__name__
    if is_owner:
        return f"{function} failed with {sort}: {error}"
    return f"{function} failed with {sort}; the log of the server says more"


def refusal_text(about: Logged, error: AccessError, *, is_owner: bool) -> str:
    """Say why ``client_connected`` refuses somebody, to them.

    Args:
        about: The database.
        error: What connecting raised; its cause is what the function did.
        is_owner: Whether the owner connects.
    """
    cause = error.__cause__
    if isinstance(cause, AccessError) or not isinstance(cause, Exception):
        return str(error)
    name = str(error).partition(" ")[0]
    said = failure_text(about, name, cause, is_owner=is_owner)
    return f"{name} refuses the connection: {said}"


def query_text(about: Logged, error: QsdbError, *, is_owner: bool) -> str:
    """Say that a query is wrong, or has failed, to who asked.

    A view may fail for reasons that speak of tables which strangers must not know of;
    then the log has them.

    Args:
        about: The database.
        error: What it raised.
        is_owner: Whether the owner has asked.
    """
    cause = error.__cause__
    if is_owner or not isinstance(cause, Exception):
        return str(error)
    logger = logging.getLogger(f"qsdb.{about.module}.views")
    said = "the query failed"
    if isinstance(error, QueryError):  # such as: view mine failed: KeyError: …
        said = error.reason.partition(":")[0]
    logger.error("for a client, %s", said, exc_info=cause, extra=about.fields)
    return f"{said}; the log of the server says more"
