"""The command line that all benchmarks share.

A benchmark file defines a `Benchmark` and a `main` that hands it to `run`. It is
started with ``python -m benchmarks.bench_points``, from the root of the checkout;
``python benchmarks/bench_points.py`` does the same where the checkout is
installed (``pip install --editable .``).
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.harness import InvariantError, Question, ask
from benchmarks.report import Answer, Sizes, answer, header, machine, report

__all__ = ["Benchmark", "Sizes", "make_parser", "run"]

RUNS, RUNS_QUICK, RUNS_SMALL = 5, 3, 1
QUICK = 10
"""Quick sizes are so many times less than full ones."""


@dataclass(frozen=True)
class Benchmark:
    """One file of questions."""

    name: str
    text: str
    """Its module's docstring."""
    full: Sizes
    small: Sizes
    """Sizes for the test run: everything happens, nothing takes time."""
    questions: Callable[[Sizes], Iterable[Question]]
    seed: int | None = None
    """What is drawn is drawn from it, the same in each run."""

    @property
    def quick(self) -> Sizes:
        """Sizes for a look in passing: a tenth, and never less than small ones."""
        return {
            name: max(size // QUICK, min(size, self.small[name]))
            for name, size in self.full.items()
        }


def make_parser(text: str) -> argparse.ArgumentParser:
    """Give a parser of what all benchmarks understand."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    lesser = parser.add_mutually_exclusive_group()
    lesser.add_argument("--small", action="store_true", help="tiny sizes, for tests")
    lesser.add_argument(
        "--quick",
        action="store_true",
        help="a tenth of the sizes, for a look in passing; no targets",
    )
    parser.add_argument("--json", action="store_true", help="print JSON and no more")
    parser.add_argument(
        "--runs",
        type=_positive,
        metavar="N",
        help=f"rounds that count ({RUNS}, quick: {RUNS_QUICK}, small: {RUNS_SMALL}); "
        "one more warms up",
    )
    parser.add_argument(
        "--cpu", action="store_true", help="count processor time, not wall time"
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=Path(),
        help="where files are kept for as long as they are needed (here)",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _scale(benchmark: Benchmark, arguments: argparse.Namespace) -> tuple[Sizes, int]:
    """Give the sizes, and how many rounds count if nothing is said."""
    if arguments.small:
        return benchmark.small, RUNS_SMALL
    if arguments.quick:
        return benchmark.quick, RUNS_QUICK
    return benchmark.full, RUNS


def run(benchmark: Benchmark, arguments: argparse.Namespace) -> None:
    """Ask all questions of a benchmark and print the answers.

    Exits with 1 if an invariant did not hold.
    """
    sizes, usual_runs = _scale(benchmark, arguments)
    runs: int = arguments.runs or usual_runs
    clock = time.process_time if arguments.cpu else time.perf_counter
    circumstances: dict[str, object] = {
        "benchmark": benchmark.name,
        **machine(),
        "clock": "processor" if arguments.cpu else "wall",
        "runs": runs,
        **({} if benchmark.seed is None else {"seed": benchmark.seed}),
    }
    if not arguments.json:
        print(header(benchmark.text, circumstances, sizes), flush=True)
    answers: list[Answer] = []
    for question in benchmark.questions(sizes):
        # Targets are for real sizes.
        is_full = sizes is benchmark.full
        asked = question if is_full else replace(question, targets=())
        try:
            outcome = ask(asked, runs, clock)
        except InvariantError as error:
            sys.exit(f"{benchmark.name}: an invariant does not hold: {error}")
        answers.append(answer(outcome))
        if not arguments.json:
            print(report(answers[-1]), flush=True)
    if arguments.json:
        about = {**circumstances, "sizes": dict(sizes)}
        print(json.dumps([{**about, **each} for each in answers], indent=1))
