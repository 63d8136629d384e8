"""What a game is told, it takes: also when a hook fails first, or the bridge ends."""

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

import qsdb
from examples.qsbridge import (
    BridgeCommand,
    GlobalVault,
    admin_announce,
    admin_ban,
    admin_set_motd,
    admin_set_password,
    admin_unban,
)
from examples.qsbridge.bridge import Bridge, BridgeThread, OfflineError
from examples.qsbridge.hub.tables import ServerConfig, ServerTransferQueue
from tests.examples.bridges import Game, Network, bridge_of, is_online
from tests.examples.hub import Hub

SECONDS = 60


class Desk(NamedTuple):
    """A bridge with Anna on its server, and what is around it."""

    hub: Hub
    network: Network
    game: Game
    bridge: Bridge

    def told(self) -> list[tuple[object, ...]]:
        self.bridge.tick()
        return self.game.taken()

    def withdraw(self, *items: str) -> None:
        """Put items into Anna's vault, and take them out."""
        for item in items:
            self.bridge.vault.deposit("anna", item, None)
        for row in self.bridge.vault.items("anna"):
            self.bridge.vault.withdraw("anna", row.vault_id)
        assert self.hub.rows(GlobalVault) == set()


def desk_with(hub: Hub, game: Game) -> Desk:
    network = Network(hub.db)
    desk = Desk(hub, network, game, bridge_of(network, "east", hub.clock.now, game))
    desk.bridge.tick()
    assert desk.bridge.player_joined("anna").is_allowed
    desk.told()
    return desk


@pytest.fixture
def desk(empty: Hub) -> Iterator[Desk]:
    desk = desk_with(empty, Game())
    yield desk
    desk.bridge.close()


# A hook that fails.


def test_a_hook_that_fails_is_called_again_at_the_next_tick(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.game.failing.add("item")
    desk.withdraw("sword")
    for _ in range(3):
        assert desk.told() == []
    assert caplog.text.count("a hook of the game failed, and is called again") == 1
    desk.game.failing.clear()
    assert desk.told() == [("item", "sword")]
    assert desk.told() == []


def test_hooks_that_fail_are_called_in_order_and_others_meanwhile(desk: Desk) -> None:
    desk.game.failing.add("item")
    desk.withdraw("sword", "shield")
    desk.hub.db.call(admin_set_motd, "east", "hello")
    assert desk.told() == [("config", "hello")]
    desk.game.failing.clear()
    desk.withdraw("hat")
    assert desk.told() == [("item", "sword"), ("item", "shield"), ("item", "hat")]


def test_what_is_about_the_same_waits_behind_what_failed(desk: Desk) -> None:
    desk.game.failing |= {"ban", "config"}
    call = desk.hub.db.call
    call(admin_ban, "ben", "Ben", "aimbot", None)
    call(admin_unban, "ben")
    call(admin_set_motd, "east", "old")
    call(admin_ban, "carl", "Carl", "aimbot", None)
    call(admin_unban, "carl")
    assert desk.told() == [], "nobody hears that a ban was lifted before the ban"
    desk.game.failing = {"config"}
    call(admin_set_motd, "east", "new")
    assert desk.told() == [
        ("ban", "ben"),
        ("unban", "ben"),
        ("ban", "carl"),
        ("unban", "carl"),
    ]
    desk.game.failing.clear()
    assert desk.told() == [("config", "old"), ("config", "new")]


def test_a_deposit_that_the_game_could_not_take_back_is_offered_again(
    desk: Desk,
) -> None:
    desk.game.failing.add("deposit")
    desk.network.cuts_before = "vault_deposit"
    with pytest.raises(OfflineError):
        desk.bridge.vault.deposit("anna", "sword", None)
    for _ in range(3):
        desk.hub.clock.advance(1)
        assert desk.told() == []
    desk.game.failing.clear()
    assert desk.told() == [("deposit", "sword", False)]


class Interrupted(Game):
    """Somebody presses Ctrl-C while it takes its first item."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupts = 1

    def note(self, *what: object) -> None:
        if what[0] == "item" and self.interrupts:
            self.interrupts -= 1
            raise KeyboardInterrupt
        super().note(*what)


def test_an_item_is_handed_out_though_a_hook_was_interrupted(empty: Hub) -> None:
    desk = desk_with(empty, Interrupted())
    with pytest.raises(KeyboardInterrupt), desk.bridge:
        desk.withdraw("sword", "shield")
        desk.bridge.tick()
    assert desk.game.taken() == [("item", "sword"), ("item", "shield")]


def test_what_an_interrupt_of_the_end_leaves_is_named(
    empty: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    desk = desk_with(empty, Interrupted())
    desk.withdraw("sword", "shield")
    with pytest.raises(KeyboardInterrupt):
        desk.bridge.close()
    assert not is_online(desk.bridge)
    assert "'sword', is out (None)" in caplog.text
    assert "'shield', is out (None)" in caplog.text


# The bridge ends.


def test_an_item_that_was_withdrawn_is_handed_out_before_the_end(desk: Desk) -> None:
    desk.withdraw("sword", "shield")
    desk.bridge.close()
    assert desk.game.taken() == [("item", "sword"), ("item", "shield")]
    assert desk.bridge.is_closed
    desk.bridge.close()
    desk.bridge.tick()
    assert desk.game.taken() == []


def test_the_end_hands_out_all_that_was_told(desk: Desk) -> None:
    desk.hub.db.call(admin_ban, "ben", "Ben", "aimbot", None)
    desk.hub.db.call(admin_announce, "tea")
    desk.hub.db.call(admin_set_motd, "east", "hello")
    desk.bridge.close()
    assert desk.game.taken() == [
        ("ban", "ben"),
        ("config", "hello"),
        ("announce", "tea"),
    ]


def test_a_hook_that_failed_is_called_once_more_at_the_end(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.game.failing.add("item")
    desk.withdraw("sword")
    assert desk.told() == []
    desk.game.failing.clear()
    desk.bridge.close()
    assert desk.game.taken() == [("item", "sword")]
    assert "has not taken" not in caplog.text


def test_what_fails_even_then_is_named(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.game.failing |= {"item", "config", "ban"}
    desk.withdraw("sword", "shield")
    desk.hub.db.call(admin_set_password, "east", "hunter2")
    desk.hub.db.call(admin_ban, "ben", "Ben", "aimbot", None)
    desk.hub.db.call(admin_unban, "ben")
    desk.bridge.close()
    before = "east ends, and its game has not taken what it was told: "
    named = [
        each.getMessage().removeprefix(before)
        for each in caplog.records
        if each.levelno == logging.ERROR and before in each.getMessage()
    ]
    assert named == [
        "item 1 of 'anna', 'sword', is out (RuntimeError('the game cannot item'))",
        "item 2 of 'anna', 'shield', is out (RuntimeError('the game cannot item'))",
        "the settings of 'east' (RuntimeError('the game cannot config'))",
        "ban 1 of 'ben' (RuntimeError('the game cannot ban'))",
        "ban 1 of 'ben' (None)",
    ]
    assert desk.hub.config("east").password_hash not in caplog.text
    desk.game.failing.clear()
    desk.bridge.tick()
    assert desk.game.taken() == [], "what was named is not handed out as well"


def test_a_deposit_in_doubt_is_settled_before_the_end(desk: Desk) -> None:
    desk.network.cuts_after = "vault_deposit"
    with pytest.raises(OfflineError):
        desk.bridge.vault.deposit("anna", "sword", None)
    for _ in range(2):
        desk.hub.clock.advance(1)
        desk.bridge.link.tick(desk.hub.now)
    assert is_online(desk.bridge)
    desk.bridge.close()
    assert ("deposit", "sword", True) in desk.game.taken()


def test_what_stays_in_doubt_is_named(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.network.cuts_after = "vault_deposit"
    with pytest.raises(OfflineError):
        desk.bridge.vault.deposit("anna", "sword", None)
    desk.bridge.close()
    assert desk.game.taken() == []
    assert "east ends, and nobody has found out what became of _Deposit" in caplog.text
    assert "'sword'" in caplog.text


def test_who_left_is_told_before_the_end(desk: Desk) -> None:
    desk.network.cuts_before = "presence_leave"
    desk.bridge.player_left("anna")
    for _ in range(2):
        desk.hub.clock.advance(1)
        desk.bridge.link.tick(desk.hub.now)
    assert desk.hub.presence("anna") is not None
    desk.bridge.close()
    assert desk.hub.presence("anna") is None


def test_a_hook_that_the_end_calls_may_call_the_platform(desk: Desk) -> None:
    hub = desk.hub

    class Taking(Game):
        def on_transfer_arriving(self, transfer: ServerTransferQueue) -> None:
            west.complete_transfer(transfer.transfer_id)

    west = bridge_of(desk.network, "west", hub.clock.now, Taking())
    west.tick()
    transfer_id = desk.bridge.request_transfer("anna", "west")
    desk.bridge.hand_over(transfer_id, "{}")
    west.close()
    presence = hub.presence("anna")
    assert presence is not None
    assert presence.server_id == "west"


def test_a_hook_may_end_the_bridge(empty: Hub) -> None:
    class Ending(Game):
        def on_config(self, config: ServerConfig) -> None:
            if config.motd:
                self.note("config", config.motd)
                driven.bridge.close()
                assert is_online(driven.bridge), "it ends behind the hooks"

    driven = desk_with(empty, Ending())
    driven.hub.db.call(admin_set_motd, "east", "bye")
    driven.withdraw("sword")
    assert driven.told() == [("config", "bye"), ("item", "sword")]
    assert driven.bridge.is_closed
    assert not is_online(driven.bridge)


def after_call(bridge: Bridge, reducer: str, act: Callable[[], object]) -> None:
    """Have something done when a reducer has run and its caller does not know yet."""
    call = bridge.link.call

    def calling(name: str, *arguments: object) -> Any:
        result = call(name, *arguments)
        if name == reducer:
            act()
        return result

    bridge.link.call = calling  # type: ignore[assignment, method-assign]


def test_a_withdrawal_under_way_is_waited_for(desk: Desk) -> None:
    is_out, may_go_on = threading.Event(), threading.Event()

    def pause() -> None:
        is_out.set()
        assert may_go_on.wait(SECONDS)

    after_call(desk.bridge, "vault_withdraw", pause)
    player = threading.Thread(target=desk.withdraw, args=("sword",))
    player.start()
    assert is_out.wait(SECONDS)
    end = threading.Thread(target=desk.bridge.close)
    end.start()
    end.join(0.05)
    assert end.is_alive()
    may_go_on.set()
    for thread in (player, end):
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert desk.game.taken() == [("item", "sword")]


def test_a_withdrawal_that_was_interrupted_is_settled(desk: Desk) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    after_call(desk.bridge, "vault_withdraw", interrupt)
    with pytest.raises(KeyboardInterrupt), desk.bridge:
        desk.withdraw("sword")
    assert desk.hub.rows(GlobalVault) == set()
    assert desk.game.taken() == [("item", "sword")]


def test_a_deposit_of_what_is_no_text_leaves_nothing_open(desk: Desk) -> None:
    item: Any = {"item": "sword"}
    with pytest.raises(qsdb.ArgumentError):
        desk.bridge.vault.deposit("anna", item, None)
    assert desk.told() == []


# A thread drives it.


class Waited(Game):
    """Says when it is ready, and which threads call it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_ready = threading.Event()
        self.threads: set[str] = set()

    def note(self, *what: object) -> None:
        super().note(*what)
        self.threads.add(threading.current_thread().name)
        self.is_ready.set()


@pytest.mark.parametrize("turn", range(5))
def test_a_thread_that_ends_hands_out_what_was_withdrawn(empty: Hub, turn: int) -> None:
    game = Waited()
    bridge = bridge_of(Network(empty.db), "east", empty.clock.now, game)
    with BridgeThread(bridge):
        assert game.is_ready.wait(SECONDS)
        bridge.player_joined("anna")
        bridge.vault.deposit("anna", f"sword {turn}", None)
        bridge.vault.withdraw("anna", bridge.vault.items("anna")[0].vault_id)
    assert game.taken() == [("config", ""), ("item", f"sword {turn}")]
    assert game.threads == {"bridge east"}
    assert not is_online(bridge)


def test_a_thread_ends_with_its_bridge(empty: Hub) -> None:
    class Ending(Waited):
        def on_announce(self, message: str) -> None:
            bridge.close()

    game = Ending()
    bridge = bridge_of(Network(empty.db), "east", empty.clock.now, game)
    thread = BridgeThread(bridge)
    with thread:
        assert game.is_ready.wait(SECONDS)
        empty.db.call(admin_announce, "good night")
        thread._thread.join(SECONDS)
        assert not thread._thread.is_alive()
    assert bridge.is_closed
    assert len(empty.rows(BridgeCommand)) == 1
