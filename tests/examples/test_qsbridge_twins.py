"""Bans, roles and sessions against twins made of lists and dicts.

**Strategy**: a few players and a random row of steps, each made of the hub and of its
twin. **Invariants**: both refuse the same steps for the same class of reason, and hold
the same afterwards; once there is an Owner, there is always one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from examples.qsbridge import (
    AdminLevel,
    AdminRole,
    AdminRoleLevel,
    PanelSession,
    admin_ban,
    admin_grant_role,
    admin_revoke_role,
    admin_unban,
    panel_end_session,
    panel_register_session,
    platform,
)
from examples.qsbridge.hub.refusals import refusal_class
from qsdb.testing import FakeClock
from tests.examples.hub import HOUR_MICROS, START, Hub

modest = settings(max_examples=max(25, settings().max_examples // 4))
RANKS = ["Owner", "Admin", "Moderator", "Viewer"]
PLAYERS = st.sampled_from(["a", "b", "c"])

StaffStep = (
    tuple[Literal["grant"], str, AdminRoleLevel]
    | tuple[Literal["revoke"], str]
    | tuple[Literal["log in"], str, AdminLevel | None]
    | tuple[Literal["log out"], str]
)
BanStep = (
    tuple[Literal["ban"], str, int | None]
    | tuple[Literal["unban"], str]
    | tuple[Literal["wait"], int]
)
STAFF_STEPS: st.SearchStrategy[StaffStep] = st.one_of(
    st.tuples(st.just("grant"), PLAYERS, st.sampled_from(AdminRoleLevel)),
    st.tuples(st.just("revoke"), PLAYERS),
    st.tuples(st.just("log in"), PLAYERS, st.none() | st.sampled_from(AdminLevel)),
    st.tuples(st.just("log out"), PLAYERS),
)
BAN_STEPS: st.SearchStrategy[BanStep] = st.one_of(
    st.tuples(st.just("ban"), PLAYERS, st.none() | st.integers(0, 2)),
    st.tuples(st.just("unban"), PLAYERS),
    st.tuples(st.just("wait"), st.sampled_from([1, HOUR_MICROS - 1, HOUR_MICROS])),
)


@dataclass
class Staff:
    """Who has which role, and who is logged in with which level."""

    roles: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)

    def step(self, step: StaffStep) -> str:
        """Make a step; give the class for which it is refused, or nothing."""
        match step:
            case "grant", player, role:
                return self._grant(player, role.name)
            case "revoke", player:
                if player not in self.roles:
                    return "NotFound"
                if self._is_last_owner(player):
                    return "Conflict"
                del self.roles[player]
                self.sessions.pop(player, None)
            case "log in", player, level:
                return self._log_in(player, level and level.name)
            case "log out", player:
                self.sessions.pop(player, None)
        return ""

    def _grant(self, player: str, role: str) -> str:
        if role != "Owner" and self._is_last_owner(player):
            return "Conflict"
        self.roles[player] = role
        if player in self.sessions:
            self.sessions[player] = role
        return ""

    def _log_in(self, player: str, level: str | None) -> str:
        if level != "Viewer":
            role = self.roles.get(player)
            if role is None:
                return "NotAuthorized"
            level = level or role
            if RANKS.index(level) < RANKS.index(role):
                return "NotAuthorized"
        self.sessions[player] = level
        return ""

    def _is_last_owner(self, player: str) -> bool:
        return [who for who, role in self.roles.items() if role == "Owner"] == [player]


@dataclass
class Bans:
    """Bans as [player, end or None, whether it is revoked], and the time."""

    now: int = START.micros
    bans: list[tuple[str, int | None, bool]] = field(default_factory=list)

    def step(self, step: BanStep) -> str:
        """Make a step; give the class for which it is refused, or nothing."""
        match step:
            case "ban", player, hours:
                if hours == 0:
                    return "InvalidArgument"
                end = None if hours is None else self.now + hours * HOUR_MICROS
                self.bans.append((player, end, False))
            case "unban", player:
                if not any(self.is_active(ban) for ban in self.of(player)):
                    return "NotFound"
                self.bans = [
                    (who, end, True)
                    if who == player and self.is_active((who, end, revoked))
                    else (who, end, revoked)
                    for who, end, revoked in self.bans
                ]
            case "wait", micros:
                self.now += micros
        return ""

    def of(self, player: str) -> list[tuple[str, int | None, bool]]:
        return [ban for ban in self.bans if ban[0] == player]

    def is_active(self, ban: tuple[str, int | None, bool]) -> bool:
        _, end, revoked = ban
        return not revoked and (end is None or self.now < end)


def staff_step(hub: Hub, step: StaffStep) -> None:
    match step:
        case "grant", player, role:
            hub.db.call(admin_grant_role, player, role)
        case "revoke", player:
            hub.db.call(admin_revoke_role, player)
        case "log in", player, level:
            hub.db.call(panel_register_session, player, player, level)
        case "log out", player:
            hub.db.call(panel_end_session, player)


def ban_step(hub: Hub, step: BanStep) -> None:
    match step:
        case "ban", player, hours:
            hub.db.call(admin_ban, player, "otter", "", hours)
        case "unban", player:
            hub.db.call(admin_unban, player)
        case "wait", micros:
            hub.clock.advance(micros / 1_000_000)


def refused(act: Callable[[], None]) -> str:
    try:
        act()
    except qsdb.ReducerError as error:
        return refusal_class(str(error))
    return ""


@pytest.mark.slow
@modest
@given(st.lists(STAFF_STEPS, max_size=15))
def test_roles_and_sessions_are_those_of_their_twin(steps: list[StaffStep]) -> None:
    clock, twin = FakeClock(START), Staff()
    with qsdb.Database(platform, clock=clock) as db:
        hub = Hub(db, clock)
        for step in steps:
            had_owner = "Owner" in twin.roles.values()
            expected = twin.step(step)

            assert refused(partial(staff_step, hub, step)) == expected
            assert ("Owner" in twin.roles.values()) >= had_owner
        with db.read() as tx:
            roles = {row.player_id: row.role.name for row in tx[AdminRole]}
            sessions = {row.player_id: row.admin_level.name for row in tx[PanelSession]}

    assert roles == twin.roles
    assert sessions == twin.sessions


@pytest.mark.slow
@modest
@given(st.lists(BAN_STEPS, max_size=15))
def test_bans_are_those_of_their_twin(steps: list[BanStep]) -> None:
    clock, twin = FakeClock(START), Bans()
    with qsdb.Database(platform, clock=clock) as db:
        hub = Hub(db, clock)
        for step in steps:
            expected = twin.step(step)

            assert refused(partial(ban_step, hub, step)) == expected
        bans, now = hub.bans(), hub.now

    ends = [ban.expires_at and ban.expires_at.micros for ban in bans]
    assert twin.bans == [
        (ban.player_id, end, ban.revoked) for ban, end in zip(bans, ends, strict=True)
    ]
    assert [twin.is_active(ban) for ban in twin.bans] == [
        ban.is_active(now) for ban in bans
    ]
