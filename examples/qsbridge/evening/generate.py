"""Writes the event file that ships with the example: one evening of a cluster.

    python -m examples.qsbridge.evening.generate --seed 7 --events 5000 --output FILE

The same seed and number give the same bytes. Players come and go by chance; the
acts of the evening are laid out by share of the events, so that a short file
has most of them too:

======= =======================================================================
 4 %    a stranger claims ``us-east-pvp-1`` and, refused, tries to ban somebody
 8 %    a bridge that has a server registers a second one
 30 %   ``ap-south-creative-1`` falls silent for seven minutes; its players log
        in elsewhere, in vain at first, and it comes back with a new version
 50 %   an admin makes two mistakes
 62 %   the machine of ``us-east-pvp-1`` is replaced: a new bridge takes the
        name over, and the old one is not heard any more
 98.5 % ``eu-west-pve-1`` falls silent and stays so
======= =======================================================================
"""

import argparse
import json
import pathlib
import random
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from examples.qsbridge.evening.world import (
    BEAT_SECONDS,
    HEARTBEAT_SECONDS,
    STALE_SECONDS,
    Server,
    World,
)

__all__ = ["generate", "line", "main", "play"]

START = datetime(2026, 3, 6, 18, tzinfo=UTC)
SEED = 7
EVENTS_COUNT = 5000
OUTPUT = pathlib.Path(__file__).with_name("events.jsonl")

PLAYERS_COUNT = 72
SESSION_SECONDS = 840
STRANGER = "staging-box"

FIRST_NAMES = ("mossy", "quiet", "rusty", "lucky", "salty", "brave", "sleepy", "grim")
LAST_NAMES = (
    "badger",
    "heron",
    "otter",
    "magpie",
    "weasel",
    "stoat",
    "lynx",
    "raven",
    "toad",
)
REASONS = (
    "aimbot",
    "duplicating items",
    "griefing a settlement",
    "insults in chat",
    "speed hack",
    "trading for real money",
)
BAN_HOURS = (1, 1, 1, 2, 24, 72, None)


def generate(seed: int, events_count: int) -> bytes:
    """Give the file: `events_count` lines, whatever the seed."""
    events = play(seed, events_count).events[:events_count]
    return "".join(map(line, events)).encode()


def play(seed: int, events_count: int) -> World:
    """Give the world after so many events, or a few more: seconds are not split."""
    rng = random.Random(seed)  # noqa: S311  it keeps no secret
    world = World(rng, _servers(), _names())
    acts = [(share * events_count, act) for share, act in _ACTS]
    while len(world.events) < events_count:
        while acts and len(world.events) >= acts[0][0]:
            acts.pop(0)[1](world)
        _pulse(world)
        world.run_agenda()
        _chance(world, len(world.events) / events_count)
        world.now += 1
    return world


def line(event: dict[str, str | int | list[str] | None]) -> str:
    """Give an event's line; its time counts in seconds so far."""
    seconds = event["at"]
    assert isinstance(seconds, int), seconds
    time = START + timedelta(seconds=seconds)
    text = json.dumps(
        {**event, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ")}, separators=(",", ":")
    )
    return f"{text}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.qsbridge.evening.generate",
        description="Write an event file for the QS-Bridge example.",
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--events", type=int, default=EVENTS_COUNT)
    parser.add_argument("--output", type=pathlib.Path, default=OUTPUT)
    chosen = parser.parse_args(arguments)
    if chosen.events < 0:
        parser.error(f"--events is {chosen.events}, less than 0")
    try:
        chosen.output.write_bytes(generate(chosen.seed, chosen.events))
    except OSError as error:
        parser.exit(2, f"cannot write {chosen.output}: {error.strerror}\n")
    print(f"{chosen.events} events written to {chosen.output}", file=sys.stderr)
    return 0


def _servers() -> tuple[Server, Server, Server]:
    """Make the three servers, each with the bridge that it begins with."""
    return (
        Server(
            server_id="us-east-pvp-1",
            display_name="US East PvP",
            region="us-east",
            game_mode="pvp",
            max_players=12,
            hosting_id="7f1c2a9e",
            version="1.4.2",
            bridge="us-east-pvp-1",
        ),
        Server(
            server_id="eu-west-pve-1",
            display_name="EU West PvE",
            region="eu-west",
            game_mode="pve",
            max_players=16,
            hosting_id="b05d77e4",
            version="1.4.2",
            bridge="eu-west-pve-1",
        ),
        Server(
            server_id="ap-south-creative-1",
            display_name="AP South Creative",
            region="ap-south",
            game_mode="creative",
            max_players=8,
            hosting_id="c93e10b6",
            version="1.4.2",
            bridge="ap-south-creative-1",
        ),
    )


def _names() -> dict[str, str]:
    """Make the players: id → name."""
    names = [f"{first}_{last}" for last in LAST_NAMES for first in FIRST_NAMES]
    return {
        f"Steam:{76561198004000000 + 1_000_003 * number}": name
        for number, name in enumerate(names[:PLAYERS_COUNT])
    }


def _pulse(world: World) -> None:
    """Let the servers that are well say so, each at its own second."""
    for number, server in enumerate(world.servers):
        phase = world.now - 5 * number
        if server.is_silent or phase < 0:
            continue
        if phase == 0:
            world.register(server)
        elif phase % HEARTBEAT_SECONDS == 0:
            world.heartbeat(server)
        elif phase % BEAT_SECONDS == 17:
            world.beat(server)


def _chance(world: World, share: float) -> None:
    """Let players and admins do what they do of their own accord.

    Args:
        world: Where it happens.
        share: How much of the evening is over; it is busiest in the middle.
    """
    if world.now < 30:
        return
    if world.happens(0.016 + 0.08 * share * (1 - share)):
        _arrive(world)
    if world.happens(len(world.places) / SESSION_SECONDS):
        _depart(world)
    if world.happens(1 / 240):
        _log_in_twice(world)
    if world.happens(1 / 900):
        _ban_somebody(world)


def _arrive(world: World) -> None:
    """Have a player who is nowhere join a server; the banned rarely try."""
    player = world.pick([each for each in world.names if each not in world.places])
    if not world.is_banned(player) or world.happens(0.25):
        world.join(player, _favourite(world))


def _favourite(world: World) -> Server:
    """Draw a server; some are liked better."""
    us_east, eu_west, ap_south = world.servers
    return world.pick([us_east] * 8 + [eu_west] * 6 + [ap_south] * 6)


def _depart(world: World) -> None:
    """Have a player leave; every third goes to another server at once."""
    player = world.pick(list(world.places))
    server = world.places[player].server
    world.leave(player, server)
    if world.happens(1 / 3):
        _follow(world, world.between(4, 20), player, _other(world, server))


def _other(world: World, server: Server) -> Server:
    """Draw a server that is not `server`."""
    return world.pick([each for each in world.servers if each is not server])


def _follow(world: World, seconds: int, player: str, server: Server) -> None:
    """Have a player try to join in some seconds."""
    world.later(seconds, partial(world.join, player, server))


def _log_in_twice(world: World) -> None:
    """Have somebody who is on a server try to join another at the same time."""
    if world.places:
        player = world.pick(list(world.places))
        world.join(player, _other(world, world.places[player].server))


def _ban_somebody(world: World) -> None:
    """Ban a player; the bridge sees the row and lets the player leave."""
    at_hand = [
        each for each, place in world.places.items() if not place.server.is_silent
    ]
    if not at_hand:
        return
    player = world.pick(at_hand)
    server = world.places[player].server
    by_bridge = server if world.happens(0.3) else None
    world.ban(player, world.pick(REASONS), world.pick(BAN_HOURS), by_bridge)
    world.later(1, partial(world.leave, player, server))
    _follow(world, world.between(20, 200), player, _favourite(world))
    if world.happens(0.4):
        seconds = world.between(600, 3000)
        world.later(seconds, partial(world.unban, player))
        _follow(world, seconds + world.between(10, 90), player, _favourite(world))


def _claim_by_stranger(world: World) -> None:
    us_east = world.servers[0]
    world.register(us_east, bridge=STRANGER)
    victim = next(iter(world.names))
    world.later(4, partial(world.ban_by_stranger, victim, us_east, STRANGER))


def _register_second_id(world: World) -> None:
    world.register(world.servers[1], server_id="eu-west-pve-2")


def _fall_silent(world: World) -> None:
    """Silence ap-south for seven minutes, and see where its players go."""
    server = world.servers[2]
    server.is_silent = True
    players = world.players_on(server)
    for player in players[::2]:
        elsewhere = _other(world, server)
        _follow(world, world.between(10, 25), player, elsewhere)
        wait = STALE_SECONDS + world.between(5, 90)
        _follow(world, wait, player, elsewhere)
    world.later(420, partial(_come_back, world, server, players))


def _come_back(world: World, server: Server, players: Sequence[str]) -> None:
    """Start a server anew; its bridge clears away who was on it before."""
    server.is_silent = False
    server.version = "1.4.3"
    world.register(server)
    for player in players:
        world.leave(player, server)


def _make_mistakes(world: World) -> None:
    first, second = list(world.names)[:2]
    world.ban(first, "wrong button", 0)
    if not world.is_banned(second):
        world.later(20, partial(world.unban, second))


def _replace_machine(world: World) -> None:
    """Silence us-east, and give its name to a new bridge once that is allowed."""
    server = world.servers[0]
    server.is_silent = True
    old_bridge, new_bridge = server.bridge, f"{server.server_id}/b"
    players = world.players_on(server)
    world.later(45, partial(world.register, server, bridge=new_bridge))
    world.later(130, partial(_take_over, world, server, new_bridge, players))
    world.later(300, partial(world.heartbeat, server, bridge=old_bridge))


def _take_over(
    world: World, server: Server, bridge: str, players: Sequence[str]
) -> None:
    server.bridge = bridge
    _come_back(world, server, players)


def _fall_silent_for_good(world: World) -> None:
    world.servers[1].is_silent = True


_ACTS: tuple[tuple[float, Callable[[World], None]], ...] = (
    (0.04, _claim_by_stranger),
    (0.08, _register_second_id),
    (0.30, _fall_silent),
    (0.50, _make_mistakes),
    (0.62, _replace_machine),
    (0.985, _fall_silent_for_good),
)

if __name__ == "__main__":
    sys.exit(main())
