"""A plot for each question of growth, with the exponent that fits each line."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.report import Answer, Result, grows, growth
from benchmarks.svg import Dot, Line, Plot, draw

__all__ = ["plot_of", "write_plots"]


def plot_of(given: Answer, about: str = "") -> Plot:
    """Give the plot of a question of growth."""
    unit = given["results"][0]["unit"]
    return Plot(
        given["question"],
        given["question"].rpartition(" by ")[2],
        unit,
        tuple([_line(*each) for each in growth(given).items()]),
        about,
    )


def _line(name: str, points: list[tuple[int, Result]]) -> Line:
    dots = [
        Dot(size, each["median"], each["min"], each["max"]) for size, each in points
    ]
    return Line(f"{name}: {grows(points)}", tuple(dots))


def write_plots(answers: Sequence[Answer], folder: Path) -> Iterator[Path]:
    """Draw each question of growth into a folder, and yield the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for given in answers:
        if growth(given):
            words = re.findall(r"[a-z0-9]+", given["question"].lower())
            path = folder / ("_".join(words) + ".svg")
            path.write_text(draw(plot_of(given, _about(given))), encoding="utf-8")
            yield path


def _about(given: Answer) -> str:
    """Give the circumstances in one line, as far as they are known."""
    told = [given.get("python", ""), given.get("processor", "")]
    return " · ".join([*filter(None, told), "bars: least to greatest of the rounds"])
