"""What arguments may hold; anything else is refused with `InvalidArgument`.

The wiki gives no limits; these are suggested.
"""

import re
from typing import Final

from examples.qsbridge.hub.refusals import refusal

__all__ = [
    "DESCRIPTION_CHARS_MAX",
    "ITEM_BYTES_MAX",
    "METADATA_BYTES_MAX",
    "MOTD_CHARS_MAX",
    "PASSWORD_CHARS_MAX",
    "REASON_CHARS_MAX",
    "SNAPSHOT_BYTES_MAX",
    "TITLE_CHARS_MAX",
    "VAULT_SLOTS",
    "check_bytes",
    "check_count",
    "check_filled",
    "check_id",
    "check_player_id",
    "check_server_id",
    "check_text",
]

ID_CHARS_MAX: Final = 64
REASON_CHARS_MAX: Final = 512
TITLE_CHARS_MAX: Final = 512
MOTD_CHARS_MAX: Final = 1024
DESCRIPTION_CHARS_MAX: Final = 4096
PASSWORD_CHARS_MAX: Final = 128
ITEM_BYTES_MAX: Final = 64 << 10
METADATA_BYTES_MAX: Final = 64 << 10
SNAPSHOT_BYTES_MAX: Final = 1 << 20
VAULT_SLOTS: Final = 100
"""A vault's slots are 0 to 99."""
PLAYERS_MAX: Final = 10_000
SERVER_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]*", re.ASCII)


def check_id(what: str, value: str) -> None:
    """Check an id or a name: 1 to 64 characters."""
    check_filled(what, value, ID_CHARS_MAX)


def check_player_id(value: str) -> None:
    """Check a player's id: besides, no character that could steer a terminal."""
    check_id("player_id", value)
    if any(char < " " or "\x7f" <= char <= "\x9f" for char in value):
        raise refusal("InvalidArgument", f"player_id {value!r} has control characters")


def check_filled(what: str, value: str, chars_max: int) -> None:
    """Check a text of at least one character."""
    if not value:
        raise refusal(
            "InvalidArgument", f"{what} is empty, not 1 to {chars_max} characters"
        )
    check_text(what, value, chars_max)


def check_server_id(value: str) -> None:
    """Check a server's id: lower case, digits and hyphens."""
    check_id("server_id", value)
    if SERVER_ID.fullmatch(value) is None:
        raise refusal(
            "InvalidArgument",
            f"server_id {value!r} is not of a-z, 0-9 and hyphens, "
            "or begins with a hyphen",
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


def check_bytes(what: str, value: str, bytes_max: int) -> None:
    """Check a text by its size in UTF-8; it may be empty."""
    size = len(value.encode())
    if size > bytes_max:
        raise refusal(
            "InvalidArgument", f"{what} has {size} bytes, more than {bytes_max}"
        )
