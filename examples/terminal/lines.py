"""Lines of a frame: text with styles, measured in the cells of a terminal.

A letter takes one cell, a wide one (東, 🦊) two, an accent that stands behind its
letter none. So `len` does not tell how wide a text is, and each line is clipped and
padded by cells. Styles are kept beside the text until it is painted, and do not count.
"""

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "BLANK",
    "Line",
    "Part",
    "Style",
    "cells",
    "clip",
    "fit",
    "line",
    "paint",
    "width_of",
]

Style = Literal["", "bold", "dim", "good", "fair", "bad", "accent"]
CODES: Final[dict[Style, str]] = {
    "bold": "1",
    "dim": "2",
    "good": "32",
    "fair": "33",
    "bad": "31",
    "accent": "36",
}
"""Style → the numbers of the escape sequence (ANSI SGR)."""
ELLIPSIS: Final = "…"


@dataclass(frozen=True, slots=True)
class Part:
    """A text in one style; it is printable and has no line ends."""

    text: str
    style: Style = ""


Line = tuple[Part, ...]
BLANK: Final[Line] = ()


def line(*parts: Part | str) -> Line:
    """Make a line of parts; a bare text has no style."""
    return tuple(Part(each) if isinstance(each, str) else each for each in parts)


@functools.lru_cache(maxsize=10_000)
def cells(text: str) -> int:
    """Give how many cells of a terminal a text takes.

    It is asked of the same names and rules in every frame, so answers are kept.

    >>> cells("fox"), cells("狐"), cells("e\u0301")
    (3, 2, 1)
    """
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def clip(text: str, width: int) -> str:
    """Give a text, or as much of it as fits, with a mark that something is missing.

    >>> clip("us-east-pvp-1", 8), clip("狐狐狐", 5), clip("fox", 0)
    ('us-east…', '狐狐…', '')
    """
    if cells(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, left = [], width - 1
    for char in text:
        left -= _cells_of(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept) + ELLIPSIS


def width_of(parts: Line) -> int:
    """Give how many cells a line takes."""
    return sum(cells(part.text) for part in parts)


def fit(parts: Line, width: int) -> Line:
    """Give a line of exactly that many cells: clipped, or padded with blanks."""
    fitted, left = [], width
    for part in parts:
        text = clip(part.text, left)
        fitted.append(Part(text, part.style))
        left -= cells(text)
        if text != part.text:
            break
    if left > 0:
        fitted.append(Part(" " * left))
    return tuple(fitted)


def paint(lines: Sequence[Line], *, has_colours: bool) -> list[str]:
    """Give lines as text; without colours nothing but what is read."""
    return ["".join(_painted(part, has_colours) for part in parts) for parts in lines]


def _painted(part: Part, has_colours: bool) -> str:  # noqa: FBT001  of this module
    if not has_colours or not part.style or not part.text.strip():
        return part.text
    return f"\x1b[{CODES[part.style]}m{part.text}\x1b[0m"
