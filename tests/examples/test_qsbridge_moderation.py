"""Kicks, the whitelist, and what a ban does besides its row."""

from functools import partial

import pytest

from examples.qsbridge import (
    BanEntry,
    BridgeCommand,
    PlayerMovement,
    PlayerServerPresence,
    ServerTransferQueue,
    WhitelistEntry,
    admin_ban,
    admin_kick,
    admin_toggle_whitelist,
    admin_unban,
    admin_whitelist_add,
    admin_whitelist_remove,
    transfer_request,
    transfer_snapshot,
)
from qsdb import Timestamp
from tests.examples.hub import EAST, HOUR_MICROS, START, WEST, Hub

WRONG_IDS = ["", "p" * 65]


def transfer(hub: Hub, player_id: str) -> ServerTransferQueue:
    """Give the player's one transfer."""
    with hub.db.read() as tx:
        (row,) = tx[ServerTransferQueue].player_id.filter(player_id)
    return row


def test_kick_takes_the_player_off_and_tells_the_bridge(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(EAST, "p2")
    hub.clock.advance(5)

    hub.db.caller(WEST).call(admin_kick, "p1", "afk")

    assert hub.presence("p1") is None
    assert hub.presence("p2") is not None
    assert hub.commands() == [
        BridgeCommand(
            server_id="east",
            kind="kick",
            player_id="p1",
            payload="afk",
            created_at=hub.now,
        ).replace(command_id=1)
    ]
    assert hub.rows(BanEntry) == set()


def test_kick_is_a_move_to_nowhere(hub: Hub) -> None:
    hub.join(EAST, "p1")
    before = hub.rows(PlayerMovement)
    hub.clock.advance(5)

    hub.db.call(admin_kick, "p1", "")

    (move,) = hub.rows(PlayerMovement) - before
    assert isinstance(move, PlayerMovement)
    assert (move.player_id, move.kind, move.moved_at) == ("p1", "leave", hub.now)
    assert (move.from_server_id, move.to_server_id) == ("east", "")


def test_kicked_player_may_come_back(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.db.call(admin_kick, "p1", "")

    hub.join(WEST, "p1")

    assert hub.presence("p1") is not None


def test_kick_of_a_player_who_is_nowhere_is_refused(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.db.call(admin_kick, "p1", "")

    for player in ("p1", "nobody"):
        text = hub.refusal(partial(hub.db.call, admin_kick, player, ""))
        assert text == f"NotFound: player '{player}' is on no server"


def test_kick_refuses_wrong_texts(hub: Hub) -> None:
    hub.join(EAST, "p1")

    text = hub.refusal(lambda: hub.db.call(admin_kick, "p1", "r" * 513))
    assert text == "InvalidArgument: reason has 513 characters, more than 512"
    for player in WRONG_IDS:
        text = hub.refusal(partial(hub.db.call, admin_kick, player, ""))
        assert text.startswith("InvalidArgument: player_id ")


def test_ban_of_a_player_who_is_there_has_him_kicked_by_his_bridge(hub: Hub) -> None:
    hub.join(EAST, "p1")

    hub.ban("p1", 1)

    (command,) = hub.commands()
    assert (command.server_id, command.kind) == ("east", "kick")
    assert (command.player_id, command.payload) == ("p1", "aimbot")


def test_ban_of_a_player_who_is_nowhere_tells_nobody(hub: Hub) -> None:
    hub.join(EAST, "p2")

    hub.ban("p1", 1)

    assert hub.commands() == []


@pytest.mark.parametrize("captured", ["pending", "in_transit"])
@pytest.mark.parametrize("reducer", ["admin_ban", "admin_kick"])
def test_open_transfer_ends_with_a_ban_or_a_kick(
    hub: Hub, captured: str, reducer: str
) -> None:
    hub.join(EAST, "p1")
    hub.join(EAST, "p2")
    for number, player in enumerate(("p1", "p2"), start=1):
        hub.db.caller(EAST).call(transfer_request, player, "west")
        if captured == "in_transit":
            hub.db.caller(EAST).call(transfer_snapshot, number, "{}")
    hub.clock.advance(5)
    other = transfer(hub, "p2")

    arguments = ("otter", "", None) if reducer == "admin_ban" else ("",)
    hub.db.call(reducer, "p1", *arguments)

    ended = transfer(hub, "p1")
    assert (ended.status, ended.completed_at) == ("failed", hub.now)
    assert transfer(hub, "p2") == other


def test_transfer_that_has_ended_stays_as_it_is(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.db.caller(EAST).call(transfer_request, "p1", "west")
    hub.ban("p1")
    ended = transfer(hub, "p1")
    hub.clock.advance(5)

    hub.ban("p1")

    assert transfer(hub, "p1") == ended


def test_ban_is_active_until_its_last_microsecond(hub: Hub) -> None:
    hub.ban("p1", 1)
    (ban,) = hub.bans()
    end = START.micros + HOUR_MICROS

    assert ban.is_active(Timestamp.from_micros(end - 1))
    assert not ban.is_active(Timestamp.from_micros(end))


def test_unban_at_the_microsecond_of_expiry_finds_no_ban(hub: Hub) -> None:
    hub.ban("p1", 1)
    hub.ban("p2", 1)
    hub.clock.advance(3599.999999)
    hub.db.call(admin_unban, "p1")
    hub.clock.advance(0.000001)

    text = hub.refusal(lambda: hub.db.call(admin_unban, "p2"))

    assert text == "NotFound: player 'p2' has no active ban"


@pytest.mark.parametrize("player", WRONG_IDS)
def test_unban_and_whitelist_refuse_wrong_ids(hub: Hub, player: str) -> None:
    for reducer in (admin_unban, admin_whitelist_add, admin_whitelist_remove):
        text = hub.refusal(partial(hub.db.call, reducer, player))
        assert text.startswith("InvalidArgument: player_id ")


def test_texts_of_a_ban_take_their_bounds(hub: Hub) -> None:
    hub.db.call(admin_ban, "p" * 64, "o" * 64, "r" * 512, None)

    assert len(hub.bans()) == 1


def test_whitelist_entry_is_written_down(hub: Hub) -> None:
    hub.db.call(admin_whitelist_add, "p1")
    hub.clock.advance(5)
    hub.db.caller(EAST).call(admin_whitelist_add, "p2")

    first = WhitelistEntry(player_id="p1", added_by="owner", added_at=START)
    second = WhitelistEntry(player_id="p2", added_by="server:east", added_at=hub.now)
    assert hub.rows(WhitelistEntry) == {
        first.replace(entry_id=1),
        second.replace(entry_id=2),
    }


def test_player_is_on_the_whitelist_once(hub: Hub) -> None:
    hub.db.call(admin_whitelist_add, "p1")

    text = hub.refusal(lambda: hub.db.call(admin_whitelist_add, "p1"))

    assert text == "AlreadyExists: player 'p1' is on the whitelist already"


def test_whitelist_entry_is_deleted_and_may_come_back(hub: Hub) -> None:
    hub.db.call(admin_whitelist_add, "p1")
    hub.db.call(admin_whitelist_remove, "p1")
    assert hub.rows(WhitelistEntry) == set()

    hub.db.call(admin_whitelist_add, "p1")

    assert len(hub.rows(WhitelistEntry)) == 1


def test_removal_leaves_whoever_is_on_a_server_there(hub: Hub) -> None:
    hub.db.call(admin_whitelist_add, "p1")
    hub.db.call(admin_toggle_whitelist, "east", enabled=True)
    hub.join(EAST, "p1")
    before = hub.rows(PlayerServerPresence)

    hub.db.call(admin_whitelist_remove, "p1")

    assert hub.rows(PlayerServerPresence) == before
    assert hub.commands() == []


def test_removal_of_a_player_who_is_not_on_the_whitelist_is_refused(hub: Hub) -> None:
    hub.db.call(admin_whitelist_add, "p1")

    text = hub.refusal(lambda: hub.db.call(admin_whitelist_remove, "p2"))

    assert text == "NotFound: player 'p2' is not on the whitelist"
