"""What messages show of texts and values: a part that a line has room for.

Of a text it is the line of a place, as a terminal shows it, and a caret under it; of a
value its ``repr``, cut in the middle where that is long.
"""

import unicodedata

__all__ = ["BRIEF_LENGTH_MAX", "brief", "place_in", "pointed_at", "shown"]

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


BRIEF_LENGTH_MAX = 120
"""Longest text of a value in a message; a log line should stay readable."""


def shown(value: object) -> str:
    """Give ``repr(value)``, of an int too long for decimal digits the hex ones."""
    try:
        return repr(value)
    except ValueError:  # sys.get_int_max_str_digits(), perhaps of an int inside
        if isinstance(value, int):
            return hex(value)
        return f"<a {type(value).__name__} too long to show>"
    except Exception:  # noqa: BLE001  a user's repr must not hide our error
        return f"<a {type(value).__name__} that cannot be shown>"


def brief(value: object) -> str:
    """Give what `shown` gives, cut in the middle where it is long."""
    text = shown(value)
    if len(text) <= BRIEF_LENGTH_MAX:
        return text
    half = BRIEF_LENGTH_MAX // 2 - 8
    return f"{text[:half]} … {text[-half:]}"
