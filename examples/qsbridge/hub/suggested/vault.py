"""The vault: items that a player leaves on one server and fetches on another.

What an item is, only games know: the platform keeps a text and never reads it. It
keeps two promises instead. A place holds one item, and an item leaves the vault
once: the row goes in the transaction that gives the item out, and whoever comes
second finds none.

Two rules follow from these promises:

* A character whose snapshot is taken (a transfer that is in transit) can neither
  deposit nor withdraw. What he deposited would be in the vault and in the
  snapshot, what he withdrew in neither.
* A game hands a withdrawn item to its player when the commit is on the disk, and
  not before: a connection made with ``confirmed=True`` is told then. With
  durability ``"interval"`` a platform that loses power forgets its last
  hundredths of a second, and the item would be in the vault again.
"""

import qsdb
from examples.qsbridge.hub.guards import require_bridge
from examples.qsbridge.hub.limits import (
    ITEM_BYTES_MAX,
    VAULT_SLOTS,
    check_bytes,
    check_player_id,
)
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import GlobalVault, PlayerServerPresence, platform
from examples.qsbridge.hub.transfers import open_transfer
from qsdb import u32, u64

__all__ = ["vault_deposit", "vault_withdraw"]


@platform.reducer
def vault_deposit(
    ctx: qsdb.ReducerContext, player_id: str, item_data: str, slot: u32 | None
) -> u64:
    """Put an item into a player's vault, and give its id there.

    Args:
        ctx: The call's; the caller is the bridge of the player's server.
        player_id: Whose vault.
        item_data: The item, at most 64 KiB; JSON by custom.
        slot: Where to, 0 to 99; the lowest that is free if None.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge;
            InvalidArgument; NotFound, the player is on no server; Conflict, he is
            on another one; WrongState, he is in transit, or the vault is full;
            AlreadyExists, the slot holds an item.
    """
    server_id = require_bridge(ctx).server_id
    check_player_id(player_id)
    check_bytes("item_data", item_data, ITEM_BYTES_MAX)
    _check_present(ctx, player_id, server_id)
    row = ctx.db[GlobalVault].insert(
        GlobalVault(
            player_id=player_id,
            item_data=item_data,
            slot=_slot(ctx, player_id, slot),
            deposited_at=ctx.timestamp,
            source_server_id=server_id,
        )
    )
    return row.vault_id


@platform.reducer
def vault_withdraw(ctx: qsdb.ReducerContext, player_id: str, vault_id: u64) -> str:
    """Take an item out of a player's vault, and give its text.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge;
            InvalidArgument; NotFound, the player is on no server, or his vault
            has no such item; Conflict, he is on another server; WrongState, he
            is in transit.
    """
    server_id = require_bridge(ctx).server_id
    check_player_id(player_id)
    _check_present(ctx, player_id, server_id)
    row = ctx.db[GlobalVault].get(vault_id)
    if row is None or row.player_id != player_id:
        raise refusal(
            "NotFound", f"the vault of player {player_id!r} has no item {vault_id}"
        )
    ctx.db[GlobalVault].delete_by_key(vault_id)
    return row.item_data


def _check_present(ctx: qsdb.ReducerContext, player_id: str, server_id: str) -> None:
    """Check that the player is on the server, with his character in its hands."""
    presence = ctx.db[PlayerServerPresence].get(player_id)
    if presence is None:
        raise refusal("NotFound", f"player {player_id!r} is on no server")
    if presence.server_id != server_id:
        raise refusal(
            "Conflict",
            f"player {player_id!r} is on {presence.server_id!r}, not on {server_id!r}",
        )
    transfer = open_transfer(ctx, player_id)
    if transfer is not None and transfer.status == "in_transit":
        raise refusal(
            "WrongState",
            f"player {player_id!r} is in transit to {transfer.to_server_id!r} "
            f"(transfer {transfer.transfer_id}): his snapshot is taken",
        )


def _slot(ctx: qsdb.ReducerContext, player_id: str, wanted: int | None) -> int:
    """Give the slot to use: the wanted one if it is free, or the lowest."""
    taken = {row.slot for row in ctx.db[GlobalVault].player_id.filter(player_id)}
    if wanted is None:
        free = next((each for each in range(VAULT_SLOTS) if each not in taken), None)
        if free is None:
            raise refusal(
                "WrongState",
                f"the vault of player {player_id!r} is full ({VAULT_SLOTS} slots)",
            )
        return free
    if wanted >= VAULT_SLOTS:
        raise refusal(
            "InvalidArgument", f"slot is {wanted}, not 0 to {VAULT_SLOTS - 1}"
        )
    if wanted in taken:
        raise refusal(
            "AlreadyExists",
            f"slot {wanted} in the vault of player {player_id!r} holds an item",
        )
    return wanted
