"""QS-Bridge's platform on qsdb: the hub of a cluster of game servers.

`platform` is the module: tables in `tables`, reducers that the public wiki names
in `documented`, reducers that it leaves out in `suggested`, and the place in an
event file in `playing`. The runnable cluster (``python -m examples.qsbridge``) is
built on top and not imported here.
"""

from examples.qsbridge.documented import (
    admin_ban,
    admin_unban,
    init,
    server_heartbeat,
    server_register,
)
from examples.qsbridge.playing import EventSource, play_event
from examples.qsbridge.suggested import presence_beat, presence_join, presence_leave
from examples.qsbridge.tables import (
    SILENCE_MAX,
    BanEntry,
    ModuleConfig,
    PlayerServerPresence,
    ServerConfig,
    ServerRegistry,
    platform,
)

__all__ = [
    "SILENCE_MAX",
    "BanEntry",
    "EventSource",
    "ModuleConfig",
    "PlayerServerPresence",
    "ServerConfig",
    "ServerRegistry",
    "admin_ban",
    "admin_unban",
    "init",
    "platform",
    "play_event",
    "presence_beat",
    "presence_join",
    "presence_leave",
    "server_heartbeat",
    "server_register",
]
