"""The player passport: all about one player, for admins who are logged in."""

from collections.abc import Callable

import pytest

import qsdb
from examples.qsbridge import (
    PASSPORT_QUERIES,
    AdminRoleLevel,
    BanEntry,
    GlobalVault,
    Passport,
    PlayerMovement,
    PlayerServerPresence,
    ServerTransferQueue,
    admin_grant_role,
    admin_unban,
    admin_whitelist_add,
    admin_whitelist_remove,
    panel_end_session,
    panel_register_session,
    presence_leave,
)
from tests.examples.hub import EAST, START, STRANGER, Hub

ADMIN = "Steam:1"
ADMIN_ROLE = AdminRoleLevel.Admin
SECTIONS: tuple[type[qsdb.Row], ...] = (
    PlayerServerPresence,
    BanEntry,
    GlobalVault,
    ServerTransferQueue,
    PlayerMovement,
)
"""The tables of the sections, in the order of `PASSPORT_QUERIES` but the first."""


@pytest.fixture
def panel(hub: Hub) -> Hub:
    """A platform with one admin who is logged in."""
    hub.db.call(admin_grant_role, ADMIN, AdminRoleLevel.Moderator)
    hub.db.call(panel_register_session, ADMIN, "Ada", None)
    return hub


def params(player_id: str, actor: str = ADMIN) -> dict[str, str]:
    return {"actor_player_id": actor, "player_id": player_id}


class Listener:
    """A gateway that has a passport open."""

    def __init__(self, hub: Hub, player_id: str) -> None:
        self.hub, self.player_id = hub, player_id
        self.errors: list[str] = []
        self.live = [
            hub.db.subscribe(
                query,
                params=params(player_id),
                on_error=lambda error: self.errors.append(str(error.__cause__)),
            )
            for query in PASSPORT_QUERIES
        ]

    def check(self) -> Passport:
        """Hold all sections against the tables; give the first page."""
        live = [set(each.rows) for each in self.live]
        asked = [
            set(self.hub.db.sql(query, params(self.player_id)).rows)
            for query in PASSPORT_QUERIES
        ]
        assert live == asked
        assert live[1:] == [self._of_player(table) for table in SECTIONS]
        (page,) = live[0]
        assert isinstance(page, Passport)
        return page

    def _of_player(self, table: type[qsdb.Row]) -> set[qsdb.Row]:
        rows = self.hub.rows(table)
        return {
            each for each in rows if qsdb.asdict(each)["player_id"] == self.player_id
        }


def fill(hub: Hub, player_id: str) -> None:
    """Give a player a row in each table that the passport shows."""
    with hub.db.write() as tx:
        tx[GlobalVault].insert(GlobalVault(player_id, "{}", 0, START, "east"))
        tx[GlobalVault].insert(GlobalVault(player_id, "[]", 1, START, "west"))
        tx[ServerTransferQueue].insert(
            ServerTransferQueue(player_id, "east", "west", "pending", "", START, None)
        )
        tx[PlayerMovement].insert(PlayerMovement(player_id, "", "east", START, "join"))


def test_the_passport_shows_all_rows_of_one_player_and_stays_current(
    panel: Hub,
) -> None:
    listener = Listener(panel, "anna")
    assert listener.check() == Passport("anna", "", is_whitelisted=False, role=None)

    panel.join(EAST, "anna")
    panel.join(EAST, "ben")
    fill(panel, "anna")
    fill(panel, "ben")
    listener.check()

    panel.db.call(admin_whitelist_add, "anna")
    panel.db.call(admin_grant_role, "anna", ADMIN_ROLE)
    panel.db.caller(EAST).call(presence_leave, "anna")
    panel.ban("anna", hours=1)
    panel.ban("ben")
    page = listener.check()
    assert page == Passport("anna", "otter", is_whitelisted=True, role=ADMIN_ROLE)

    panel.db.call(admin_unban, "anna")
    panel.db.call(admin_whitelist_remove, "anna")
    page = listener.check()
    assert page == Passport("anna", "otter", is_whitelisted=False, role=ADMIN_ROLE)
    assert listener.errors == []


def test_the_name_is_that_of_the_last_ban(panel: Hub) -> None:
    for name in ("old", "new"):
        panel.db.call("admin_ban", "anna", name, "aimbot", 1)

    assert Listener(panel, "anna").check().player_name == "new"


def test_what_concerns_another_player_runs_nothing_again(panel: Hub) -> None:
    Listener(panel, "anna")
    runs = panel.db.stats().view_runs

    panel.join(EAST, "ben")
    panel.ban("ben")

    assert panel.db.stats().view_runs == runs


def refused_query(act: Callable[[], object]) -> str:
    with pytest.raises(qsdb.QueryError) as caught:
        act()
    assert isinstance(caught.value.__cause__, qsdb.ReducerError)
    return str(caught.value.__cause__)


@pytest.mark.parametrize("query", PASSPORT_QUERIES)
def test_nobody_but_the_owner_sees_a_passport(panel: Hub, query: str) -> None:
    for who in (STRANGER, EAST):
        caller = panel.db.caller(who)
        why = refused_query(lambda: caller.sql(query, params("anna")))  # noqa: B023  called at once
        assert why == "NotAuthorized: the caller is not the owner of the platform"


@pytest.mark.parametrize("query", PASSPORT_QUERIES)
def test_an_admin_who_is_not_logged_in_sees_no_passport(panel: Hub, query: str) -> None:
    for ask in (panel.db.sql, panel.db.subscribe):
        why = refused_query(lambda: ask(query, params=params("anna", "Steam:2")))  # noqa: B023  called at once
        assert why == "NotAuthorized: 'Steam:2' is not logged in to the panel"


def test_a_session_that_ends_closes_the_passport(panel: Hub) -> None:
    listener = Listener(panel, "anna")

    panel.db.call(panel_end_session, ADMIN)

    why = f"NotAuthorized: {ADMIN!r} is not logged in to the panel"
    assert listener.errors == [why] * len(PASSPORT_QUERIES)
