"""Power cuts of the simulation: what was not on the disk has never been.

Bridges and admins are told of nothing that a cut takes, so what was not answered is
settled when the platform is back: no item is given out twice, and none is lost.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import qsdb
from examples.qsbridge import GlobalVault, platform
from examples.qsbridge.bridge import OfflineError, ServerDetails
from examples.qsbridge.simulation.agenda import SECOND, Agenda
from examples.qsbridge.simulation.checks import run_checks
from examples.qsbridge.simulation.crowd import Crowd
from examples.qsbridge.simulation.hub import Hub, HubDownError
from examples.qsbridge.simulation.people import make_players
from examples.qsbridge.simulation.ports import ConfirmedPort
from examples.qsbridge.simulation.power import PowerSwitch
from examples.qsbridge.simulation.servers import GameServer
from examples.qsbridge.simulation.watching import Observer
from examples.qsbridge.simulation.world import World
from qsdb.files import open_directory
from qsdb.testing.disk.simulated import SimulatedDirectory
from tests.examples.hub import START


def refused_whitelisting(hub: Hub, player_id: str) -> str:
    with pytest.raises(HubDownError) as caught:
        hub.call("admin_whitelist_add", player_id)
    return str(caught.value)


def test_what_is_done_before_a_power_cut_and_not_on_the_disk_is_lost() -> None:
    hub = Hub(SimulatedDirectory(), Agenda(START).clock, seed=1)
    hub.switch_on()
    hub.call("admin_whitelist_add", "kept")
    hub.hold()
    assert refused_whitelisting(hub, "lost") == "the platform lost its power"
    assert refused_whitelisting(hub, "kept") == "the platform lost its power"
    with pytest.raises(qsdb.ClosedError, match="does not answer"):
        hub.connect(None)
    found = hub.db.sql("SELECT player_id FROM whitelist_entry").rows
    assert found == [("kept",), ("lost",)], "it was done, in the platform's memory"

    hub.lose_power()
    assert not hub.is_on
    assert refused_whitelisting(hub, "late") == "the platform does not run"
    with pytest.raises(qsdb.ClosedError):
        hub.connect(None)
    hub.switch_on()

    rows = hub.db.sql("SELECT player_id FROM whitelist_entry").rows
    assert rows == [("kept",)]
    assert (hub.losses, hub.commits_lost) == ([], 1)
    assert hub.lost == {"admin_whitelist_add": 1}
    assert hub.times["admin_whitelist_add"].calls == 3
    hub.switch_off()


def test_a_loss_of_what_was_on_the_disk_is_noticed() -> None:
    disk = SimulatedDirectory()
    hub = Hub(disk, Agenda(START).clock, seed=1)
    hub.switch_on()
    hub.db.call("admin_whitelist_add", "kept")
    hub.hold()
    hub.lose_power()
    with qsdb.Database(platform, disk, clock=Agenda(START).clock) as db:
        db.call("admin_whitelist_remove", "kept")
    hub.switch_on()

    assert len(hub.losses) == 1
    hub.switch_off()


def test_what_was_committed_gets_on_the_disk_by_itself() -> None:
    hub = Hub(SimulatedDirectory(), Agenda(START).clock, seed=1)
    hub.switch_on()
    hub.db.call("admin_whitelist_add", "kept")

    patience = time.monotonic() + 60
    while hub.db.durable_offset < hub.db.offset and time.monotonic() < patience:
        time.sleep(0.005)

    assert hub.db.durable_offset == hub.db.offset
    hub.switch_off()


class Evening:
    """A platform and one server with one player, whose hours are played by hand."""

    def __init__(self) -> None:
        agenda = Agenda(START)
        self.hub = Hub(SimulatedDirectory(), agenda.clock, seed=1)
        self.hub.switch_on()
        self.world = World(agenda, self.hub, seed=1)
        (self.player,) = players = make_players(1)
        self.world.add_players(players)
        details = ServerDetails(
            server_id="east",
            display_name="East",
            region="us-east",
            game_module="survival",
            game_mode="pvp",
            version="1.0",
            max_players=8,
        )
        self.server = GameServer(self.world, Crowd(self.world), details)
        self.world.servers["east"] = self.server
        self.server.start()
        assert self.server.bridge.player_joined(self.player.player_id).is_allowed
        self.server.players[self.player.player_id] = self.player
        self.player.server = self.server

    def wait(self, seconds: int) -> None:
        for _ in self.world.agenda.keep(self.world.agenda.now + seconds * SECOND):
            pass

    def lose_power(self) -> None:
        """Cut the power, and let the bridge come back."""
        self.wait(1)
        self.hub.lose_power()
        self.wait(5)
        assert not self.server.bridge.link.is_online
        self.hub.switch_on()
        self.wait(60)
        assert self.server.bridge.link.is_online

    @property
    def stored(self) -> list[GlobalVault]:
        with self.hub.db.read() as tx:
            return [*tx[GlobalVault]]


@pytest.fixture
def evening() -> Iterator[Evening]:
    made = Evening()
    yield made
    made.hub.switch_off()  # or its thread lives on beside other tests


def test_a_withdrawal_that_the_power_took_leaves_its_item_in_the_vault(
    evening: Evening,
) -> None:
    server, player = evening.server, evening.player
    server.deposit(player, None)
    (item,) = evening.stored

    evening.hub.hold()
    with pytest.raises(OfflineError, match="lost its power"):
        server.withdraw(player, item.vault_id)
    assert evening.stored == [], "the platform has done it"
    assert server.waiting == {player.player_id}
    evening.lose_power()

    assert evening.stored == [item]
    assert len(player.items) == 2, "nobody has given it out"
    assert server.waiting == set()
    server.withdraw(player, item.vault_id)
    assert sorted(player.items) == [0, 1, 2]


def test_a_deposit_that_the_power_took_is_given_back(
    evening: Evening,
) -> None:
    server, player = evening.server, evening.player

    evening.hub.hold()
    with pytest.raises(OfflineError, match="lost its power"):
        server.deposit(player, None)
    assert len(player.items) == 2
    evening.lose_power()

    assert evening.stored == []
    assert sorted(player.items) == [0, 1, 2]


def test_a_server_hears_nothing_of_what_the_power_will_take(
    evening: Evening,
) -> None:
    bridge = evening.server.bridge
    evening.hub.call("admin_ban", "before", "Ben", "aimbot", None)
    evening.hub.hold()
    with pytest.raises(HubDownError):
        evening.hub.call("admin_ban", "after", "Anna", "aimbot", None)

    assert [ban.player_id for ban in bridge.known.bans] == ["before"]
    assert bridge.known.is_current
    evening.lose_power()
    assert [ban.player_id for ban in bridge.known.bans] == ["before"]


def test_an_item_that_is_out_is_refused_by_the_platform_itself(
    evening: Evening,
) -> None:
    server, player = evening.server, evening.player
    server.deposit(player, None)
    (item,) = evening.stored
    server.withdraw(player, item.vault_id)

    before = evening.hub.db.stats().reducers["vault_withdraw"].failures
    assert not evening.world.attempt("again", lambda: server.withdraw_again(item))

    assert evening.world.refused["again", "NotFound"] == 1
    assert evening.hub.db.stats().reducers["vault_withdraw"].failures == before + 1
    assert sorted(player.items) == [0, 1, 2]


def test_a_bridge_that_is_told_too_early_doubles_an_item_and_that_is_seen(
    monkeypatch: pytest.MonkeyPatch, evening: Evening
) -> None:
    monkeypatch.setattr(ConfirmedPort, "hold", lambda _: None)
    server, player = evening.server, evening.player
    server.deposit(player, None)
    (item,) = evening.stored

    evening.hub.hold()
    server.withdraw(player, item.vault_id)
    evening.lose_power()

    with evening.hub.db.read() as tx:
        found = run_checks(evening.world, Observer(), tx)
    faults = {each.sentence: each.faults for each in found}
    (fault,) = faults["each item is in one place, and none is lost"]
    assert fault.endswith(f"in 2 places: ['with {player.player_id}', 'in vault row 1']")


def test_nothing_is_written_without_power(tmp_path: Path) -> None:
    switch = PowerSwitch(open_directory(tmp_path))
    switch.create("file").write(0, b"kept")
    switch.cut()

    with pytest.raises(OSError, match="the power is cut"):
        switch.open("file", writable=True).write(4, b"lost")
    assert switch.open("file").read(0, 9) == b"kept"
