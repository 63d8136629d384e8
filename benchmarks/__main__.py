"""Asks all questions, each benchmark in a process of its own, and sums up.

``python -m benchmarks`` takes some minutes; names choose: ``python -m benchmarks
points scan``. The options are those of each benchmark.
"""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.program import make_parser
from benchmarks.report import Answer, header, machine, summary

FOLDER = Path(__file__).parent
TITLE = "qsdb beside sqlite3, kept alike, and a floor of plain Python; medians."


def names() -> list[str]:
    """Give the name of each benchmark: ``points`` of ``bench_points.py``."""
    files = FOLDER.glob("bench_*.py")
    return sorted([path.stem.removeprefix("bench_") for path in files])


def answers_of(name: str, options: list[str]) -> list[Answer]:
    """Run a benchmark and give its answers; exit as it does if it fails."""
    command = [sys.executable, "-m", f"benchmarks.bench_{name}", "--json", *options]
    ran = subprocess.run(  # noqa: S603  our own program
        command,
        cwd=FOLDER.parent,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    if ran.returncode != 0:
        sys.exit(ran.returncode)
    answers: list[Answer] = json.loads(ran.stdout)
    return answers


def main() -> None:
    """Run as a program."""
    parser = make_parser(__doc__ or "")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names()))
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(names()))
    if unknown:
        parser.error(
            f"no benchmark {', '.join(unknown)}; there are {', '.join(names())}"
        )
    options = ["--runs", str(arguments.runs)] if arguments.runs else []
    options += ["--small"] if arguments.small else []
    options += ["--cpu"] if arguments.cpu else []
    options += ["--directory", str(arguments.directory.resolve())]
    answers: list[Answer] = []
    for name in arguments.names or names():
        print(f"{name} …", file=sys.stderr, flush=True)
        answers += answers_of(name, options)
    if arguments.json:
        print(json.dumps(answers, indent=1))
        return
    clock = "processor" if arguments.cpu else "wall"
    print(header(TITLE, {**machine(), "clock": clock}, {}))
    print(summary(answers))


if __name__ == "__main__":
    main()
