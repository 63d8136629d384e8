"""Bridges in the hands of a test: a game that writes down, and a wire that is cut."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import qsdb
from examples.qsbridge.bridge import Bridge, GameHooks, ServerDetails
from examples.qsbridge.bridge.port import Port, PortSubscription, PortTables
from examples.qsbridge.hub.tables import (
    BanEntry,
    CrossServerEvent,
    GlobalVault,
    ServerConfig,
    ServerTransferQueue,
)
from qsdb import Timestamp
from qsdb.testing import SimulatedCrash


class Game(GameHooks):
    """Writes down what it is told, and raises where it shall."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.failing: set[str] = set()

    def note(self, *what: object) -> None:
        if what[0] in self.failing:
            raise RuntimeError(f"the game cannot {what[0]}")
        self.told.append(what)

    def taken(self) -> list[tuple[object, ...]]:
        """Give what was told since the last time."""
        told, self.told = self.told, []
        return told

    def on_config(self, config: ServerConfig) -> None:
        self.note("config", config.motd)

    def on_kick(self, player_id: str, reason: str) -> None:
        self.note("kick", player_id, reason)

    def on_presence_lost(self, player_id: str) -> None:
        self.note("lost", player_id)

    def on_announce(self, message: str) -> None:
        self.note("announce", message)

    def on_ban(self, ban: BanEntry) -> None:
        self.note("ban", ban.player_id)

    def on_unban(self, ban: BanEntry) -> None:
        self.note("unban", ban.player_id)

    def on_transfer_requested(self, transfer: ServerTransferQueue) -> None:
        self.note("requested", transfer.transfer_id)

    def on_transfer_arriving(self, transfer: ServerTransferQueue) -> None:
        self.note("arriving", transfer.transfer_id, transfer.character_snapshot)

    def on_transfer_ended(self, transfer: ServerTransferQueue) -> None:
        self.note("ended", transfer.transfer_id, transfer.status)

    def on_event_started(self, event: CrossServerEvent) -> None:
        self.note("event started", event.title)

    def on_event_ended(self, event: CrossServerEvent) -> None:
        self.note("event ended", event.title)

    def on_item_withdrawn(self, item: GlobalVault) -> None:
        self.note("item", item.item_data)

    def on_deposit_settled(
        self, player_id: str, item_data: str, *, is_stored: bool
    ) -> None:
        self.note("deposit", item_data, is_stored)


class Wire:
    """A connection as over a network: it can be cut, and no callback may call."""

    def __init__(self, connection: qsdb.Connection, network: "Network") -> None:
        self.connection = connection
        self.network = network
        self.is_cut = False

    @property
    def token(self) -> str:
        return self.connection.token

    @property
    def db(self) -> PortTables:
        return self.connection.db

    def call(self, function: str, /, *args: object) -> Any:
        delivery = self.connection._subscriptions.delivery
        assert not delivery.is_telling_here, f"{function} is called in a callback"
        network = self.network
        if self.is_cut or function == network.cuts_before:
            self.cut()
        result = self.connection.call(function, *args)
        network.calls.append(function)
        if function == network.cuts_after:
            self.cut()
        return result

    def cut(self) -> None:
        self.is_cut = True
        self.network.cuts_before = self.network.cuts_after = ""
        self.close()
        raise ConnectionResetError("the wire is cut")

    def sql(self, text: str, params: Mapping[str, object]) -> Iterable[Any]:
        return self.connection.sql(text, params)

    def subscribe(
        self,
        *queries: str,
        on_applied: Callable[[qsdb.Event], object],
        on_error: Callable[[qsdb.QueryError], object],
        params: Mapping[str, object],
    ) -> PortSubscription:
        return self.connection.subscribe(
            *queries, on_applied=on_applied, on_error=on_error, params=params
        )

    def close(self) -> None:
        with contextlib.suppress(SimulatedCrash):
            self.connection.close()


class Network:
    """Opens wires to a database, unless it is down.

    Attributes:
        db: The platform; may be exchanged for the next one.
        is_down: Whether connecting fails.
        cuts_before: The reducer whose call is not let through, once.
        cuts_after: The reducer whose answer is not let through, once.
        calls: The reducers that ran.
        wires: All that were opened.
    """

    def __init__(self, db: qsdb.Database) -> None:
        self.db = db
        self.is_down = False
        self.cuts_before = self.cuts_after = ""
        self.calls: list[str] = []
        self.wires: list[Wire] = []

    def connect(self, token: str | None) -> Port:
        if self.is_down:
            raise ConnectionRefusedError("nobody listens")
        wire = Wire(self.db.connect(token=token), self)
        self.wires.append(wire)
        return wire


def details(server_id: str, max_players: int = 3) -> ServerDetails:
    return ServerDetails(
        server_id=server_id,
        display_name="A Server",
        region="us-east",
        game_module="humanitz",
        game_mode="pvp",
        version="1.0",
        max_players=max_players,
    )


def bridge_of(
    network: Network,
    server_id: str,
    now: Callable[[], Timestamp],
    game: GameHooks | None = None,
    token: str | None = None,
) -> Bridge:
    """Make a bridge that waits whole seconds before it connects again."""
    return Bridge(
        network.connect,
        details(server_id),
        Game() if game is None else game,
        token=token,
        now=now,
        chance=lambda: 1.0,
    )


def is_online(bridge: Bridge) -> bool:
    """Ask anew; a type checker takes it that an attribute stays as it was."""
    return bridge.link.is_online
