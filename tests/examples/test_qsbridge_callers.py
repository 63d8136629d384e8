"""Who may call what: every reducer of the hub by every class of caller.

`CALLS` has one row for each reducer that clients can call. Its arguments are such
that whoever may call it is granted the call in `scene`, where player ``p1`` is on
east with a transfer to west that waits for its snapshot, and ``p2`` is on west, on
the way to east; event 1 is scheduled and event 2 runs.
"""

from dataclasses import dataclass
from functools import partial

import pytest

from examples.qsbridge import (
    AdminLevel,
    AdminRoleLevel,
    admin_announce,
    admin_ban,
    admin_kick,
    admin_whitelist_add,
    event_create,
    event_start,
    inbox_apply,
    presence_join,
    transfer_request,
    transfer_snapshot,
    vault_deposit,
)
from examples.qsbridge.hub.refusals import refusal_class
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub

CALLERS = ("owner", "east", "west", "stranger")
Outcome = tuple[str, str, str, str]
"""For each of `CALLERS`: `OK`, or the class of the refusal."""

OK = ""
NO = "NotAuthorized"
OWNER: Outcome = (OK, NO, NO, NO)
ADMIN: Outcome = (OK, OK, OK, NO)
BRIDGE: Outcome = (NO, OK, OK, NO)
THIS_BRIDGE: Outcome = (NO, OK, NO, NO)
OWNER_OR_THIS_BRIDGE: Outcome = (OK, OK, NO, NO)


@dataclass(frozen=True)
class Call:
    """A reducer, arguments for it, and what comes of it by caller."""

    reducer: str
    arguments: tuple[object, ...]
    outcome: Outcome


SERVER = ("north", "North", "eu", "humanitz", "pvp", "", "1.0", 9, "", "")

CALLS = (
    # Lifecycle. Any identity may register, but not as a second server.
    Call("server_register", SERVER, (OK, "Conflict", "Conflict", OK)),
    Call("server_heartbeat", (3,), BRIDGE),
    # Admin reducers, documented and suggested.
    Call("admin_ban", ("p9", "otter", "aimbot", 1), ADMIN),
    Call("admin_unban", ("banned",), ADMIN),
    Call("admin_kick", ("p1", "afk"), ADMIN),
    Call("admin_whitelist_add", ("p9",), ADMIN),
    Call("admin_whitelist_remove", ("listed",), ADMIN),
    Call("admin_announce", ("hello",), ADMIN),
    Call("admin_set_password", ("east", ""), OWNER_OR_THIS_BRIDGE),
    Call("admin_toggle_whitelist", ("east", True), OWNER_OR_THIS_BRIDGE),
    Call("admin_set_max_players", ("east", 9), OWNER_OR_THIS_BRIDGE),
    Call("admin_set_motd", ("east", "hello"), OWNER_OR_THIS_BRIDGE),
    Call("admin_set_server_name", ("east", "East"), OWNER_OR_THIS_BRIDGE),
    Call("admin_grant_role", ("p9", AdminRoleLevel.Admin), OWNER),
    Call("admin_revoke_role", ("boss",), OWNER),
    # Panel reducers: the gateway has the owner's identity.
    Call("panel_register_session", ("boss", "Boss"), OWNER),
    Call("panel_end_session", ("boss",), OWNER),
    Call("panel_log_action", ("boss", "hosting_start", "{}"), OWNER),
    Call("panel_ban_player", ("boss", "p9", "otter", "aimbot", None), OWNER),
    Call("panel_unban_player", ("boss", "banned"), OWNER),
    Call("panel_kick_player", ("boss", "p1", "afk"), OWNER),
    Call("panel_announcement", ("boss", "east", "hello"), OWNER),
    Call("panel_set_motd", ("boss", "east", "hello"), OWNER),
    Call("panel_set_max_players", ("boss", "east", 9), OWNER),
    Call("panel_set_password", ("boss", "east", ""), OWNER),
    Call("panel_toggle_whitelist", ("boss", "east", True), OWNER),
    Call("panel_set_server_name", ("boss", "east", "East"), OWNER),
    Call("panel_whitelist_add", ("boss", "p9"), OWNER),
    Call("panel_whitelist_remove", ("boss", "listed"), OWNER),
    Call("panel_grant_role", ("boss", "p9", AdminRoleLevel.Admin), OWNER),
    Call("panel_revoke_role", ("boss", "second"), OWNER),
    # What bridges do.
    Call("bridge_command_ack", (1,), THIS_BRIDGE),
    Call("presence_join", ("p9",), BRIDGE),
    Call("presence_beat", (["p1"],), BRIDGE),
    Call("presence_leave", ("p1",), BRIDGE),
    Call("transfer_request", ("p3", "west"), OWNER_OR_THIS_BRIDGE),
    Call("transfer_snapshot", (1, "{}"), THIS_BRIDGE),
    Call("transfer_complete", (2,), THIS_BRIDGE),
    Call("transfer_fail", (1, ""), ADMIN),
    Call("vault_deposit", ("p3", "{}", None), (NO, OK, "Conflict", NO)),
    Call("vault_withdraw", ("p3", 1), (NO, OK, "Conflict", NO)),
    # Events, sweeps, hosting and what other databases tell: the owner's.
    Call("event_create", ("cup", "Cup", "", ["east"], START, None, ""), OWNER),
    Call("event_start", (1,), OWNER),
    Call("event_complete", (2, None), OWNER),
    Call("event_delete", (1,), OWNER),
    Call("sweep_servers", (), OWNER),
    Call("sweep_presence", (), OWNER),
    Call("sweep_transfers", (), OWNER),
    Call("sweep_events", (), OWNER),
    Call("sweep_commands", (), OWNER),
    Call("sweep_sessions", (), OWNER),
    Call("sweep_snapshots", (), OWNER),
    Call("server_set_status", ("east", "offline"), OWNER),
    Call("inbox_apply", ("game", 2, "no such kind", "{}"), OWNER),
    Call("inbox_retry", (1,), ("WrongState", NO, NO, NO)),
    Call("inbox_discard", (1,), OWNER),
    Call("inbox_advance", ("game", 7), OWNER),
)


def granted(call: Call) -> list[str]:
    """Give the callers whom a call is granted."""
    return [
        caller for caller, each in zip(CALLERS, call.outcome, strict=True) if not each
    ]


def make(hub: Hub, call: Call, caller: str) -> None:
    identities = (hub.db.owner, EAST, WEST, STRANGER)
    identity = identities[CALLERS.index(caller)]
    hub.db.caller(identity).call(call.reducer, *call.arguments)


@pytest.fixture
def scene(hub: Hub) -> Hub:
    east, west = hub.db.caller(EAST), hub.db.caller(WEST)
    for player in ("p1", "p3", "kicked"):
        east.call(presence_join, player)
    west.call(presence_join, "p2")
    hub.db.call(admin_kick, "kicked", "afk")
    hub.db.call(admin_announce, "to all")
    east.call(transfer_request, "p1", "west")
    west.call(transfer_request, "p2", "east")
    west.call(transfer_snapshot, 2, "{}")
    hub.db.call(admin_ban, "banned", "otter", "aimbot", None)
    hub.db.call(admin_whitelist_add, "listed")
    hub.db.call(inbox_apply, "game", 1, "no such kind", "{}")
    east.call(vault_deposit, "p3", "{}", None)
    for title in ("to come", "running"):
        hub.db.call(event_create, "cup", title, "", ["east"], START, None, "")
    hub.db.call(event_start, 2)
    hub.log_in("boss", AdminLevel.Owner)
    hub.log_in("second", AdminLevel.Owner)
    return hub


def test_every_reducer_of_the_hub_has_one_row(hub: Hub) -> None:
    rows = hub.db.sql("SELECT name, is_private FROM st_reducer").to_dicts()

    names = sorted(str(row["name"]) for row in rows if not row["is_private"])
    assert sorted(call.reducer for call in CALLS) == names


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.reducer)
def test_reducer_refuses_all_but_those_who_may_call(scene: Hub, call: Call) -> None:
    for caller, outcome in zip(CALLERS, call.outcome, strict=True):
        if outcome != OK:
            text = scene.refusal(partial(make, scene, call, caller))
            assert refusal_class(text) == outcome, caller

    for caller in granted(call)[:1]:
        make(scene, call, caller)


@pytest.mark.parametrize(
    ("call", "caller"),
    [
        pytest.param(call, caller, id=f"{call.reducer}-{caller}")
        for call in CALLS
        for caller in granted(call)[1:]
    ],
)
def test_reducer_is_for_these_too(scene: Hub, call: Call, caller: str) -> None:
    make(scene, call, caller)
