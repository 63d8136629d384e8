"""A bridge that ticks keeps its players, and tells of those whom it had lost."""

from collections.abc import Iterator

import pytest

from examples.qsbridge import (
    PlayerServerPresence,
    admin_ban,
    admin_kick,
    admin_set_max_players,
)
from examples.qsbridge.bridge import OfflineError
from examples.qsbridge.hub.tables import ServerTransferQueue
from tests.examples.acting import movements
from tests.examples.bridges import Game, Network, bridge_of, is_online
from tests.examples.hub import Hub


class Pair:
    """Two servers that tick every ten seconds; the platform sweeps meanwhile."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.network = Network(hub.db)
        self.games = Game(), Game()
        self.east, self.west = (
            bridge_of(self.network, name, hub.clock.now, game)
            for name, game in zip(("east", "west"), self.games, strict=True)
        )
        self.told(0)

    def told(
        self, seconds: int, silent: str = ""
    ) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """Let time pass, one server being silent; give what the games are told."""
        for second in range(0, seconds + 1, 10):
            if second:
                self.hub.clock.advance(10)
            self.hub.db.run_due()
            for bridge in (self.east, self.west):
                if bridge.server_id != silent:
                    bridge.tick()
        east, west = self.games
        return east.taken(), west.taken()

    def where(self, player_id: str) -> str | None:
        row = self.hub.presence(player_id)
        return None if row is None else row.server_id

    def transfer(self, player_id: str) -> int:
        """Have a player go from east to west; give the transfer's id."""
        transfer_id = self.east.request_transfer(player_id, "west")
        self.east.hand_over(transfer_id, "{}")
        self.west.complete_transfer(transfer_id)
        return transfer_id


@pytest.fixture
def pair(empty: Hub) -> Iterator[Pair]:
    pair = Pair(empty)
    yield pair
    pair.east.close()
    pair.west.close()


def test_a_player_stays_for_as_long_as_his_server_ticks(pair: Pair) -> None:
    assert pair.east.player_joined("anna").is_allowed
    assert pair.told(600) == ([], [])
    assert pair.where("anna") == "east"
    assert pair.west.player_joined("anna").reason == "elsewhere"
    assert movements(pair.hub) == ["anna >east join"]


def test_players_are_named_with_each_heartbeat_and_not_more_often(pair: Pair) -> None:
    pair.told(300)
    assert "presence_beat" not in pair.network.calls, "there is nobody"
    pair.east.player_joined("anna")
    pair.network.calls.clear()
    pair.told(300)
    assert pair.network.calls.count("presence_beat") == 10
    assert pair.network.calls.count("server_heartbeat") == 20


def test_a_player_who_left_is_not_named(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.east.player_left("anna")
    pair.network.calls.clear()
    pair.told(60)
    assert "presence_beat" not in pair.network.calls
    assert pair.where("anna") is None


def test_a_player_stays_where_a_transfer_has_brought_him(pair: Pair) -> None:
    pair.east.player_joined("anna")
    number = pair.transfer("anna")
    ended = ("ended", number, "completed")
    east, west = pair.told(600)
    assert east[-1:] == west[-1:] == [ended]
    assert pair.where("anna") == "west"
    assert movements(pair.hub)[1:] == ["anna east>west transfer"]
    pair.west.player_left("anna")
    assert pair.told(600) == ([], []), "the source does not want him back"
    assert pair.where("anna") is None


def test_a_player_stays_though_the_answer_to_his_arrival_was_lost(pair: Pair) -> None:
    pair.east.player_joined("anna")
    number = pair.east.request_transfer("anna", "west")
    pair.east.hand_over(number, "{}")
    pair.network.cuts_after = "transfer_complete"
    with pytest.raises(OfflineError):
        pair.west.complete_transfer(number)
    _, west = pair.told(600)
    assert ("ended", number, "completed") in west
    assert is_online(pair.west)
    assert pair.where("anna") == "west"


def test_a_player_who_came_back_after_a_transfer_is_kept(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.transfer("anna")
    pair.west.player_left("anna")
    pair.told(60)
    assert pair.east.player_joined("anna").is_allowed
    east, _ = pair.told(120, silent="east")
    assert pair.where("anna") is None
    east, _ = pair.told(0)
    assert east == [("lost", "anna")]
    assert pair.where("anna") == "east"


def test_a_transfer_takes_a_player_who_rejoined_while_it_was_open(pair: Pair) -> None:
    pair.east.player_joined("anna")
    number = pair.east.request_transfer("anna", "west")
    pair.east.player_left("anna")
    assert pair.east.player_joined("anna").is_allowed
    pair.east.hand_over(number, "{}")
    pair.west.complete_transfer(number)
    east, _ = pair.told(120)
    assert [each[0] for each in east] == ["requested", "ended"]
    assert pair.where("anna") == "west"


# Whom the platform has lost.


def test_a_game_is_told_of_a_player_whom_the_platform_had_lost(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.told(120, silent="east")
    assert pair.where("anna") is None
    assert pair.told(0) == ([("lost", "anna")], [])
    assert pair.where("anna") == "east"
    assert pair.told(600) == ([], [])
    assert pair.where("anna") == "east"


def test_a_player_who_plays_elsewhere_by_then_is_thrown_out(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.told(120, silent="east")
    assert pair.west.player_joined("anna").is_allowed
    sentence = "Conflict: player 'anna' is on 'west'"
    assert pair.told(0) == ([("lost", "anna"), ("kick", "anna", sentence)], [])
    assert pair.told(600) == ([], [])
    assert pair.where("anna") == "west"


def test_a_player_whose_place_is_taken_is_thrown_out(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.told(120, silent="east")
    pair.hub.db.call(admin_set_max_players, "east", 1)
    assert pair.east.player_joined("ben").is_allowed
    (config, *east), _ = pair.told(0)
    assert config[0] == "config"
    assert east == [
        ("lost", "anna"),
        ("kick", "anna", "server 'east' is full (1)"),
    ]
    assert pair.where("ben") == "east"


def test_a_player_is_thrown_out_once_also_if_the_game_fails_first(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.told(120, silent="east")
    pair.west.player_joined("anna")
    pair.games[0].failing.add("kick")
    assert pair.told(120)[0] == [("lost", "anna")]
    pair.games[0].failing.clear()
    assert [each[:2] for each in pair.told(120)[0]] == [("kick", "anna")]
    assert pair.where("anna") == "west"


def test_a_kick_comes_after_what_it_follows_from(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.told(120, silent="east")
    pair.west.player_joined("anna")
    pair.games[0].failing.add("lost")
    assert pair.told(30)[0] == []
    pair.games[0].failing.clear()
    assert [each[0] for each in pair.told(30)[0]] == ["lost", "kick"]


@pytest.mark.parametrize("says_so", [False, True])
def test_a_player_who_is_to_be_kicked_is_not_brought_back(
    pair: Pair, *, says_so: bool
) -> None:
    pair.east.player_joined("anna")
    pair.games[0].failing.add("kick")
    pair.hub.db.call(admin_kick, "anna", "afk")
    if says_so:
        pair.east.beat(["anna"])
    assert pair.told(120)[0] == []
    assert pair.where("anna") is None
    pair.games[0].failing.clear()
    assert pair.told(60)[0] == [("kick", "anna", "afk")]
    assert movements(pair.hub) == ["anna >east join", "anna east> leave"]


def test_a_player_who_was_banned_while_the_server_was_away_is_thrown_out(
    pair: Pair,
) -> None:
    pair.east.player_joined("anna")
    pair.told(120, silent="east")
    pair.hub.db.call(admin_ban, "anna", "Anna", "aimbot", None)
    east, _ = pair.told(0)
    assert [each[:2] for each in east] == [
        ("ban", "anna"),
        ("lost", "anna"),
        ("kick", "anna"),
    ]


@pytest.mark.parametrize("cut", ["cuts_before", "cuts_after"])
def test_nothing_is_told_until_the_platform_has_answered(pair: Pair, cut: str) -> None:
    pair.east.player_joined("anna")
    pair.told(120, silent="east")
    setattr(pair.network, cut, "presence_join")
    assert pair.told(0)[0] == []
    assert not is_online(pair.east)
    is_back = cut == "cuts_after"
    assert pair.told(60)[0] == ([] if is_back else [("lost", "anna")])
    assert pair.where("anna") == "east"
    assert movements(pair.hub)[-1] == "anna >east join"


def test_a_platform_that_cannot_be_reached_has_lost_nobody(pair: Pair) -> None:
    pair.east.player_joined("anna")
    for wire in pair.network.wires:
        wire.is_cut = True
    assert pair.told(80) == ([], [])
    assert is_online(pair.east)
    assert movements(pair.hub) == ["anna >east join"]


# A game that begins again.


def test_players_of_an_earlier_run_are_not_kept(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.told(30)
    token = pair.east.link.token
    pair.east.close()
    pair.east = bridge_of(pair.network, "east", pair.hub.clock.now, token=token)
    pair.told(80)
    assert pair.where("anna") == "east", "he may be back"
    pair.told(60)
    assert pair.where("anna") is None


def test_players_of_whom_the_game_says_so_are_kept_again(pair: Pair) -> None:
    pair.east.player_joined("anna")
    pair.told(30)
    token = pair.east.link.token
    pair.east.close()
    pair.east = bridge_of(pair.network, "east", pair.hub.clock.now, token=token)
    pair.east.beat(["anna"])  # also before anything is known
    pair.told(600)
    assert pair.where("anna") == "east"
    assert movements(pair.hub) == ["anna >east join"]
    pair.transfer("anna")
    assert [each[0] for each in pair.told(600)[1]] == ["arriving", "ended"]
    assert pair.where("anna") == "west"


def test_a_hook_may_go_on_with_a_player_in_the_middle_of_his_arrival(
    pair: Pair,
) -> None:
    class Quick(Game):
        def on_transfer_arriving(self, transfer: ServerTransferQueue) -> None:
            pair.west.complete_transfer(transfer.transfer_id)
            pair.west.player_left(transfer.player_id)

    pair.west._hooks = Quick()
    pair.east.player_joined("anna")
    number = pair.east.request_transfer("anna", "west")
    pair.east.hand_over(number, "{}")
    pair.told(600)
    assert pair.hub.rows(PlayerServerPresence) == set()
