"""The platform's database in the hands of a test."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pytest

import qsdb
from examples.qsbridge import (
    AdminLevel,
    AdminRole,
    AdminRoleLevel,
    AwayBridge,
    BanEntry,
    BridgeCommand,
    CrossServerEvent,
    DeadLetter,
    EventSource,
    GlobalVault,
    InboxPosition,
    KeptSnapshot,
    ModuleConfig,
    PanelAuditLog,
    PanelSession,
    PlayerMovement,
    PlayerServerPresence,
    ServerConfig,
    ServerRegistry,
    ServerTransferQueue,
    WhitelistEntry,
    admin_ban,
    admin_grant_role,
    panel_register_session,
    presence_join,
    server_register,
)
from examples.qsbridge.evening.events import BadLine, Event
from examples.qsbridge.evening.reader import read_events
from qsdb import Identity, Timestamp
from qsdb.testing import FakeClock

EAST = Identity.from_claims("test", "east")
WEST = Identity.from_claims("test", "west")
STRANGER = Identity.from_claims("test", "stranger")
TABLES = (ServerRegistry, ServerConfig, BanEntry, PlayerServerPresence, EventSource)
"""All but `ModuleConfig`, whose owner each database has for itself."""
HUB_TABLES = (
    ServerRegistry,
    ServerConfig,
    BanEntry,
    WhitelistEntry,
    AdminRole,
    ModuleConfig,
    PanelSession,
    PanelAuditLog,
    PlayerServerPresence,
    GlobalVault,
    ServerTransferQueue,
    CrossServerEvent,
    BridgeCommand,
    PlayerMovement,
    KeptSnapshot,
    AwayBridge,
    InboxPosition,
    DeadLetter,
)
"""What a call may change: the documented tables and those beside them."""
START = Timestamp.parse("2026-03-06T18:00:00Z")
HOUR_MICROS = 3_600_000_000


@dataclass
class Hub:
    """A database, its clock, and short ways to ask and to call."""

    db: qsdb.Database
    clock: FakeClock

    @property
    def now(self) -> Timestamp:
        return self.clock.now()

    def rows(self, table: type[qsdb.Row]) -> set[qsdb.Row]:
        with self.db.read() as tx:
            return set(tx[table])

    def state(self) -> list[set[qsdb.Row]]:
        with self.db.read() as tx:
            return [set(tx[table]) for table in HUB_TABLES]

    def server(self, server_id: str) -> ServerRegistry:
        with self.db.read() as tx:
            row = tx[ServerRegistry].get(server_id)
        assert row is not None
        return row

    def config(self, server_id: str) -> ServerConfig:
        with self.db.read() as tx:
            row = tx[ServerConfig].get(server_id)
        assert row is not None
        return row

    def presence(self, player_id: str) -> PlayerServerPresence | None:
        with self.db.read() as tx:
            return tx[PlayerServerPresence].get(player_id)

    def bans(self) -> list[BanEntry]:
        with self.db.read() as tx:
            return sorted(tx[BanEntry], key=lambda ban: ban.ban_id)

    def commands(self) -> list[BridgeCommand]:
        with self.db.read() as tx:
            return sorted(tx[BridgeCommand], key=lambda command: command.command_id)

    def audit(self) -> list[PanelAuditLog]:
        """Give the audit log in the order in which it was written."""
        with self.db.read() as tx:
            return sorted(tx[PanelAuditLog], key=lambda entry: entry.log_id)

    def session(self, player_id: str) -> PanelSession | None:
        with self.db.read() as tx:
            return tx[PanelSession].get(player_id)

    def log_in(self, player_id: str, level: AdminLevel) -> None:
        """Begin a panel session, with the role that it takes."""
        if level is not AdminLevel.Viewer:
            self.db.call(admin_grant_role, player_id, AdminRoleLevel[level.name])
        self.db.call(panel_register_session, player_id, f"The {level.name}", level)

    def register(
        self,
        who: Identity,
        server_id: str,
        max_players: int = 3,
        texts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Register a server; `texts` replaces arguments by name."""
        texts = {
            "display_name": "A Server",
            "region": "us-east",
            "game_module": "humanitz",
            "game_mode": "pvp",
            "hosting_id": "host",
            "version": "1.0",
            "wipe_schedule": "weekly",
            "config_template_id": "plain",
            **texts,
        }
        self.db.caller(who).call(
            server_register,
            server_id,
            texts["display_name"],
            texts["region"],
            texts["game_module"],
            texts["game_mode"],
            texts["hosting_id"],
            texts["version"],
            max_players,
            texts["wipe_schedule"],
            texts["config_template_id"],
        )

    def join(self, who: Identity, player_id: str) -> None:
        self.db.caller(who).call(presence_join, player_id)

    def ban(self, player_id: str, hours: int | None = None) -> None:
        self.db.call(admin_ban, player_id, "otter", "aimbot", hours)

    def refusal(self, act: Callable[[], object]) -> str:
        """Give the text with which `act` is refused, having changed nothing."""
        before, offset = self.state(), self.db.offset
        with pytest.raises(qsdb.ReducerError) as caught:
            act()

        assert self.state() == before
        assert self.db.offset == offset
        return str(caught.value)


def events_of(data: bytes) -> list[Event]:
    """Read events; none of the lines is bad."""
    items = list(read_events(io.BytesIO(data)))
    assert [item for item in items if isinstance(item, BadLine)] == []
    return [item for item in items if not isinstance(item, BadLine)]
