"""What the benchmark of the server serves: players that are renamed, and that move.

``python -m benchmarks.arena`` serves it on a free port until its standard input ends,
and says first, as a line of JSON, where it listens and which process it is.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading

import qsdb
from qsdb import u16, u32, u64
from qsdb.server.serving import serve

__all__ = ["REGION", "Mover", "Player", "arena"]

REGION = 50
"""So many movers are in a region."""

arena = qsdb.Module("arena")


class Player(qsdb.Row, module=arena, public=True):
    """Whose name changes."""

    id: u32 = qsdb.primary_key()
    name: str


class Mover(qsdb.Row, module=arena, public=True):
    """Who moves, and when that was asked for."""

    id: u32 = qsdb.primary_key()
    region: u16 = qsdb.index()
    x: qsdb.f32
    y: qsdb.f32
    asked: u64


@arena.reducer
def fill(ctx: qsdb.ReducerContext, players: u32, movers: u32) -> None:
    """Make players and movers."""
    ctx.db[Player].insert_many([Player(n, f"player {n}") for n in range(players)])
    ctx.db[Mover].insert_many(
        [Mover(n, n // REGION, 0.0, 0.0, 0) for n in range(movers)]
    )


@arena.reducer
def rename(ctx: qsdb.ReducerContext, number: u32, name: str) -> None:
    """Change one row."""
    players = ctx.db[Player]
    found = players.get(number)
    if found is None:
        raise qsdb.ReducerError(f"no player {number}")
    players.update(found.replace(name=name))


@arena.reducer
def move(
    ctx: qsdb.ReducerContext, number: u32, x: qsdb.f32, y: qsdb.f32, asked: u64
) -> None:
    """Move."""
    movers = ctx.db[Mover]
    found = movers.get(number)
    if found is None:
        raise qsdb.ReducerError(f"no mover {number}")
    movers.update(found.replace(x=x, y=y, asked=asked))


def _stop_at_the_end_of_input() -> None:
    def follow() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, daemon=True).start()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="the directory; in memory if not given")
    parser.add_argument("--players", type=int, default=100)
    parser.add_argument("--movers", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)

    def ready(address: str) -> None:
        place = {"port": int(address.rpartition(":")[2]), "process": os.getpid()}
        print(json.dumps(place), flush=True)
        _stop_at_the_end_of_input()

    with qsdb.Database(arena, arguments.data, seed=1) as db:
        db.call(fill, arguments.players, arguments.movers)
        serve({"arena": db}, port=0, ready=ready)


if __name__ == "__main__":
    main()
