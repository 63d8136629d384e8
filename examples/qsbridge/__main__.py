"""Plays an event file: ``python -m examples.qsbridge [FILE]``.

Prints what happened and, at the end, the cluster. A bad line is reported on
standard error with its number, counted, and passed over. Exit codes: 0, the
file was played; 2, it could not be read, or the command line is wrong.
"""

import argparse
import io
import os
import pathlib
import sys
from collections.abc import Iterable, Sequence
from typing import BinaryIO

from examples.qsbridge.cluster import Cluster, Tally
from examples.qsbridge.events import BadLine
from examples.qsbridge.reader import read_events
from examples.qsbridge.report import report
from examples.qsbridge.story import Story
from examples.qsbridge.wording import plain

__all__ = ["main"]

SHIPPED = pathlib.Path(__file__).with_name("events.jsonl")
HIGHLIGHTS_MAX = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the file that the command line names; give the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.qsbridge",
        description="Play an evening of a cluster of game servers.",
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=pathlib.Path,
        default=SHIPPED,
        help="events as JSON lines; left out, the file that ships with the example",
    )
    parser.add_argument(
        "--highlights",
        type=int,
        default=HIGHLIGHTS_MAX,
        metavar="N",
        help="tell at most N events of one sort each hour (%(default)s)",
    )
    chosen = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        events = chosen.file.open("rb")
    except OSError as error:
        parser.exit(2, f"cannot read {chosen.file}: {error.strerror}\n")
    with events:
        try:
            _play(events, Story(chosen.highlights), str(chosen.file))
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _play(events: BinaryIO, story: Story, name: str) -> None:
    tally = Tally()
    with Cluster() as cluster:
        for item in read_events(events):
            if isinstance(item, BadLine):
                tally.lines_bad += 1
                print(f"{name}:{item.line}: {plain(item.why)}", file=sys.stderr)
                continue
            outcome = cluster.apply(item)
            tally.add(outcome)
            _print(story.add(outcome))
        _print(story.end())
        _print(report(cluster.db, tally, cluster.now))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


if __name__ == "__main__":
    sys.exit(main())
