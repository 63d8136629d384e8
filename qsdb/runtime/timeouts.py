"""How long users are willing to wait."""

import threading

from qsdb.errors import ArgumentError, brief

__all__ = ["check_timeout"]


def check_timeout(timeout: float | None) -> None:
    """Refuse what is no number of seconds; None is to wait as long as it takes.

    Raises:
        ArgumentError: it is none, is negative, or more than Python can wait.
    """
    if timeout is None:
        return
    is_number = type(timeout) in (int, float)
    if not is_number or not 0 <= timeout <= threading.TIMEOUT_MAX:
        raise ArgumentError(
            f"a timeout is a number of seconds from 0 on, not {brief(timeout)}"
        )
