"""Frames: the panels of a picture, laid out for a terminal's size.

From 80 cells on cards and lists stand side by side; below that more of them one over
the other.
Where the height is known, lists get 3 to 8 rows each and the servers the rest, and the
last lists are left out where there is no room; where it is not (a pipe, a file),
everything is shown.
"""

from collections.abc import Callable, Sequence
from typing import Final

from examples.qsbridge.dashboard import panels
from examples.qsbridge.dashboard.picture import Picture
from examples.qsbridge.wording import plain
from examples.terminal.boxes import BORDERS, beside, box
from examples.terminal.lines import Line, Part, clip, fit, width_of
from qsdb import Timestamp

__all__ = ["WIDTH_MIN", "frame"]

WIDTH_MIN: Final = 50
"""A narrower terminal cuts the frame off."""
WIDTH_MAX: Final = 160
WIDE: Final = 80
"""From here on panels stand side by side."""
ROWS_MIN: Final = 3
ROWS_MAX: Final = 8
LIST_BORDERS: Final = 3
"""Lines of a list's box beside its rows: titles and two borders."""

Maker = Callable[[Picture, int, int], panels.Panel]
LISTS: Final[tuple[Maker, ...]] = (
    panels.players,
    panels.bans,
    panels.audit,
    panels.flows,
    panels.regions,
)
"""What matters most comes first."""


def frame(
    picture: Picture, source: str, width: int, height: int | None = None
) -> list[Line]:
    """Give the lines of a frame.

    Args:
        picture: What it shows.
        source: Where that is from, for the headline.
        width: Cells of the terminal; no line has more.
        height: Lines of the terminal, of which the frame takes no more; None for a
            frame as high as it needs.
    """
    laid_out = min(max(width, WIDTH_MIN), WIDTH_MAX)
    lines = _laid_out(picture, source, laid_out, height)
    return lines if width >= laid_out else [fit(each, width) for each in lines]


def _laid_out(
    picture: Picture, source: str, width: int, height: int | None
) -> list[Line]:
    upper = [_headline(picture, source, width), *_cards(picture, width)]
    if height is None:
        servers = _servers(picture, width, len(picture.servers))
        lists = _lists(picture, width, ROWS_MAX, LISTS, is_filled=False)
        return [*upper, *servers, *lists]
    left = height - len(upper)
    columns = _columns(width)
    # As many rows of boxes as leave the servers their least, and one in any case.
    fitting = left // (ROWS_MIN + LIST_BORDERS) - 1
    boxes = max(min(fitting, -(-len(LISTS) // columns)), 1)
    rows = (left - len(picture.servers) - LIST_BORDERS) // boxes - LIST_BORDERS
    rows = min(max(rows, ROWS_MIN), ROWS_MAX)
    lists = _lists(picture, width, rows, LISTS[: boxes * columns], is_filled=True)
    servers_rows = max(left - len(lists) - LIST_BORDERS, ROWS_MIN)
    return [*upper, *_servers(picture, width, servers_rows), *lists][:height]


def _columns(width: int) -> int:
    """Give how many lists stand side by side."""
    return 2 if width >= WIDE else 1


def _headline(picture: Picture, source: str, width: int) -> Line:
    """Give the name, the source and, at the right, the time, if there is one yet."""
    time = f"{str(picture.now)[:19].replace('T', ' ')} UTC"
    if picture.now == Timestamp.EPOCH:
        time = ""
    elif picture.is_past:
        time = f"as of {time}"
    name = Part("QS-Bridge", "bold")
    room = width - len(time) - width_of((name,)) - 4
    left = (name, Part(f"  {clip(plain(source), room)}", "dim"))
    return (*fit(left, width - len(time)), Part(time, "accent"))


def _cards(picture: Picture, width: int) -> list[Line]:
    """Give the cards in one row or, where that is narrow, in two."""
    count = 4 if width >= WIDE else 2
    lines: list[Line] = []
    for first in range(0, 4, count):
        blocks = [
            box(*panels.cards(picture, each - BORDERS)[place], each)
            for place, each in enumerate(_shares(width, count), start=first)
        ]
        lines += beside(*blocks)
    return lines


def _servers(picture: Picture, width: int, rows_max: int) -> list[Line]:
    return box(*panels.servers(picture, width - BORDERS, rows_max), width)


def _lists(
    picture: Picture,
    width: int,
    rows_max: int,
    makers: Sequence[Maker],
    *,
    is_filled: bool,
) -> list[Line]:
    """Give lists; filled they are as high when they are short, and do not jump."""
    height = rows_max + LIST_BORDERS if is_filled else 0
    columns = _columns(width)
    lines: list[Line] = []
    for first in range(0, len(makers), columns):
        beneath = makers[first : first + columns]
        widths = _shares(width, len(beneath))
        made = [
            make(picture, each - BORDERS, rows_max)
            for make, each in zip(beneath, widths, strict=True)
        ]
        highest = max(height, *(len(content) + 2 for _, content in made))
        blocks = [
            box(*panel, each, highest) for panel, each in zip(made, widths, strict=True)
        ]
        lines += beside(*blocks)
    return lines


def _shares(width: int, count: int) -> list[int]:
    """Share a width among blocks with a gap of one cell between each two."""
    each, rest = divmod(width - (count - 1), count)
    return [each + (place < rest) for place in range(count)]
