"""LIKE: patterns of ``%``, which stands for any text, and ``_``, for one character."""

import functools
import re

__all__ = ["is_like", "pattern_of"]


@functools.lru_cache(maxsize=256)
def pattern_of(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of LIKE; it matches whole texts only.

    Each piece between two ``%`` is taken where it is found first, and never looked for
    again: as no piece stretches, none further on could help. So a match costs at most
    text times pattern, whoever thought of it.
    """
    first, *others = pattern.split("%")
    source = _piece(first)
    if others:
        *between, last = others
        source += "".join([f"(?>.*?{_piece(each)})" for each in between if each])
        source += f"(?>.{{{len(last)},}})(?<={_piece(last)})"
    return re.compile(f"{source}\\Z", re.DOTALL)


def _piece(text: str) -> str:
    return "".join(["." if each == "_" else re.escape(each) for each in text])


def is_like(text: str, pattern: str) -> bool:
    """Whether a text follows a pattern."""
    return pattern_of(pattern).match(text) is not None
