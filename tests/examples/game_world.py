"""The game's database in the hands of a test."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

import qsdb
from examples.qsbridge.game.characters import capture_character, restore_character
from examples.qsbridge.game.guards import admit_server
from examples.qsbridge.game.players import move, spawn
from examples.qsbridge.game.tables import (
    PlatformBan,
    PlayerPosition,
    PlayerVitals,
    SecurityEvent,
    StoredCharacter,
)
from qsdb import Identity
from qsdb.testing import FakeClock, assert_no_change

GAME_EAST = Identity.from_claims("test", "east in the game")
GAME_WEST = Identity.from_claims("test", "west in the game")


@dataclass
class World:
    """A database with two servers, its clock, and short ways to ask and to call."""

    db: qsdb.Database
    clock: FakeClock

    def admit(self) -> None:
        self.db.call(admit_server, "east", GAME_EAST)
        self.db.call(admit_server, "west", GAME_WEST)

    def call(self, reducer: Callable[..., object], *arguments: object) -> object:
        """Call as the bridge of the server east."""
        return self.db.caller(GAME_EAST).call(reducer, *arguments)

    def west(self, reducer: Callable[..., object], *arguments: object) -> object:
        return self.db.caller(GAME_WEST).call(reducer, *arguments)

    def refused(self, reducer: Callable[..., object], *arguments: object) -> str:
        return self.refusal(lambda: self.call(reducer, *arguments))

    def refusal(self, act: Callable[[], object]) -> str:
        """Give the text with which `act` is refused, having changed nothing."""
        with assert_no_change(self.db), pytest.raises(qsdb.ReducerError) as caught:
            act()
        return str(caught.value)

    def spawn(self, player_id: str) -> None:
        self.call(spawn, player_id)

    def move(self, player_id: str, x: float, y: float = 0.0, z: float = 0.0) -> None:
        self.call(move, player_id, x, y, z)

    def capture(self, player_id: str) -> str:
        return str(self.call(capture_character, player_id))

    def restore_on_west(self, snapshot: str) -> None:
        self.west(restore_character, snapshot)

    def position(self, player_id: str) -> PlayerPosition | None:
        with self.db.read() as tx:
            return tx[PlayerPosition].get(player_id)

    def vitals(self, player_id: str) -> PlayerVitals | None:
        with self.db.read() as tx:
            return tx[PlayerVitals].get(player_id)

    def is_outside(self, player_id: str) -> bool:
        """Tell whether a player is not in the world, neither whole nor in part."""
        position, vitals = self.position(player_id), self.vitals(player_id)
        assert (position is None) == (vitals is None)
        return position is None

    def stored(self, player_id: str) -> StoredCharacter | None:
        with self.db.read() as tx:
            return tx[StoredCharacter].get(player_id)

    def ban(self, player_id: str) -> PlatformBan | None:
        with self.db.read() as tx:
            return tx[PlatformBan].get(player_id)

    def events(self) -> list[SecurityEvent]:
        with self.db.read() as tx:
            return sorted(tx[SecurityEvent], key=lambda row: row.event_id)

    def set_vitals(self, player_id: str, **changes: int) -> None:
        with self.db.write() as tx:
            vitals = tx[PlayerVitals].get(player_id)
            assert vitals is not None
            tx[PlayerVitals].update(vitals.replace(**changes))
