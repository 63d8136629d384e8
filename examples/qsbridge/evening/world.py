"""A small world that is played to make events: servers, players, chance.

The world knows just enough of the platform's rules to be plausible (who is
where, who is banned, which server is full), so that refused calls come about as
they would: somebody tries. It shares no code with the reducers.

Chance is drawn from `random.Random.random` alone, the one method whose numbers
Python promises to keep, and no set is iterated: a seed gives the same events on
every machine.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

__all__ = ["BEAT_SECONDS", "HEARTBEAT_SECONDS", "STALE_SECONDS", "Server", "World"]

HEARTBEAT_SECONDS = 30
BEAT_SECONDS = 60
STALE_SECONDS = 90

T = TypeVar("T")
Value = str | int | list[str] | None


@dataclass(slots=True)
class Server:
    """A game server; the first six fields never change."""

    server_id: str
    display_name: str
    region: str
    game_mode: str
    max_players: int
    hosting_id: str
    version: str
    bridge: str
    is_silent: bool = False


@dataclass(slots=True)
class Place:
    """Where a player is, and when that was last said."""

    server: Server
    seen: int


@dataclass(slots=True)
class World:
    """The state of the play, and the events so far."""

    rng: random.Random
    servers: Sequence[Server]
    names: dict[str, str]
    """Player's id → the name used in bans."""
    now: int = 0
    """Seconds since the play began."""
    events: list[dict[str, Value]] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    banned: dict[str, int | None] = field(default_factory=dict)
    """Player's id → when the ban ends; None is never."""
    _agenda: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def happens(self, probability: float) -> bool:
        """Tell whether something of that probability happens."""
        return self.rng.random() < probability

    def between(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return low + int(self.rng.random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Draw one of `items`, which is not empty."""
        return items[int(self.rng.random() * len(items))]

    def later(self, seconds: int, act: Callable[[], None]) -> None:
        """Have `act` done in some seconds."""
        entry = (self.now + seconds, next(self._numbers), act)
        heapq.heappush(self._agenda, entry)

    def run_agenda(self) -> None:
        """Do what is due by now."""
        while self._agenda and self._agenda[0][0] <= self.now:
            heapq.heappop(self._agenda)[2]()

    def players_on(self, server: Server) -> list[str]:
        """Give who is on a server, in order of arrival."""
        return [
            player for player, place in self.places.items() if place.server is server
        ]

    def is_banned(self, player: str) -> bool:
        """Tell whether a player's ban holds now."""
        end = self.banned.get(player, 0)
        return end is None or end > self.now

    def register(self, server: Server, server_id: str = "", bridge: str = "") -> None:
        """Have a server's bridge register, or another bridge or id in its place."""
        self._write(
            "register",
            server_id or server.server_id,
            bridge or server.bridge,
            display_name=server.display_name,
            region=server.region,
            game_module="humanitz",
            game_mode=server.game_mode,
            hosting_id=server.hosting_id,
            version=server.version,
            max_players=server.max_players,
            wipe_schedule="monthly",
            config_template_id="",
        )

    def heartbeat(self, server: Server, bridge: str = "") -> None:
        """Have a bridge say that its server is alive."""
        count = len(self.players_on(server))
        caller = bridge or server.bridge
        self._write("heartbeat", server.server_id, caller, online_count=count)

    def beat(self, server: Server) -> None:
        """Have a bridge say who is still there."""
        players = self.players_on(server)
        for player in players:
            self.places[player].seen = self.now
        self._write("beat", server.server_id, server.bridge, players=players)

    def join(self, player: str, server: Server) -> None:
        """Have a player try to enter a server, and enter where the rules let him."""
        if server.is_silent:
            return
        self._write("join", server.server_id, server.bridge, player=player)
        if self._is_admitted(player, server):
            self.places.pop(player, None)
            self.places[player] = Place(server, self.now)

    def leave(self, player: str, server: Server) -> None:
        """Have a bridge say that a player is gone."""
        if server.is_silent:
            return
        self._write("leave", server.server_id, server.bridge, player=player)
        if player in self.places and self.places[player].server is server:
            del self.places[player]

    def ban(
        self, player: str, reason: str, hours: int | None, server: Server | None = None
    ) -> None:
        """Ban a player: the owner does, or a server's bridge."""
        caller = (server.server_id, server.bridge) if server else ("", "")
        name = self.names[player]
        self._write(
            "ban", *caller, player=player, name=name, reason=reason, hours=hours
        )
        if hours != 0:
            self.banned[player] = None if hours is None else self.now + 3600 * hours

    def unban(self, player: str) -> None:
        """Have the owner lift a player's bans."""
        self._write("unban", "", "", player=player)
        self.banned.pop(player, None)

    def ban_by_stranger(self, player: str, server: Server, bridge: str) -> None:
        """Have an unregistered bridge try to ban somebody."""
        name = self.names[player]
        values = {"player": player, "name": name, "reason": "because", "hours": None}
        self._write("ban", server.server_id, bridge, **values)

    def _is_admitted(self, player: str, server: Server) -> bool:
        place = self.places.get(player)
        if self.is_banned(player):
            return False
        if place is not None and place.server is server:
            return True
        if len(self.players_on(server)) >= server.max_players:
            return False
        return place is None or self.now - place.seen > STALE_SECONDS

    def _write(self, kind: str, server_id: str, bridge: str, **values: Value) -> None:
        caller: dict[str, Value] = {}
        if server_id:
            caller["server"] = server_id
        if bridge != server_id:
            caller["bridge"] = bridge
        self.events.append({"at": self.now, "kind": kind, **caller, **values})
