"""How the example words things: time spans, and text that came from outside."""

__all__ = ["plain", "short", "span"]

LINE_CHARS_MAX = 200
"""Beyond this a line of output is cut; a user's file may hold anything."""


def plain(text: str) -> str:
    r"""Give one printable line: control characters escaped, the end cut.

    >>> plain("red \x1b[31m")
    'red \\x1b[31m'
    """
    kept = text if len(text) <= LINE_CHARS_MAX else f"{text[: LINE_CHARS_MAX - 1]}…"
    if kept.isprintable():
        return kept
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in kept)


NAME_CHARS_MAX = 60
"""Beyond this a name is cut, so that the sentence around it is read to its end."""


def short(name: str) -> str:
    """Give a name, or the beginning of a long one.

    >>> short("us-east-pvp-1"), len(short("x" * 1000))
    ('us-east-pvp-1', 60)
    """
    if len(name) <= NAME_CHARS_MAX:
        return name
    return f"{name[: NAME_CHARS_MAX - 1]}…"


def span(micros: int) -> str:
    """Give a length of time in whole seconds, with its two largest units.

    >>> span(432_900_000), span(59_999_999), span(90_000_000_000)
    ('7 min 12 s', '59 s', '25 h 0 min')
    """
    minutes, seconds = divmod(micros // 1_000_000, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
