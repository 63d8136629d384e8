"""The panel's hosting buttons in the hands of a test."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

import qsdb
from examples.qsbridge import (
    AdminLevel,
    AdminRoleLevel,
    PanelAuditLog,
    admin_grant_role,
    hosting_action,
    panel_register_session,
)
from examples.qsbridge.hosting.memory import MemoryProvider
from qsdb.testing import assert_no_change
from tests.examples.hub import EAST, WEST, Hub

OWNER, ADMIN, MODERATOR, VIEWER = "Steam:1", "Steam:2", "Steam:3", "Steam:4"
ROLES = {
    OWNER: AdminRoleLevel.Owner,
    ADMIN: AdminRoleLevel.Admin,
    MODERATOR: AdminRoleLevel.Moderator,
}
STATUS_AFTER = {"stop": "offline", "restart": "restarting", "wipe": "wiping"}


@dataclass
class Panel:
    """A platform with two rented servers, and four people logged in to the panel."""

    hub: Hub
    provider: MemoryProvider

    @property
    def db(self) -> qsdb.Database:
        return self.hub.db

    def act(self, actor: str, server_id: str, action: str) -> str:
        return self.db.call(hosting_action, actor, server_id, action)

    def audit(self) -> list[tuple[str, str, str, str]]:
        """Give the hosting entries as (actor, action, outcome, summary)."""
        with self.db.read() as tx:
            rows = sorted(tx[PanelAuditLog], key=lambda row: row.log_id)
        found = []
        for row in rows:
            if row.action.startswith("hosting_"):
                details = json.loads(row.details)
                said = details["outcome"], details["summary"]
                found.append((row.actor_player_id, row.action, *said))
        return found

    def refusal(self, act: Callable[[], object]) -> str:
        """Give the text with which `act` is refused, having written nothing."""
        with assert_no_change(self.db), pytest.raises(qsdb.ReducerError) as caught:
            act()
        return str(caught.value)


def rent_servers(empty: Hub) -> None:
    """Register east and west, which are rented as host-east and host-west."""
    empty.register(EAST, "east", texts={"hosting_id": "host-east"})
    empty.register(WEST, "west", texts={"hosting_id": "host-west"})


def log_admins_in(db: qsdb.Database) -> None:
    """Give three people a role, and begin sessions for them and a viewer."""
    for player_id, role in ROLES.items():
        db.call(admin_grant_role, player_id, role)
        db.call(panel_register_session, player_id, f"Admin {player_id}")
    db.call(panel_register_session, VIEWER, "Guest", AdminLevel.Viewer)


def watched(empty: Hub, look: Callable[[str, str], None]) -> MemoryProvider:
    """Rent servers out at a provider that is watched, with admins logged in."""
    rent_servers(empty)
    log_admins_in(empty.db)
    return MemoryProvider(["host-east", "host-west"], look)
