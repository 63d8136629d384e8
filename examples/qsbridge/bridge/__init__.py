"""The bridge: a game server's end of the platform.

A game server does not ask the platform about every player who knocks. Its bridge
connects once, registers the server, and subscribes to what the server has to know;
from then on that lies in a cache in the server's own process, and each commit on the
platform brings the cache up to date. So decisions are made on the spot, and are made
on when the platform is away for a while.

================  ============================================================
`client`          `Bridge`: what a game server uses
`hooks`           `GameHooks`: what the bridge has the game do
`knowledge`       what a server knows, and what follows for who may join
`link`            registering, heartbeats, and coming back after a loss
`roster`          who plays on the server, and that the platform hears so
`calls`           hooks that are still to be called, each until it has returned
`news`            from what changed in the cache to what the game is told
`commands`        what the platform has the bridge do, each once
`vault`           items in and out, also when the connection breaks in between
`port`            what it needs of a connection
`network`         a connection over the network, by `qsdb.client`; imported by who
                  wants it
`timers`          when something is due: time-outs and exponential back-off
`running`         a thread that drives a bridge
================  ============================================================
"""

from examples.qsbridge.bridge.client import Bridge
from examples.qsbridge.bridge.hooks import GameHooks
from examples.qsbridge.bridge.knowledge import Decision, Knowledge
from examples.qsbridge.bridge.link import ServerDetails
from examples.qsbridge.bridge.port import OfflineError
from examples.qsbridge.bridge.running import BridgeThread

__all__ = [
    "Bridge",
    "BridgeThread",
    "Decision",
    "GameHooks",
    "Knowledge",
    "OfflineError",
    "ServerDetails",
]
