"""A game server: a world with players in it, and its bridge to the platform.

The bridge is the one that a real game would use (`examples.qsbridge.bridge`); this is
the game, as far as the platform notices it. It hears of kicks and transfers by hooks,
captures characters, takes them over, and lets players go.
"""

import functools
import json
from typing import Final, Literal

import qsdb
from examples.qsbridge.bridge import Bridge, GameHooks, OfflineError, ServerDetails
from examples.qsbridge.hub.tables import GlobalVault, ServerTransferQueue
from examples.qsbridge.simulation.agenda import SECOND, Act
from examples.qsbridge.simulation.crowd import Crowd
from examples.qsbridge.simulation.people import Player
from examples.qsbridge.simulation.world import World
from qsdb import Timestamp

__all__ = ["GameServer"]

TICK: Final = SECOND
BEAT: Final = 30 * SECOND
UNANSWERED_SHARE: Final = 0.04
"""Of arriving transfers, how many the destination never takes: they time out."""


class GameServer(GameHooks):
    """One server.

    Attributes:
        details: What it says of itself.
        players: Who is in its world, by id, in the order of arrival.
        state: Whether it runs, stands still, or has crashed.
        began: When it was started last.
        waiting: Players who stand at the vault's counter: the platform was lost in the
            middle of their call, and nobody knows where their item is. Until that is
            known they do nothing else. A game would write their items down before; this
            one does not crash while there are any.
    """

    def __init__(self, world: World, crowd: Crowd, details: ServerDetails) -> None:
        """Prepare; `start` begins."""
        self.details = details
        self.players: dict[str, Player] = {}
        self.state: Literal["up", "hung", "down"] = "down"
        self._world = world
        self._crowd = crowd
        self.began = Timestamp.EPOCH
        self.waiting: set[str] = set()
        self._token: str | None = None
        self._life = 0
        self._bridge: Bridge | None = None

    @property
    def server_id(self) -> str:
        """Its id."""
        return self.details.server_id

    @property
    def bridge(self) -> Bridge:
        """Its end of the platform.

        Raises:
            OfflineError: the server has crashed, or has never been started.
        """
        if self._bridge is None:
            raise OfflineError(f"{self.server_id} is down", may_have_run=False)
        return self._bridge

    # What becomes of it.

    def start(self) -> None:
        """Begin, or begin again after a crash."""
        world = self._world
        self.state = "up"
        self.began = world.agenda.clock.now()
        self._life += 1
        self._bridge = Bridge(
            world.hub.connect,
            self.details,
            self,
            token=self._token,
            now=world.agenda.clock.now,
            chance=world.rng.random,
        )
        self._tick(self._life)
        world.agenda.after(
            world.rng.randrange(BEAT), functools.partial(self._beat, self._life)
        )

    def crash(self) -> None:
        """End at once: the connection breaks, and nobody is in its world any more."""
        bridge, self._bridge = self.bridge, None
        self.state = "down"
        self._life += 1
        self._token = bridge.link.token
        bridge.close()
        players, self.players = [*self.players.values()], {}
        for player in players:
            self._crowd.fell_out(player)

    def hang(self) -> None:
        """Stand still: nothing is said any more, and the connection stays open."""
        self.state = "hung"
        for player in self.players.values():
            self._crowd.waits(player)

    def resume(self) -> None:
        """Go on after having stood still."""
        self.state = "up"
        self._tick(self._life)
        self._beat(self._life)

    def _tick(self, life: int) -> None:
        if life == self._life and self.state == "up":
            self.bridge.tick()
            if self.bridge.link.is_online:  # then what was open is settled
                self.waiting.clear()
            self._world.agenda.after(TICK, lambda: self._tick(life))

    def _beat(self, life: int) -> None:
        if life == self._life and self.state == "up":
            self.bridge.beat(self.players)
            self._world.agenda.after(BEAT, lambda: self._beat(life))

    # What the platform has it do.

    def on_kick(self, player_id: str, reason: str) -> None:
        player = self.players.pop(player_id, None)
        if player is not None:
            self._world.tally["kicked"] += 1
            self._crowd.fell_out(player)
        self.bridge.player_left(player_id)

    def on_announce(self, message: str) -> None:
        self._world.tally["announcements heard"] += 1

    def on_transfer_requested(self, transfer: ServerTransferQueue) -> None:
        seconds = self._world.rng.uniform(0.5, 2)
        self._later(seconds, lambda: self._hand_over(transfer))

    def _hand_over(self, transfer: ServerTransferQueue) -> None:
        player = self._world.players[transfer.player_id]
        character = json.dumps({"name": player.name, "items": player.items})
        self._world.attempt(
            "transfer_snapshot",
            lambda: self.bridge.hand_over(transfer.transfer_id, character),
        )

    def on_transfer_arriving(self, transfer: ServerTransferQueue) -> None:
        rng = self._world.rng
        if rng.random() >= UNANSWERED_SHARE:
            self._later(rng.uniform(0.5, 3), lambda: self._take_over(transfer))

    def _take_over(self, transfer: ServerTransferQueue) -> None:
        if self._world.attempt(
            "transfer_complete",
            lambda: self.bridge.complete_transfer(transfer.transfer_id),
        ):
            self._crowd.arrives(self._world.players[transfer.player_id], self)

    def on_transfer_ended(self, transfer: ServerTransferQueue) -> None:
        if transfer.status == "failed":
            self._crowd.stays(self._world.players[transfer.player_id], self)

    def on_item_withdrawn(self, item: GlobalVault) -> None:
        if item.player_id in self.waiting:  # it was done, and the answer lost
            self._world.tally["withdraw"] += 1
        self._give(item.player_id, item.item_data)

    def on_deposit_settled(
        self, player_id: str, item_data: str, *, is_stored: bool
    ) -> None:
        if is_stored:
            self._world.tally["deposit"] += 1
        else:
            self._give(player_id, item_data)

    def _give(self, player_id: str, item_data: str) -> None:
        self._world.players[player_id].items.append(json.loads(item_data)["item"])

    # What players do in it.

    def deposit(self, player: Player, slot: int | None) -> None:
        """Put an item of a player into his vault; he does not have it meanwhile."""
        item = player.items.pop(self._world.rng.randrange(len(player.items)))
        data = json.dumps({"item": item})
        try:
            self.bridge.vault.deposit(player.player_id, data, slot)
        except qsdb.ReducerError as error:
            player.items.append(item)
            raise error from None
        except OfflineError as error:
            if error.may_have_run:
                self.waiting.add(player.player_id)
            else:
                player.items.append(item)
            raise

    def withdraw(self, player: Player, vault_id: int) -> None:
        """Take an item out of a player's vault, and give it to him."""
        try:
            self.bridge.vault.withdraw(player.player_id, vault_id)
        except OfflineError as error:
            if error.may_have_run:
                self.waiting.add(player.player_id)
            raise
        self.bridge.tick()  # has the hook called that gives it out

    def withdraw_again(self, item: GlobalVault) -> None:
        """Have the platform give out an item that is out, and hand it to its player.

        The bridge's counter would look first, and not ask for what is not there: this
        goes past it.
        """
        self.bridge.link.call("vault_withdraw", item.player_id, item.vault_id)
        self.on_item_withdrawn(item)

    def _later(self, seconds: float, act: Act) -> None:
        """Have something done, if the server has not crashed or stood still by then."""
        life = self._life

        def do() -> None:
            if life == self._life and self.state == "up":
                act()

        self._world.agenda.after(round(seconds * SECOND), do)
