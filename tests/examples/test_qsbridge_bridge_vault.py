"""Items go into the vault and out of it once, also when the wire is cut in between."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import qsdb
from examples.qsbridge import GlobalVault
from examples.qsbridge.bridge import Bridge, OfflineError
from tests.examples.bridges import Game, Network, bridge_of, is_online
from tests.examples.hub import Hub


class Counter:
    """A bridge with one player on its server, and what is around it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.network = Network(hub.db)
        self.game = Game()
        self.bridge: Bridge = bridge_of(self.network, "east", hub.clock.now, self.game)
        self.bridge.tick()
        self.bridge.player_joined("anna")
        self.vault = self.bridge.vault
        self.told()

    def told(self) -> list[tuple[object, ...]]:
        self.bridge.tick()
        return self.game.taken()

    def told_later(self) -> list[tuple[object, ...]]:
        """Let the bridge come back, and give what the game is told."""
        for _ in range(3):
            self.hub.clock.advance(1)
            self.bridge.tick()
        assert is_online(self.bridge)
        return self.game.taken()

    def stored(self) -> list[tuple[int, str]]:
        return [(item.slot, item.item_data) for item in self.vault.items("anna")]

    def first(self) -> int:
        return self.vault.items("anna")[0].vault_id


@pytest.fixture
def counter(empty: Hub) -> Iterator[Counter]:
    counter = Counter(empty)
    yield counter
    counter.bridge.close()


def test_items_go_in_and_come_out(counter: Counter) -> None:
    for item in ("sword", "shield"):
        counter.vault.deposit("anna", item, None)
    counter.vault.deposit("anna", "hat", 7)
    counter.vault.deposit("anna", "boots", None)
    assert counter.stored() == [(0, "sword"), (1, "shield"), (2, "boots"), (7, "hat")]
    counter.vault.withdraw("anna", counter.first())
    assert counter.stored() == [(1, "shield"), (2, "boots"), (7, "hat")]
    assert counter.told() == [("item", "sword")]
    assert counter.told() == []
    counter.vault.deposit("anna", "sword", None)
    assert counter.stored()[0] == (0, "sword")


def test_what_is_refused_changes_nothing(counter: Counter) -> None:
    counter.vault.deposit("anna", "sword", None)
    with pytest.raises(qsdb.ReducerError, match="AlreadyExists"):
        counter.vault.deposit("anna", "hat", 0)
    with pytest.raises(qsdb.ReducerError, match="NotFound"):
        counter.vault.deposit("ben", "hat", None)
    with pytest.raises(qsdb.ReducerError, match="NotFound"):
        counter.vault.withdraw("ben", counter.first())
    with pytest.raises(qsdb.ReducerError, match="there is no item 99"):
        counter.vault.withdraw("anna", 99)
    assert counter.told() == []
    assert counter.stored() == [(0, "sword")]


def test_a_full_vault_is_refused_by_the_platform(counter: Counter) -> None:
    with counter.hub.db.write() as tx:
        tx[GlobalVault].insert_many(
            GlobalVault("anna", "hat", slot, counter.hub.now, "east")
            for slot in range(100)
        )
    with pytest.raises(qsdb.ReducerError, match="full"):
        counter.vault.deposit("anna", "sword", None)


@pytest.mark.parametrize("cut", ["cuts_before", "cuts_after"])
def test_a_deposit_that_nobody_answered_is_settled(counter: Counter, cut: str) -> None:
    setattr(counter.network, cut, "vault_deposit")
    with pytest.raises(OfflineError) as caught:
        counter.vault.deposit("anna", "sword", None)
    assert caught.value.may_have_run
    is_stored = cut == "cuts_after"
    assert counter.told_later() == [("deposit", "sword", is_stored)]
    assert counter.stored() == ([(0, "sword")] if is_stored else [])
    assert counter.told_later() == []


@pytest.mark.parametrize("cut", ["cuts_before", "cuts_after"])
def test_a_withdrawal_that_nobody_answered_is_settled(
    counter: Counter, cut: str
) -> None:
    counter.vault.deposit("anna", "sword", None)
    setattr(counter.network, cut, "vault_withdraw")
    with pytest.raises(OfflineError) as caught:
        counter.vault.withdraw("anna", counter.first())
    assert caught.value.may_have_run
    is_done = cut == "cuts_after"
    assert counter.told_later() == ([("item", "sword")] if is_done else [])
    assert counter.stored() == ([] if is_done else [(0, "sword")])
    assert counter.told_later() == []


def test_an_equal_item_in_the_slot_is_not_taken_for_the_one_that_was_sent(
    counter: Counter,
) -> None:
    counter.vault.deposit("anna", "sword", 3)
    counter.network.cuts_before = "vault_deposit"
    with pytest.raises(OfflineError):
        counter.vault.deposit("anna", "sword", 3)
    assert counter.told_later() == [("deposit", "sword", False)]
    assert counter.stored() == [(3, "sword")]


def visit(
    counter: Counter, act: Callable[[Bridge], object]
) -> list[tuple[object, ...]]:
    """Have Anna go to another server, act there, and give what its game is told."""
    counter.hub.clock.advance(91)
    game = Game()
    with bridge_of(counter.network, "west", counter.hub.clock.now, game) as west:
        west.tick()
        assert west.player_joined("anna").is_allowed
        act(west)
        west.tick()
    return [each for each in game.taken() if each[0] == "item"]


def told_of_items(counter: Counter) -> list[tuple[object, ...]]:
    """Have Anna, who is on the other server by now, thrown out; give the rest."""
    told = counter.told_later()
    sentence = "Conflict: player 'anna' is on 'west'"
    assert told[-2:] == [("lost", "anna"), ("kick", "anna", sentence)]
    return told[:-2]


def withdraw_all(bridge: Bridge) -> None:
    for item in bridge.vault.items("anna"):
        bridge.vault.withdraw("anna", item.vault_id)


def test_an_item_that_was_fetched_elsewhere_is_not_given_back_here(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    counter.network.cuts_after = "vault_deposit"
    with pytest.raises(OfflineError):
        counter.vault.deposit("anna", "sword", None)
    assert visit(counter, withdraw_all) == [("item", "sword")]
    assert told_of_items(counter) == [("deposit", "sword", True)]
    assert "nobody knows what became of" in caplog.text


def test_an_item_is_not_given_out_to_somebody_who_was_elsewhere(
    counter: Counter, caplog: pytest.LogCaptureFixture
) -> None:
    counter.vault.deposit("anna", "sword", None)
    counter.network.cuts_before = "vault_withdraw"
    with pytest.raises(OfflineError):
        counter.vault.withdraw("anna", counter.first())
    assert visit(counter, withdraw_all) == [("item", "sword")]
    assert told_of_items(counter) == []
    assert "nobody knows who was given" in caplog.text


def test_a_player_who_only_fell_out_has_his_items_settled(counter: Counter) -> None:
    counter.vault.deposit("anna", "sword", None)
    counter.network.cuts_after = "vault_withdraw"
    with pytest.raises(OfflineError):
        counter.vault.withdraw("anna", counter.first())
    counter.hub.clock.advance(91)
    counter.hub.db.call("sweep_presence")
    assert counter.hub.presence("anna") is None
    assert counter.told_later() == [("item", "sword"), ("lost", "anna")]
    assert counter.told_later() == []


@pytest.mark.parametrize("slot", [None, 3])
def test_a_connection_that_is_lost_before_the_call_leaves_the_item_with_the_game(
    counter: Counter, slot: int | None
) -> None:
    counter.network.wires[-1].connection.close()
    with pytest.raises(OfflineError) as caught:
        counter.vault.deposit("anna", "sword", slot)
    assert not caught.value.may_have_run
    assert counter.told_later() == []
    assert counter.stored() == []


def test_two_threads_settle_the_same_deposit_once(counter: Counter) -> None:
    counter.network.cuts_after = "vault_deposit"
    with pytest.raises(OfflineError):
        counter.vault.deposit("anna", "sword", None)
    counter.hub.clock.advance(1)
    counter.bridge.link.tick(counter.hub.clock.now())
    counter.hub.clock.advance(1)
    counter.bridge.link.tick(counter.hub.clock.now())
    with ThreadPoolExecutor(2) as threads:
        both = threading.Barrier(2)
        ask = counter.bridge.link.ask

        def ask_slowly(query: str, **params: object) -> list[object]:
            rows = ask(query, **params)
            with contextlib.suppress(threading.BrokenBarrierError):
                both.wait(0.05)
            return rows

        counter.bridge.link.ask = ask_slowly  # type: ignore[method-assign]
        for settled in [threads.submit(counter.vault.settle) for _ in range(2)]:
            settled.result()
    assert counter.told() == [("deposit", "sword", True)]


def test_nothing_is_open_where_the_platform_was_not_reached(counter: Counter) -> None:
    counter.vault.deposit("anna", "sword", None)
    vault_id = counter.first()
    counter.network.db.close()
    counter.bridge.tick()
    with pytest.raises(OfflineError) as caught:
        counter.vault.deposit("anna", "hat", 3)
    assert not caught.value.may_have_run
    with pytest.raises(OfflineError) as caught:
        counter.vault.withdraw("anna", vault_id)
    assert not caught.value.may_have_run
    assert counter.vault._open == []


def test_a_second_cut_leaves_the_question_open(counter: Counter) -> None:
    counter.network.cuts_after = "vault_deposit"
    with pytest.raises(OfflineError):
        counter.vault.deposit("anna", "sword", None)
    counter.hub.clock.advance(1)
    counter.bridge.tick()
    counter.hub.clock.advance(1)
    counter.bridge.link.tick(counter.hub.clock.now())
    counter.network.cuts_before = "vault_deposit"
    with pytest.raises(OfflineError):
        counter.vault.deposit("anna", "hat", None)
    assert counter.told_later() == [
        ("deposit", "sword", True),
        ("deposit", "hat", False),
    ]
