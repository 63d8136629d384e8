"""A character as JSON text: what a transfer carries from server to server.

    {"version": 1, "player_id": "Steam:7", "position": {"x": 1.5, "y": 0.0, "z": -2.0},
     "vitals": {"health": 80, "hunger": 12}}

The platform passes the text on and does not read it. It may come from a game database
that is older or newer, so it has a version; and it is read strictly, since whoever can
write it could write himself a health of 10,000.
"""

import json
import math
from typing import Final, NamedTuple

from examples.qsbridge.game.tables import HEALTH_MAX, HUNGER_MAX
from examples.qsbridge.hub.json_objects import Fields, check_fields, read_object
from examples.qsbridge.hub.limits import (
    SNAPSHOT_BYTES_MAX,
    check_bytes,
    check_player_id,
)
from examples.qsbridge.hub.refusals import refusal

__all__ = ["EDGE", "VERSION", "Character", "check_position"]

VERSION: Final = 1
EDGE: Final = 1_000_000.0
"""No coordinate is farther from 0, in metres."""

_CHARACTER: Final[Fields] = {
    "version": int,
    "player_id": str,
    "position": dict,
    "vitals": dict,
}
_POSITION: Final[Fields] = {"x": float, "y": float, "z": float}
_VITALS: Final[Fields] = {"health": int, "hunger": int}


class Character(NamedTuple):
    """What a snapshot holds."""

    player_id: str
    x: float
    y: float
    z: float
    health: int
    hunger: int

    def to_json(self) -> str:
        """Give the text; the same character gives the same text."""
        return json.dumps(
            {
                "version": VERSION,
                "player_id": self.player_id,
                "position": {"x": self.x, "y": self.y, "z": self.z},
                "vitals": {"health": self.health, "hunger": self.hunger},
            },
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> "Character":
        """Read a text.

        Raises:
            ReducerError: InvalidArgument, with what is wrong.
        """
        check_bytes("snapshot", text, SNAPSHOT_BYTES_MAX)
        found = read_object("the snapshot", text, _CHARACTER)
        if found["version"] != VERSION:
            raise refusal(
                "InvalidArgument",
                f"the snapshot is of version {found['version']}, not {VERSION}",
            )
        position = check_fields("its position", found["position"], _POSITION)
        vitals = check_fields("its vitals", found["vitals"], _VITALS)
        character = cls(found["player_id"], **position, **vitals)
        check_player_id(character.player_id)
        check_position(character.x, character.y, character.z)
        _check_between("health", character.health, 1, HEALTH_MAX)
        _check_between("hunger", character.hunger, 0, HUNGER_MAX)
        return character


def check_position(x: float, y: float, z: float) -> None:
    """Check that a place is in the world.

    Raises:
        ReducerError: InvalidArgument.
    """
    for name, value in (("x", x), ("y", y), ("z", z)):
        if not math.isfinite(value) or abs(value) > EDGE:
            raise refusal(
                "InvalidArgument", f"{name} is {value}, not from {-EDGE} to {EDGE} m"
            )


def _check_between(what: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise refusal("InvalidArgument", f"{what} is {value}, not {least} to {most}")
