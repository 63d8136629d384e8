import pytest

from examples.qsbridge import (
    GlobalVault,
    presence_leave,
    transfer_complete,
    transfer_request,
    vault_deposit,
    vault_withdraw,
)
from tests.examples.acting import call, in_transit, refused
from tests.examples.hub import EAST, START, STRANGER, WEST, Hub

SWORD = '{"item": "sword", "durability": 0.5}'


def slots(hub: Hub, player_id: str) -> list[int]:
    with hub.db.read() as tx:
        return sorted(row.slot for row in tx[GlobalVault].player_id.filter(player_id))


def test_deposit_keeps_the_item_as_it_was_given(hub: Hub) -> None:
    hub.join(EAST, "p1")

    number = call(hub, EAST, vault_deposit, "p1", SWORD, 7)

    (row,) = hub.rows(GlobalVault)
    assert isinstance(row, GlobalVault)
    assert row == GlobalVault(
        player_id="p1",
        item_data=SWORD,
        slot=7,
        deposited_at=START,
        source_server_id="east",
    ).replace(vault_id=number)


def test_item_is_withdrawn_on_another_server(hub: Hub) -> None:
    hub.join(EAST, "p1")
    number = call(hub, EAST, vault_deposit, "p1", SWORD, None)
    call(hub, EAST, presence_leave, "p1")
    hub.join(WEST, "p1")

    assert call(hub, WEST, vault_withdraw, "p1", number) == SWORD

    assert hub.rows(GlobalVault) == set()


def test_item_is_withdrawn_once(hub: Hub) -> None:
    hub.join(EAST, "p1")
    number = call(hub, EAST, vault_deposit, "p1", SWORD, None)
    call(hub, EAST, vault_withdraw, "p1", number)

    text = refused(hub, EAST, vault_withdraw, "p1", number)

    assert text == "NotFound: the vault of player 'p1' has no item 1"


def test_item_of_somebody_else_is_not_found(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(EAST, "p2")
    number = call(hub, EAST, vault_deposit, "p1", SWORD, None)

    text = refused(hub, EAST, vault_withdraw, "p2", number)

    assert text == "NotFound: the vault of player 'p2' has no item 1"


def test_lowest_free_slot_is_taken(hub: Hub) -> None:
    hub.join(EAST, "p1")
    hub.join(EAST, "p2")
    for slot in (None, 1, 3, None, None):
        call(hub, EAST, vault_deposit, "p1", SWORD, slot)
    call(hub, EAST, vault_withdraw, "p1", 1)
    call(hub, EAST, vault_deposit, "p1", SWORD, None)
    call(hub, EAST, vault_deposit, "p2", SWORD, None)

    assert slots(hub, "p1") == [0, 1, 2, 3, 4]
    assert slots(hub, "p2") == [0]


def test_slot_holds_one_item(hub: Hub) -> None:
    hub.join(EAST, "p1")
    call(hub, EAST, vault_deposit, "p1", SWORD, 99)

    text = refused(hub, EAST, vault_deposit, "p1", SWORD, 99)

    assert text == "AlreadyExists: slot 99 in the vault of player 'p1' holds an item"


def test_slot_beyond_the_last_is_refused(hub: Hub) -> None:
    hub.join(EAST, "p1")

    text = refused(hub, EAST, vault_deposit, "p1", SWORD, 100)

    assert text == "InvalidArgument: slot is 100, not 0 to 99"


def test_full_vault_takes_nothing_more(hub: Hub) -> None:
    hub.join(EAST, "p1")
    with hub.db.write() as tx:
        for slot in range(100):
            row = GlobalVault(
                player_id="p1",
                item_data="",
                slot=slot,
                deposited_at=START,
                source_server_id="east",
            )
            tx[GlobalVault].insert(row)

    text = refused(hub, EAST, vault_deposit, "p1", SWORD, None)

    assert text == "WrongState: the vault of player 'p1' is full (100 slots)"


def test_item_may_have_64_kib(hub: Hub) -> None:
    hub.join(EAST, "p1")
    call(hub, EAST, vault_deposit, "p1", "é" * 32768, None)
    call(hub, EAST, vault_deposit, "p1", "", None)

    text = refused(hub, EAST, vault_deposit, "p1", "é" * 32768 + "x", None)

    assert text == "InvalidArgument: item_data has 65537 bytes, more than 65536"


def test_player_must_be_on_the_callers_server(hub: Hub) -> None:
    hub.join(WEST, "p1")
    number = call(hub, WEST, vault_deposit, "p1", SWORD, None)

    assert {
        refused(hub, EAST, vault_deposit, "p1", SWORD, None),
        refused(hub, EAST, vault_withdraw, "p1", number),
    } == {"Conflict: player 'p1' is on 'west', not on 'east'"}
    assert {
        refused(hub, EAST, vault_deposit, "p2", SWORD, None),
        refused(hub, EAST, vault_withdraw, "p2", number),
    } == {"NotFound: player 'p2' is on no server"}


def test_vault_is_closed_while_the_character_is_in_transit(hub: Hub) -> None:
    hub.join(EAST, "p1")
    number = call(hub, EAST, vault_deposit, "p1", SWORD, None)
    transfer_id = in_transit(hub, "p1")

    texts = {
        refused(hub, EAST, vault_deposit, "p1", SWORD, None),
        refused(hub, EAST, vault_withdraw, "p1", number),
    }
    call(hub, WEST, transfer_complete, transfer_id)

    assert texts == {
        (
            "WrongState: player 'p1' is in transit to 'west' (transfer 1): "
            "his snapshot is taken"
        )
    }
    assert call(hub, WEST, vault_withdraw, "p1", number) == SWORD


def test_vault_is_open_while_a_transfer_is_pending(hub: Hub) -> None:
    hub.join(EAST, "p1")
    call(hub, EAST, transfer_request, "p1", "west")

    number = call(hub, EAST, vault_deposit, "p1", SWORD, None)

    assert call(hub, EAST, vault_withdraw, "p1", number) == SWORD


@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_vault_is_for_registered_bridges(hub: Hub, who: str) -> None:
    hub.join(EAST, "p1")
    caller = None if who == "owner" else STRANGER

    assert {
        refused(hub, caller, vault_deposit, "p1", SWORD, None),
        refused(hub, caller, vault_withdraw, "p1", 1),
    } == {"NotAuthorized: the caller is not a registered bridge"}


@pytest.mark.parametrize("player", ["", "p" * 65])
def test_vault_refuses_wrong_ids(hub: Hub, player: str) -> None:
    for text in (
        refused(hub, EAST, vault_deposit, player, SWORD, None),
        refused(hub, EAST, vault_withdraw, player, 1),
    ):
        assert text.startswith("InvalidArgument: player_id ")
