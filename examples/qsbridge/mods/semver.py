"""Versions of the form ``MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD]`` (semver.org, 2.0.0).

Only their order is needed, so a version becomes a tuple that sorts as the standard
says: a pre-release stands before its release, numbers in it before words, and the
build does not count.

>>> ordered = ["1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-rc.x", "1.0.0", "1.0.1"]
>>> sorted(reversed(ordered), key=precedence) == ordered
True
>>> precedence("1.0.0+linux") == precedence("1.0.0+windows")
True
"""

import re
from typing import Final, TypeAlias

__all__ = ["Precedence", "is_semver", "loose_precedence", "precedence"]

Precedence: TypeAlias = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]
"""Major, minor, patch, whether it is a release, and the pre-release's parts."""

NUMBER: Final = r"(0|[1-9][0-9]*)"
PART: Final = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
SEMVER: Final = re.compile(
    rf"{NUMBER}\.{NUMBER}\.{NUMBER}"
    rf"(?:-({PART}(?:\.{PART})*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
LOOSE: Final = re.compile(r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?")


def is_semver(text: str) -> bool:
    """Tell whether a text is a version by the standard."""
    return SEMVER.fullmatch(text) is not None


def precedence(text: str) -> Precedence:
    """Give what a version sorts by.

    Raises:
        ValueError: the text is no version.
    """
    found = SEMVER.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not of the form 1.2.3, 1.2.3-rc.1 or 1.2.3+7")
    major, minor, patch, prerelease = found.groups()
    parts = () if prerelease is None else tuple(prerelease.split("."))
    return (
        int(major),
        int(minor),
        int(patch),
        not parts,
        tuple(_part_key(part) for part in parts),
    )


def loose_precedence(text: str) -> Precedence | None:
    """Give what a game server's version sorts by, None where it has no order.

    Nothing asks of a server to say its version by the standard: one to three
    numbers, with or without a ``v``, will do.

    >>> loose_precedence("v1.4") == precedence("1.4.0")
    True
    """
    if is_semver(text):
        return precedence(text)
    found = LOOSE.fullmatch(text)
    if found is None:
        return None
    major, minor, patch = (int(number or 0) for number in found.groups())
    return (major, minor, patch, True, ())


def _part_key(part: str) -> tuple[bool, int, str]:
    return (False, int(part), "") if part.isdigit() else (True, 0, part)
