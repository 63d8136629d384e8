"""Plays an event file: ``python -m examples.qsbridge [--data DIR] [--live] [FILE]``.

Prints what happened and, at the end, the cluster. A bad line is reported on
standard error with its number, counted, and passed over. With ``--data`` the
cluster is kept in a directory, and a run goes on where the last one ended, however
that ended. With ``--live`` the dashboard shows the cluster while events are played.
"""

import argparse
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO

import qsdb
from examples.qsbridge.dashboard.live import Dashboard
from examples.qsbridge.evening.cluster import Cluster, Outcome, Tally
from examples.qsbridge.evening.events import BadLine
from examples.qsbridge.evening.playing import SourceError, unplayed
from examples.qsbridge.evening.reader import read_events
from examples.qsbridge.evening.report import report
from examples.qsbridge.evening.story import Story
from examples.qsbridge.wording import plain
from examples.terminal.screen import Screen

__all__ = ["SHIPPED", "main"]

SHIPPED = pathlib.Path(__file__).parents[1] / "evening" / "events.jsonl"
"""The event file that comes with the example."""
HIGHLIGHTS_MAX = 3


def main(arguments: Sequence[str]) -> int:
    """Play the file that the command line names; give the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.qsbridge",
        description="Play an evening of a cluster of game servers.",
        epilog="Other commands: dashboard, serve, simulate; see --help of each.",
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
        help="show the dashboard while it is played, in place of the story",
    )
    chosen = parser.parse_args(arguments)
    try:
        events = chosen.file.open("rb")
    except OSError as error:
        parser.exit(2, f"cannot read {chosen.file}: {error.strerror}\n")
    with events:
        try:
            with Cluster(chosen.data, chosen.file.name) as cluster:
                _print(_found(cluster))
                tally = _play(cluster, events, chosen)
                _print(report(cluster.db, tally, cluster.now))
                _print(_known(cluster))
        except BrokenPipeError:
            raise  # an OSError, but none of the directory's
        except (SourceError, qsdb.StorageError, qsdb.SchemaError, OSError) as error:
            parser.exit(2, f"cannot go on with {chosen.data or chosen.file}: {error}\n")
    return 0


def _play(cluster: Cluster, events: BinaryIO, chosen: argparse.Namespace) -> Tally:
    """Play events, as a story or on the dashboard, and count them."""
    tally = Tally()
    if cluster.played is not None:
        tally.lines_before = cluster.played.lines_read
    if chosen.live:
        with Screen(sys.stdout) as screen:
            dashboard = Dashboard(cluster.db, screen, chosen.file.name)
            for _ in _outcomes(cluster, events, tally, chosen.file):
                dashboard.refresh(cluster.now)
            dashboard.draw(cluster.now)
        return tally
    story = Story(chosen.highlights)
    story.begin(cluster.db, cluster.now)
    for outcome in _outcomes(cluster, events, tally, chosen.file):
        _print(story.add(outcome))
    _print(story.end())
    return tally


def _outcomes(
    cluster: Cluster, events: BinaryIO, tally: Tally, file: pathlib.Path
) -> Iterator[Outcome]:
    """Apply each event that is not played yet, and yield what came of it."""
    for item in unplayed(read_events(events), file.name, cluster.played):
        if isinstance(item, BadLine):
            tally.lines_bad += 1
            print(f"{file}:{item.line}: {plain(item.why)}", file=sys.stderr)
            continue
        outcome = cluster.apply(item)
        tally.add(outcome)
        yield outcome


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
