"""Boxes: a block of lines in a frame with a title, and blocks side by side."""

from collections.abc import Sequence
from typing import Final

from examples.terminal.lines import (
    BLANK,
    Line,
    Part,
    clip,
    fit,
    line,
    width_of,
)

__all__ = ["BORDERS", "beside", "box"]

BORDERS: Final = 4
"""How many cells of a box's width are not for what is in it."""


def box(title: str, lines: Sequence[Line], width: int, height: int = 0) -> list[Line]:
    """Put lines into a box.

    Args:
        title: Stands in the upper border.
        lines: What is in it.
        width: In cells, with the borders.
        height: At least so many lines, with the borders.
    """
    inner = width - BORDERS
    filled = [*lines, *[BLANK] * (height - 2 - len(lines))]
    upper = line(Part("╭─", "dim"), Part(f" {clip(title, inner - 2)} ", "bold"))
    rest = "─" * (width - 1 - width_of(upper)) + "╮"
    return [
        (*upper, Part(rest, "dim")),
        *((Part("│ ", "dim"), *fit(each, inner), Part(" │", "dim")) for each in filled),
        line(Part("╰" + "─" * (width - 2) + "╯", "dim")),
    ]


def beside(*blocks: Sequence[Line], gap: int = 1) -> list[Line]:
    """Put blocks of equal heights side by side."""
    return [
        sum(
            ((Part(" " * gap), *each) for each in row[1:]),
            row[0],
        )
        for row in zip(*blocks, strict=True)
    ]
