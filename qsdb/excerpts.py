"""A place in a text, shown as a terminal shows it: a line, and a caret under it."""

import unicodedata

__all__ = ["place_in", "pointed_at"]

_BEFORE, _LENGTH = 50, 76
"""So many characters of a long line are shown before the place, and in all."""


def place_in(text: str, at: int) -> tuple[int, int]:
    """Give the line and the column of a character, both from 1."""
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def pointed_at(text: str, at: int) -> str:
    """Show the line of a character, and the place in it."""
    _, column = place_in(text, at)
    line = text[at - column + 1 :].split("\n", 1)[0]
    first = max(0, column - 1 - _BEFORE)
    excerpt = "".join(map(_printable, line[first : first + _LENGTH]))
    indent = sum(map(_width, excerpt[: column - 1 - first]))
    return f"  {excerpt}\n  {' ' * indent}^"


def _printable(character: str) -> str:
    """Give a character that takes its place: no tab, no end of a line, no surrogate."""
    category = unicodedata.category(character)
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    return " " if category in ("Cc", "Zl", "Zp") else character


def _width(character: str) -> int:
    """Say how many columns of a terminal a character takes."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
