"""How long the transfers of a server are waited for that is offline, and why it is."""

import pytest

from examples.qsbridge import (
    server_heartbeat,
    server_set_status,
    sweep_servers,
    transfer_complete,
    transfer_request,
)
from qsdb import Identity
from tests.examples.acting import audit, call, in_transit, transfer
from tests.examples.hub import EAST, WEST, Hub
from tests.examples.test_qsbridge_sweeps import A_MOMENT, nothing_to_do


@pytest.mark.parametrize("stopped", ["east", "west"])
def test_server_that_was_stopped_loses_its_transfers_at_once(
    hub: Hub, stopped: str
) -> None:
    number = in_transit(hub, "p1")
    hub.join(EAST, "p2")
    waiting = call(hub, EAST, transfer_request, "p2", "west")
    call(hub, None, server_set_status, stopped, "offline")
    assert transfer(hub, number).status == "in_transit"

    call(hub, None, sweep_servers)

    for each in (number, waiting):
        assert transfer(hub, each).status == "failed"
    assert audit(hub)[-2:] == [
        "sweep transfer_fail: gave up the transfer of "
        f"{player} from east to west: {stopped} has gone offline"
        for player in ("p2", "p1")
    ]
    assert hub.presence("p1") is not None, "he may stay where he is"
    nothing_to_do(hub, sweep_servers)


@pytest.mark.parametrize("who", [EAST, WEST])
def test_server_whose_bridge_has_gone_loses_its_transfers_after_90_seconds(
    hub: Hub, who: Identity
) -> None:
    number = in_transit(hub, "p1")
    hub.clock.advance(5)
    hub.db.connect(who).close()
    for seconds in (0, 1, 89):
        hub.clock.advance(seconds)
        nothing_to_do(hub, sweep_servers)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_servers)

    assert transfer(hub, number).status == "failed"


def test_bridge_that_is_back_in_time_has_lost_no_transfer(hub: Hub) -> None:
    number = in_transit(hub, "p1")
    for _ in range(3):  # each absence counts for itself
        hub.db.connect(WEST).close()
        hub.clock.advance(60)
        nothing_to_do(hub, sweep_servers)
        call(hub, WEST, server_heartbeat, 0)
        call(hub, EAST, server_heartbeat, 1)
    nothing_to_do(hub, sweep_servers)

    call(hub, WEST, transfer_complete, number)

    assert transfer(hub, number).status == "completed"


def test_server_that_was_stopped_while_its_bridge_was_away_is_not_waited_for(
    hub: Hub,
) -> None:
    number = in_transit(hub, "p1")
    hub.db.connect(WEST).close()
    call(hub, None, server_set_status, "west", "offline")
    hub.db.connect(WEST).close()

    call(hub, None, sweep_servers)

    assert transfer(hub, number).status == "failed"


@pytest.mark.parametrize("status", ["restarting", "wiping"])
def test_server_that_restarts_is_waited_for_until_it_is_silent(
    hub: Hub, status: str
) -> None:
    hub.clock.advance(10)
    call(hub, EAST, server_heartbeat, 1)
    number = in_transit(hub, "p1")
    call(hub, None, server_set_status, "west", status)
    hub.db.connect(WEST).close()
    hub.clock.advance(170)
    nothing_to_do(hub, sweep_servers)
    hub.clock.advance(A_MOMENT)

    call(hub, None, sweep_servers)

    assert hub.server("west").status == "offline"
    assert transfer(hub, number).status == "failed"
