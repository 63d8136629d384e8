"""The registry follows the platform: which servers there are, and whose they are."""

import threading
from collections.abc import Iterator

import pytest

import qsdb
from examples.qsbridge.mods import (
    RegistryMirror,
    ServerLine,
    ServerMirror,
    mod_install_request,
    mod_service_report,
    registry,
    server_mirror_set,
)
from qsdb import Identity
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub
from tests.examples.registry_desk import Desk
from tests.support.hoard import abandon

QUIET = qsdb.StorageOptions(has_threads=False)
SERVERS = "SELECT server_id, stdb_identity, version, game_module FROM "


@pytest.fixture
def bare() -> Iterator[Desk]:
    """A registry that was told of no server."""
    clock = FakeClock(START)
    with qsdb.Database(registry, clock=clock) as db:
        yield Desk(db, clock)


def is_current(hub: Hub, registry_db: qsdb.Database) -> bool:
    there = {tuple(row) for row in hub.db.sql(SERVERS + "server_registry")}
    here = {tuple(row) for row in registry_db.sql(SERVERS + "server_mirror")}
    return there == here


def test_mirror_begins_with_what_is_there(hub: Hub, bare: Desk) -> None:
    with RegistryMirror(hub.db, bare.db):
        assert {*bare.rows(ServerMirror)} == {
            ServerMirror("east", EAST, "1.0", "humanitz"),
            ServerMirror("west", WEST, "1.0", "humanitz"),
        }


def test_mirror_follows_servers_that_come_change_and_go(hub: Hub, bare: Desk) -> None:
    with RegistryMirror(hub.db, bare.db):
        hub.register(STRANGER, "north")
        assert is_current(hub, bare.db)
        assert len(bare.rows(ServerMirror)) == 3

        hub.register(EAST, "east", texts={"version": "2.0", "game_module": "valheim"})
        assert ServerMirror("east", EAST, "2.0", "valheim") in bare.rows(ServerMirror)

        hub.db.sql("DELETE FROM server_registry WHERE server_id = 'west'")
        assert is_current(hub, bare.db)
        assert len(bare.rows(ServerMirror)) == 2


def test_heartbeats_are_not_looked_at(hub: Hub, bare: Desk) -> None:
    with RegistryMirror(hub.db, bare.db):
        calls = bare.db.stats().to_dict()["reducers"]["server_mirror_set"]["calls"]
        for count in range(5):
            hub.clock.advance(30)
            hub.db.caller(EAST).call("server_heartbeat", count)

        stats = bare.db.stats().to_dict()
        assert stats["reducers"]["server_mirror_set"]["calls"] == calls


def test_identities_may_change_places_in_one_commit(hub: Hub, bare: Desk) -> None:
    with RegistryMirror(hub.db, bare.db):
        with hub.db.write() as tx:
            east, west = hub.server("east"), hub.server("west")
            tx[type(east)].delete(west)
            tx[type(east)].update(east.replace(stdb_identity=WEST))
            tx[type(east)].insert(west.replace(stdb_identity=EAST))

        assert is_current(hub, bare.db)


def test_bridge_that_takes_a_server_over_reports_in_its_place(
    hub: Hub, bare: Desk
) -> None:
    with RegistryMirror(hub.db, bare.db):
        install_id = bare.install(bare.service("bot"), "enabled")
        bare.db.caller(EAST).call(mod_service_report, install_id, "healthy")
        hub.clock.advance(90)

        hub.register(STRANGER, "east")

        text = bare.refusal(mod_service_report, install_id, "healthy", who=EAST)
        bare.db.caller(STRANGER).call(mod_service_report, install_id, "unhealthy")
        assert text == "NotAuthorized: the caller is not the bridge of a known server"


def test_install_on_a_server_that_is_gone_stays(hub: Hub, bare: Desk) -> None:
    project_id = bare.mod("lib")
    with RegistryMirror(hub.db, bare.db):
        install_id = bare.install(project_id, "enabled")

        hub.db.sql("DELETE FROM server_registry WHERE server_id = 'east'")

        assert bare.row(install_id).status == "enabled"
        text = bare.refusal(mod_install_request, "east", bare.mod("other"), "1.0.0")
        assert text == "NotFound: the platform has no server 'east'"


def test_closed_mirror_follows_no_more_and_a_new_one_catches_up(
    hub: Hub, bare: Desk
) -> None:
    mirror = RegistryMirror(hub.db, bare.db)
    mirror.close()
    mirror.close()

    hub.register(STRANGER, "north")
    hub.db.sql("DELETE FROM server_registry WHERE server_id = 'west'")
    assert len(bare.rows(ServerMirror)) == 2
    assert not is_current(hub, bare.db)

    with RegistryMirror(hub.db, bare.db):
        assert is_current(hub, bare.db)
        offset = bare.db.offset
    with RegistryMirror(hub.db, bare.db):
        assert bare.db.offset == offset  # what is known already is no commit


def test_registry_that_was_killed_is_brought_up_to_date(hub: Hub) -> None:
    disk = SimulatedDirectory()
    killed = qsdb.Database(registry, disk, durability="always", options=QUIET)
    with RegistryMirror(hub.db, killed):
        hub.register(STRANGER, "north")
    abandon(killed)
    hub.register(Identity.from_claims("test", "south"), "south")

    with qsdb.Database(registry, disk.kill(), options=QUIET) as db:
        assert len(db.sql("SELECT * FROM server_mirror")) == 3
        with RegistryMirror(hub.db, db):
            assert is_current(hub, db)
            assert len(db.sql("SELECT * FROM server_mirror")) == 4


def test_registry_that_is_closed_does_not_disturb_the_platform(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    with qsdb.Database(registry, clock=hub.clock) as db:
        mirror = RegistryMirror(hub.db, db)

    hub.register(STRANGER, "north")
    mirror.close()

    assert hub.server("north").stdb_identity == STRANGER
    assert [record.name for record in caplog.records] == ["qsdb.delivery"]


def test_mirror_begun_while_servers_register_misses_none(hub: Hub, bare: Desk) -> None:
    def register(first: int) -> None:
        for number in range(first, first + 10):
            hub.register(Identity.from_claims("test", str(number)), f"s{number}")

    threads = [threading.Thread(target=register, args=(first,)) for first in (0, 10)]
    for thread in threads:
        thread.start()
    with RegistryMirror(hub.db, bare.db):
        for thread in threads:
            thread.join()
        assert len(bare.rows(ServerMirror)) == 22
        assert is_current(hub, bare.db)


def test_mirror_holds_each_server_and_each_bridge_once(bare: Desk) -> None:
    east = ServerLine("east", EAST, "1.0", "humanitz")

    server = bare.refusal(server_mirror_set, [east, east.replace(stdb_identity=WEST)])
    bridge = bare.refusal(server_mirror_set, [east, east.replace(server_id="west")])

    assert server == "InvalidArgument: server_id 'east' is there 2 times"
    assert bridge == (
        f"InvalidArgument: stdb_identity '{EAST.to_hex()}' is there 2 times"
    )
