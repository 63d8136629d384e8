"""Knowledge: what a server knows, and what follows for who may join.

Eight questions are asked once, as one subscription. Their answers are rows in the
connection's cache, complete for a commit before anybody is told of it. Whatever is
asked here is answered from the cache: in microseconds, and without the platform. A
connection that is lost leaves its cache readable, so a server that hears nothing any
more goes on with the last it heard.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Self

import qsdb
from examples.qsbridge.bridge.news import WATCHED, Change, differences
from examples.qsbridge.bridge.port import Port
from examples.qsbridge.hub.extensions import BridgeCommand
from examples.qsbridge.hub.passwords import matches
from examples.qsbridge.hub.tables import (
    AdminRole,
    AdminRoleLevel,
    BanEntry,
    CrossServerEvent,
    PlayerServerPresence,
    ServerConfig,
    ServerTransferQueue,
    WhitelistEntry,
)
from qsdb import Timestamp

__all__ = ["QUERIES", "Decision", "Knowledge", "Reason"]

QUERIES: Final = (
    "SELECT * FROM server_config WHERE server_id = :server_id",
    "SELECT * FROM ban_entry",
    "SELECT * FROM admin_role",
    "SELECT * FROM whitelist_entry",
    "SELECT * FROM player_server_presence WHERE server_id = :server_id",
    "SELECT * FROM server_transfer_queue WHERE from_server_id = :server_id",
    "SELECT * FROM server_transfer_queue WHERE to_server_id = :server_id",
    "SELECT * FROM cross_server_event",
    "SELECT * FROM bridge_command WHERE server_id = :server_id OR server_id = '*'",
)
"""Presence only of the server's own players: with all of them, each beat of a player
would go to every server of the cluster. Transfers in two queries, not one with OR:
each is found by the value of its column, and a row in both is one row in the cache."""

Reason = Literal[
    "allowed",
    "banned",
    "not_whitelisted",
    "in_transfer",
    "elsewhere",
    "full",
    "refused",
    "offline",
]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a player may join, and why."""

    is_allowed: bool
    reason: Reason
    sentence: str
    """For the player, or for the server's log."""

    @classmethod
    def refuse(cls, reason: Reason, sentence: str) -> Self:
        """Make one that says no."""
        return cls(is_allowed=False, reason=reason, sentence=sentence)


class Knowledge:
    """What one server knows by one connection.

    Attributes:
        server_id: The server.
        connection: The connection; its cache holds what is known.
    """

    def __init__(
        self,
        connection: Port,
        server_id: str,
        on_change: Callable[[Change], object] = lambda _: None,
        previous: "Knowledge | None" = None,
    ) -> None:
        """Subscribe; when this returns everything is known.

        Args:
            connection: Asks. Anybody may ask; only calling takes a registered bridge.
            server_id: The server.
            on_change: Is told of what the game may have to do something about. It is
                called in the middle of a delivery, so it must not call the platform.
            previous: What was known by the connection before this one, which was
                lost: then changes in between are told too.

        Raises:
            ClosedError: the connection or the database is closed.
        """
        self.server_id = server_id
        self.connection = connection
        self._on_change = on_change
        self._previous = previous
        self._is_complete = False
        for row_class in WATCHED:
            table = connection.db[row_class]
            table.on_insert(lambda event, row: self._note(event, None, row))
            table.on_update(self._note)
            table.on_delete(lambda event, row: self._note(event, row, None))
        self._subscription = connection.subscribe(
            *QUERIES,
            on_applied=self._applied,
            on_error=self._failed,
            params={"server_id": server_id},
        )

    @property
    def is_current(self) -> bool:
        """Whether changes still come; what is known can be read either way."""
        return self._subscription.is_active

    @property
    def is_complete(self) -> bool:
        """Whether all rows have come, and have not gone with a query that failed."""
        return self._is_complete

    @property
    def config(self) -> ServerConfig | None:
        """The server's settings; None before it was first registered."""
        tables = self.connection.db
        config: ServerConfig | None = tables[ServerConfig].get(self.server_id)
        return config

    @property
    def players(self) -> list[PlayerServerPresence]:
        """Who is on the server by the platform's tables. Cost: O(players here)."""
        return list(self.connection.db[PlayerServerPresence])

    @property
    def players_count(self) -> int:
        """How many they are. Cost: O(1)."""
        return len(self.connection.db[PlayerServerPresence])

    @property
    def bans(self) -> list[BanEntry]:
        """All bans of the cluster, active or not. Cost: O(bans)."""
        return list(self.connection.db[BanEntry])

    @property
    def commands(self) -> list[BridgeCommand]:
        """What the bridge is to do, the oldest first."""
        commands = self.connection.db[BridgeCommand]
        return sorted(commands, key=lambda each: each.command_id)

    @property
    def active_events(self) -> list[CrossServerEvent]:
        """The events that run and in which this server takes part."""
        return [
            each
            for each in self.connection.db[CrossServerEvent]
            if each.status == "active" and self.server_id in each.participating_servers
        ]

    def is_opened_by(self, password: str) -> bool:
        """Tell whether a password opens the server; without one, any does.

        Cost: 30 to 50 ms where there is one, which is what makes guessing slow.
        """
        config = self.config
        return config is not None and matches(password, config.password_hash)

    def presence(self, player_id: str) -> PlayerServerPresence | None:
        """Give a player's row, if he is on this server."""
        tables = self.connection.db
        row: PlayerServerPresence | None = tables[PlayerServerPresence].get(player_id)
        return row

    def transfers(self, player_id: str) -> list[ServerTransferQueue]:
        """Give a player's transfers from and to this server, also those that ended."""
        transfers = self.connection.db[ServerTransferQueue]
        return list(transfers.player_id.filter(player_id))

    def is_to_be_kicked(self, player_id: str) -> bool:
        """Tell whether there is a command to throw a player out. Cost: O(commands)."""
        return any(
            each.kind == "kick" and each.player_id == player_id
            for each in self.connection.db[BridgeCommand]
        )

    def role(self, player_id: str) -> AdminRoleLevel | None:
        """Give a player's role as an admin, if he has one."""
        row = self.connection.db[AdminRole].player_id.find(player_id)
        return None if row is None else row.role

    def active_ban(self, player_id: str, now: Timestamp) -> BanEntry | None:
        """Give a ban that keeps a player out now, if there is one."""
        bans = self.connection.db[BanEntry].player_id.filter(player_id)
        return next((ban for ban in bans if ban.is_active(now)), None)

    def may_join(self, player_id: str, now: Timestamp) -> Decision:
        """Decide from what is known whether a player may join.

        Whether he is on another server is not known here, but by the platform: it has
        the last word (`Bridge.player_joined`). Cost: O(1), some microseconds.
        """
        config = self.config
        if config is None or not self._is_complete:
            return Decision.refuse(
                "offline", f"server {self.server_id!r} does not know its settings yet"
            )
        ban = self.active_ban(player_id, now)
        if ban is not None:
            end = "for ever" if ban.expires_at is None else f"until {ban.expires_at}"
            return Decision.refuse(
                "banned", f"player {player_id!r} is banned {end}: {ban.reason}"
            )
        if config.whitelist_enabled and not self._is_whitelisted(player_id):
            return Decision.refuse(
                "not_whitelisted", f"player {player_id!r} is not on the whitelist"
            )
        return self._place_for(player_id, config.max_players)

    def _is_whitelisted(self, player_id: str) -> bool:
        entries = self.connection.db[WhitelistEntry]
        return entries.player_id.find(player_id) is not None

    def _place_for(self, player_id: str, players_max: int) -> Decision:
        """Decide what depends on where players are."""
        allowed = Decision(
            is_allowed=True, reason="allowed", sentence=f"player {player_id!r} may join"
        )
        if self.presence(player_id) is not None:
            return allowed
        for transfer in self.transfers(player_id):
            is_coming = transfer.to_server_id == self.server_id
            if is_coming and transfer.status == "in_transit":
                return Decision.refuse(
                    "in_transfer",
                    f"player {player_id!r} comes by transfer {transfer.transfer_id}, "
                    "and not otherwise",
                )
        if self.players_count >= players_max:
            return Decision.refuse(
                "full", f"server {self.server_id!r} is full ({players_max})"
            )
        return allowed

    # What the subscription tells.

    def _applied(self, _: qsdb.Event) -> None:
        """Tell what is new since the connection before."""
        previous, self._previous = self._previous, None
        self._is_complete = True
        old = None if previous is None else previous.connection
        for change in differences(old, self.connection):
            self._on_change(change)

    def _failed(self, _: qsdb.QueryError) -> None:
        self._is_complete = False

    def _note(
        self, event: qsdb.Event, old: qsdb.Row | None, new: qsdb.Row | None
    ) -> None:
        """Tell a change; that rows come or go with the subscription is none."""
        if event.kind in {"reducer", "transaction"}:
            self._on_change(Change(old, new))
