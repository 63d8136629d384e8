import pytest

from examples.qsbridge import (
    KeptSnapshot,
    PlayerServerPresence,
    ServerTransferQueue,
    admin_ban,
    admin_kick,
    admin_set_max_players,
    admin_toggle_whitelist,
    presence_join,
    presence_leave,
    transfer_complete,
    transfer_fail,
    transfer_request,
    transfer_snapshot,
)
from qsdb import Identity
from tests.examples.acting import (
    NORTH,
    ON,
    audit,
    call,
    in_transit,
    movements,
    refused,
    transfer,
)
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub

SNAPSHOT = '{"gold": 3}'


def test_transfer_goes_from_pending_by_in_transit_to_completed(hub: Hub) -> None:
    hub.join(EAST, "p1")
    number = call(hub, EAST, transfer_request, "p1", "west")
    requested = ServerTransferQueue(
        player_id="p1",
        from_server_id="east",
        to_server_id="west",
        status="pending",
        character_snapshot="",
        requested_at=START,
        completed_at=None,
    ).replace(transfer_id=number)
    assert transfer(hub, number) == requested

    hub.clock.advance(1)
    call(hub, EAST, transfer_snapshot, number, SNAPSHOT)
    captured = requested.replace(status="in_transit", character_snapshot=SNAPSHOT)
    assert transfer(hub, number) == captured

    hub.clock.advance(1)
    call(hub, WEST, transfer_complete, number)
    completed = captured.replace(status="completed", completed_at=hub.now)
    assert transfer(hub, number) == completed
    assert not completed.is_open


def test_complete_moves_the_player_in_one_commit(hub: Hub) -> None:
    number = in_transit(hub, "p1")
    before = hub.db.offset
    hub.clock.advance(5)

    call(hub, WEST, transfer_complete, number)

    assert hub.db.offset == before + 1
    assert hub.presence("p1") == PlayerServerPresence(
        player_id="p1", server_id="west", connected_at=hub.now, last_heartbeat=hub.now
    )
    assert movements(hub) == ["p1 >east join", "p1 east>west transfer"]


def test_complete_takes_a_player_who_has_left_the_source(hub: Hub) -> None:
    number = in_transit(hub, "p1")
    call(hub, EAST, presence_leave, "p1")

    call(hub, WEST, transfer_complete, number)

    presence = hub.presence("p1")
    assert presence is not None
    assert presence.server_id == "west"
    assert movements(hub)[1:] == ["p1 east> leave", "p1 >west transfer"]


def test_owner_transfers_from_wherever_the_player_is(hub: Hub) -> None:
    hub.join(WEST, "p1")

    number = call(hub, None, transfer_request, "p1", "east")

    row = transfer(hub, number)
    assert (row.from_server_id, row.to_server_id) == ("west", "east")


def test_request_needs_the_player_on_the_callers_server(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.register(NORTH, "north")

    assert refused(hub, WEST, transfer_request, "p1", "north") == (
        "NotAuthorized: player 'p1' is on 'east', not on the caller's"
    )
    for who in (None, EAST):
        text = refused(hub, who, transfer_request, "p2", "west")
        assert text == "NotFound: player 'p2' is on no server"


def test_request_needs_another_server_that_is_online(hub: Hub) -> None:
    hub.join(EAST, "p1")

    texts = [refused(hub, EAST, transfer_request, "p1", to) for to in ("x", "east")]
    with hub.db.write() as tx:
        tx[type(hub.server("west"))].update(hub.server("west").replace(status="wiping"))
    texts.append(refused(hub, EAST, transfer_request, "p1", "west"))

    assert texts == [
        "NotFound: there is no server 'x'",
        "InvalidArgument: player 'p1' is on 'east' already",
        "WrongState: server 'west' is wiping",
    ]


def test_request_needs_a_destination_that_admits_the_player(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(WEST, "p2")
    call(hub, None, admin_set_max_players, "west", 1)
    full = refused(hub, EAST, transfer_request, "p1", "west")
    call(hub, None, admin_toggle_whitelist, "west", ON)
    unlisted = refused(hub, EAST, transfer_request, "p1", "west")
    hub.ban("p1")
    banned = refused(hub, EAST, transfer_request, "p1", "west")

    assert full == "WrongState: server 'west' is full (1)"
    assert unlisted.startswith("NotAuthorized: player 'p1' is not on the whitelist")
    assert banned == "NotAuthorized: player 'p1' is banned"


def test_what_changes_after_the_request_keeps_nobody_out(hub: Hub) -> None:
    number = in_transit(hub, "p1")
    hub.join(WEST, "p2")
    call(hub, None, admin_set_max_players, "west", 1)
    call(hub, None, admin_toggle_whitelist, "west", ON)

    call(hub, WEST, transfer_complete, number)

    assert movements(hub)[-1] == "p1 east>west transfer"


def test_player_has_one_open_transfer(hub: Hub) -> None:
    hub.register(NORTH, "north")
    hub.join(EAST, "p1")
    number = call(hub, EAST, transfer_request, "p1", "west")

    texts = {refused(hub, EAST, transfer_request, "p1", "north")}
    call(hub, EAST, transfer_snapshot, number, SNAPSHOT)
    texts.add(refused(hub, None, transfer_request, "p1", "north"))

    assert texts == {
        "Conflict: player 'p1' is on the way to 'west' already (transfer 1)"
    }
    call(hub, EAST, transfer_fail, number, "")
    assert call(hub, EAST, transfer_request, "p1", "north") == 2


@pytest.mark.parametrize("player", ["", "p" * 65])
def test_request_refuses_wrong_ids(hub: Hub, player: str) -> None:
    text = refused(hub, None, transfer_request, player, "west")

    assert text.startswith("InvalidArgument: player_id ")


def test_snapshot_has_1_byte_to_1_mib(hub: Hub) -> None:
    hub.join(EAST, "p1")
    number = call(hub, EAST, transfer_request, "p1", "west")

    assert refused(hub, EAST, transfer_snapshot, number, "") == (
        "InvalidArgument: character_snapshot is empty"
    )
    assert refused(hub, EAST, transfer_snapshot, number, "x" * ((1 << 20) + 1)) == (
        "InvalidArgument: character_snapshot has 1048577 bytes, more than 1048576"
    )
    call(hub, EAST, transfer_snapshot, number, "x" * (1 << 20))


def test_snapshot_of_a_player_on_another_server_is_a_conflict(hub: Hub) -> None:
    hub.register(NORTH, "north")
    hub.join(EAST, "p1")
    number = call(hub, EAST, transfer_request, "p1", "west")
    hub.clock.advance(91)
    hub.join(NORTH, "p1")

    text = refused(hub, EAST, transfer_snapshot, number, SNAPSHOT)

    assert text == "Conflict: player 'p1' is on 'north' by now"


def test_snapshot_of_a_player_who_has_left_is_taken(hub: Hub) -> None:
    hub.join(EAST, "p1")
    number = call(hub, EAST, transfer_request, "p1", "west")
    call(hub, EAST, presence_leave, "p1")

    call(hub, EAST, transfer_snapshot, number, SNAPSHOT)

    assert transfer(hub, number).status == "in_transit"


def test_each_step_is_for_the_bridge_of_its_side(hub: Hub) -> None:
    hub.register(NORTH, "north")
    hub.join(EAST, "p1")
    number = call(hub, EAST, transfer_request, "p1", "west")

    assert {
        refused(hub, who, transfer_snapshot, number, SNAPSHOT) for who in (WEST, NORTH)
    } == {
        "NotAuthorized: transfer 1 is from 'east', not from 'west'",
        "NotAuthorized: transfer 1 is from 'east', not from 'north'",
    }
    call(hub, EAST, transfer_snapshot, number, SNAPSHOT)
    assert {refused(hub, who, transfer_complete, number) for who in (EAST, NORTH)} == {
        "NotAuthorized: transfer 1 is to 'west', not to 'east'",
        "NotAuthorized: transfer 1 is to 'west', not to 'north'",
    }
    assert refused(hub, NORTH, transfer_fail, number, "") == (
        "NotAuthorized: transfer 1 is not one of the caller's server"
    )


def test_strangers_and_the_owner_are_no_bridges(hub: Hub) -> None:
    number = in_transit(hub, "p1")

    for who in (None, STRANGER):
        for text in (
            refused(hub, who, transfer_snapshot, number, SNAPSHOT),
            refused(hub, who, transfer_complete, number),
        ):
            assert text == "NotAuthorized: the caller is not a registered bridge"
    for text in (
        refused(hub, STRANGER, transfer_request, "p1", "west"),
        refused(hub, STRANGER, transfer_fail, number, ""),
    ):
        assert text.startswith("NotAuthorized: the caller is neither the owner nor")


@pytest.mark.parametrize("who", [None, EAST, WEST], ids=["owner", "source", "goal"])
@pytest.mark.parametrize("is_captured", [False, True])
def test_failed_transfer_leaves_the_player_where_he_is(
    hub: Hub,
    who: Identity | None,
    is_captured: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    hub.join(EAST, "p1")
    number = call(hub, EAST, transfer_request, "p1", "west")
    if is_captured:
        call(hub, EAST, transfer_snapshot, number, SNAPSHOT)
    before = hub.presence("p1")
    hub.clock.advance(5)

    call(hub, who, transfer_fail, number, "no room")

    row = transfer(hub, number)
    assert (row.status, row.completed_at) == ("failed", hub.now)
    assert hub.presence("p1") == before
    actor = {None: "owner", EAST: "server:east", WEST: "server:west"}[who]
    assert audit(hub) == [
        f"{actor} transfer_fail: gave up the transfer of p1 from east to west: no room"
    ]


def test_failure_needs_no_reason(hub: Hub) -> None:
    number = in_transit(hub, "p1")

    call(hub, WEST, transfer_fail, number, "")

    assert audit(hub) == [
        "server:west transfer_fail: gave up the transfer of p1 from east to west"
    ]


def test_reason_of_a_failure_has_512_characters_at_most(hub: Hub) -> None:
    number = in_transit(hub, "p1")

    text = refused(hub, WEST, transfer_fail, number, "x" * 513)

    assert text == "InvalidArgument: reason has 513 characters, more than 512"


def test_there_are_five_edges_and_no_other(hub: Hub) -> None:
    numbers = {}
    for status in ("pending", "in_transit", "completed", "failed"):
        player = f"p {status}"
        if status == "pending":
            hub.join(EAST, player)
            numbers[status] = call(hub, EAST, transfer_request, player, "west")
        else:
            numbers[status] = in_transit(hub, player)
        call(hub, EAST, presence_leave, player)
    call(hub, WEST, transfer_complete, numbers["completed"])
    call(hub, EAST, transfer_fail, numbers["failed"], "")

    texts = {
        refused(hub, WEST, transfer_complete, numbers[status])
        for status in ("pending", "completed", "failed")
    }
    texts |= {
        refused(hub, EAST, transfer_snapshot, numbers[status], SNAPSHOT)
        for status in ("in_transit", "completed", "failed")
    }
    texts |= {
        refused(hub, None, transfer_fail, numbers[status], "")
        for status in ("completed", "failed")
    }

    assert texts == {
        "WrongState: transfer 1 is pending and cannot become completed",
        "WrongState: transfer 3 is completed and cannot become completed",
        "WrongState: transfer 4 is failed and cannot become completed",
        "WrongState: transfer 2 is in_transit and cannot become in_transit",
        "WrongState: transfer 3 is completed and cannot become in_transit",
        "WrongState: transfer 4 is failed and cannot become in_transit",
        "WrongState: transfer 3 is completed and cannot become failed",
        "WrongState: transfer 4 is failed and cannot become failed",
    }


def test_transfer_that_is_not_there_is_not_found(hub: Hub) -> None:
    assert {
        refused(hub, EAST, transfer_snapshot, 9, SNAPSHOT),
        refused(hub, EAST, transfer_complete, 9),
        refused(hub, EAST, transfer_fail, 9, ""),
    } == {"NotFound: there is no transfer 9"}


@pytest.mark.parametrize("end", ["ban", "kick"])
def test_ban_and_kick_end_an_open_transfer(hub: Hub, end: str) -> None:
    number = in_transit(hub, "p1")

    if end == "ban":
        call(hub, None, admin_ban, "p1", "otter", "aimbot", None)
    else:
        call(hub, None, admin_kick, "p1", "afk")

    assert transfer(hub, number).status == "failed"
    assert refused(hub, WEST, transfer_complete, number).startswith("WrongState: ")
    assert audit(hub)[0].startswith("owner transfer_fail: ")


def test_ended_transfers_with_a_snapshot_are_noted_for_blanking(hub: Hub) -> None:
    numbers = [in_transit(hub, player) for player in ("p1", "p2", "p3")]
    call(hub, WEST, transfer_complete, numbers[0])
    call(hub, WEST, transfer_fail, numbers[1], "")
    call(hub, EAST, presence_leave, "p2")
    call(hub, EAST, presence_join, "p4")
    empty = call(hub, EAST, transfer_request, "p4", "west")
    call(hub, EAST, transfer_fail, empty, "")

    assert hub.rows(KeptSnapshot) == {
        KeptSnapshot(transfer_id=number, ended_at=START) for number in numbers[:2]
    }
