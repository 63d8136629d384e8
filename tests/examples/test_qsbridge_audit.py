"""The audit log: an entry for each action, none for what is refused.

`ENTRIES` has one row for each action that admins take by the hub's reducers.
"""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

import qsdb
import qsdb.testing
from examples.qsbridge import (
    AdminLevel,
    AdminRoleLevel,
    PanelAuditLog,
    admin_ban,
    admin_kick,
    admin_set_max_players,
    admin_set_password,
    admin_whitelist_add,
    panel_end_session,
    panel_kick_player,
    panel_log_action,
    panel_register_session,
    panel_set_password,
    platform,
    server_heartbeat,
)
from qsdb.testing import FakeClock
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub


@dataclass(frozen=True)
class Entry:
    """A call by the owner, and the entry that it leaves."""

    reducer: str
    arguments: tuple[object, ...]
    action: str
    summary: str
    details: dict[str, object]
    actor: str = "owner"


HASH = f"scrypt$14${'0a' * 16}${'f0' * 32}"

ENTRIES = (
    Entry(
        "admin_ban",
        ("p1", "otter", "aimbot", 24),
        "ban",
        "banned otter (p1) for 24 h: aimbot",
        {"ban_id": 2, "player_id": "p1", "reason": "aimbot", "duration_hours": 24},
    ),
    Entry(
        "admin_ban",
        ("p1", "otter", "", None),
        "ban",
        "banned otter (p1) for ever",
        {"ban_id": 2, "player_id": "p1", "reason": "", "duration_hours": None},
    ),
    Entry(
        "admin_unban",
        ("p2",),
        "unban",
        "unbanned p2",
        {"player_id": "p2", "bans": 1},
    ),
    Entry(
        "admin_kick",
        ("p1", "afk"),
        "kick",
        "kicked p1 from east: afk",
        {"player_id": "p1", "server_id": "east", "reason": "afk"},
    ),
    Entry(
        "admin_kick",
        ("p1", ""),
        "kick",
        "kicked p1 from east",
        {"player_id": "p1", "server_id": "east", "reason": ""},
    ),
    Entry(
        "admin_whitelist_add",
        ("p1",),
        "whitelist_add",
        "put p1 on the whitelist",
        {"player_id": "p1"},
    ),
    Entry(
        "admin_whitelist_remove",
        ("p2",),
        "whitelist_remove",
        "took p2 off the whitelist",
        {"player_id": "p2"},
    ),
    Entry(
        "admin_announce",
        ("Grüße",),
        "announcement",
        "announced everywhere: Grüße",
        {"server_id": "*", "message": "Grüße"},
    ),
    Entry(
        "panel_announcement",
        ("boss", "east", "hello"),
        "announcement",
        "announced on east: hello",
        {"server_id": "east", "message": "hello"},
        "boss",
    ),
    Entry(
        "admin_set_password",
        ("east", HASH),
        "set_password",
        "set the password of east",
        {"server_id": "east"},
    ),
    Entry(
        "admin_set_password",
        ("east", ""),
        "set_password",
        "cleared the password of east",
        {"server_id": "east"},
    ),
    Entry(
        "admin_toggle_whitelist",
        ("east", True),
        "toggle_whitelist",
        "switched the whitelist of east on",
        {"server_id": "east", "enabled": True},
    ),
    Entry(
        "admin_toggle_whitelist",
        ("east", False),
        "toggle_whitelist",
        "switched the whitelist of east off",
        {"server_id": "east", "enabled": False},
    ),
    Entry(
        "admin_set_max_players",
        ("east", 7),
        "set_max_players",
        "set the limit of east to 7 players",
        {"server_id": "east", "max_players": 7},
    ),
    Entry(
        "admin_set_motd",
        ("east", 'say "hi"'),
        "set_motd",
        "set the message of east to 'say \"hi\"'",
        {"server_id": "east", "motd": 'say "hi"'},
    ),
    Entry(
        "admin_set_server_name",
        ("east", "East"),
        "set_server_name",
        "named east 'East'",
        {"server_id": "east", "name": "East"},
    ),
    Entry(
        "server_set_status",
        ("east", "wiping"),
        "set_status",
        "set the status of east from online to wiping",
        {"server_id": "east", "status": "wiping", "before": "online"},
    ),
    Entry(
        "admin_grant_role",
        ("p1", AdminRoleLevel.Admin),
        "grant_role",
        "made p1 Admin",
        {"player_id": "p1", "role": "Admin"},
    ),
    Entry(
        "admin_revoke_role",
        ("second",),
        "revoke_role",
        "took the role Owner from second",
        {"player_id": "second", "role": "Owner"},
    ),
    Entry(
        "panel_register_session",
        ("boss", "The Boss"),
        "session_start",
        "The Boss logged in as Owner",
        {"admin_level": "Owner"},
        "boss",
    ),
    Entry(
        "panel_end_session",
        ("boss",),
        "session_end",
        "The Owner logged out",
        {},
        "boss",
    ),
)


@pytest.fixture
def scene(hub: Hub) -> Hub:
    hub.log_in("boss", AdminLevel.Owner)
    hub.log_in("second", AdminLevel.Owner)
    hub.join(EAST, "p1")
    hub.db.call(admin_ban, "p2", "eel", "", None)
    hub.db.call(admin_whitelist_add, "p2")
    return hub


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.summary)
def test_action_leaves_one_entry_in_its_own_commit(scene: Hub, entry: Entry) -> None:
    before, offset = scene.audit(), scene.db.offset
    scene.clock.advance(5)

    scene.db.call(entry.reducer, *entry.arguments)

    assert scene.db.offset == offset + 1
    assert scene.audit()[:-1] == before
    row = scene.audit()[-1]
    assert (row.actor_player_id, row.action) == (entry.actor, entry.action)
    assert row.timestamp == scene.now
    assert json.loads(row.details) == {"summary": entry.summary, **entry.details}


def test_bridge_is_named_by_its_server(scene: Hub) -> None:
    scene.db.caller(WEST).call(admin_kick, "p1", "")

    assert scene.audit()[-1].actor_player_id == "server:west"


def test_letters_of_all_scripts_stand_as_they_are(scene: Hub) -> None:
    scene.db.call(admin_ban, "p1", "Ωттер", "читер", 1)

    assert "Ωттер (p1) for 1 h: читер" in scene.audit()[-1].details


def test_password_and_hash_are_in_no_entry(scene: Hub) -> None:
    scene.db.call(admin_set_password, "east", "hunter2")
    scene.db.call(panel_set_password, "boss", "west", HASH)

    digests = [scene.config(name).password_hash for name in ("east", "west")]
    for entry in scene.audit():
        assert not any(text in entry.details for text in ("hunter2", *digests))


def test_ids_ascend_in_the_order_of_the_actions_and_have_no_gap(scene: Hub) -> None:
    for number in range(5):
        scene.db.call(admin_set_max_players, "east", 1 + number)
        scene.refusal(partial(scene.db.call, admin_kick, "nobody", ""))
        scene.clock.advance(1)

    entries = scene.audit()
    assert [entry.log_id for entry in entries] == [*range(1, len(entries) + 1)]
    times = [entry.timestamp for entry in entries]
    assert times == sorted(times)


def test_ban_of_a_player_on_his_way_leaves_an_entry_for_the_transfer_too(
    scene: Hub,
) -> None:
    scene.db.caller(EAST).call("transfer_request", "p1", "west")

    scene.db.call(admin_ban, "p1", "otter", "", 1)

    failed, banned = scene.audit()[-2:]
    assert (failed.action, banned.action) == ("transfer_fail", "ban")
    assert failed.actor_player_id == "owner"


def test_what_servers_and_players_do_leaves_no_entry(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.db.caller(EAST).call(server_heartbeat, 1)
    hub.db.caller(EAST).call("presence_leave", "p1")
    hub.register(STRANGER, "north")
    hub.db.call(panel_end_session, "nobody")

    assert hub.audit() == []


def test_gateway_writes_down_what_happens_outside(scene: Hub) -> None:
    scene.clock.advance(5)

    scene.db.call(panel_log_action, "boss", "hosting_stop", "stopped east")

    entry = PanelAuditLog(
        actor_player_id="boss",
        action="hosting_stop",
        details="stopped east",
        timestamp=scene.now,
    )
    assert scene.audit()[-1] == entry.replace(log_id=len(scene.audit()))


@pytest.mark.parametrize(
    ("action", "details", "why"),
    [
        ("", "", "action is empty, not 1 to 64 characters"),
        ("a" * 65, "", "action has 65 characters, more than 64"),
        ("a", "ü" * 32_769, "details has 65538 bytes, more than 65536"),
    ],
)
def test_gateway_keeps_to_the_bounds(
    scene: Hub, action: str, details: str, why: str
) -> None:
    text = scene.refusal(
        lambda: scene.db.call(panel_log_action, "boss", action, details)
    )

    assert text == f"InvalidArgument: {why}"


def test_gateway_may_write_at_the_bounds(scene: Hub) -> None:
    scene.db.call(panel_log_action, "boss", "a" * 64, "ü" * 32_768)

    assert len(scene.audit()[-1].details) == 32_768


@pytest.mark.slow
def test_calls_do_the_same_when_they_are_run_again(tmp_path: Path) -> None:
    clock = FakeClock(START)
    with qsdb.Database(platform, path=tmp_path / "hub", clock=clock) as db:
        hub = Hub(db, clock)
        hub.register(EAST, "east")
        hub.log_in("boss", AdminLevel.Owner)
        hub.log_in("second", AdminLevel.Owner)
        hub.join(EAST, "p1")
        db.call(admin_ban, "p2", "eel", "", None)
        db.call(admin_whitelist_add, "p2")
        for entry in ENTRIES:
            if entry.reducer != "admin_kick":
                db.call(entry.reducer, *entry.arguments)
        db.call(panel_register_session, "boss", "The Boss")
        db.call(panel_set_password, "boss", "east", "hunter2")
        db.call(panel_kick_player, "boss", "p1", "afk")

    replayed = qsdb.testing.replay(tmp_path / "hub", platform)

    assert replayed.deviation is None, str(replayed)
    assert replayed.replayed > len(ENTRIES)
