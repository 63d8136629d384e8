"""Shows a cluster: ``python -m examples.qsbridge dashboard [--data DIR] [--once]``.

With ``--data`` it is the hub in that directory. The dashboard reads beside whoever has
it open: it takes no lock, writes nothing, and follows the log. So it may run next to
the hub on the same machine, or look into a directory that nobody uses any more.

Without, an evening is played in this process, `--speed` times as fast as it was.

It ends with Ctrl-C, or with the evening; the last frame stays. With ``--once``, or
where the output is no terminal, one frame is printed: of the directory as it is, of
the evening as it ends.
"""

import argparse
import pathlib
import sys
from collections.abc import Sequence
from typing import Final

import qsdb
from examples.qsbridge.cli.evening import SHIPPED
from examples.qsbridge.dashboard.live import Dashboard, HubClock
from examples.qsbridge.dashboard.pace import Pace
from examples.qsbridge.evening.cluster import Cluster
from examples.qsbridge.evening.events import BadLine
from examples.qsbridge.evening.reader import read_events
from examples.qsbridge.hub.tables import platform
from examples.terminal.screen import Screen

__all__ = ["main"]

SPEED: Final = 200
"""The evening that is shipped takes some two minutes."""
HUB: Final = "platform"
"""What the hub's directory is called beside those of other databases."""
WAIT_SECONDS: Final = 0.1
"""How long to wait for a commit before the time is looked at again."""


def main(arguments: Sequence[str]) -> int:
    """Show what the command line names; give the exit code."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.data is not None and chosen.file is not None:
        parser.error("an event file is played in memory, so not with --data")
    screen = Screen(sys.stdout)
    is_once = chosen.once or not screen.is_terminal
    try:
        if chosen.data is not None:
            _follow(chosen.data, screen, is_once=is_once)
        else:
            file = chosen.file or SHIPPED
            _play(file, screen, float("inf") if is_once else chosen.speed)
    except KeyboardInterrupt:
        pass  # Ctrl-C is how a dashboard is left: that is its end, and no failure
    except BrokenPipeError:
        raise  # an OSError, but none of a file that was asked for
    except (qsdb.StorageError, qsdb.SchemaError, OSError) as error:
        hint = _hint(chosen.data)
        source = chosen.data or chosen.file
        parser.exit(2, f"cannot show {source}: {_words(error)}{hint}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.qsbridge dashboard",
        description="Show a cluster of game servers in the terminal.",
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=pathlib.Path,
        help="events to play; left out, the file that ships with the example",
    )
    parser.add_argument(
        "--data",
        type=pathlib.Path,
        metavar="DIR",
        help="show the hub in that directory, which another process may have open",
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        default=SPEED,
        metavar="N",
        help="play events N times as fast as they happened (%(default)s)",
    )
    parser.add_argument("--once", action="store_true", help="print one frame, and end")
    return parser


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not speed > 0:  # nor is what is not a number
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return speed


def _words(error: Exception) -> str:
    """Give what went wrong, without the name and number of the file's error."""
    return getattr(error, "strerror", None) or str(error)


def _hint(data: pathlib.Path | None) -> str:
    """Give where the hub is, if a directory of several databases was named."""
    if data is None or not (data / HUB).is_dir():
        return ""
    return f"; the hub is in {data / HUB}"


def _follow(data: pathlib.Path, screen: Screen, *, is_once: bool) -> None:
    """Show a directory as it is, and as it becomes."""
    with qsdb.Database(platform, data, read_only=True) as db, screen:
        dashboard, clock = Dashboard(db, screen, str(data)), HubClock()
        now = clock.now(dashboard.watch.heard)
        dashboard.draw(now, is_past=clock.is_past)
        while not is_once:
            db.refresh(WAIT_SECONDS)
            now = clock.now(dashboard.watch.heard)
            dashboard.refresh(now, is_past=clock.is_past)


def _play(file: pathlib.Path, screen: Screen, speed: float) -> None:
    """Show an event file while it is played; bad lines are passed over."""
    with file.open("rb") as events, Cluster(None, file.name) as cluster, screen:
        dashboard = Dashboard(cluster.db, screen, file.name)
        pace = Pace(speed)
        for item in read_events(events):
            if isinstance(item, BadLine):
                continue
            pace.wait(item.at, dashboard.refresh)
            cluster.apply(item)
            dashboard.refresh(cluster.now)
        dashboard.draw(cluster.now)
