"""The panel's guard: the admin is logged in, and his level suffices.

`ACTIONS` has one row for each reducer that an admin acts by. Its arguments are such
that each is granted in `scene` to an admin of that level.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

import qsdb
from examples.qsbridge import (
    AdminLevel,
    AdminRole,
    AdminRoleLevel,
    BanEntry,
    ModuleConfig,
    PanelSession,
    WhitelistEntry,
    admin_ban,
    admin_grant_role,
    admin_whitelist_add,
    panel_ban_player,
    panel_grant_role,
    panel_set_motd,
    panel_unban_player,
    panel_whitelist_add,
    platform,
)
from examples.qsbridge.hub.guards import OWNER
from qsdb.testing import FakeClock
from tests.examples.hub import EAST, HUB_TABLES, START, WEST, Hub

Owner, Admin, Moderator, Viewer = AdminLevel
LEVELS = (Owner, Admin, Moderator, Viewer)
SESSION_SECONDS = 8 * 3600


@dataclass(frozen=True)
class Action:
    """A panel reducer, its arguments after the actor, and the level that it takes."""

    reducer: str
    arguments: tuple[object, ...]
    least: AdminLevel
    twin: str = ""
    """The admin reducer that does the same, if there is one."""


ACTIONS = (
    Action("panel_ban_player", ("p1", "otter", "x", 1), Moderator, "admin_ban"),
    Action("panel_unban_player", ("banned",), Moderator, "admin_unban"),
    Action("panel_kick_player", ("p1", "afk"), Moderator, "admin_kick"),
    Action("panel_announcement", ("*", "hello"), Moderator),
    Action("panel_whitelist_add", ("p9",), Moderator, "admin_whitelist_add"),
    Action("panel_whitelist_remove", ("p2",), Moderator, "admin_whitelist_remove"),
    Action("panel_set_motd", ("east", "hello"), Admin, "admin_set_motd"),
    Action("panel_set_max_players", ("east", 9), Admin, "admin_set_max_players"),
    Action("panel_set_password", ("east", ""), Admin, "admin_set_password"),
    Action("panel_toggle_whitelist", ("east", True), Admin, "admin_toggle_whitelist"),
    Action("panel_set_server_name", ("east", "E"), Admin, "admin_set_server_name"),
    Action("panel_grant_role", ("p9", AdminRoleLevel.Admin), Owner, "admin_grant_role"),
    Action("panel_revoke_role", ("second",), Owner, "admin_revoke_role"),
    Action("panel_log_action", ("hosting_stop", "{}"), Viewer),
)
NOT_BY_AN_ADMIN = {"panel_register_session", "panel_end_session"}

each_action = pytest.mark.parametrize("action", ACTIONS, ids=lambda each: each.reducer)


@pytest.fixture
def scene(hub: Hub) -> Hub:
    return dressed(hub)


@pytest.fixture
def second_scene() -> Iterator[Hub]:
    clock = FakeClock(START)
    with qsdb.Database(platform, clock=clock) as db:
        hub = Hub(db, clock)
        hub.register(EAST, "east")
        hub.register(WEST, "west")
        yield dressed(hub)


def dressed(hub: Hub) -> Hub:
    """Add an admin of each level, a second Owner, and players to act on."""
    for level in LEVELS:
        hub.log_in(level.name.lower(), level)
    hub.log_in("second", Owner)
    hub.join(EAST, "p1")
    hub.db.call(admin_ban, "banned", "otter", "aimbot", None)
    hub.db.call(admin_whitelist_add, "p2")
    return hub


def sessions(hub: Hub) -> list[PanelSession]:
    with hub.db.read() as tx:
        return [*tx[PanelSession]]


def act(hub: Hub, actor: str, action: Action) -> None:
    hub.db.call(action.reducer, actor, *action.arguments)


def test_every_reducer_of_the_panel_has_one_row(hub: Hub) -> None:
    rows = hub.db.sql("SELECT name FROM st_reducer WHERE name LIKE 'panel_%'")

    names = {str(row["name"]) for row in rows.to_dicts()}
    assert {action.reducer for action in ACTIONS} == names - NOT_BY_AN_ADMIN


@each_action
def test_action_takes_an_admin_who_is_logged_in_with_its_level(
    scene: Hub, action: Action
) -> None:
    for level in LEVELS[LEVELS.index(action.least) + 1 :]:
        actor = level.name.lower()
        text = scene.refusal(partial(act, scene, actor, action))
        assert text == (
            f"NotAuthorized: {actor!r} is {level.name}, "
            f"and this takes {action.least.name} or above"
        )

    text = scene.refusal(partial(act, scene, "nobody", action))
    assert text == "NotAuthorized: 'nobody' is not logged in to the panel"

    scene.clock.advance(SESSION_SECONDS + 0.000001)
    text = scene.refusal(partial(act, scene, "owner", action))
    assert text == (
        "NotAuthorized: the panel session of 'owner' has expired; "
        f"it began at {START} and lasts 8 h"
    )


@each_action
def test_action_moves_the_last_activity_of_the_admin_and_of_no_other(
    scene: Hub, action: Action
) -> None:
    actor = action.least.name.lower()
    others = {row for row in sessions(scene) if row.player_id not in {actor, "second"}}
    scene.clock.advance(60)

    act(scene, actor, action)

    session = scene.session(actor)
    assert session is not None
    assert (session.connected_at, session.last_activity) == (START, scene.now)
    assert others <= {*sessions(scene)}


def test_session_lasts_eight_hours_to_the_microsecond(scene: Hub) -> None:
    scene.clock.advance(SESSION_SECONDS)

    act(scene, "owner", ACTIONS[0])

    session = scene.session("owner")
    assert session is not None
    assert not session.has_expired(scene.now)


@pytest.mark.parametrize(
    "action", [each for each in ACTIONS if each.twin], ids=lambda each: each.reducer
)
def test_action_does_what_its_admin_reducer_does(
    scene: Hub, second_scene: Hub, action: Action
) -> None:
    act(scene, OWNER, action)  # an admin whose id is what rows call the owner
    second_scene.db.call(action.twin, *action.arguments)

    for table in {*HUB_TABLES} - {ModuleConfig}:
        assert scene.rows(table) == second_scene.rows(table)


def test_rows_name_the_admin_who_acted(scene: Hub) -> None:
    scene.db.call(panel_ban_player, "moderator", "p7", "otter", "aimbot", 1)
    scene.db.call(panel_unban_player, "moderator", "p7")
    scene.db.call(panel_whitelist_add, "moderator", "p7")
    scene.db.call(panel_grant_role, "owner", "p7", AdminRoleLevel.Moderator)

    with scene.db.read() as tx:
        (ban,) = tx[BanEntry].player_id.filter("p7")
        entry = tx[WhitelistEntry].player_id.find("p7")
        role = tx[AdminRole].player_id.find("p7")
    assert (ban.banned_by, ban.revoked_by) == ("moderator", "moderator")
    assert entry is not None
    assert entry.added_by == "moderator"
    assert role is not None
    assert role.granted_by == "owner"


def test_moderator_may_not_ban_for_ever(scene: Hub) -> None:
    text = scene.refusal(
        lambda: scene.db.call(panel_ban_player, "moderator", "p1", "otter", "", None)
    )

    assert text == (
        "NotAuthorized: 'moderator' is Moderator and may not ban for ever, "
        "which takes Admin or above"
    )


@pytest.mark.parametrize("actor", ["admin", "owner"])
def test_admin_and_owner_may_ban_for_ever(scene: Hub, actor: str) -> None:
    scene.db.call(panel_ban_player, actor, "p1", "otter", "", None)

    assert scene.bans()[-1].expires_at is None


def test_level_is_that_of_the_role_now(scene: Hub) -> None:
    scene.db.call(admin_grant_role, "admin", AdminRoleLevel.Moderator)

    text = scene.refusal(lambda: scene.db.call(panel_set_motd, "admin", "east", ""))

    assert text.startswith("NotAuthorized: 'admin' is Moderator, ")
