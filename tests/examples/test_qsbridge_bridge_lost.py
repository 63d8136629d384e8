"""A bridge that loses the platform comes back, and its game sees no difference."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import qsdb
from examples.qsbridge import (
    admin_announce,
    admin_ban,
    admin_kick,
    admin_set_motd,
    admin_unban,
    platform,
)
from examples.qsbridge.bridge import Bridge, OfflineError
from examples.qsbridge.bridge.timers import Backoff
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.examples.bridges import Game, Network, bridge_of, is_online
from tests.examples.hub import EAST, START, Hub


class Site:
    """A platform that can be restarted, a bridge of it, and a game."""

    def __init__(self, directory: SimulatedDirectory | Path | None = None) -> None:
        self.clock = FakeClock(START)
        self.directory = directory
        self.network = Network(self.open())
        self.game = Game()
        self.bridge = bridge_of(self.network, "east", self.clock.now, self.game)
        self.bridge.tick()
        self.game.taken()

    def open(self) -> qsdb.Database:
        if self.directory is None:
            return qsdb.Database(platform, clock=self.clock)
        return qsdb.Database(
            platform, self.directory, clock=self.clock, durability="always"
        )

    @property
    def hub(self) -> Hub:
        return Hub(self.network.db, self.clock)

    def restart(self) -> None:
        self.network.db.close()
        self.network.db = self.open()

    def later(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.bridge.tick()

    def close(self) -> None:
        self.bridge.close()
        self.network.db.close()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def kept() -> Iterator[Site]:
    """A site whose platform is in a directory."""
    site = Site(SimulatedDirectory())
    yield site
    site.close()


def test_waits_grow_to_a_minute_and_chance_halves_them() -> None:
    assert [Backoff(lambda: 0.0).next() for _ in range(2)] == [0.5, 0.5]
    waits = Backoff(lambda: 0.0)
    assert [waits.next() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    waits.reset()
    assert waits.next() == 0.5


def test_attempts_are_further_and_further_apart(site: Site) -> None:
    network = site.network
    network.is_down = True
    network.cuts_before = "server_heartbeat"
    site.later(30)
    assert not is_online(site.bridge)
    attempts = []
    for second in range(1, 70):
        fault = site.bridge.link.fault
        site.later(1)
        if site.bridge.link.fault != fault:
            attempts.append(second)
    assert attempts == [2, 4, 8, 16, 32, 64]
    network.is_down = False
    site.later(60)
    assert is_online(site.bridge)


@pytest.mark.slow
@pytest.mark.parametrize("is_on_disk", [False, True])
def test_a_restarted_platform_is_found_again(*, is_on_disk: bool) -> None:
    site = Site(SimulatedDirectory() if is_on_disk else None)
    before = site.hub.server("east").stdb_identity
    site.restart()
    if not is_on_disk:  # a new platform in memory knows no token of the old one
        site.bridge.link.token = None
    site.later(3)
    assert is_online(site.bridge)
    assert site.hub.server("east").status == "online"
    assert (site.hub.server("east").stdb_identity == before) == is_on_disk
    site.close()


def test_a_platform_that_is_closed_is_noticed_before_anything_is_called(
    site: Site,
) -> None:
    site.network.db.close()
    site.bridge.tick()
    assert not is_online(site.bridge)
    assert "the subscription has ended" in site.bridge.link.fault


def test_the_game_is_told_what_changed_meanwhile_and_nothing_else(
    kept: Site,
) -> None:
    db = kept.network.db
    db.call(admin_ban, "old", "Old", "aimbot", None)
    db.call(admin_ban, "freed", "Freed", "aimbot", None)
    kept.bridge.player_joined("anna")
    kept.later(1)
    assert kept.game.taken() == [("ban", "old"), ("ban", "freed")]
    kept.restart()
    db = kept.network.db
    db.call(admin_ban, "new", "New", "aimbot", None)
    db.call(admin_unban, "freed")
    db.call(admin_set_motd, "east", "we are back")
    db.call(admin_kick, "anna", "sorry")
    assert kept.bridge.may_join("new").is_allowed, "nobody has told it"
    kept.later(2)
    assert kept.game.taken() == [
        ("config", "we are back"),
        ("unban", "freed"),
        ("ban", "new"),
        ("kick", "anna", "sorry"),
    ]
    assert kept.bridge.may_join("new").reason == "banned"
    assert len(kept.bridge.known.bans) == 3
    assert kept.bridge.known.players == []
    kept.network.db.call(admin_set_motd, "east", "and told")
    kept.later(1)
    assert kept.game.taken() == [("config", "and told")]


def test_a_platform_that_comes_back_without_its_last_commits_is_caught_up_with() -> (
    None
):
    directory = SimulatedDirectory()
    site = Site(directory)
    site.bridge.player_joined("anna")
    image = SimulatedDirectory(directory.snapshot_files())
    site.bridge.player_joined("ben")
    site.hub.ban("carl")
    site.later(1)
    assert site.game.taken() == [("ban", "carl")]
    site.directory = image
    site.restart()
    site.later(3)
    assert site.bridge.may_join("carl").is_allowed, "nobody has banned him now"
    assert site.game.taken() == [("lost", "ben")]
    assert [each.player_id for each in site.bridge.known.players] == ["anna", "ben"]
    site.close()


@pytest.mark.slow
def test_a_platform_in_a_real_directory_is_found_again(tmp_path: Path) -> None:
    site = Site(tmp_path / "hub")
    site.network.db.call(admin_ban, "anna", "Anna", "aimbot", None)
    site.restart()
    site.later(3)
    assert is_online(site.bridge)
    assert site.bridge.may_join("anna").reason == "banned"
    site.close()


def test_a_player_who_leaves_while_the_platform_is_away_has_left(
    kept: Site,
) -> None:
    kept.bridge.player_joined("anna")
    kept.bridge.player_joined("ben")
    kept.network.db.close()
    kept.bridge.player_left("anna")
    assert kept.bridge.player_joined("carl").reason == "offline"
    kept.network.db = kept.open()
    assert kept.hub.presence("anna") is not None
    kept.later(2)
    assert kept.hub.presence("anna") is None
    assert [each.player_id for each in kept.bridge.known.players] == ["ben"]
    assert kept.bridge.player_joined("carl").is_allowed


def test_a_join_whose_answer_was_lost_leaves_nobody_behind(site: Site) -> None:
    site.network.cuts_after = "presence_join"
    assert site.bridge.player_joined("anna").reason == "offline"
    assert site.hub.presence("anna") is not None, "it was done, and nobody knows"
    site.later(2)
    assert is_online(site.bridge)
    assert site.hub.presence("anna") is None


def test_who_joins_again_before_that_is_settled_stays(site: Site) -> None:
    site.network.cuts_after = "presence_join"
    site.bridge.player_joined("anna")
    site.later(1)
    site.clock.advance(1)
    site.bridge.link.tick(site.clock.now())  # online, and what is left is yet to do
    assert is_online(site.bridge)
    assert site.bridge.player_joined("anna").is_allowed
    site.bridge.tick()
    assert site.hub.presence("anna") is not None


def test_a_command_is_done_once_though_its_acknowledgement_was_lost(
    site: Site,
) -> None:
    site.bridge.player_joined("anna")
    for cut in ("cuts_before", "cuts_after"):
        setattr(site.network, cut, "bridge_command_ack")
        site.network.db.call(admin_kick, "anna", cut)
        site.bridge.tick()
        assert not is_online(site.bridge)
        assert site.game.taken() == [("kick", "anna", cut)]
        site.later(2)
        assert is_online(site.bridge)
        assert site.game.taken() == []
        assert site.bridge.known.commands == []
        site.bridge.player_joined("anna")


def test_a_command_for_all_servers_is_done_once_by_each(site: Site) -> None:
    other = Game()
    west = bridge_of(site.network, "west", site.clock.now, other)
    west.tick()
    other.taken()
    site.network.db.call(admin_announce, "tea at five")
    site.later(1)
    west.tick()
    for wire in site.network.wires:
        wire.is_cut = True
    site.later(35)
    west.tick()
    site.later(3)
    assert is_online(site.bridge)
    assert site.game.taken() == [("announce", "tea at five")]
    assert other.taken() == [("announce", "tea at five")]
    assert len(site.bridge.known.commands) == 1, "it stays until it is swept"
    west.close()


def test_a_server_that_another_bridge_took_over_waits_for_its_turn(
    site: Site,
) -> None:
    site.clock.advance(91)
    site.hub.register(EAST, "east")
    site.bridge.tick()
    assert "NotAuthorized" in site.bridge.link.fault
    site.later(50)
    assert "belongs to another bridge" in site.bridge.link.fault
    site.later(80)
    assert is_online(site.bridge), "the other one has fallen silent"


def test_a_server_that_another_bridge_took_over_may_still_be_beaten_for(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.bridge.player_joined("anna")
    site.clock.advance(91)
    with bridge_of(site.network, "east", site.clock.now) as heir:
        heir.tick()
        assert is_online(heir)

        site.bridge.beat(["anna"])

        assert "not a registered bridge" in caplog.text
        site.bridge.tick()
        assert not is_online(site.bridge)


def test_a_refused_connection_is_tried_again(site: Site) -> None:
    token = site.bridge.link.token
    site.bridge.link.token = "no token"
    site.network.wires[0].is_cut = True
    site.later(32)
    assert "no token of this database" in site.bridge.link.fault
    site.bridge.link.token = token
    site.later(10)
    assert is_online(site.bridge)


def test_a_connection_that_is_not_wanted_is_closed(empty: Hub) -> None:
    empty.register(EAST, "east")
    network = Network(empty.db)
    bridge: Bridge = bridge_of(network, "east", empty.clock.now)
    bridge.tick()
    with pytest.raises(qsdb.ClosedError):
        network.wires[0].connection.sql("SELECT * FROM ban_entry")


def test_calls_say_whether_they_may_have_been_done(
    site: Site,
) -> None:
    site.network.cuts_before = "transfer_request"
    with pytest.raises(OfflineError) as caught:
        site.bridge.request_transfer("anna", "west")
    assert caught.value.may_have_run
    with pytest.raises(OfflineError) as caught:
        site.bridge.request_transfer("anna", "west")
    assert not caught.value.may_have_run
