"""The vault's counter: items in and out, each of them once.

An item is either in the game or in the vault. A deposit that is refused leaves it in
the game, a withdrawal that is refused in the vault. What is left is the call in whose
middle the connection was lost: it was done, or it was not. So the counter keeps it in
mind and looks, as soon as it can, what the vault holds::

    withdraw   the row is gone       it was done: the item is given out
               the row is there      it was not
    deposit    there is a new row    it was done
               there is none         it was not: the item is given back

Equal items are common, so a row is new if it was not there before the call, and not by
what it holds; a deposit names its slot, for that. A player who has been on another
server meanwhile may have been at the vault there, so a row that is not there proves
nothing then: his item is neither given out nor given back, which is logged. Where he
has been the platform knows by his movements.

The counter does one thing after the other, whatever threads call it.
"""

import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from examples.qsbridge.bridge.calls import Call
from examples.qsbridge.bridge.hooks import GameHooks
from examples.qsbridge.bridge.link import Link
from examples.qsbridge.bridge.port import OfflineError
from examples.qsbridge.hub.limits import VAULT_SLOTS
from examples.qsbridge.hub.movements import NOWHERE
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import GlobalVault
from qsdb import Timestamp

__all__ = ["VaultCounter"]

LOGGER: Final = logging.getLogger("qsbridge.bridge")


@dataclass(frozen=True, slots=True)
class _Deposit:
    """A deposit of which nobody knows whether it was done."""

    player_id: str
    item_data: str
    slot: int
    vault_ids: frozenset[int]
    """What was in the vault before."""
    connected_at: Timestamp
    """Since when the player was on the server."""


@dataclass(frozen=True, slots=True)
class _Withdrawal:
    """A withdrawal of which nobody knows whether it was done."""

    item: GlobalVault
    connected_at: Timestamp
    """Since when the player was on the server."""


class VaultCounter:
    """Puts items of players on one server into the vault, and takes them out."""

    def __init__(
        self,
        link: Link,
        server_id: str,
        hooks: GameHooks,
        post: Callable[[Call], object],
    ) -> None:
        """Begin with nothing open.

        Args:
            link: To the platform.
            server_id: The server.
            hooks: The game's.
            post: Takes calls of hooks, for the thread that makes them.
        """
        self._link = link
        self._server_id = server_id
        self._hooks = hooks
        self._post = post
        self._open: list[_Deposit | _Withdrawal] = []
        self._one_at_a_time = threading.Lock()

    def items(self, player_id: str) -> list[GlobalVault]:
        """Give what a player's vault holds, by slot; it is asked of the platform.

        Raises:
            OfflineError: the platform is not reached.
        """
        query = "SELECT * FROM global_vault WHERE player_id = :player_id"
        items = self._link.ask(query, player_id=player_id)
        return sorted(items, key=lambda each: each.slot)

    def deposit(self, player_id: str, item_data: str, slot: int | None) -> None:
        """Put an item that the game has set aside into the vault.

        Args:
            player_id: A player on this server.
            item_data: The item, as the game writes it down.
            slot: Where; None for the lowest that is free.

        Raises:
            ReducerError: the platform refuses; the item is the game's still.
            OfflineError: the platform is not reached, and the item is the game's
                still; or, with `may_have_run`, lost: then it stays aside until
                `GameHooks.on_deposit_settled` is called.
        """
        with self._one_at_a_time:
            self._settle()
            items = self.items(player_id)
            if slot is None:
                slot = _free_slot(items)
            arguments = player_id, item_data, slot
            if slot is None:  # there is none, and the platform says so
                self._link.call("vault_deposit", *arguments)
                return
            before = frozenset(item.vault_id for item in items)
            since = self._since(player_id)
            with self._in_mind(_Deposit(player_id, item_data, slot, before, since)):
                self._link.call("vault_deposit", *arguments)

    def withdraw(self, player_id: str, vault_id: int) -> None:
        """Take an item out of the vault; `GameHooks.on_item_withdrawn` gives it out.

        Raises:
            ReducerError: the platform refuses; the item stays where it is.
            OfflineError: the platform is not reached, and the item stays; or, with
                `may_have_run`, lost: then the hook is called later if it was done.
        """
        with self._one_at_a_time:
            self._settle()
            item = self._item(vault_id)
            if item is None:
                raise refusal("NotFound", f"there is no item {vault_id} in the vault")
            with self._in_mind(_Withdrawal(item, self._since(player_id))):
                self._link.call("vault_withdraw", player_id, vault_id)
            self._give_out(item)

    @contextlib.contextmanager
    def _in_mind(self, call: _Deposit | _Withdrawal) -> Iterator[None]:
        """Keep a call in mind until it is known what became of it.

        That is not known of one whose connection was lost, or that Ctrl-C has ended.
        """
        self._open.append(call)
        try:
            yield
        except Exception as error:
            if not (isinstance(error, OfflineError) and error.may_have_run):
                self._open.remove(call)
            raise
        self._open.remove(call)

    def settle(self) -> None:
        """Find out what became of the calls in whose middle a connection was lost.

        Raises:
            OfflineError: the platform is not reached; what is open stays open.
        """
        with self._one_at_a_time:
            self._settle()

    def close(self) -> None:
        """Close the connection, when what is under way has ended.

        A call is waited for: who cut it off would not know what became of its item.
        What a loss before that has left open is named in the log.
        """
        with self._one_at_a_time:
            self._link.close()
            for unknown in self._open:
                LOGGER.error(
                    "%s ends, and nobody has found out what became of %r",
                    self._server_id,
                    unknown,
                )

    def _settle(self) -> None:
        while self._open:
            unknown = self._open[0]
            if isinstance(unknown, _Deposit):
                self._settle_deposit(unknown)
            else:
                self._settle_withdrawal(unknown)
            self._open.pop(0)

    def _settle_deposit(self, deposit: _Deposit) -> None:
        is_stored = any(
            item.slot == deposit.slot
            and item.source_server_id == self._server_id
            and item.vault_id not in deposit.vault_ids
            for item in self.items(deposit.player_id)
        )
        if not is_stored and self._was_away(deposit.player_id, deposit.connected_at):
            LOGGER.error("nobody knows what became of %r: not given back", deposit)
            is_stored = True
        act = functools.partial(
            self._hooks.on_deposit_settled,
            deposit.player_id,
            deposit.item_data,
            is_stored=is_stored,
        )
        became = "is stored" if is_stored else "is not stored"
        name = f"the deposit of {deposit.item_data!r} by {deposit.player_id!r} {became}"
        self._post(Call(act, ("deposit", deposit), name))

    def _settle_withdrawal(self, withdrawal: _Withdrawal) -> None:
        item = withdrawal.item
        if self._item(item.vault_id) is not None:
            return
        if self._was_away(item.player_id, withdrawal.connected_at):
            LOGGER.error("nobody knows who was given %r, so it is not given out", item)
        else:
            self._give_out(item)

    def _since(self, player_id: str) -> Timestamp:
        """Give since when a player is here; the platform refuses one who is not."""
        presence = self._link.known.presence(player_id)
        return Timestamp.EPOCH if presence is None else presence.connected_at

    def _was_away(self, player_id: str, since: Timestamp) -> bool:
        """Tell whether a player has been on another server since some time."""
        query = (
            "SELECT * FROM player_movement"
            " WHERE player_id = :player_id AND moved_at >= :since"
        )
        moves = self._link.ask(query, player_id=player_id, since=since)
        here = {NOWHERE, self._server_id}
        return any(move.to_server_id not in here for move in moves)

    def _item(self, vault_id: int) -> GlobalVault | None:
        query = "SELECT * FROM global_vault WHERE vault_id = :vault_id"
        return next(iter(self._link.ask(query, vault_id=vault_id)), None)

    def _give_out(self, item: GlobalVault) -> None:
        act = functools.partial(self._hooks.on_item_withdrawn, item)
        name = f"item {item.vault_id} of {item.player_id!r}, {item.item_data!r}, is out"
        self._post(Call(act, ("item", item.vault_id), name))


def _free_slot(items: Iterable[GlobalVault]) -> int | None:
    """Give the lowest free slot; None if there is none, which is to be refused."""
    taken = {item.slot for item in items}
    return next((slot for slot in range(VAULT_SLOTS) if slot not in taken), None)
