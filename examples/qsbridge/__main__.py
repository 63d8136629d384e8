"""Plays an event file: ``python -m examples.qsbridge [--data DIR] [--live] [FILE]``.

Prints what happened and, at the end, the cluster. A bad line is reported on
standard error with its number, counted, and passed over. With ``--data`` the
cluster is kept in a directory, and a run goes on where the last one ended, however
that ended. With ``--live`` the cluster is drawn as a table while events are played.
Exit codes: 0, the file was played; 2, it or the directory could not be used, or the
command line is wrong.
"""

import argparse
import io
import os
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import qsdb
from examples.qsbridge.evening.board import Board
from examples.qsbridge.evening.cluster import Cluster, Tally
from examples.qsbridge.evening.events import BadLine
from examples.qsbridge.evening.playing import SourceError, unplayed
from examples.qsbridge.evening.reader import read_events
from examples.qsbridge.evening.report import report
from examples.qsbridge.evening.story import Story
from examples.qsbridge.evening.wording import plain

__all__ = ["main"]

SHIPPED = pathlib.Path(__file__).with_name("evening") / "events.jsonl"
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
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        metavar="DIR",
        help="keep the cluster there, and go on where the last run ended",
    )
    parser.add_argument(
        "--live",
        action="store_true",
        help="draw the cluster while it is played, in place of the story",
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
            with Cluster(chosen.data, chosen.file.name) as cluster:
                board = None
                if chosen.live:
                    board = Board(cluster.db, cluster.known, sys.stdout)
                story = Story(chosen.highlights)
                _play(cluster, events, story, chosen.file, board)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (SourceError, qsdb.StorageError, qsdb.SchemaError, OSError) as error:
            parser.exit(2, f"cannot go on with {chosen.data or chosen.file}: {error}\n")
    return 0


def _play(
    cluster: Cluster,
    events: BinaryIO,
    story: Story,
    file: pathlib.Path,
    board: Board | None,
) -> None:
    played = cluster.played
    tally = Tally(lines_before=0 if played is None else played.lines_read)
    _print(_found(cluster))
    story.begin(cluster.db, cluster.now)
    for item in unplayed(read_events(events), file.name, played):
        if isinstance(item, BadLine):
            tally.lines_bad += 1
            print(f"{file}:{item.line}: {plain(item.why)}", file=sys.stderr)
            continue
        outcome = cluster.apply(item)
        tally.add(outcome)
        told = story.add(outcome)
        if board is None:
            _print(told)
        else:
            board.refresh(cluster.now)
    if board is None:
        _print(story.end())
    else:
        board.draw(cluster.now)
        print()
    _print(report(cluster.db, tally, cluster.now))
    _print(_known(cluster))


def _found(cluster: Cluster) -> Iterator[str]:
    """Yield what a directory held, and how far its events had come."""
    recovery, played = cluster.db.recovery, cluster.played
    if recovery is None or recovery.is_created:
        return
    yield from map(plain, str(recovery).splitlines())
    if played is not None:
        yield plain(f"  played    {played.name} up to line {played.lines_read}")
    yield ""


def _known(cluster: Cluster) -> Iterator[str]:
    """Yield what the servers know by their subscriptions."""
    servers = cluster.known.values()
    if servers:
        players = sum(server.players_count for server in servers)
        bans = " or ".join(map(str, sorted({len(server.bans) for server in servers})))
        yield (
            f"bridges  {len(servers)}: each knows all {bans} bans, "
            f"and all together {players} players"
        )


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


if __name__ == "__main__":
    sys.exit(main())
