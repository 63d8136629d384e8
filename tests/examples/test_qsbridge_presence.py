from functools import partial

import pytest

from examples.qsbridge import (
    PlayerServerPresence,
    ServerConfig,
    admin_toggle_whitelist,
    admin_unban,
    admin_whitelist_add,
    presence_beat,
    presence_join,
    presence_leave,
    transfer_fail,
    transfer_request,
)
from tests.examples.acting import NORTH, ON, call, in_transit, movements, refused
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub


def test_join_notes_where_the_player_is(hub: Hub) -> None:
    hub.join(EAST, "p1")

    assert hub.presence("p1") == PlayerServerPresence(
        player_id="p1", server_id="east", connected_at=START, last_heartbeat=START
    )
    assert hub.server("east").online_count == 0


def test_join_on_the_same_server_refreshes_even_when_it_is_full(hub: Hub) -> None:
    for player in ("p1", "p2", "p3"):
        hub.join(EAST, player)
    hub.clock.advance(200)

    hub.join(EAST, "p2")

    assert hub.presence("p2") == PlayerServerPresence(
        player_id="p2", server_id="east", connected_at=START, last_heartbeat=hub.now
    )


def test_join_of_a_full_server_is_refused(hub: Hub) -> None:
    for player in ("p1", "p2", "p3"):
        hub.join(EAST, player)

    text = hub.refusal(lambda: hub.join(EAST, "p4"))

    assert text == "WrongState: server 'east' is full (3)"


def test_join_keeps_to_the_limit_of_the_config(hub: Hub) -> None:
    with hub.db.write() as tx:
        tx[ServerConfig].update(hub.config("east").replace(max_players=1))
    hub.join(EAST, "p1")

    assert hub.refusal(lambda: hub.join(EAST, "p2")).startswith("WrongState: ")


def test_join_elsewhere_is_a_conflict_while_the_row_is_live(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.clock.advance(90)

    text = hub.refusal(lambda: hub.join(WEST, "p1"))

    assert text == "Conflict: player 'p1' is on 'east'"


def test_join_takes_a_stale_row_over(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.clock.advance(90.001)

    hub.join(WEST, "p1")

    assert hub.presence("p1") == PlayerServerPresence(
        player_id="p1", server_id="west", connected_at=hub.now, last_heartbeat=hub.now
    )


def test_join_of_a_banned_player_is_refused_on_every_server(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.ban("p1", 1)

    for bridge in (EAST, WEST):
        text = hub.refusal(partial(hub.join, bridge, "p1"))
        assert text == "NotAuthorized: player 'p1' is banned"


def test_join_is_free_at_the_moment_a_ban_ends(hub: Hub) -> None:
    hub.ban("p1", 1)
    hub.clock.advance(3599.999999)
    assert hub.refusal(lambda: hub.join(EAST, "p1")).startswith("NotAuthorized: ")

    hub.clock.advance(0.000001)
    hub.join(EAST, "p1")

    assert hub.presence("p1") is not None


def test_join_is_free_after_the_ban_is_lifted(hub: Hub) -> None:
    hub.ban("p1")
    hub.db.call(admin_unban, "p1")

    hub.join(EAST, "p1")

    assert hub.presence("p1") is not None


def test_join_needs_the_servers_settings(hub: Hub) -> None:
    with hub.db.write() as tx:
        tx[ServerConfig].delete_by_key("east")

    text = hub.refusal(lambda: hub.join(EAST, "p1"))

    assert text == "NotFound: server 'east' has no settings"


@pytest.mark.parametrize("player", ["", "p" * 65, "p\n1", "p\x1b]0;hi\x07"])
def test_join_and_leave_refuse_wrong_ids(hub: Hub, player: str) -> None:
    east = hub.db.caller(EAST)

    for reducer in (presence_join, presence_leave):
        text = hub.refusal(partial(east.call, reducer, player))
        assert text.startswith("InvalidArgument: player_id ")


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_presence_is_for_registered_bridges(hub: Hub, who: str) -> None:
    hub.join(EAST, "p1")
    caller = hub.db.caller(hub.db.owner if who == "owner" else STRANGER)

    texts = {
        hub.refusal(lambda: caller.call(presence_join, "p2")),
        hub.refusal(lambda: caller.call(presence_beat, ["p1"])),
        hub.refusal(lambda: caller.call(presence_leave, "p1")),
    }

    assert texts == {"NotAuthorized: the caller is not a registered bridge"}


def test_beat_touches_the_callers_own_rows_only(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(EAST, "p2")
    hub.join(WEST, "p3")
    before = {player: hub.presence(player) for player in ("p1", "p2", "p3")}
    hub.clock.advance(30)

    hub.db.caller(EAST).call(presence_beat, ["p1", "p3", "nobody", ""])

    first = before["p1"]
    assert first is not None
    assert hub.rows(PlayerServerPresence) == {
        first.replace(last_heartbeat=hub.now),
        before["p2"],
        before["p3"],
    }


def test_beat_of_nobody_makes_no_commit(hub: Hub) -> None:
    offset = hub.db.offset

    hub.db.caller(EAST).call(presence_beat, [])

    assert hub.db.offset == offset


def test_beat_keeps_a_row_from_becoming_stale(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.clock.advance(60)
    hub.db.caller(EAST).call(presence_beat, ["p1"])
    hub.clock.advance(60)

    assert hub.refusal(lambda: hub.join(WEST, "p1")).startswith("Conflict: ")


def test_leave_deletes_the_row(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(EAST, "p2")

    hub.db.caller(EAST).call(presence_leave, "p1")

    assert hub.presence("p1") is None
    assert hub.presence("p2") is not None


def test_leave_of_somebody_elsewhere_changes_nothing(hub: Hub) -> None:
    hub.join(WEST, "p1")
    before, offset = hub.state(), hub.db.offset

    hub.db.caller(EAST).call(presence_leave, "p1")
    hub.db.caller(EAST).call(presence_leave, "nobody")

    assert hub.state() == before
    assert hub.db.offset == offset


def test_moving_is_leaving_and_joining(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.db.caller(EAST).call(presence_leave, "p1")
    hub.join(WEST, "p1")

    row = hub.presence("p1")
    assert row is not None
    assert row.server_id == "west"


def test_join_asks_the_whitelist_where_the_server_has_one(hub: Hub) -> None:
    call(hub, None, admin_toggle_whitelist, "east", ON)

    text = refused(hub, EAST, presence_join, "p1")

    assert text == (
        "NotAuthorized: player 'p1' is not on the whitelist, "
        "and server 'east' admits nobody else"
    )
    hub.join(WEST, "p2")
    call(hub, None, admin_whitelist_add, "p1")
    hub.join(EAST, "p1")
    assert hub.presence("p1") is not None


def test_changes_of_where_a_player_is_are_movements(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(EAST, "p1")
    call(hub, EAST, presence_beat, ["p1"])
    hub.clock.advance(91)
    hub.join(WEST, "p1")
    call(hub, EAST, presence_leave, "p1")
    call(hub, WEST, presence_leave, "p1")

    assert movements(hub) == [
        "p1 >east join",
        "p1 east>west takeover",
        "p1 west> leave",
    ]


def test_join_elsewhere_is_a_conflict_while_in_transit(hub: Hub) -> None:
    hub.register(NORTH, "north")
    in_transit(hub, "p1")
    hub.clock.advance(91)

    texts = {refused(hub, who, presence_join, "p1") for who in (WEST, NORTH)}
    call(hub, EAST, presence_leave, "p1")
    texts |= {refused(hub, who, presence_join, "p1") for who in (WEST, NORTH)}

    assert texts == {
        (
            "Conflict: player 'p1' is in transit from 'east' to 'west' (transfer 1), "
            "and arrives there by transfer_complete"
        )
    }


def test_join_of_the_source_is_free_while_in_transit(hub: Hub) -> None:
    in_transit(hub, "p1")
    hub.join(EAST, "p1")
    call(hub, EAST, presence_leave, "p1")
    hub.join(EAST, "p1")

    assert movements(hub) == ["p1 >east join", "p1 east> leave", "p1 >east join"]


def test_join_is_free_again_when_the_transfer_has_failed(hub: Hub) -> None:
    number = in_transit(hub, "p1")
    call(hub, EAST, presence_leave, "p1")
    call(hub, WEST, transfer_fail, number, "no")

    hub.join(WEST, "p1")

    assert movements(hub)[-1] == "p1 >west join"


def test_pending_transfer_keeps_nobody_from_joining(hub: Hub) -> None:
    hub.join(EAST, "p1")
    call(hub, EAST, transfer_request, "p1", "west")
    call(hub, EAST, presence_leave, "p1")

    hub.join(WEST, "p1")

    assert movements(hub)[-1] == "p1 >west join"
