"""What arguments may hold; anything else is refused with `InvalidArgument`.

Slugs (``[a-z0-9-]+``) are documented, the other limits are suggested. Each check
takes the name of what it checks, so that a reducer names its argument and the
reader of a manifest its key.
"""

import re
from collections.abc import Sequence
from typing import Final

from examples.qsbridge.hub.limits import (
    DESCRIPTION_CHARS_MAX,
    REASON_CHARS_MAX,
    check_id,
    check_player_id,
    check_text,
)
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.semver import is_semver

__all__ = [
    "ALL",
    "CONTROL",
    "DESCRIPTION_CHARS_MAX",
    "REASON_CHARS_MAX",
    "check_id",
    "check_line",
    "check_names",
    "check_player_id",
    "check_rating",
    "check_semver",
    "check_sha256",
    "check_slug",
    "check_text",
    "check_web_address",
]

ADDRESS_CHARS_MAX: Final = 512
NAMES_MAX: Final = 32
RATING_MAX: Final = 5
ALL: Final = "*"
SLUG: Final = re.compile(r"[a-z0-9-]+")
SHA256: Final = re.compile(r"[0-9a-f]{64}")
WEB_ADDRESS: Final = re.compile(r"https?://[^\s/]\S*")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def check_slug(what: str, value: str) -> None:
    """Check a slug or a tag: lower case, digits and hyphens."""
    check_id(what, value)
    if SLUG.fullmatch(value) is None:
        raise refusal(
            "InvalidArgument", f"{what} {value!r} is not of a-z, 0-9 and hyphens"
        )


def check_line(what: str, value: str, chars_max: int) -> None:
    """Check a text that may be empty and stands on one line."""
    check_text(what, value, chars_max)
    if CONTROL.search(value) is not None:
        raise refusal("InvalidArgument", f"{what} {value!r} has control characters")


def check_semver(what: str, value: str) -> None:
    """Check a version."""
    check_id(what, value)
    if not is_semver(value):
        raise refusal(
            "InvalidArgument",
            f"{what} {value!r} is not of the form 1.2.3, 1.2.3-rc.1 or 1.2.3+7",
        )


def check_names(what: str, values: Sequence[str]) -> None:
    """Check a list of engines or games: ``*`` alone, or names, each once."""
    if not 1 <= len(values) <= NAMES_MAX:
        raise refusal(
            "InvalidArgument",
            f"{what} has {len(values)} names, not 1 to {NAMES_MAX}; '*' is all",
        )
    for value in values:
        check_id(f"a name in {what}", value)
        if values.count(value) > 1:
            raise refusal("InvalidArgument", f"{what} names {value!r} twice")
    if ALL in values and len(values) > 1:
        raise refusal("InvalidArgument", f"{what} has '*', which is all, and more")


def check_rating(value: int) -> None:
    """Check a rating: 1 to 5 stars."""
    if not 1 <= value <= RATING_MAX:
        raise refusal("InvalidArgument", f"rating is {value}, not 1 to {RATING_MAX}")


def check_sha256(value: str) -> None:
    """Check a checksum: 64 hexadecimal digits in lower case."""
    if SHA256.fullmatch(value) is None:
        raise refusal(
            "InvalidArgument", f"sha256 {value!r} is not 64 digits of 0-9 and a-f"
        )


def check_web_address(what: str, value: str) -> None:
    """Check the address of a page, which may be empty."""
    check_text(what, value, ADDRESS_CHARS_MAX)
    if value and WEB_ADDRESS.fullmatch(value) is None:
        raise refusal(
            "InvalidArgument", f"{what} {value!r} is no address with http or https"
        )
