"""A bridge registers its server, beats, and decides from what it knows."""

import inspect
from collections.abc import Iterator
from typing import NamedTuple

import pytest

import qsdb
from examples.qsbridge import (
    AdminRoleLevel,
    admin_ban,
    admin_grant_role,
    admin_set_max_players,
    admin_set_motd,
    admin_set_password,
    admin_toggle_whitelist,
    admin_unban,
    admin_whitelist_add,
    server_register,
)
from examples.qsbridge.bridge import Bridge, OfflineError, ServerDetails
from tests.examples.bridges import Game, Network, bridge_of, details, is_online
from tests.examples.hub import EAST, Hub


class Played(NamedTuple):
    """A bridge that is online, and what is around it."""

    hub: Hub
    network: Network
    game: Game
    bridge: Bridge

    def later(self, seconds: float) -> None:
        self.hub.clock.advance(seconds)
        self.bridge.tick()


@pytest.fixture
def played(empty: Hub) -> Iterator[Played]:
    game, network = Game(), Network(empty.db)
    with bridge_of(network, "east", empty.clock.now, game) as bridge:
        bridge.tick()
        yield Played(empty, network, game, bridge)


def test_a_server_names_itself_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = {
        "display_name": "East",
        "region": "us",
        "game_module": "humanitz",
        "game_mode": "pvp",
        "version": "1",
    }
    monkeypatch.setenv("QSB_SERVER_ID", "us-east-pvp-1")
    assert ServerDetails(max_players=3, **texts).server_id == "us-east-pvp-1"
    monkeypatch.setenv("QSB_SERVER_ID", "")
    with pytest.raises(LookupError, match="QSB_SERVER_ID is not set"):
        ServerDetails(max_players=3, **texts)


def test_a_bridge_registers_as_an_identity_and_subscribes(played: Played) -> None:
    server = played.hub.server("east")
    assert server.status == "online"
    assert server.stdb_identity == played.network.wires[0].connection.identity
    assert server.max_players == 3
    assert played.bridge.known.config == played.hub.config("east")
    assert played.game.taken() == [("config", "")]
    assert played.network.calls == ["server_register"]


def test_a_server_knows_what_opens_it(played: Played) -> None:
    assert played.bridge.known.is_opened_by("anything")
    played.hub.db.call(admin_set_password, "east", "hunter2")

    assert played.bridge.known.is_opened_by("hunter2")
    assert not played.bridge.known.is_opened_by("hunter3")


def test_nothing_is_known_before_the_first_connection(empty: Hub) -> None:
    network = Network(empty.db)
    network.is_down = True
    bridge = bridge_of(network, "east", empty.clock.now)
    with pytest.raises(OfflineError, match="has not connected yet") as caught:
        _ = bridge.known
    assert not caught.value.may_have_run
    assert bridge.may_join("anna").reason == "offline"
    bridge.tick()
    assert bridge.player_joined("anna").sentence == (
        "server 'east' is offline: nobody listens; next attempt in 1.0 s"
    )
    bridge.beat(["anna"])


def test_a_heartbeat_every_thirty_seconds_says_how_many_play(played: Played) -> None:
    played.bridge.player_joined("anna")
    played.later(29.9)
    assert "server_heartbeat" not in played.network.calls
    played.later(0.1)
    assert played.hub.server("east").online_count == 1
    assert played.hub.server("east").last_heartbeat == played.hub.now
    for _ in range(30):
        played.later(1)
    assert played.network.calls.count("server_heartbeat") == 2


def test_heartbeats_that_were_missed_are_one(played: Played) -> None:
    played.later(400)
    played.later(0)
    assert played.network.calls.count("server_heartbeat") == 1
    assert played.hub.server("east").last_heartbeat == played.hub.now


def test_a_clock_that_is_set_back_does_not_silence_a_server(played: Played) -> None:
    played.hub.clock.advance(-3600)
    played.bridge.tick()
    assert played.network.calls.count("server_heartbeat") == 1


def test_tick_can_be_told_the_time(played: Played) -> None:
    played.bridge.tick(played.hub.now + qsdb.TimeDuration.from_seconds(30))
    assert played.network.calls.count("server_heartbeat") == 1


def test_a_banned_player_may_not_join_until_the_ban_ends(played: Played) -> None:
    hub, bridge = played.hub, played.bridge
    hub.ban("anna", hours=1)
    decision = bridge.may_join("anna")
    assert (decision.is_allowed, decision.reason) == (False, "banned")
    assert decision.sentence == (
        "player 'anna' is banned until 2026-03-06T19:00:00Z: aimbot"
    )
    hub.clock.advance(3600)
    assert bridge.may_join("anna").is_allowed
    hub.ban("anna")
    assert "for ever" in bridge.may_join("anna").sentence
    hub.db.call(admin_unban, "anna")
    assert bridge.may_join("anna").is_allowed
    assert len(bridge.known.bans) == 2


def test_the_whitelist_counts_where_it_is_enabled(played: Played) -> None:
    hub, bridge = played.hub, played.bridge
    hub.db.call(admin_whitelist_add, "anna")
    assert bridge.may_join("ben").is_allowed
    hub.db.call(admin_toggle_whitelist, "east", enabled=True)
    assert bridge.may_join("anna").is_allowed
    decision = bridge.may_join("ben")
    assert decision.reason == "not_whitelisted"
    assert decision.sentence == "player 'ben' is not on the whitelist"


def test_a_full_server_takes_nobody_but_who_is_there(played: Played) -> None:
    hub, bridge = played.hub, played.bridge
    hub.db.call(admin_set_max_players, "east", 1)
    assert bridge.player_joined("anna").is_allowed
    assert bridge.player_joined("ben").reason == "full"
    assert bridge.player_joined("anna").is_allowed
    assert [each.player_id for each in bridge.known.players] == ["anna"]
    bridge.player_left("anna")
    assert bridge.player_joined("ben").is_allowed


def test_decisions_ask_nobody(played: Played) -> None:
    played.hub.db.close()
    for player_id in ("anna", "ben"):
        assert played.bridge.may_join(player_id).is_allowed
    assert played.network.calls == ["server_register"]
    assert played.bridge.known.connection is played.network.wires[0]


def test_the_platform_has_the_last_word_on_dual_logins(played: Played) -> None:
    hub, bridge = played.hub, played.bridge
    hub.register(EAST, "west")
    hub.join(EAST, "anna")
    assert bridge.may_join("anna").is_allowed, "who is elsewhere is not known here"
    decision = bridge.player_joined("anna")
    assert decision.reason == "elsewhere"
    assert decision.sentence == "Conflict: player 'anna' is on 'west'"
    assert bridge.player_joined("x" * 65).reason == "refused"


def test_a_beat_keeps_players_fresh_and_brings_back_who_was_dropped(
    played: Played,
) -> None:
    hub, bridge = played.hub, played.bridge
    bridge.player_joined("anna")
    bridge.player_joined("ben")
    with hub.db.write() as tx:  # as a sweep does when it has heard nothing for long
        tx.table("player_server_presence").delete_by_key("ben")
    hub.clock.advance(60)
    bridge.beat(["anna", "ben"])
    for player_id in ("anna", "ben"):
        row = hub.presence(player_id)
        assert row is not None
        assert row.last_heartbeat == hub.now
        assert bridge.known.presence(player_id) == row


def test_a_beat_has_players_thrown_out_whom_another_server_has(
    played: Played,
) -> None:
    hub, bridge = played.hub, played.bridge
    bridge.player_joined("anna")
    hub.clock.advance(91)
    hub.register(EAST, "west")
    hub.join(EAST, "anna")
    played.game.taken()
    bridge.beat(["anna"])
    assert played.game.taken() == [], "hooks are called by tick"
    bridge.tick()
    assert played.game.taken() == [
        ("lost", "anna"),
        ("kick", "anna", "Conflict: player 'anna' is on 'west'"),
    ]


def test_roles_and_settings_are_known(played: Played) -> None:
    hub, bridge = played.hub, played.bridge
    hub.db.call(admin_grant_role, "olga", AdminRoleLevel.Owner)
    assert bridge.known.role("olga") is AdminRoleLevel.Owner
    assert bridge.known.role("anna") is None
    hub.db.call(admin_set_motd, "east", "hello")
    played.game.taken()
    bridge.tick()
    assert played.game.taken() == [("config", "hello")]


def test_every_server_has_a_ban_after_one_commit(empty: Hub) -> None:
    network = Network(empty.db)
    bridges = [bridge_of(network, f"s{n}", empty.clock.now) for n in range(5)]
    for bridge in bridges:
        bridge.tick()
    offset = empty.db.offset
    empty.db.call(admin_ban, "anna", "Anna", "aimbot", None)
    assert empty.db.offset == offset + 1
    assert {bridge.may_join("anna").reason for bridge in bridges} == {"banned"}
    for bridge in bridges:
        bridge.close()


def test_a_registration_that_says_something_wrong_is_refused(empty: Hub) -> None:
    bridge = bridge_of(Network(empty.db), "East!", empty.clock.now)
    with pytest.raises(qsdb.ReducerError, match="InvalidArgument"):
        bridge.tick()
    assert not bridge.link.is_online
    assert "is not of a-z" in bridge.link.fault


def test_a_name_that_is_taken_is_waited_for(empty: Hub) -> None:
    empty.register(EAST, "east")
    bridge = bridge_of(Network(empty.db), "east", empty.clock.now)
    bridge.tick()
    token = bridge.link.token
    assert not is_online(bridge)
    assert "Conflict: 'east' belongs to another bridge" in bridge.link.fault
    for _ in range(130):
        empty.clock.advance(1)
        bridge.tick()
    assert is_online(bridge)
    assert bridge.link.token == token, "each attempt is made by the same identity"
    bridge.close()


def test_a_token_of_an_earlier_run_is_the_same_server(played: Played) -> None:
    network, hub = played.network, played.hub
    played.bridge.close()
    with pytest.raises(OfflineError, match="is closed"):
        played.bridge.vault.items("anna")
    token = played.bridge.link.token
    again = bridge_of(network, "east", hub.clock.now, token=token)
    again.tick()
    assert is_online(again)
    again.close()
    again.tick()
    assert not is_online(again), "who is closed does not connect again"


def test_a_closed_bridge_answers_from_what_it_knew(played: Played) -> None:
    played.hub.ban("anna")
    played.bridge.close()
    assert played.bridge.may_join("anna").reason == "banned"


def test_a_subscription_that_fails_lets_nobody_in(played: Played) -> None:
    bridge = played.bridge
    bridge.known._failed(qsdb.QueryError("too much"))
    assert bridge.may_join("anna").reason == "offline"


def test_details_are_the_arguments_of_server_register() -> None:
    parameters = [*inspect.signature(server_register).parameters][1:]
    given = details("east")
    names = [*given.__dataclass_fields__]
    assert sorted(names) == sorted(parameters)
    assert given.arguments == tuple(getattr(given, name) for name in parameters)
