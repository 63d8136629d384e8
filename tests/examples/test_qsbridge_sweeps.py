from collections.abc import Callable

import pytest

from examples.qsbridge import (
    BridgeCommand,
    CrossServerEvent,
    KeptSnapshot,
    PanelSession,
    ServerRegistry,
    ServerTransferQueue,
    admin_announce,
    admin_grant_role,
    event_create,
    panel_register_session,
    presence_beat,
    presence_leave,
    server_heartbeat,
    sweep_commands,
    sweep_events,
    sweep_presence,
    sweep_servers,
    sweep_sessions,
    sweep_snapshots,
    sweep_transfers,
    transfer_complete,
    transfer_fail,
    transfer_request,
    transfer_snapshot,
)
from examples.qsbridge.hub.tables import AdminRoleLevel
from qsdb import TimeDuration, Timestamp
from tests.examples.acting import (
    NORTH,
    audit,
    call,
    in_transit,
    movements,
    refused,
    transfer,
)
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub

SWEEPS: tuple[Callable[..., None], ...] = (
    sweep_servers,
    sweep_presence,
    sweep_transfers,
    sweep_events,
    sweep_commands,
    sweep_sessions,
    sweep_snapshots,
)
DAY = 24 * 3600.0
A_MOMENT = 0.000001


def after(seconds: float) -> Timestamp:
    return START + TimeDuration.from_seconds(seconds)


def nothing_to_do(hub: Hub, reducer: Callable[..., None]) -> None:
    """Assert that a sweep finds nothing, and makes no commit."""
    before = hub.db.offset
    call(hub, None, reducer)
    assert hub.db.offset == before


def status(hub: Hub, event_id: int) -> str:
    with hub.db.read() as tx:
        row = tx[CrossServerEvent].get(event_id)
    assert row is not None
    return row.status


def plan(hub: Hub, start: float, end: float | None) -> int:
    end_at = None if end is None else after(end)
    arguments = ("raid_boss", "Kraken", "", ["east"], after(start), end_at, "{}")
    number = call(hub, None, event_create, *arguments)
    assert isinstance(number, int)
    return number


@pytest.mark.parametrize("reducer", SWEEPS)
def test_sweeps_are_for_the_owner(hub: Hub, reducer: Callable[..., None]) -> None:
    hub.join(EAST, "p1")
    hub.clock.advance(DAY)

    for who in (EAST, STRANGER):
        text = refused(hub, who, reducer)
        assert text == "NotAuthorized: the caller is not the owner of the platform"


@pytest.mark.parametrize("reducer", SWEEPS)
def test_sweep_with_nothing_to_do_makes_no_commit(
    hub: Hub, reducer: Callable[..., None]
) -> None:
    in_transit(hub, "p1")
    plan(hub, 60, 120)
    call(hub, None, admin_announce, "Hello")

    nothing_to_do(hub, reducer)


def test_silent_server_goes_offline_after_180_seconds(hub: Hub) -> None:
    call(hub, EAST, server_heartbeat, 2)
    hub.clock.advance(180)
    call(hub, WEST, server_heartbeat, 1)
    nothing_to_do(hub, sweep_servers)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_servers)

    east, west = hub.server("east"), hub.server("west")
    assert (east.status, east.online_count) == ("offline", 0)
    assert (west.status, west.online_count) == ("online", 1)
    assert east.last_heartbeat == START
    nothing_to_do(hub, sweep_servers)


def test_silent_server_loses_its_players(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(WEST, "p2")
    hub.clock.advance(181)
    call(hub, EAST, presence_beat, ["p1"])
    call(hub, WEST, server_heartbeat, 1)

    call(hub, None, sweep_servers)

    assert hub.presence("p1") is None
    assert hub.presence("p2") is not None
    assert movements(hub)[-1] == "p1 east> leave"


@pytest.mark.parametrize("lost", ["east", "west"])
def test_silent_server_loses_the_transfers_from_and_to_it(hub: Hub, lost: str) -> None:
    hub.register(NORTH, "north")
    hub.clock.advance(150)
    number = in_transit(hub, "p1")
    hub.join(EAST, "p2")
    waiting = call(hub, EAST, transfer_request, "p2", "west")
    hub.join(NORTH, "p3")
    other = call(hub, NORTH, transfer_request, "p3", lost)
    call(hub, NORTH, transfer_fail, other, "")
    hub.clock.advance(31)
    for who, name in ((EAST, "east"), (WEST, "west"), (NORTH, "north")):
        if name != lost:
            call(hub, who, server_heartbeat, 1)

    call(hub, None, sweep_servers)

    for each in (number, waiting):
        row = transfer(hub, each)
        assert (row.status, row.completed_at) == ("failed", hub.now)
    assert audit(hub)[1:] == [
        "sweep transfer_fail: gave up the transfer of "
        f"{player} from east to west: {lost} has gone offline"
        for player in ("p2", "p1")
    ]


def test_silent_server_leaves_transfers_of_others_alone(hub: Hub) -> None:
    hub.register(NORTH, "north")
    hub.clock.advance(150)
    number = in_transit(hub, "p1")
    hub.clock.advance(31)
    call(hub, EAST, server_heartbeat, 1)
    call(hub, WEST, server_heartbeat, 1)

    call(hub, None, sweep_servers)

    assert hub.server("north").status == "offline"
    assert transfer(hub, number).status == "in_transit"


def test_server_that_is_heard_again_is_online(hub: Hub) -> None:
    hub.clock.advance(200)
    call(hub, None, sweep_servers)

    call(hub, EAST, server_heartbeat, 1)

    assert hub.server("east").status == "online"


def test_player_is_dropped_90_seconds_after_the_last_beat(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(EAST, "p2")
    hub.clock.advance(60)
    call(hub, EAST, presence_beat, ["p2"])
    hub.clock.advance(30)
    nothing_to_do(hub, sweep_presence)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_presence)

    assert hub.presence("p1") is None
    assert hub.presence("p2") is not None
    assert movements(hub)[-1] == "p1 east> leave"


def test_pending_transfer_fails_60_seconds_after_the_request(hub: Hub) -> None:
    hub.join(EAST, "p1")
    number = call(hub, EAST, transfer_request, "p1", "west")
    hub.clock.advance(60)
    nothing_to_do(hub, sweep_transfers)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_transfers)

    row = transfer(hub, number)
    assert (row.status, row.completed_at) == ("failed", hub.now)
    assert hub.presence("p1") is not None
    assert audit(hub) == [
        (
            "sweep transfer_fail: gave up the transfer of p1 from east to west: "
            "pending over 60 s after the request"
        )
    ]


def test_transfer_in_transit_fails_300_seconds_after_the_request(hub: Hub) -> None:
    hub.join(EAST, "p1")
    number = call(hub, EAST, transfer_request, "p1", "west")
    hub.clock.advance(50)
    call(hub, EAST, transfer_snapshot, number, "{}")
    hub.clock.advance(250)
    nothing_to_do(hub, sweep_transfers)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_transfers)

    assert transfer(hub, number).status == "failed"
    assert audit(hub)[0].endswith(": in_transit over 300 s after the request")


def test_ended_transfers_are_not_swept(hub: Hub) -> None:
    done, failed = in_transit(hub, "p1"), in_transit(hub, "p2")
    call(hub, WEST, transfer_complete, done)
    call(hub, WEST, transfer_fail, failed, "")
    hub.clock.advance(DAY)

    nothing_to_do(hub, sweep_transfers)


def test_event_starts_and_ends_at_its_times(hub: Hub) -> None:
    number, open_ended = plan(hub, 60, 120), plan(hub, 60, None)
    hub.clock.advance(60 - A_MOMENT)
    nothing_to_do(hub, sweep_events)
    hub.clock.advance(A_MOMENT)
    call(hub, None, sweep_events)
    assert status(hub, number) == status(hub, open_ended) == "active"
    hub.clock.advance(60 - A_MOMENT)
    nothing_to_do(hub, sweep_events)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_events)

    assert status(hub, number) == "completed"
    assert status(hub, open_ended) == "active"
    nothing_to_do(hub, sweep_events)


def test_event_whose_times_have_passed_goes_through_both_states(hub: Hub) -> None:
    number = plan(hub, 60, 120)
    hub.clock.advance(DAY)

    call(hub, None, sweep_events)

    assert status(hub, number) == "completed"
    assert audit(hub)[1:] == [
        "sweep event_start: started the event 'Kraken' (raid_boss)",
        "sweep event_complete: ended the event 'Kraken' (raid_boss)",
    ]


def test_command_is_dropped_after_300_seconds(hub: Hub) -> None:
    call(hub, None, admin_announce, "one")
    hub.clock.advance(1)
    call(hub, None, admin_announce, "two")
    hub.clock.advance(299)
    nothing_to_do(hub, sweep_commands)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_commands)

    with hub.db.read() as tx:
        assert [row.payload for row in tx[BridgeCommand]] == ["two"]


def test_session_ends_8_hours_after_it_began(hub: Hub) -> None:
    for player in ("old", "new"):
        call(hub, None, admin_grant_role, player, AdminRoleLevel.Admin)
    call(hub, None, panel_register_session, "old", "Otter", None)
    hub.clock.advance(1)
    call(hub, None, panel_register_session, "new", "Newt", None)
    hub.clock.advance(8 * 3600 - 1)
    nothing_to_do(hub, sweep_sessions)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_sessions)

    with hub.db.read() as tx:
        assert [row.player_id for row in tx[PanelSession]] == ["new"]
    assert audit(hub)[-1] == "sweep session_end: the session of Otter has run out"


def test_snapshot_is_blanked_7_days_after_the_end(hub: Hub) -> None:
    numbers = [in_transit(hub, player) for player in ("p1", "p2", "p3")]
    call(hub, WEST, transfer_complete, numbers[0])
    call(hub, WEST, transfer_fail, numbers[1], "")
    before = transfer(hub, numbers[0])
    hub.clock.advance(7 * DAY)
    nothing_to_do(hub, sweep_snapshots)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_snapshots)

    assert transfer(hub, numbers[0]) == before.replace(character_snapshot="")
    snapshots = [transfer(hub, number).character_snapshot for number in numbers]
    assert snapshots == ["", "", '{"gold": 3}']
    assert hub.rows(KeptSnapshot) == set()
    nothing_to_do(hub, sweep_snapshots)


def test_snapshot_of_a_transfer_that_was_deleted_is_forgotten(hub: Hub) -> None:
    number = in_transit(hub, "p1")
    call(hub, WEST, transfer_complete, number)
    with hub.db.write() as tx:
        tx[ServerTransferQueue].clear()
    hub.clock.advance(8 * DAY)

    call(hub, None, sweep_snapshots)

    assert hub.rows(KeptSnapshot) == set()


def test_database_sweeps_by_itself_every_30_seconds(hub: Hub) -> None:
    hub.join(EAST, "p1")
    call(hub, None, admin_announce, "Hello")
    number = in_transit(hub, "p2")
    call(hub, WEST, transfer_complete, number)
    call(hub, WEST, presence_leave, "p2")
    plan(hub, 60, None)
    hub.clock.advance(29)
    assert hub.db.run_due() == 0

    for _ in range(11):
        hub.clock.advance(30)
        assert hub.db.run_due() == 1

    assert hub.server("east").status == hub.server("west").status == "offline"
    assert hub.presence("p1") is None
    assert hub.rows(BridgeCommand) == set()
    assert status(hub, 1) == "active"
    assert hub.db.stats().run_failures == 0


def test_scheduled_sweep_with_nothing_to_do_is_one_commit(hub: Hub) -> None:
    hub.clock.advance(30)
    before, servers = hub.db.offset, hub.rows(ServerRegistry)

    assert hub.db.run_due() == 1

    assert hub.db.offset == before + 1
    assert hub.rows(ServerRegistry) == servers
