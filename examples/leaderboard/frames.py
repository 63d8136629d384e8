"""Frames: a picture, drawn for a terminal's size.

From 80 cells on the list of players stands at the left and the guilds at the right;
in less, one over the other.
"""

from collections.abc import Sequence
from typing import Final

from examples.leaderboard import Player
from examples.leaderboard.meter import Meter
from examples.leaderboard.watch import Picture
from examples.terminal.boxes import BORDERS, beside, box
from examples.terminal.lines import Line, Part, Style, fit, width_of
from examples.terminal.tables import Column, table

__all__ = ["frame"]

WIDTH_MIN: Final = 40
"""A narrower terminal cuts the frame off."""
WIDTH_MAX: Final = 120
WIDE: Final = 80
"""From here on boxes stand side by side."""
EXTRA: Final = 3
"""Lines of a box beside its rows: titles and two borders."""
BEST_COLUMNS: Final = (
    Column("#", is_right=True),
    Column("player", least=6),
    Column("score", is_right=True),
    Column("", rank=1),
)
GUILD_COLUMNS: Final = (
    Column("guild", least=6),
    Column("members", is_right=True),
    Column("score", is_right=True, rank=1),
)
FREE_COLUMNS: Final = (Column("player", least=6), Column("score", is_right=True))


def frame(
    picture: Picture, meter: Meter, width: int, height: int | None = None
) -> list[Line]:
    """Give the lines of a frame.

    Args:
        picture: What it shows.
        meter: Knows the commits.
        width: Cells of the terminal; no line has more.
        height: Lines of the terminal, of which the frame takes no more; None for a
            frame as high as it needs.
    """
    laid_out = min(max(width, WIDTH_MIN), WIDTH_MAX)
    lines = [_headline(meter, laid_out), *_boxes(picture, laid_out)][:height]
    return lines if width >= laid_out else [fit(each, width) for each in lines]


def _headline(meter: Meter, width: int) -> Line:
    """Give the name and, at the right, what commits cost."""
    pace = Part(
        f"{meter.commits_per_second:,.0f} commits/s · "
        f"{meter.micros_per_commit:,.0f} µs per commit",
        "accent",
    )
    left = fit((Part("Leaderboard", "bold"),), width - width_of((pace,)))
    return (*left, pace)


def _boxes(picture: Picture, width: int) -> list[Line]:
    """Give the boxes; of one height where they are side by side."""
    if width < WIDE:
        return [*_best(picture, width), *_guilds(picture, width)]
    left = (width - 1) // 2
    right = width - 1 - left
    height = max(
        len(picture.best) + EXTRA, len(picture.guilds) + len(picture.free) + 2 * EXTRA
    )
    free_height = height - len(picture.guilds) - EXTRA
    return beside(_best(picture, left, height), _guilds(picture, right, free_height))


def _best(picture: Picture, width: int, height: int = 0) -> list[Line]:
    rows = [
        (
            (Part(str(place), "dim"),),
            (Part(each.name, _style(each)),),
            (Part(f"{each.score:,}", "accent"),),
            (Part("online" if each.online else "", "dim"),),
        )
        for place, each in enumerate(picture.best, start=1)
    ]
    title = f"Top {len(picture.best)}"
    return box(title, table(BEST_COLUMNS, rows, width - BORDERS), width, height)


def _style(player: Player) -> Style:
    return "good" if player.online else ""


def _guilds(picture: Picture, width: int, free_height: int = 0) -> list[Line]:
    """Give the guilds and, below them, who is in none."""
    guilds: list[Sequence[Line]] = [
        (
            (Part(each.guild),),
            (Part(f"{each.members:,}", "accent"),),
            (Part(f"{each.score:,}"),),
        )
        for each in picture.guilds
    ]
    free: list[Sequence[Line]] = [
        ((Part(each.name),), (Part(f"{each.score:,}"),)) for each in picture.free
    ]
    inner, title = width - BORDERS, f"Online without guild: {picture.free_count:,}"
    return [
        *box("Guilds", table(GUILD_COLUMNS, guilds, inner), width),
        *box(title, table(FREE_COLUMNS, free, inner), width, free_height),
    ]
