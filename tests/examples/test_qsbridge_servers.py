from functools import partial

import pytest

import qsdb
from examples.qsbridge import (
    ModuleConfig,
    ServerConfig,
    ServerRegistry,
    server_heartbeat,
)
from qsdb import Timestamp
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub

NO_TEXTS = {"hosting_id": "", "wipe_schedule": "", "config_template_id": ""}


def test_init_writes_the_owner_down_once(empty: Hub) -> None:
    assert empty.rows(ModuleConfig) == {ModuleConfig(owner_identity=empty.db.owner)}


def test_register_binds_the_id_to_the_caller(empty: Hub) -> None:
    empty.register(EAST, "us-east-pvp-1", 12, {"display_name": "US East PvP"})

    assert empty.server("us-east-pvp-1") == ServerRegistry(
        server_id="us-east-pvp-1",
        stdb_identity=EAST,
        display_name="US East PvP",
        region="us-east",
        game_module="humanitz",
        game_mode="pvp",
        hosting_id="host",
        status="online",
        last_heartbeat=START,
        version="1.0",
        max_players=12,
        online_count=0,
        wipe_schedule="weekly",
        config_template_id="plain",
    )


def test_register_makes_a_missing_config(empty: Hub) -> None:
    empty.register(EAST, "us-east-pvp-1", 12, {"display_name": "US East PvP"})

    assert empty.config("us-east-pvp-1") == ServerConfig(
        server_id="us-east-pvp-1",
        server_name="US East PvP",
        max_players=12,
        password_hash="",
        whitelist_enabled=False,
        motd="",
    )


def test_register_again_renews_the_row_and_leaves_the_config(hub: Hub) -> None:
    hub.db.caller(EAST).call(server_heartbeat, 7)
    config = hub.config("east")
    hub.clock.advance(40)

    hub.register(EAST, "east", 50, {"display_name": "Renamed", "version": "2.0"})

    server = hub.server("east")
    assert (server.display_name, server.version) == ("Renamed", "2.0")
    assert (server.online_count, server.last_heartbeat) == (0, hub.now)
    assert hub.config("east") == config
    assert server.max_players == config.max_players == 3


def test_register_with_empty_texts_keeps_what_is_stored(hub: Hub) -> None:
    hub.register(EAST, "east", texts=NO_TEXTS)

    server = hub.server("east")
    assert server.hosting_id == "host"
    assert server.wipe_schedule == "weekly"
    assert server.config_template_id == "plain"


def test_register_with_empty_texts_at_first_stores_them(empty: Hub) -> None:
    empty.register(EAST, "east", texts=NO_TEXTS)

    server = empty.server("east")
    texts = (server.hosting_id, server.wipe_schedule, server.config_template_id)
    assert texts == ("", "", "")


def test_register_sets_online_whatever_the_status_was(hub: Hub) -> None:
    with hub.db.write() as tx:
        tx[ServerRegistry].update(hub.server("east").replace(status="wiping"))

    hub.register(EAST, "east")

    assert hub.server("east").status == "online"


def test_register_under_a_live_servers_id_is_a_conflict(hub: Hub) -> None:
    hub.clock.advance(89.999999)

    text = hub.refusal(lambda: hub.register(STRANGER, "east"))

    assert text == (
        "Conflict: 'east' belongs to another bridge, heard 89 s ago; "
        "it is free after 90 s of silence"
    )


def test_a_bridge_heard_before_the_clock_was_set_back_was_heard_now(hub: Hub) -> None:
    hub.clock.advance(-3600)

    assert "heard 0 s ago" in hub.refusal(lambda: hub.register(STRANGER, "east"))


def test_register_takes_a_stale_id_over(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.clock.advance(90)

    hub.register(STRANGER, "east")

    assert hub.server("east").stdb_identity == STRANGER
    text = hub.refusal(lambda: hub.db.caller(EAST).call(server_heartbeat, 1))
    assert text.startswith("NotAuthorized: ")


def test_takeover_keeps_the_settings_and_what_empty_texts_leave(hub: Hub) -> None:
    hub.db.caller(EAST).call(server_heartbeat, 2)
    hub.db.call("admin_set_motd", "east", "hello")
    config = hub.config("east")
    hub.clock.advance(90)

    hub.register(STRANGER, "east", 50, NO_TEXTS)

    server = hub.server("east")
    assert hub.config("east") == config
    assert (server.hosting_id, server.wipe_schedule) == ("host", "weekly")
    assert (server.online_count, server.max_players) == (0, 3)


def test_register_makes_settings_that_were_lost(hub: Hub) -> None:
    with hub.db.write() as tx:
        tx[ServerConfig].delete_by_key("east")

    hub.register(EAST, "east", 50)

    assert hub.config("east").max_players == hub.server("east").max_players == 50


def test_bridge_whose_server_was_taken_over_may_register_another(hub: Hub) -> None:
    hub.clock.advance(90)
    hub.register(STRANGER, "east")

    hub.register(EAST, "north")

    assert hub.server("north").stdb_identity == EAST


def test_register_of_a_second_id_is_a_conflict(hub: Hub) -> None:
    hub.clock.advance(1000)

    for server_id in ("new", "west"):
        text = hub.refusal(partial(hub.register, EAST, server_id))
        assert text == "Conflict: the caller is registered as 'east'"


@pytest.mark.parametrize(
    "server_id", ["", "East", "-east", "ea st", "east\n", "é", "e" * 65, "east_1"]
)
def test_register_refuses_a_wrong_server_id(hub: Hub, server_id: str) -> None:
    text = hub.refusal(lambda: hub.register(STRANGER, server_id))

    assert text.startswith("InvalidArgument: server_id ")


@pytest.mark.parametrize("max_players", [0, 10_001, 2**32 - 1])
def test_register_refuses_a_wrong_limit(hub: Hub, max_players: int) -> None:
    text = hub.refusal(lambda: hub.register(STRANGER, "new", max_players))

    assert text == f"InvalidArgument: max_players is {max_players}, not 1 to 10000"


@pytest.mark.parametrize(
    "name", ["display_name", "region", "game_module", "game_mode", "version"]
)
@pytest.mark.parametrize("value", ["", "x" * 65])
def test_register_refuses_empty_and_long_names(hub: Hub, name: str, value: str) -> None:
    text = hub.refusal(lambda: hub.register(STRANGER, "new", 3, {name: value}))

    assert text.startswith(f"InvalidArgument: {name} ")


@pytest.mark.parametrize("name", ["hosting_id", "wipe_schedule", "config_template_id"])
def test_register_refuses_long_texts(hub: Hub, name: str) -> None:
    text = hub.refusal(lambda: hub.register(STRANGER, "new", 3, {name: "x" * 65}))

    assert text == f"InvalidArgument: {name} has 65 characters, more than 64"


def test_register_takes_values_at_the_limits(empty: Hub) -> None:
    empty.register(EAST, "0" * 64, 10_000, {"display_name": "x" * 64})
    empty.register(WEST, "e", 1)

    assert empty.server("0" * 64).max_players == 10_000
    assert empty.server("e").max_players == 1


def test_heartbeat_stores_time_and_count_as_given(hub: Hub) -> None:
    before = hub.server("east")
    hub.clock.advance(30)

    hub.db.caller(EAST).call(server_heartbeat, 999)

    expected = before.replace(last_heartbeat=hub.now, online_count=999)
    assert hub.server("east") == expected


@pytest.mark.parametrize("status", ["offline", "restarting", "wiping"])
def test_heartbeat_brings_a_server_online(hub: Hub, status: str) -> None:
    with hub.db.write() as tx:
        tx[ServerRegistry].update(hub.server("east").replace(status=status))

    hub.db.caller(EAST).call(server_heartbeat, 0)

    assert hub.server("east").status == "online"


def test_heartbeat_is_for_registered_bridges(hub: Hub) -> None:
    for caller in (hub.db.owner, STRANGER):
        text = hub.refusal(partial(hub.db.caller(caller).call, server_heartbeat, 1))
        assert text == "NotAuthorized: the caller is not a registered bridge"


def test_server_is_degraded_after_ninety_seconds_and_nothing_is_stored(
    hub: Hub,
) -> None:
    server = hub.server("east")

    assert not server.is_degraded(Timestamp.from_micros(START.micros + 90_000_000))
    assert server.is_degraded(Timestamp.from_micros(START.micros + 90_000_001))
    assert server.status == "online"


def test_wrong_kinds_are_refused_before_the_call(hub: Hub) -> None:
    before = hub.state()

    for arguments in (("many",), (-1,), (2**32,), (), (1, 2)):
        with pytest.raises(qsdb.ArgumentError):
            hub.db.caller(EAST).call("server_heartbeat", *arguments)

    assert hub.state() == before
