"""The command line: ``python -m examples.leaderboard [--players N] [--seconds S] …``.

In a terminal the season is played as fast as it happens, and drawn meanwhile; Ctrl-C
ends it, and the last frame stays. Elsewhere, or with ``--plain``, nothing is waited
for: the same is done at once, and one frame printed at the end.

Exit codes: 0, done; 2, the command line is wrong.
"""

import argparse
import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

import qsdb
from examples.leaderboard import leaderboard
from examples.leaderboard.frames import frame
from examples.leaderboard.meter import Meter
from examples.leaderboard.season import Season
from examples.leaderboard.watch import Watch
from examples.terminal.screen import Screen

__all__ = ["main"]

DEEDS_PER_SECOND: Final = 500
FRAME_SECONDS: Final = 0.1
"""Nobody sees more than ten frames a second."""
PLAYERS_MAX: Final = 1_000_000
SECONDS_MAX: Final = 86_400
SEED_MAX: Final = 2**32 - 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Show a season; give the exit code."""
    chosen = _parser().parse_args(arguments)
    screen = Screen(sys.stdout, {"TERM": "dumb"} if chosen.plain else os.environ)
    deeds_count = round(chosen.seconds * DEEDS_PER_SECOND)
    try:
        with (
            contextlib.suppress(KeyboardInterrupt),  # Ctrl-C is how it is left
            qsdb.Database(leaderboard, seed=chosen.seed) as db,
        ):
            season = Season(db, chosen.players, chosen.seed)
            with Watch(db) as watch, screen:
                play(season, watch, screen, deeds_count)
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def play(
    season: Season,
    watch: Watch,
    screen: Screen,
    deeds_count: int,
    seconds: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Play a season, and draw it.

    Args:
        season: Who does what.
        watch: What there is to be seen.
        screen: Where it is drawn.
        deeds_count: How much happens.
        seconds: Tells the time.
        sleep: Waits some seconds.
    """
    meter = Meter(seconds)
    begun_at = seconds()
    next_at = begun_at

    def draw() -> None:
        screen.show(frame(watch.picture(), meter, screen.width, screen.height))

    for number in range(deeds_count):
        if screen.is_terminal:
            due = begun_at + number / DEEDS_PER_SECOND
            if seconds() >= next_at:
                draw()
                next_at = seconds() + FRAME_SECONDS
            if due > (now := seconds()):
                sleep(due - now)
        meter.run(season.next())
    draw()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.leaderboard",
        description="Show the best of many players, their guilds, and who has none.",
    )
    parser.add_argument(
        "--players",
        type=_whole_number(1, PLAYERS_MAX),
        default=100_000,
        metavar="N",
        help="how many play (%(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=_seconds,
        default=10,
        metavar="S",
        help=f"how long, with {DEEDS_PER_SECOND} changes in each (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=_whole_number(0, SEED_MAX),
        default=1,
        metavar="N",
        help="the same season comes of the same number (%(default)s)",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="wait for nothing, and print one frame at the end, without colours",
    )
    return parser


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    """Give what reads a number between these, and says so if it is none."""

    def read(text: str) -> int:
        number = int(text) if text.isdecimal() and text.isascii() else -1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no whole number from {least} to {most}"
            )
        return number

    return read


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= SECONDS_MAX:  # nor is what is not a number
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number from 0 to {SECONDS_MAX}"
        )
    return seconds


if __name__ == "__main__":
    sys.exit(main())
