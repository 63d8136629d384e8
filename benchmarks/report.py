"""How answers are shown: as JSON, as a table each, as one summary of all.

All three come from one record of plain values, `Answer`, which also crosses the
border between the process of a benchmark and that of the summary.
"""

import os
import platform
import sqlite3
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TypedDict

from benchmarks.harness import Outcome, Series

__all__ = ["Answer", "Sizes", "answer", "header", "machine", "report", "summary"]

Sizes = Mapping[str, int]


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
    """Reference → how many times as much this contender needs."""


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


def answer(outcome: Outcome) -> Answer:
    """Give an outcome as plain values."""
    peer, floor = outcome.reference("peer"), outcome.reference("floor")
    references = [each for each in (peer, floor) if each is not None]
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
    )


def machine() -> dict[str, object]:
    """Give what a figure depends on besides the code."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(terse=True),
        "processor": _processor(),
        "cpu_count": os.cpu_count(),
        "sqlite": sqlite3.sqlite_version,
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
    return f"{text.strip()}\n\n{textwrap.fill(' · '.join(facts), 88)}\n"


def report(given: Answer) -> str:
    """Give one answer as a table."""
    peer, floor = given["peer"], given["floor"]
    head = [f"  {given['results'][0]['unit']}", "min", "median", "max"]
    head += [f"{peer} ÷ it"] if peer else []
    head += [f"it ÷ {floor}"] if floor else []
    rows = [
        [
            f"  {each['name']}",
            _figure(each["min"]),
            _figure(each["median"]),
            _figure(each["max"]),
            *([f"{1 / each['ratio'][peer]:.2f}"] if peer else []),
            *([f"{each['ratio'][floor]:.2f}"] if floor else []),
        ]
        for each in given["results"]
    ]
    lines = [given["question"]]
    lines += _columns([head, *rows])
    lines.append(f"  checksum {given['checksum']}")
    lines += [f"  {line['subject']}: {_verdict(line)}" for line in given["targets"]]
    return "\n".join(lines) + "\n"


def _figure(value: float) -> str:
    """Give three digits that count, or all before the point."""
    decimals = next((n for n, bound in enumerate((100, 10, 1)) if value >= bound), 3)
    return f"{value:,.{decimals}f}"


def _verdict(line: TargetLine) -> str:
    verdict = "met" if line["met"] else "missed"
    return f"{line['text']}: {line['value']:.3g} {verdict}"


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [
            each.rjust(width) for each, width in zip(others, widths[1:], strict=True)
        ]
        yield "  ".join(cells).rstrip()


def summary(answers: Sequence[Answer]) -> str:
    """Give all answers as one table: a line for each subject."""
    head = ["question", "qsdb", "sqlite3", "floor", "unit"]
    rows = [[*head, "sqlite3 ÷ qsdb", "qsdb ÷ floor"]]
    verdicts = ["target"]
    for given in answers:
        for subject in given["results"]:
            if subject["role"] == "subject":
                rows.append(_summary_cells(given, subject))
                lines = [
                    each
                    for each in given["targets"]
                    if each["subject"] == subject["name"]
                ]
                verdicts.append("; ".join(map(_verdict, lines)))
    shown = [
        f"{cells}   {verdict.replace('target ', '')}".rstrip()
        for cells, verdict in zip(_columns(rows), verdicts, strict=True)
    ]
    return "\n".join([shown[0], "─" * max(map(len, shown)), *shown[1:]])


def _summary_cells(given: Answer, subject: Result) -> list[str]:
    results = {each["name"]: each for each in given["results"]}
    peer, floor = given["peer"], given["floor"]
    suffix = subject["name"].removeprefix("qsdb").strip()
    return [
        given["question"] + (f", {suffix}" if suffix else ""),
        _figure(subject["median"]),
        _figure(results[peer]["median"]) if peer else "",
        _figure(results[floor]["median"]) if floor else "",
        subject["unit"],
        f"{1 / subject['ratio'][peer]:.2f}" if peer else "",
        f"{subject['ratio'][floor]:.2f}" if floor else "",
    ]
