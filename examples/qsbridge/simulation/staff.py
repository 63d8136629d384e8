"""The staff: admins at the panel, whose calls the gateway makes as the owner.

Three admins of three levels look after the cluster. Some of what they try they may not
do, and are refused.
"""

from collections.abc import Callable
from typing import Final

from examples.qsbridge.hub.tables import AdminRoleLevel
from examples.qsbridge.simulation.agenda import SECOND
from examples.qsbridge.simulation.people import pause
from examples.qsbridge.simulation.world import World
from qsdb import Timestamp

__all__ = ["Staff"]

ADMINS: Final = (
    ("Steam:owner", "Olga", AdminRoleLevel.Owner),
    ("Steam:admin", "Adam", AdminRoleLevel.Admin),
    ("Steam:moderator", "Mona", AdminRoleLevel.Moderator),
)
ACTION_SECONDS: Final = 5
LOGIN_EVERY: Final = 4 * 3600 * SECOND
EVENT_EVERY: Final = 900 * SECOND

Call = Callable[..., object]


class Staff:
    """All admins."""

    def __init__(self, world: World) -> None:
        """Begin with nobody logged in."""
        self._world = world
        self._banned: list[str] = []
        self._tournaments = 0
        self._habits: dict[str, tuple[int, Callable[[str], None]]] = {
            "panel_ban_player": (30, self._ban),
            "panel_unban_player": (22, self._unban),
            "panel_kick_player": (14, self._kick),
            "panel_announcement": (6, self._announce),
            "panel_set_motd": (10, self._set_motd),
            "panel_set_max_players": (6, self._set_max_players),
            "panel_toggle_whitelist": (4, self._toggle_whitelist),
            "admin_whitelist_add": (8, self._whitelist),
        }

    def begin(self) -> None:
        """Hand out the roles, log in, and go to work."""
        for player_id, _, role in ADMINS:
            self._call("admin_grant_role", player_id, role)
        self._log_in()
        self._act()
        self._hold_event()

    def _log_in(self) -> None:
        for player_id, name, _ in ADMINS:
            self._call("panel_register_session", player_id, name)
        self._world.agenda.after(LOGIN_EVERY, self._log_in)

    def _call(self, reducer: str, *arguments: object) -> bool:
        return self._world.attempt(
            reducer, lambda: self._world.hub.call(reducer, *arguments)
        )

    def _act(self) -> None:
        rng = self._world.rng
        weights = [weight for weight, _ in self._habits.values()]
        (name,) = rng.choices([*self._habits], weights)
        actor, _, _ = rng.choice(ADMINS)
        self._habits[name][1](actor)
        self._world.agenda.after(pause(rng, ACTION_SECONDS), self._act)

    def _player(self) -> str:
        return self._world.rng.choice([*self._world.players])

    def _server(self) -> str:
        return self._world.rng.choice([*self._world.servers])

    def _ban(self, actor: str) -> None:
        player_id = self._player()
        hours = self._world.rng.choice((1, 24, None))
        name = self._world.players[player_id].name
        if self._call("panel_ban_player", actor, player_id, name, "aimbot", hours):
            self._banned.append(player_id)

    def _unban(self, actor: str) -> None:
        if self._banned:
            player_id = self._banned.pop(self._world.rng.randrange(len(self._banned)))
            self._call("panel_unban_player", actor, player_id)

    def _kick(self, actor: str) -> None:
        self._call("panel_kick_player", actor, self._player(), "language")

    def _announce(self, actor: str) -> None:
        server_id = "*" if self._world.rng.random() < 0.5 else self._server()
        self._call("panel_announcement", actor, server_id, "restart in ten minutes")

    def _set_motd(self, actor: str) -> None:
        text = f"Welcome, it is {self._world.agenda.clock.now()}"
        self._call("panel_set_motd", actor, self._server(), text)

    def _set_max_players(self, actor: str) -> None:
        capacity = next(iter(self._world.servers.values())).details.max_players
        limit = self._world.rng.randint(max(1, capacity - 10), capacity + 10)
        self._call("panel_set_max_players", actor, self._server(), limit)

    def _toggle_whitelist(self, actor: str) -> None:
        enabled = self._world.rng.random() < 0.3
        self._call("panel_toggle_whitelist", actor, self._server(), enabled)

    def _whitelist(self, actor: str) -> None:
        self._call("admin_whitelist_add", self._player())

    def _hold_event(self) -> None:
        """Plan a tournament on some servers, from five minutes to ten from now."""
        world = self._world
        self._tournaments += 1
        servers = sorted(world.rng.sample([*world.servers], min(5, len(world.servers))))
        now = world.agenda.clock.now().micros
        start, end = (
            Timestamp.from_micros(now + minutes * 60 * SECOND) for minutes in (5, 10)
        )
        title = f"Tournament {self._tournaments}"
        self._call(
            "event_create", "pvp_tournament", title, "", servers, start, end, "{}"
        )
        world.agenda.after(EVENT_EVERY, self._hold_event)
