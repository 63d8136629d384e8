"""What is told of a simulation."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from examples.qsbridge.simulation.flow import flow_table
from examples.qsbridge.simulation.running import Result

__all__ = ["report"]

REDUCERS_SHOWN_MAX: Final = 25


def report(result: Result) -> Iterator[str]:
    """Yield lines: what was done and refused, who went where, what it cost."""
    settings = result.settings
    pace = settings.minutes * 60 / max(result.seconds, 1e-9)
    yield (
        f"{settings.servers:,} servers, {settings.players:,} players, "
        f"{settings.minutes:,} minutes, seed {settings.seed}"
    )
    yield (
        f"{result.commits:,} commits in {result.seconds:.1f} s, {pace:.0f} times as "
        f"fast as the clock; checks and hash took {result.seconds_after:.1f} s"
    )
    yield from _section("done", _counts(result.tally.items()))
    refused = ((f"{what}: {why}", n) for (what, why), n in result.refused.items())
    yield from _section("refused", _counts(refused))
    title = f"lost with the power, in {result.commits_lost:,} commits"
    yield from _section(title, _counts(result.lost.items()))
    yield from _section("rows", _counts(result.rows.items()))
    yield from _section("population flow", flow_table(result.flows, result.regions))
    yield from _section("time per reducer", _times(result))
    yield from _section("checks", _checks(result))
    yield ""
    yield f"state hash  {result.state_hash}"


def _section(title: str, lines: Iterator[str]) -> Iterator[str]:
    yield ""
    yield title
    for line in lines:
        yield f"  {line}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield lines of columns, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        numbers = [f"{cell:>{n}}" for cell, n in zip(rest, widths[1:], strict=True)]
        yield "  ".join([f"{first:<{widths[0]}}", *numbers])


def _counts(items: Iterable[tuple[str, int]]) -> Iterator[str]:
    rows = [(name, f"{count:,}") for name, count in sorted(items) if count]
    yield from _table(rows)


def _times(result: Result) -> Iterator[str]:
    """Yield what reducers took, the most expensive first; without commit and lock."""
    ordered = sorted(result.times.items(), key=lambda item: -item[1].seconds)
    rows = [("reducer", "calls", "refused", "seconds", "µs a call", "longest ms")]
    rows += [
        (
            name,
            f"{each.calls:,}",
            f"{each.failures:,}",
            f"{each.seconds:.2f}",
            f"{each.seconds / each.calls * 1e6:.1f}",
            f"{each.longest * 1e3:.1f}",
        )
        for name, each in ordered[:REDUCERS_SHOWN_MAX]
        if each.calls
    ]
    yield from _table(rows)


def _checks(result: Result) -> Iterator[str]:
    for check in result.checks:
        yield f"{'✗' if check.faults else '✓'} {check.sentence}"
        for fault in check.faults:
            yield f"    {fault}"
