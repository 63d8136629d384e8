"""One table of all answers: a line for each subject, beside the best of its peers."""

import itertools
from collections.abc import Iterator, Sequence

from benchmarks.report import (
    Answer,
    Result,
    columns,
    figure,
    grows,
    growth,
    verdict,
)

__all__ = ["best_peer", "summary"]

HEAD = (
    "question",
    "qsdb",
    "best peer",
    "floor",
    "unit",
    "peer ÷ qsdb",
    "qsdb ÷ floor",
)


def best_peer(given: Answer) -> Result | None:
    """Give the peer that needed least."""
    peers = [each for each in given["results"] if each["role"] == "peer"]
    return min(peers, key=lambda each: each["median"], default=None)


def summary(answers: Sequence[Answer]) -> str:
    """Give all answers as one table, benchmark by benchmark.

    Questions of growth follow in a table of their own: how costs grow says more than
    what they are at each size.
    """
    tables = [_costs(answers), _growth(answers)]
    missing = sorted({each for given in answers for each in given["left_out"]})
    told = [f"not asked: {', '.join(missing)}"] if missing else []
    return "\n\n".join([*filter(None, tables), *told])


def _costs(answers: Sequence[Answer]) -> str:
    lines = [each for given in answers for each in _lines(given)]
    if not lines:
        return ""
    shown = [*columns([HEAD, *(cells for _, cells, _ in lines)])]
    told = zip(shown, ["target", *(line[2] for line in lines)], strict=True)
    full = [f"{cells}   {verdict}".rstrip() for cells, verdict in told]
    table = [full[0], "─" * max(map(len, full))]
    rows = zip([line[0] for line in lines], full[1:], strict=True)
    for benchmark, group in itertools.groupby(rows, lambda row: row[0]):
        table += [f"· {benchmark} ·"] if benchmark else []
        table += [row[1] for row in group]
    return "\n".join(table)


def _growth(answers: Sequence[Answer]) -> str:
    rows, verdicts = [], []
    for given in answers:
        for name, points in growth(given).items():
            (least, first), (most, last) = points[0], points[-1]
            rows.append(
                [
                    given["question"],
                    name,
                    f"{least:,} to {most:,}",
                    f"{figure(first['median'])} to {figure(last['median'])}",
                    first["unit"],
                    grows(points),
                ]
            )
            verdicts.append(_verdicts(given, name))
    if not rows:
        return ""
    head = ["growth of the cost of", "who", "from", "it costs", "unit", "grows as"]
    told = zip(columns([head, *rows]), ["target", *verdicts], strict=True)
    first_line, *others = [f"{cells}   {verdict}".rstrip() for cells, verdict in told]
    rule = "─" * max(map(len, [first_line, *others]))
    return "\n".join([first_line, rule, *others])


def _verdicts(given: Answer, subject: str) -> str:
    told = [each for each in given["targets"] if each["subject"] == subject]
    return "; ".join([verdict(each).removeprefix("target ") for each in told])


def _lines(given: Answer) -> Iterator[tuple[str, list[str], str]]:
    """Yield the benchmark, the cells and the verdicts for each subject."""
    name = given.get("benchmark", "").removeprefix("bench_")
    for subject in given["results"]:
        if subject["role"] == "subject" and subject["line"] is None:
            told = _verdicts(given, subject["name"])
            yield name, _cells(given, subject), told


def _cells(given: Answer, subject: Result) -> list[str]:
    results = {each["name"]: each for each in given["results"]}
    peer, floor = best_peer(given), given["floor"]
    suffix = subject["name"].removeprefix("qsdb").strip(" ,")
    return [
        given["question"] + (f", {suffix}" if suffix else ""),
        figure(subject["median"]),
        f"{peer['name']} {figure(peer['median'])}" if peer else "",
        figure(results[floor]["median"]) if floor else "",
        subject["unit"],
        f"{1 / subject['ratio'][peer['name']]:.2f}" if peer else "",
        f"{subject['ratio'][floor]:.2f}" if floor else "",
    ]
