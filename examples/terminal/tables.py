"""Tables that fit a width: columns shrink, and the least important ones go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from examples.terminal.lines import Line, Part, fit, width_of

__all__ = ["Column", "table"]

GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Column:
    """How a column behaves."""

    title: str
    is_right: bool = False
    """Whether its cells stand at the right, as numbers do."""
    least: int = 0
    """To how many cells it may shrink; 0 for not at all."""
    rank: int = 0
    """Which columns go first when room is short: high ones; those of 0 never do."""


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Line]], width: int
) -> list[Line]:
    """Give a line of titles and one for each row, all `width` cells wide."""
    cells = [[(Part(each.title, "dim"),) for each in columns], *rows]
    natural = [
        max(width_of(row[place]) for row in cells) for place in range(len(columns))
    ]
    kept = _kept(columns, natural, width)
    widths = _shrunk(columns, natural, kept, width)
    lines = []
    for row in cells:
        parts: list[Part] = []
        for place in kept:
            parts += _aligned(row[place], widths[place], columns[place])
            parts.append(Part(" " * GAP))
        lines.append(fit(tuple(parts[:-1]), width))
    return lines


def _kept(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    """Give the places of the columns for which there is room."""
    kept = list(range(len(columns)))
    while len(kept) > 1:
        least = [min(natural[n], columns[n].least or natural[n]) for n in kept]
        last = max(kept, key=lambda place: (columns[place].rank, place))
        if _total(least) <= width or columns[last].rank == 0:
            break
        kept.remove(last)
    return kept


def _shrunk(
    columns: Sequence[Column], natural: Sequence[int], kept: Sequence[int], width: int
) -> dict[int, int]:
    """Give place → width, each column that can give having given in proportion."""
    widths = {place: natural[place] for place in kept}
    while _total(list(widths.values())) > width:
        giving = [
            place
            for place in kept
            if columns[place].least and widths[place] > columns[place].least
        ]
        if not giving:
            break
        widest = max(giving, key=lambda place: widths[place] / columns[place].least)
        widths[widest] -= 1
    return widths


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _aligned(cell: Line, width: int, column: Column) -> Line:
    room = width - width_of(cell)
    if column.is_right and room > 0:
        return (Part(" " * room), *cell)
    return fit(cell, width)
