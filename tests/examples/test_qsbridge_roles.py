"""Roles and sessions: granted, changed, revoked; begun and ended."""

from functools import partial

import pytest

from examples.qsbridge import (
    AdminLevel,
    AdminRole,
    AdminRoleLevel,
    PanelSession,
    admin_grant_role,
    admin_revoke_role,
    panel_end_session,
    panel_register_session,
    panel_revoke_role,
)
from tests.examples.hub import START, Hub

WRONG_IDS = ["", "p" * 65]


def grant(hub: Hub, player_id: str, role: AdminRoleLevel) -> None:
    hub.db.call(admin_grant_role, player_id, role)


def level(hub: Hub, player_id: str) -> AdminLevel | None:
    session = hub.session(player_id)
    return None if session is None else session.admin_level


def test_no_role_is_there_at_first_and_the_owner_grants_one(empty: Hub) -> None:
    assert empty.rows(AdminRole) == set()

    grant(empty, "a", AdminRoleLevel.Owner)

    role = AdminRole(
        player_id="a",
        role=AdminRoleLevel.Owner,
        granted_by="owner",
        granted_at=START,
    )
    assert empty.rows(AdminRole) == {role.replace(role_id=1)}


def test_grant_again_changes_the_one_row(hub: Hub) -> None:
    grant(hub, "a", AdminRoleLevel.Moderator)
    hub.clock.advance(5)

    hub.db.call("admin_grant_role", "a", AdminRoleLevel.Admin)

    (row,) = hub.rows(AdminRole)
    assert isinstance(row, AdminRole)
    assert (row.role_id, row.role) == (1, AdminRoleLevel.Admin)
    assert row.granted_at == hub.now


def test_grant_gives_a_player_who_is_logged_in_the_level(hub: Hub) -> None:
    hub.log_in("a", AdminLevel.Moderator)

    grant(hub, "a", AdminRoleLevel.Owner)
    assert level(hub, "a") is AdminLevel.Owner

    grant(hub, "boss", AdminRoleLevel.Owner)
    grant(hub, "a", AdminRoleLevel.Admin)
    assert level(hub, "a") is AdminLevel.Admin


def test_revoke_deletes_the_role_and_ends_the_session(hub: Hub) -> None:
    hub.log_in("a", AdminLevel.Admin)
    hub.log_in("b", AdminLevel.Admin)

    hub.db.call(admin_revoke_role, "a")

    with hub.db.read() as tx:
        assert [row.player_id for row in tx[AdminRole]] == ["b"]
        assert [row.player_id for row in tx[PanelSession]] == ["b"]


def test_revoke_without_a_role_is_refused(hub: Hub) -> None:
    hub.log_in("a", AdminLevel.Viewer)

    for player in ("a", "b"):
        text = hub.refusal(partial(hub.db.call, admin_revoke_role, player))
        assert text == f"NotFound: player '{player}' has no role"


def test_last_owner_stays(hub: Hub) -> None:
    hub.log_in("a", AdminLevel.Owner)
    hub.log_in("b", AdminLevel.Admin)
    why = "Conflict: player 'a' is the last Owner"

    assert hub.refusal(lambda: hub.db.call(admin_revoke_role, "a")) == why
    assert hub.refusal(lambda: hub.db.call(panel_revoke_role, "a", "a")) == why
    for role in (AdminRoleLevel.Admin, AdminRoleLevel.Moderator):
        assert hub.refusal(partial(grant, hub, "a", role)) == why
    grant(hub, "a", AdminRoleLevel.Owner)


def test_one_of_two_owners_may_go(hub: Hub) -> None:
    hub.log_in("a", AdminLevel.Owner)
    hub.log_in("b", AdminLevel.Owner)

    hub.db.call(panel_revoke_role, "a", "a")

    assert level(hub, "a") is None
    text = hub.refusal(partial(grant, hub, "b", AdminRoleLevel.Moderator))
    assert text == "Conflict: player 'b' is the last Owner"


@pytest.mark.parametrize("player", WRONG_IDS)
def test_roles_and_sessions_refuse_wrong_ids(hub: Hub, player: str) -> None:
    for call in (
        partial(grant, hub, player, AdminRoleLevel.Admin),
        partial(hub.db.call, admin_revoke_role, player),
        partial(hub.db.call, panel_register_session, player, "A"),
    ):
        assert hub.refusal(call).startswith("InvalidArgument: player_id ")


@pytest.mark.parametrize("name", WRONG_IDS)
def test_session_refuses_wrong_names(hub: Hub, name: str) -> None:
    grant(hub, "a", AdminRoleLevel.Admin)

    text = hub.refusal(lambda: hub.db.call(panel_register_session, "a", name))

    assert text.startswith("InvalidArgument: display_name ")


@pytest.mark.parametrize("role", AdminRoleLevel)
def test_session_has_the_level_of_the_role(hub: Hub, role: AdminRoleLevel) -> None:
    grant(hub, "a", role)

    hub.db.call(panel_register_session, "a", "Ann")

    assert hub.session("a") == PanelSession(
        player_id="a",
        display_name="Ann",
        admin_level=AdminLevel[role.name],
        connected_at=START,
        last_activity=START,
    )


def test_session_again_begins_anew(hub: Hub) -> None:
    hub.log_in("a", AdminLevel.Admin)
    hub.clock.advance(9 * 3600)

    hub.db.call(panel_register_session, "a", "Anna")

    session = hub.session("a")
    assert session is not None
    assert (session.display_name, session.connected_at) == ("Anna", hub.now)
    assert session.last_activity == hub.now


def test_session_without_a_role_is_refused(hub: Hub) -> None:
    for wanted in (None, AdminLevel.Moderator):
        text = hub.refusal(
            partial(hub.db.call, panel_register_session, "a", "Ann", wanted)
        )
        assert text == "NotAuthorized: Not an admin: player 'a' has no role"


def test_viewer_needs_no_role(hub: Hub) -> None:
    hub.db.call(panel_register_session, "a", "Ann", AdminLevel.Viewer)

    assert level(hub, "a") is AdminLevel.Viewer


def test_session_may_be_below_the_role_and_not_above(hub: Hub) -> None:
    grant(hub, "a", AdminRoleLevel.Admin)

    hub.db.call(panel_register_session, "a", "Ann", AdminLevel.Moderator)
    assert level(hub, "a") is AdminLevel.Moderator

    text = hub.refusal(
        lambda: hub.db.call(panel_register_session, "a", "Ann", AdminLevel.Owner)
    )
    assert text == (
        "NotAuthorized: player 'a' is Admin and cannot be logged in as Owner"
    )


def test_end_deletes_the_session(hub: Hub) -> None:
    hub.log_in("a", AdminLevel.Admin)
    hub.log_in("b", AdminLevel.Admin)

    hub.db.call(panel_end_session, "a")

    assert level(hub, "a") is None
    assert level(hub, "b") is AdminLevel.Admin


def test_end_of_a_missing_session_changes_nothing(hub: Hub) -> None:
    before, offset = hub.state(), hub.db.offset

    hub.db.call(panel_end_session, "a")

    assert hub.state() == before
    assert hub.db.offset == offset


@pytest.mark.parametrize("higher", AdminLevel)
@pytest.mark.parametrize("lower", AdminLevel)
def test_levels_are_ordered_from_owner_to_viewer(
    higher: AdminLevel, lower: AdminLevel
) -> None:
    order = ["Owner", "Admin", "Moderator", "Viewer"]
    expected = order.index(higher.name) <= order.index(lower.name)

    assert higher.suffices_for(lower) == expected
