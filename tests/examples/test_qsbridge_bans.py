from functools import partial

import pytest

from examples.qsbridge import BanEntry, admin_ban, admin_unban
from qsdb import Timestamp
from tests.examples.hub import EAST, HOUR_MICROS, START, STRANGER, WEST, Hub


def test_ban_by_the_owner_is_written_down(hub: Hub) -> None:
    hub.ban("Steam:1", 24)

    expected = BanEntry(
        player_id="Steam:1",
        player_name="otter",
        reason="aimbot",
        banned_by="owner",
        banned_at=START,
        expires_at=Timestamp.from_micros(START.micros + 24 * HOUR_MICROS),
        revoked=False,
        revoked_by="",
        revoked_at=None,
    )
    (ban,) = hub.bans()
    assert ban == expected.replace(ban_id=1)


def test_ban_without_hours_is_for_ever(hub: Hub) -> None:
    hub.ban("Steam:1", None)

    (ban,) = hub.bans()
    assert ban.expires_at is None
    assert ban.is_active(Timestamp.from_micros(2**63 - 1))


def test_ban_by_a_bridge_names_its_server(hub: Hub) -> None:
    hub.db.caller(EAST).call(admin_ban, "Steam:1", "otter", "", 1)

    assert [ban.banned_by for ban in hub.bans()] == ["server:east"]


def test_ban_of_a_banned_player_adds_a_row(hub: Hub) -> None:
    hub.ban("Steam:1", 1)
    hub.ban("Steam:1", None)

    assert [ban.ban_id for ban in hub.bans()] == [1, 2]


def test_ban_leaves_the_player_where_he_is(hub: Hub) -> None:
    hub.join(EAST, "Steam:1")
    hub.ban("Steam:1")

    assert hub.presence("Steam:1") is not None


@pytest.mark.parametrize("hours", [0, 2**62, 2**64 - 1])
def test_ban_refuses_hours_that_give_no_end(hub: Hub, hours: int) -> None:
    text = hub.refusal(lambda: hub.ban("Steam:1", hours))

    assert text.startswith(f"InvalidArgument: duration_hours is {hours}")


def test_ban_takes_the_last_hour_that_there_is(hub: Hub) -> None:
    hours = (2**63 - 1 - START.micros) // HOUR_MICROS

    hub.ban("Steam:1", hours)

    text = hub.refusal(lambda: hub.ban("Steam:1", hours + 1))
    assert text.startswith("InvalidArgument: duration_hours is ")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (("", "otter", "aimbot"), "player_id"),
        (("p" * 65, "otter", "aimbot"), "player_id"),
        (("p", "", "aimbot"), "player_name"),
        (("p", "o" * 65, "aimbot"), "player_name"),
        (("p", "otter", "a" * 513), "reason"),
    ],
)
def test_ban_refuses_wrong_texts(
    hub: Hub, arguments: tuple[str, str, str], name: str
) -> None:
    text = hub.refusal(lambda: hub.db.call(admin_ban, *arguments, None))

    assert text.startswith(f"InvalidArgument: {name} ")


def test_ban_and_unban_are_for_the_owner_and_bridges(hub: Hub) -> None:
    hub.ban("Steam:1")
    stranger = hub.db.caller(STRANGER)

    texts = [
        hub.refusal(lambda: stranger.call(admin_ban, "Steam:2", "otter", "", None)),
        hub.refusal(lambda: stranger.call(admin_unban, "Steam:1")),
    ]
    why = "NotAuthorized: the caller is neither the owner nor a registered bridge"
    assert texts == [why, why]


def test_unban_revokes_all_active_bans_and_no_other(hub: Hub) -> None:
    hub.ban("Steam:1", 1)
    hub.ban("Steam:2", None)
    hub.clock.advance(3600)
    hub.ban("Steam:1", 1)
    hub.ban("Steam:1", None)
    expired, other, first, second = hub.bans()

    hub.db.caller(WEST).call(admin_unban, "Steam:1")

    lifted = {"revoked": True, "revoked_by": "server:west", "revoked_at": hub.now}
    assert hub.bans() == [
        expired,
        other,
        first.replace(**lifted),
        second.replace(**lifted),
    ]


def test_unban_by_the_owner_is_written_down_as_such(hub: Hub) -> None:
    hub.ban("Steam:1")
    hub.db.call(admin_unban, "Steam:1")

    (ban,) = hub.bans()
    assert (ban.revoked, ban.revoked_by, ban.revoked_at) == (True, "owner", START)
    assert not ban.is_active(START)


def test_unban_without_an_active_ban_is_refused(hub: Hub) -> None:
    hub.ban("Steam:1", 1)
    hub.clock.advance(3600)
    hub.ban("Steam:2")
    hub.db.call(admin_unban, "Steam:2")

    for player in ("Steam:1", "Steam:2", "Steam:3"):
        text = hub.refusal(partial(hub.db.call, admin_unban, player))
        assert text == f"NotFound: player '{player}' has no active ban"
