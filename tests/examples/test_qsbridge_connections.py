import random

import pytest

import qsdb
from examples.qsbridge import (
    AwayBridge,
    platform,
    server_heartbeat,
    server_register,
    server_set_status,
    sweep_servers,
)
from qsdb import Identity
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.examples.acting import call
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub
from tests.support.hoard import abandon
from tests.unit.runtime.ledger import QUIET


def online(hub: Hub, server_id: str) -> tuple[str, int]:
    server = hub.server(server_id)
    return server.status, server.online_count


def test_bridge_that_disconnects_is_offline(hub: Hub) -> None:
    call(hub, EAST, server_heartbeat, 2)
    call(hub, WEST, server_heartbeat, 1)
    hub.join(EAST, "p1")
    hub.clock.advance(5)

    hub.db.connect(EAST).close()

    assert online(hub, "east") == ("offline", 0)
    assert online(hub, "west") == ("online", 1)
    assert hub.presence("p1") is not None
    assert hub.server("east").last_heartbeat == START


def test_bridge_that_is_back_has_lost_nobody(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.db.connect(EAST).close()
    hub.clock.advance(30)

    with hub.db.connect(EAST) as bridge:
        assert online(hub, "east") == ("offline", 0)
        bridge.call(server_heartbeat, 1)
        bridge.call("presence_join", "p1")

        presence = hub.presence("p1")
        assert online(hub, "east") == ("online", 1)
        assert presence is not None
        assert presence.connected_at == START


@pytest.mark.parametrize("status", ["restarting", "wiping"])
def test_bridge_that_goes_while_its_server_restarts_leaves_the_status(
    hub: Hub, status: str
) -> None:
    call(hub, EAST, server_heartbeat, 2)
    call(hub, None, server_set_status, "east", status)

    hub.db.connect(EAST).close()

    assert online(hub, "east") == (status, 0)
    hub.clock.advance(60)
    call(hub, None, sweep_servers)
    assert online(hub, "east") == (status, 0)
    hub.register(EAST, "east")
    assert online(hub, "east") == ("online", 0)


@pytest.mark.parametrize("status", ["restarting", "wiping"])
def test_server_that_does_not_come_back_from_a_restart_is_offline(
    hub: Hub, status: str
) -> None:
    call(hub, None, server_set_status, "east", status)
    hub.db.connect(EAST).close()
    hub.clock.advance(181)

    call(hub, None, sweep_servers)

    assert online(hub, "east") == ("offline", 0)


def test_server_whose_bridge_has_gone_may_be_back(hub: Hub) -> None:
    hub.clock.advance(5)
    hub.db.connect(EAST).close()
    assert hub.rows(AwayBridge) == {AwayBridge("east", hub.now)}
    since = hub.now
    hub.clock.advance(5)
    hub.db.connect(EAST).close()
    assert hub.rows(AwayBridge) == {AwayBridge("east", since)}, "it was offline already"

    call(hub, EAST, server_heartbeat, 1)
    assert hub.rows(AwayBridge) == set()
    hub.db.connect(EAST).close()
    hub.register(EAST, "east")
    assert hub.rows(AwayBridge) == set()
    hub.db.connect(EAST).close()
    call(hub, None, server_set_status, "east", "offline")
    assert hub.rows(AwayBridge) == set(), "nobody expects it back"


def test_bridge_with_another_connection_open_has_not_gone(hub: Hub) -> None:
    call(hub, EAST, server_heartbeat, 2)
    old, new = hub.db.connect(EAST), hub.db.connect(EAST)

    old.close()
    assert online(hub, "east") == ("online", 2)

    new.close()
    assert online(hub, "east") == ("offline", 0)


def test_bridge_whose_server_was_taken_over_takes_nothing_offline(hub: Hub) -> None:
    old = hub.db.connect(EAST)
    hub.clock.advance(91)
    heir = Identity.from_claims("test", "heir")
    hub.register(heir, "east")
    before = hub.server("east")

    old.close()

    assert hub.server("east") == before


def test_others_may_come_and_go(hub: Hub) -> None:
    before = hub.state()

    for who in (STRANGER, hub.db.owner):
        hub.db.connect(who).close()

    assert hub.state() == before


@pytest.mark.parametrize("count", [1, 2])
def test_bridges_of_a_platform_that_was_killed_are_offline(count: int) -> None:
    disk, clock = SimulatedDirectory(), FakeClock(START)
    db = qsdb.Database(
        platform, disk, clock=clock, options=QUIET, durability="always", seed=1
    )
    bridges = [db.connect(EAST) for _ in range(count)]
    arguments = ("East", "eu", "game", "pvp", "", "1", 3, "", "")
    bridges[0].call(server_register, "east", *arguments)
    bridges[-1].call(server_heartbeat, 2)
    found = disk.crash(random.Random(1), "dropped")
    abandon(db)

    with qsdb.Database(platform, found, clock=clock, options=QUIET) as again:
        hub = Hub(again, clock)
        assert online(hub, "east") == ("offline", 0)
        assert hub.rows(AwayBridge) == {AwayBridge("east", START)}
