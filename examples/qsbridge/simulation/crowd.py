"""The crowd: what players do, and what becomes of them.

Each player has one appointment at a time: to join a server, or to do something on the
one that he is on. What happens to him meanwhile, a kick, a crash, a transfer that
ends, makes that appointment void (`Player.acts`) and makes another one.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from examples.qsbridge.hub.tables import GlobalVault
from examples.qsbridge.simulation.agenda import SECOND
from examples.qsbridge.simulation.people import Habit, Player, draw_habit, pause
from examples.qsbridge.simulation.world import World

if TYPE_CHECKING:
    from examples.qsbridge.simulation.servers import GameServer

__all__ = ["Crowd"]

PATIENCE_SECONDS: Final = 75
"""How long a player looks at a server that stands still before he goes."""
RETRY_SECONDS: Final = 40
REST_SECONDS: Final = 300
"""Between leaving and joining again, on the average."""


class Crowd:
    """All players."""

    def __init__(self, world: World) -> None:
        """Begin with nobody on a server."""
        self._world = world

    def begin(self, within: int) -> None:
        """Have all players join, some time within so many microseconds."""
        for player in self._world.players.values():
            self._next(player, self._world.rng.randrange(within), self._join)

    # What becomes of a player.

    def arrives(self, player: Player, server: "GameServer") -> None:
        """Put a player into a server's world, and out of the one that he was in."""
        self._take_out(player)
        player.server = server
        server.players[player.player_id] = player
        self._next(player, pause(self._world.rng), self._act)

    def fell_out(self, player: Player) -> None:
        """A player is off his server, and not because he wanted to."""
        self._take_out(player)
        self._next(player, pause(self._world.rng, RETRY_SECONDS), self._join)

    def waits(self, player: Player) -> None:
        """A player's server stands still: he looks at it for a while."""
        seconds = self._world.rng.uniform(PATIENCE_SECONDS, 2 * PATIENCE_SECONDS)
        self._next(player, round(seconds * SECOND), self._lose_patience)

    def stays(self, player: Player, server: "GameServer") -> None:
        """A transfer has failed; a player who waited for it goes on where he is."""
        if player.server is server and player.is_transferring:
            player.is_transferring = False
            self._next(player, pause(self._world.rng), self._act)

    def _take_out(self, player: Player) -> None:
        server, player.server = player.server, None
        player.is_transferring = False
        if server is not None:
            server.players.pop(player.player_id, None)

    def _next(self, player: Player, delay: int, act: Callable[[Player], None]) -> None:
        """Give a player something to do, in place of what he had."""
        player.acts += 1
        acts = player.acts

        def do() -> None:
            if player.acts == acts:
                act(player)

        self._world.agenda.after(delay, do)

    # What a player does.

    def _join(self, player: Player) -> None:
        world = self._world
        server = world.rng.choice([*world.servers.values()])
        if server.state != "up":
            world.refused["join", "server is " + server.state] += 1
        else:
            decision = server.bridge.player_joined(player.player_id)
            if decision.is_allowed:
                world.tally["join"] += 1
                self.arrives(player, server)
                return
            world.refused["join", decision.reason] += 1
        self._next(player, pause(world.rng, RETRY_SECONDS), self._join)

    def _lose_patience(self, player: Player) -> None:
        server = player.server
        if server is not None and server.state == "up":  # it goes on
            self._next(player, pause(self._world.rng), self._act)
        else:
            self.fell_out(player)

    def _act(self, player: Player) -> None:
        world, server = self._world, player.server
        if server is None or server.state != "up":
            self.waits(player)
            return
        self._next(player, pause(world.rng), self._act)
        is_waiting = player.player_id in server.waiting
        match "play" if is_waiting else draw_habit(world.rng):
            case "deposit" if player.items:
                world.attempt("deposit", lambda: server.deposit(player, None))
            case "withdraw" | "withdraw twice" as habit:
                self._withdraw(player, server, habit)
            case "transfer":
                self._transfer(player)
            case "join elsewhere":
                self._join_elsewhere(player)
            case "leave":
                world.tally["leave"] += 1
                self._take_out(player)
                server.bridge.player_left(player.player_id)
                self._next(player, pause(world.rng, REST_SECONDS), self._join)
            case _:
                world.tally["play"] += 1

    def _withdraw(self, player: Player, server: "GameServer", habit: Habit) -> None:
        """Take an item out, if there is one; some try it a second time."""
        world, found = self._world, list[GlobalVault]()
        world.attempt(
            "look into a vault",
            lambda: found.extend(server.bridge.vault.items(player.player_id)),
        )
        if not found:
            return
        item = world.rng.choice(found)
        is_out = world.attempt(
            "withdraw", lambda: server.withdraw(player, item.vault_id)
        )
        if is_out and habit == "withdraw twice":
            world.attempt(habit, lambda: server.withdraw_again(item))

    def _transfer(self, player: Player) -> None:
        world, server = self._world, player.server
        assert server is not None
        destination = world.rng.choice([*world.servers])
        if world.attempt(
            "transfer_request",
            lambda: server.bridge.request_transfer(player.player_id, destination),
        ):
            player.is_transferring = True
            player.acts += 1  # until the transfer has ended

    def _join_elsewhere(self, player: Player) -> None:
        """Try to be on two servers; he is refused, or taken off the first."""
        world = self._world
        other = world.rng.choice([*world.servers.values()])
        if other is player.server or other.state != "up":
            return
        decision = other.bridge.player_joined(player.player_id)
        if decision.is_allowed:
            world.tally["join elsewhere"] += 1
            self.arrives(player, other)
        else:
            world.refused["join elsewhere", decision.reason] += 1
