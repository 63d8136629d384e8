"""The game's module, whole: whoever imports `survival` from here has all reducers.

A module knows the reducers of the files that were imported; this one imports them all.
"""

from examples.qsbridge.game.bans import copy_ban, drop_ban
from examples.qsbridge.game.characters import (
    capture_character,
    forget_character,
    release_character,
    restore_character,
)
from examples.qsbridge.game.chat import send_chat
from examples.qsbridge.game.guards import admit_server
from examples.qsbridge.game.hunger import grow_hungry, init
from examples.qsbridge.game.outbox import acknowledge, advance
from examples.qsbridge.game.players import (
    die,
    feed,
    heal,
    hurt,
    leave_world,
    move,
    spawn,
)
from examples.qsbridge.game.security import report_security_event
from examples.qsbridge.game.tables import survival

__all__ = [
    "acknowledge",
    "admit_server",
    "advance",
    "capture_character",
    "copy_ban",
    "die",
    "drop_ban",
    "feed",
    "forget_character",
    "grow_hungry",
    "heal",
    "hurt",
    "init",
    "leave_world",
    "move",
    "release_character",
    "report_security_event",
    "restore_character",
    "send_chat",
    "spawn",
    "survival",
]
