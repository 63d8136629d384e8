"""LIKE: patterns of ``%``, which stands for any text, and ``_``, for one character.

After the character that ESCAPE names, another one stands for itself; at the very end so
does that character.
"""

import functools
import re
from collections.abc import Callable, Sequence
from operator import methodcaller

from qsdb.values.source import Names

__all__ = ["is_like", "like_source", "matcher", "plain_text", "read_pattern"]

_ANY = ("%", False)


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


def _pattern_of(pattern: str, escape: str | None) -> re.Pattern[str]:
    """Compile a pattern of LIKE; it matches whole texts only.

    Each piece between two ``%`` is taken where it is found first, and never looked for
    again: as no piece stretches, none further on could help. So a match costs at most
    text times pattern, whoever thought of it.
    """
    pieces: list[list[tuple[str, bool]]] = [[]]
    for each in read_pattern(pattern, escape):
        if each == _ANY:
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


def plain_text(
    pattern: str, escape: str | None = None
) -> tuple[str, bool, bool] | None:
    """Give the text of a pattern with ``%`` at its ends alone; None of another one.

    Most patterns are such. Besides, it says whether a ``%`` stands before the text, and
    whether one stands behind it.

    >>> plain_text("ab%"), plain_text("a%b")
    (('ab', False, True), None)
    """
    characters = read_pattern(pattern, escape)
    begins, ends = characters[:1] == [_ANY], characters[-1:] == [_ANY]
    between = characters[begins : len(characters) - ends]
    if not all(own for _, own in between):
        return None
    return "".join([character for character, _ in between]), begins, ends


def like_source(pattern: str, escape: str | None, names: Names) -> str:
    """Write whether ``{}`` follows a pattern that is known."""
    plain = plain_text(pattern, escape)
    if plain is None:
        return f"({names.bind('like', matcher(pattern, escape))}({{}}) is not None)"
    text = names.bind("text", plain[0])
    return {
        (False, False): f"({{}} == {text})",
        (False, True): f"{{}}.startswith({text})",
        (True, False): f"{{}}.endswith({text})",
        (True, True): f"({text} in {{}})",
    }[plain[1:]]


@functools.lru_cache(maxsize=256)
def matcher(pattern: str, escape: str | None = None) -> Callable[[str], object]:
    """Give what says whether a text follows a pattern: what it gives is true if so."""
    match plain_text(pattern, escape):
        case text, True, True:  # which takes a pattern longest
            return methodcaller("__contains__", text)
        case _:
            return _pattern_of(pattern, escape).match


def is_like(text: str, pattern: str, escape: str | None = None) -> bool:
    """Whether a text follows a pattern."""
    return bool(matcher(pattern, escape)(text))
