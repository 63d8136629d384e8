"""LIKE: patterns of ``%``, which stands for any text, and ``_``, for one character.

After the character that ESCAPE names, another one stands for itself; at the very end so
does that character.
"""

import functools
import re
from collections.abc import Sequence

__all__ = ["is_like", "pattern_of", "read_pattern"]


def read_pattern(pattern: str, escape: str | None = None) -> list[tuple[str, bool]]:
    """Give the characters of a pattern, and of each whether it stands for itself.

    >>> read_pattern("a!%%", escape="!")
    [('a', True), ('%', True), ('%', False)]
    """
    found, is_escaped = [], False
    for character in pattern:
        if character == escape and not is_escaped:
            is_escaped = True
            continue
        found.append((character, is_escaped or character not in ("%", "_")))
        is_escaped = False
    if is_escaped:
        found.append((pattern[-1], True))
    return found


@functools.lru_cache(maxsize=256)
def pattern_of(pattern: str, escape: str | None = None) -> re.Pattern[str]:
    """Compile a pattern of LIKE; it matches whole texts only.

    Each piece between two ``%`` is taken where it is found first, and never looked for
    again: as no piece stretches, none further on could help. So a match costs at most
    text times pattern, whoever thought of it.
    """
    pieces: list[list[tuple[str, bool]]] = [[]]
    for each in read_pattern(pattern, escape):
        if each == ("%", False):
            pieces.append([])
        else:
            pieces[-1].append(each)
    first, *others = pieces
    source = _piece(first)
    if others:
        *between, last = others
        source += "".join([f"(?>.*?{_piece(each)})" for each in between if each])
        source += f"(?>.{{{len(last)},}})(?<={_piece(last)})"
    return re.compile(f"{source}\\Z", re.DOTALL)


def _piece(characters: Sequence[tuple[str, bool]]) -> str:
    return "".join([re.escape(each) if own else "." for each, own in characters])


def is_like(text: str, pattern: str, escape: str | None = None) -> bool:
    """Whether a text follows a pattern."""
    return pattern_of(pattern, escape).match(text) is not None
