"""How an answer is shown: as JSON and as a table.

Both, and the table of all in `benchmarks.summary`, come from one record of plain
values, `Answer`, which also crosses the border between two processes: that of a
benchmark and that of the summary.
"""

import os
import platform
import sqlite3
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import NotRequired, TypedDict

from benchmarks.fit import exponent
from benchmarks.harness import Outcome, Series
from benchmarks.peers import versions

__all__ = [
    "Answer",
    "Result",
    "Sizes",
    "TargetLine",
    "answer",
    "columns",
    "figure",
    "grows",
    "growth",
    "header",
    "machine",
    "report",
    "verdict",
]

Sizes = Mapping[str, int]
NO_BREAK = "\u00a0"


class Result(TypedDict):
    """One contender's figures, in `unit`."""

    name: str
    role: str
    count: int
    unit: str
    min: float
    median: float
    max: float
    ratio: dict[str, float]
    """Peer or floor → how many times as much this contender needs."""
    line: str | None
    """In a plot of growth: the line that it is a point of."""
    size: int | None
    """And where on it."""


class TargetLine(TypedDict):
    """What a subject should reach, and what it did."""

    subject: str
    text: str
    bound: float
    value: float
    met: bool


class Answer(TypedDict):
    """What came out of one question."""

    question: str
    checksum: str
    peer: str | None
    floor: str | None
    results: list[Result]
    targets: list[TargetLine]
    left_out: list[str]
    """Who could not be asked, and why."""
    benchmark: NotRequired[str]
    """Of whom this is an answer, where several are together; so the next two."""
    python: NotRequired[str]
    processor: NotRequired[str]


def answer(outcome: Outcome) -> Answer:
    """Give an outcome as plain values."""
    peer, floor = outcome.reference("peer"), outcome.reference("floor")
    references = [each for each in outcome.all_series if each.role != "subject"]
    return Answer(
        question=outcome.question.title,
        checksum=outcome.checksum,
        peer=None if peer is None else peer.name,
        floor=None if floor is None else floor.name,
        results=[_result(outcome, series, references) for series in outcome.all_series],
        targets=[
            TargetLine(
                subject=target.subject,
                text=target.text,
                bound=target.bound,
                value=target.value(outcome),
                met=target.is_met(outcome),
            )
            for target in outcome.question.targets
        ],
        left_out=list(outcome.question.left_out),
    )


def _result(outcome: Outcome, series: Series, references: Sequence[Series]) -> Result:
    unit = outcome.question.unit
    return Result(
        name=series.name,
        role=series.role,
        count=series.count,
        unit=unit.name,
        min=series.least / unit.scale,
        median=series.median / unit.scale,
        max=series.greatest / unit.scale,
        ratio={each.name: series.over(each) for each in references},
        line=series.point.line if series.point else None,
        size=series.point.size if series.point else None,
    )


def machine() -> dict[str, object]:
    """Give what a figure depends on besides the code."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(terse=True),
        "processor": _processor(),
        "cpu_count": os.cpu_count(),
        "sqlite": sqlite3.sqlite_version,
        **versions(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            named = [line for line in lines if line.startswith("model name")]
    except OSError:
        named = []
    return named[0].partition(":")[2].strip() if named else platform.machine()


def header(text: str, circumstances: Mapping[str, object], sizes: Sizes) -> str:
    """Give what stands above the tables: the question, the machine, the sizes."""
    facts = [
        f"{name.replace('_', ' ')}: {each}" for name, each in circumstances.items()
    ]
    facts += [f"{name}: {size:,}" for name, size in sizes.items()]
    whole = [each.replace(" ", NO_BREAK) for each in facts]
    lines = textwrap.fill(" · ".join(whole), 88, break_on_hyphens=False)
    return f"{text.strip()}\n\n{lines.replace(NO_BREAK, ' ')}\n"


def report(given: Answer) -> str:
    """Give one answer as a table."""
    peer, floor = given["peer"], given["floor"]
    head = [f"  {given['results'][0]['unit']}", "min", "median", "max"]
    head += [f"{peer} ÷ it"] if peer else []
    head += [f"it ÷ {floor}"] if floor else []
    rows = [
        [
            f"  {each['name']}",
            figure(each["min"]),
            figure(each["median"]),
            figure(each["max"]),
            *([f"{1 / each['ratio'][peer]:.2f}"] if peer else []),
            *([f"{each['ratio'][floor]:.2f}"] if floor else []),
        ]
        for each in given["results"]
    ]
    lines = [given["question"]]
    lines += columns([head, *rows])
    lines.append(f"  checksum {given['checksum']}")
    lines += [f"  {line['subject']}: {verdict(line)}" for line in given["targets"]]
    lines += [
        f"  {name}: grows as {grows(points)}" for name, points in growth(given).items()
    ]
    lines += [f"  not asked: {each}" for each in given["left_out"]]
    return "\n".join(lines) + "\n"


def growth(given: Answer) -> dict[str, list[tuple[int, Result]]]:
    """Give the points of each line, from small to large."""
    lines: dict[str, list[tuple[int, Result]]] = {}
    for result in given["results"]:
        line, size = result["line"], result["size"]
        if line is not None and size is not None:
            lines.setdefault(line, []).append((size, result))
    return {name: sorted(points, key=_size) for name, points in lines.items()}


def _size(point: tuple[int, Result]) -> int:
    return point[0]


def grows(points: Sequence[tuple[int, Result]]) -> str:
    """Give the power of n by which the points of a line grow, in words."""
    if len(points) < 2:
        return "not known"
    return f"n^{exponent([(size, each['median']) for size, each in points]):+.2f}"


def figure(value: float) -> str:
    """Give three digits that count, or all before the point."""
    decimals = next((n for n, bound in enumerate((100, 10, 1)) if value >= bound), 3)
    return f"{value:,.{decimals}f}"


def verdict(line: TargetLine) -> str:
    """Give a target in words, and whether it was met."""
    word = "met" if line["met"] else "missed"
    return f"{line['text']}: {line['value']:.3g} {word}"


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [
            each.rjust(width) for each, width in zip(others, widths[1:], strict=True)
        ]
        yield "  ".join(cells).rstrip()
