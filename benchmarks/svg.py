"""Draws lines over two logarithmic axes, as SVG that suits a light and a dark page.

A plot is plain text made by hand: axes, a grid at each power of ten, a line with dots
for each series and a bar from the least to the greatest figure of each dot, the name
of each line at its end. Ink is a grey that is legible on white and on black, and the
ground is left clear.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

__all__ = ["Dot", "Line", "Plot", "draw", "spread"]

COLOURS = ("#3b82c4", "#d9822b", "#3f9b6c", "#b0569a", "#8a7d3a", "#c4504a", "#6b6ecf")
"""Of the same lightness, about half way, so that each stands out on both grounds."""
INK = "#808890"
WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 76, 210, 76, 60
LABEL_GAP = 16
"""Names at the ends of lines stand so far apart at least."""
HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
    f'width="{WIDTH}" height="{HEIGHT}" role="img" '
    f'font-family="system-ui, sans-serif" font-size="12" fill="{INK}">'
)


@dataclass(frozen=True)
class Dot:
    """One figure: its middle, and how far it spreads."""

    x: float
    y: float
    least: float
    greatest: float


@dataclass(frozen=True)
class Line:
    """One series, from left to right."""

    name: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True)
class Plot:
    """What is drawn. Numbers are greater than 0."""

    title: str
    x_title: str
    y_title: str
    lines: tuple[Line, ...]
    note: str = ""
    """A line of small print below the title."""


@dataclass(frozen=True)
class _Axis:
    """From a number to a place, by its logarithm."""

    low: int
    high: int
    """Powers of ten at both ends."""
    start: float
    end: float

    def place(self, number: float) -> float:
        part = (math.log10(number) - self.low) / (self.high - self.low)
        return self.start + part * (self.end - self.start)

    @property
    def decades(self) -> list[int]:
        return list(range(self.low, self.high + 1))


def _axis(numbers: Sequence[float], start: float, end: float) -> _Axis:
    low = math.floor(math.log10(min(numbers)) + 1e-9)
    high = math.ceil(math.log10(max(numbers)) - 1e-9)
    return _Axis(low, max(high, low + 1), start, end)


def draw(plot: Plot) -> str:
    """Give a plot as the text of an SVG file.

    Raises:
        ValueError: there is nothing to draw, or a number is not greater than 0.
    """
    dots = [dot for line in plot.lines for dot in line.dots]
    if not dots or min(min(dot.x, dot.least) for dot in dots) <= 0:
        raise ValueError(f"{plot.title}: a logarithmic plot needs numbers above 0")
    x_axis = _axis([dot.x for dot in dots], LEFT, WIDTH - RIGHT)
    heights = [each for dot in dots for each in (dot.least, dot.greatest)]
    y_axis = _axis(heights, HEIGHT - BOTTOM, TOP)
    parts = [
        HEAD,
        f"<title>{escape(plot.title)}</title>",
        _text(LEFT, 24, plot.title, "start", 'font-size="16" font-weight="600"'),
        _text(LEFT, 42, plot.note, "start", 'font-size="11"'),
        *_grid(x_axis, y_axis),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, plot.x_title, "middle"),
        _text(LEFT - 8, TOP - 16, plot.y_title, "end", 'font-size="11"'),
        *_lines(plot.lines, x_axis, y_axis),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    given = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}'.rstrip()
    return f"<text {given}>{escape(text)}</text>"


def _grid(x_axis: _Axis, y_axis: _Axis) -> Iterator[str]:
    """Yield a line and a number for each power of ten."""
    stroke = f'stroke="{INK}" stroke-opacity="0.25"'
    for decade in x_axis.decades:
        x = x_axis.place(10.0**decade)
        yield f'<path d="M{x:.1f} {y_axis.end}V{y_axis.start}" {stroke}/>'
        yield _text(x, y_axis.start + 18, _number(decade), "middle")
    for decade in y_axis.decades:
        y = y_axis.place(10.0**decade)
        yield f'<path d="M{x_axis.start} {y:.1f}H{x_axis.end}" {stroke}/>'
        yield _text(x_axis.start - 8, y + 4, _number(decade), "end")


def _number(decade: int) -> str:
    """Give a power of ten as readers write it."""
    return f"{10**decade:,}" if decade >= 0 else f"{10.0**decade:.{-decade}f}"


def _lines(lines: Sequence[Line], x_axis: _Axis, y_axis: _Axis) -> Iterator[str]:
    colours = dict(
        zip([each.name for each in lines], itertools.cycle(COLOURS), strict=False)
    )
    for line in lines:
        colour = colours[line.name]
        dots = [(x_axis.place(dot.x), dot) for dot in line.dots]
        path = "L".join(f"{x:.1f} {y_axis.place(dot.y):.1f}" for x, dot in dots)
        yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, dot in dots:
            top, foot = y_axis.place(dot.greatest), y_axis.place(dot.least)
            yield f'<path d="M{x:.1f} {top:.1f}V{foot:.1f}" stroke="{colour}"/>'
            y = y_axis.place(dot.y)
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
    ends = {line.name: y_axis.place(line.dots[-1].y) for line in lines}
    for name, y in spread(ends).items():
        bold = 'font-weight="600"'
        colour = colours[name]
        yield _text(x_axis.end + 12, y + 4, name, "start", f'fill="{colour}" {bold}')


def spread(places: dict[str, float]) -> dict[str, float]:
    """Move names apart that would lie on each other, downwards."""
    result: dict[str, float] = {}
    free = -math.inf
    for name, place in sorted(places.items(), key=lambda each: each[1]):
        result[name] = max(place, free)
        free = result[name] + LABEL_GAP
    return result
