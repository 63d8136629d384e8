"""What a bridge has its game do: commands, transfers, events, in their order."""

import logging
import threading
from collections.abc import Iterator

import pytest

import qsdb
from examples.qsbridge import (
    BridgeCommand,
    CrossServerEvent,
    ServerConfig,
    ServerTransferQueue,
    admin_announce,
    admin_ban,
    admin_kick,
    admin_set_motd,
    admin_unban,
)
from examples.qsbridge.bridge import Bridge, BridgeThread
from examples.qsbridge.hub.tables import EVENT_STATUSES
from qsdb import TimeDuration
from tests.examples.bridges import Game, Network, bridge_of, is_online
from tests.examples.hub import Hub


class Pair:
    """Two servers, each with its bridge and its game."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.network = Network(hub.db)
        self.games = Game(), Game()
        self.east, self.west = (
            bridge_of(self.network, name, hub.clock.now, game)
            for name, game in zip(("east", "west"), self.games, strict=True)
        )
        self.told()

    def told(self) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """Drive both, and give what their games were told."""
        for bridge in (self.east, self.west):
            bridge.tick()
        east, west = self.games
        return east.taken(), west.taken()

    def transfer(self, transfer_id: int) -> ServerTransferQueue:
        with self.hub.db.read() as tx:
            row = tx[ServerTransferQueue].get(transfer_id)
        assert row is not None
        return row


@pytest.fixture
def pair(empty: Hub) -> Iterator[Pair]:
    pair = Pair(empty)
    yield pair
    pair.east.close()
    pair.west.close()


def test_a_kick_is_done_by_the_players_server_and_acknowledged(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.hub.db.call(admin_kick, "anna", "afk")
    assert len(pair.hub.rows(BridgeCommand)) == 1
    assert pair.told() == ([("kick", "anna", "afk")], [])
    assert pair.hub.rows(BridgeCommand) == set()


def test_a_ban_is_news_everywhere_and_a_kick_where_the_player_is(pair: Pair) -> None:
    pair.west.player_joined("anna")
    pair.hub.db.call(admin_ban, "anna", "Anna", "aimbot", 1)
    assert pair.told() == (
        [("ban", "anna")],
        [("ban", "anna"), ("kick", "anna", "aimbot")],
    )
    assert pair.west.known.players == [], "who is thrown out has left"
    pair.hub.db.call(admin_unban, "anna")
    assert pair.told() == ([("unban", "anna")], [("unban", "anna")])


def test_an_announcement_reaches_all_games_once(pair: Pair) -> None:
    pair.hub.db.call(admin_announce, "tea")
    assert pair.told() == ([("announce", "tea")], [("announce", "tea")])
    assert pair.told() == ([], [])


def test_commands_are_done_in_the_order_in_which_they_were_given(pair: Pair) -> None:
    pair.east.player_joined("anna")
    for text in ("one", "two", "three"):
        pair.hub.db.call(admin_announce, text)
    pair.hub.db.call(admin_kick, "anna", "four")
    east, _ = pair.told()
    assert [each[-1] for each in east] == ["one", "two", "three", "four"]


def test_a_command_whose_hook_raises_is_done_after_the_next_heartbeat(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    game = pair.games[0]
    game.failing.add("kick")
    pair.east.player_joined("anna")
    pair.hub.db.call(admin_kick, "anna", "afk")
    pair.hub.db.call(admin_announce, "tea")
    assert pair.told()[0] == [("announce", "tea")], "the next ones are done"
    assert len(caplog.records) == 1
    assert "the game failed to do" in caplog.text
    game.failing.clear()
    assert pair.told()[0] == []
    pair.hub.clock.advance(30)
    assert pair.told()[0] == [("kick", "anna", "afk")]
    assert len(pair.hub.rows(BridgeCommand)) == 1, "the announcement is for all"


def test_a_hook_that_raises_does_not_keep_others_from_being_called(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    pair.games[0].failing.add("config")
    pair.hub.db.call(admin_set_motd, "east", "hello")
    pair.hub.db.call(admin_ban, "anna", "Anna", "aimbot", 1)
    assert pair.told()[0] == [("ban", "anna")]
    assert "a hook of the game failed" in caplog.text
    assert is_online(pair.east)


def test_a_command_that_was_swept_while_it_was_done_is_no_error(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pair.east.player_joined("anna")

    class Sweeping(Game):
        def on_kick(self, player_id: str, reason: str) -> None:
            with pair.hub.db.write() as tx:
                tx[BridgeCommand].clear()

    pair.east._hooks = Sweeping()
    pair.hub.db.call(admin_kick, "anna", "afk")
    pair.told()
    assert "command 1 is not there any more" in caplog.text


def test_a_command_of_a_newer_platform_is_passed_over(
    pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    with pair.hub.db.write() as tx:
        tx[BridgeCommand].insert(
            BridgeCommand("east", "dance", "anna", "", pair.hub.now)
        )
    assert pair.told() == ([], [])
    assert "no bridge of this version can do" in caplog.text
    assert pair.hub.rows(BridgeCommand) == set()


def test_a_character_goes_from_one_server_to_the_other(pair: Pair) -> None:
    east, west = pair.east, pair.west
    east.player_joined("anna")
    transfer_id = east.request_transfer("anna", "west")
    assert pair.told() == ([("requested", transfer_id)], [])
    east.hand_over(transfer_id, '{"hp": 7}')
    assert pair.told() == ([], [("arriving", transfer_id, '{"hp": 7}')])
    assert west.player_joined("anna").reason == "in_transfer"
    assert west.may_join("anna").sentence == (
        f"player 'anna' comes by transfer {transfer_id}, and not otherwise"
    )
    west.complete_transfer(transfer_id)
    ended = ("ended", transfer_id, "completed")
    assert pair.told() == ([ended], [ended])
    assert east.known.players == []
    assert [each.player_id for each in west.known.players] == ["anna"]
    assert west.player_joined("anna").is_allowed
    assert pair.told() == ([], [])


def test_a_transfer_that_is_given_up_leaves_the_player_where_he_is(
    pair: Pair,
) -> None:
    pair.east.player_joined("anna")
    transfer_id = pair.east.request_transfer("anna", "west")
    pair.east.hand_over(transfer_id, "{}")
    pair.told()
    pair.west.fail_transfer(transfer_id, "no such map here")
    ended = ("ended", transfer_id, "failed")
    assert pair.told() == ([ended], [ended])
    assert pair.east.known.presence("anna") is not None
    with pytest.raises(qsdb.ReducerError, match="WrongState"):
        pair.west.complete_transfer(transfer_id)


def test_a_hook_may_call_the_bridge(pair: Pair) -> None:
    class Quick(Game):
        bridge: Bridge

        def on_transfer_requested(self, transfer: ServerTransferQueue) -> None:
            self.bridge.hand_over(transfer.transfer_id, "{}")
            self.bridge.tick()  # it is in one: nothing happens

        def on_transfer_arriving(self, transfer: ServerTransferQueue) -> None:
            self.bridge.complete_transfer(transfer.transfer_id)

    for bridge in (pair.east, pair.west):
        game = Quick()
        game.bridge = bridge
        bridge._hooks = game
    pair.east.player_joined("anna")
    transfer_id = pair.east.request_transfer("anna", "west")
    pair.told()
    assert pair.transfer(transfer_id).status == "completed"


def event(hub: Hub, title: str, servers: tuple[str, ...]) -> CrossServerEvent:
    end = hub.now + TimeDuration.from_seconds(60)
    row = CrossServerEvent(
        "raid_boss", title, "", servers, hub.now, end, EVENT_STATUSES[0], "{}"
    )
    with hub.db.write() as tx:
        return tx[CrossServerEvent].insert(row)


def set_status(hub: Hub, row: CrossServerEvent, status: str) -> None:
    with hub.db.write() as tx:
        tx[CrossServerEvent].update(row.replace(status=status))


def test_an_event_starts_and_ends_on_the_servers_that_take_part(pair: Pair) -> None:
    raid = event(pair.hub, "raid", ("east",))
    assert pair.told() == ([], [])
    set_status(pair.hub, raid, "active")
    assert [each.title for each in pair.east.known.active_events] == ["raid"]
    assert pair.west.known.active_events == []
    assert pair.told() == ([("event started", "raid")], [])
    set_status(pair.hub, raid.replace(metadata="1"), "active")
    assert pair.told() == ([], [])
    set_status(pair.hub, raid, "completed")
    assert pair.told() == ([("event ended", "raid")], [])


def test_a_bridge_that_comes_later_is_told_what_is_going_on(pair: Pair) -> None:
    hub = pair.hub
    for status in EVENT_STATUSES:
        set_status(hub, event(hub, status, ("north",)), status)
    hub.db.call(admin_ban, "anna", "Anna", "aimbot", None)
    game = Game()
    with bridge_of(pair.network, "north", hub.clock.now, game) as north:
        north.tick()
        assert game.taken() == [("config", ""), ("event started", "active")]


def test_a_thread_drives_a_bridge(empty: Hub) -> None:
    registered, kicked = threading.Event(), threading.Event()

    class Waited(Game):
        def on_config(self, config: ServerConfig) -> None:
            registered.set()

        def on_kick(self, player_id: str, reason: str) -> None:
            kicked.set()

    bridge = bridge_of(Network(empty.db), "east", empty.clock.now, Waited())
    with BridgeThread(bridge):
        assert registered.wait(60)
        assert bridge.player_joined("anna").is_allowed
        empty.db.call(admin_kick, "anna", "afk")
        assert kicked.wait(60)
    assert not is_online(bridge)
    assert empty.rows(BridgeCommand) == set()


def test_a_thread_ends_where_a_server_cannot_be_registered(
    empty: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = bridge_of(Network(empty.db), "East!", empty.clock.now)
    thread = BridgeThread(bridge)
    with thread:
        thread._thread.join(60)
        assert not thread._thread.is_alive()
    assert "East! cannot be registered" in caplog.text
