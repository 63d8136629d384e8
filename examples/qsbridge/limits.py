"""What arguments may hold; anything else is refused with `InvalidArgument`.

The wiki gives no limits; these are suggested.
"""

import re
from typing import Final

from examples.qsbridge.refusals import refusal

__all__ = [
    "check_count",
    "check_id",
    "check_server_id",
    "check_text",
]

ID_CHARS_MAX: Final = 64
REASON_CHARS_MAX: Final = 512
PLAYERS_MAX: Final = 10_000
SERVER_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)


def check_id(what: str, value: str) -> None:
    """Check an id or a name: 1 to 64 characters."""
    if not value:
        raise refusal("InvalidArgument", f"{what} is empty")
    check_text(what, value, ID_CHARS_MAX)


def check_server_id(value: str) -> None:
    """Check a server's id: lower case, digits and hyphens."""
    check_id("server_id", value)
    if SERVER_ID.fullmatch(value) is None:
        raise refusal(
            "InvalidArgument", f"server_id {value!r} is not of a-z, 0-9 and hyphens"
        )


def check_text(what: str, value: str, chars_max: int = ID_CHARS_MAX) -> None:
    """Check a text that may be empty."""
    if len(value) > chars_max:
        raise refusal(
            "InvalidArgument",
            f"{what} has {len(value)} characters, more than {chars_max}",
        )


def check_count(what: str, value: int, value_max: int = PLAYERS_MAX) -> None:
    """Check a number of players: 1 to 10,000."""
    if not 1 <= value <= value_max:
        raise refusal("InvalidArgument", f"{what} is {value}, not 1 to {value_max}")
