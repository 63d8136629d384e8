"""Asks all questions, each benchmark in a process of its own, and sums up.

``python -m benchmarks`` takes its time, ``--quick`` some minutes; names choose:
``python -m benchmarks points scan``. One that fails is left out, and said at the end.
The options are those of each benchmark, and:

* ``--compare REV`` asks the same of qsdb as it was at a revision of git, in turn, and
  tells the ratios with their spread.
* ``--python PATH`` does so with another interpreter, which has what qsdb needs:
  ``python3.13 -m venv there && there/bin/pip install -e . --group bench``.
* ``--plots FOLDER`` draws how costs grow, one SVG for each question of growth.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.compare import (
    change_table,
    interpreter,
    other_revision,
    take_turns,
)
from benchmarks.harness import InvariantError
from benchmarks.plots import write_plots
from benchmarks.program import RUNS, RUNS_QUICK, RUNS_SMALL, make_parser
from benchmarks.report import Answer, header, machine
from benchmarks.summary import summary

Side = tuple[Path, str]
"""The folder that has ``benchmarks`` and ``qsdb``, and the Python that runs them."""

FOLDER = Path(__file__).parent
TITLE = "qsdb beside its peers, kept alike, and a floor of plain Python; medians."


def names() -> list[str]:
    """Give the name of each benchmark: ``points`` of ``bench_points.py``."""
    files = FOLDER.glob("bench_*.py")
    return sorted([path.stem.removeprefix("bench_") for path in files])


class BenchmarkError(Exception):
    """A benchmark has failed, and said why."""


def answers_of(
    name: str, options: list[str], root: Path, python: str = sys.executable
) -> list[Answer]:
    """Run a benchmark and give its answers.

    Args:
        name: Of the benchmark.
        options: For it.
        root: The folder that has ``benchmarks`` and ``qsdb``.
        python: Runs it.

    Raises:
        BenchmarkError: it fails.
    """
    command = [python, "-m", f"benchmarks.bench_{name}", "--json", *options]
    ran = subprocess.run(  # noqa: S603  our own program
        command, cwd=root, stdout=subprocess.PIPE, encoding="utf-8", check=False
    )
    if ran.returncode != 0:
        raise BenchmarkError(f"{name} has failed, with {ran.returncode}")
    answers: list[Answer] = json.loads(ran.stdout)
    return answers


def make_main_parser() -> argparse.ArgumentParser:
    """Give a parser of what all benchmarks understand, and of what is for all."""
    parser = make_parser(__doc__ or "")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    others = parser.add_mutually_exclusive_group()
    others.add_argument(
        "--compare", metavar="REV", help="with qsdb at another revision of git"
    )
    others.add_argument("--python", metavar="PATH", help="with another interpreter")
    parser.add_argument(
        "--plots", type=Path, metavar="FOLDER", help="where plots of growth are put"
    )
    return parser


def options_of(arguments: argparse.Namespace) -> list[str]:
    """Give what is handed on to each benchmark."""
    options = ["--small"] if arguments.small else []
    options += ["--quick"] if arguments.quick else []
    options += ["--cpu"] if arguments.cpu else []
    return [*options, "--directory", str(arguments.directory.resolve())]


def sum_up(arguments: argparse.Namespace, chosen: list[str]) -> None:
    """Ask, and print the table or JSON; exit with 1 if a benchmark fails."""
    options = options_of(arguments)
    options += ["--runs", str(arguments.runs)] if arguments.runs else []
    answers: list[Answer] = []
    failures: list[str] = []
    for name in chosen:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            answers += answers_of(name, options, FOLDER.parent)
        except BenchmarkError as error:
            failures.append(str(error))
    if arguments.plots:
        for path in write_plots(answers, arguments.plots):
            print(f"drawn: {path}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(answers, indent=1))
    else:
        clock = "processor" if arguments.cpu else "wall"
        print(header(TITLE, {**machine(), "clock": clock}, {}))
        print(summary(answers))
    if failures:
        sys.exit(f"benchmarks: {'; '.join(failures)}")


def _one_round(name: str, options: list[str], side: tuple[Path, str]) -> list[Answer]:
    return answers_of(name, [*options, "--runs", "1"], *side)


@contextmanager
def other_side(arguments: argparse.Namespace) -> Iterator[tuple[Side, str]]:
    """Have the other side of a comparison, and what it is called.

    Raises:
        ValueError: there is no such revision or interpreter.
    """
    if arguments.python:
        version = interpreter(arguments.python)
        yield (FOLDER.parent, arguments.python), f"Python {version}"
        return
    with other_revision(arguments.compare, FOLDER.parent) as there:
        yield (there, sys.executable), arguments.compare


def compare(arguments: argparse.Namespace, chosen: list[str]) -> None:
    """Ask two revisions or interpreters in turn, and print how they differ."""
    usual = RUNS_SMALL if arguments.small else RUNS_QUICK if arguments.quick else RUNS
    options, turns = options_of(arguments), arguments.runs or usual
    here = FOLDER.parent, sys.executable
    found = []
    with other_side(arguments) as (there, called):
        for name in chosen:
            print(f"{name} …", file=sys.stderr, flush=True)
            ask = partial(_one_round, name, options)
            alike = arguments.python is None
            found += take_turns(ask, here, there, turns, peers_are_noise=alike)
    if arguments.json:
        print(json.dumps(found, indent=1))
        return
    about = {**machine(), "turns": turns, "compared with": called}
    print(header("qsdb here and on another side; medians.", about, {}))
    print(change_table(found, called))


def main() -> None:
    """Run as a program."""
    parser = make_main_parser()
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(names()))
    if unknown:
        parser.error(
            f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}"
        )
    chosen = arguments.names or names()
    if not arguments.compare and not arguments.python:
        sum_up(arguments, chosen)
        return
    try:
        compare(arguments, chosen)
    except (BenchmarkError, InvariantError, ValueError) as error:
        sys.exit(f"benchmarks: {error}")


if __name__ == "__main__":
    main()
