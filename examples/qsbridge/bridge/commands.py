"""Commands: what the platform has a bridge do, each done once.

A command is a row. The bridge does it and acknowledges it, which deletes the row; one
for all servers stays until it is swept, since the others have to see it too. Between
doing and acknowledging the connection may break, and then the row is there again: so
the bridge remembers what it has done, for as long as its process runs; one that begins
anew may announce again what is not five minutes old. It looks at the rows that are
there, not at how they came, and so it makes no difference whether it heard of one today
or twice.
"""

import logging
from collections.abc import Callable
from typing import Final

import qsdb
from examples.qsbridge.bridge.link import Link
from examples.qsbridge.hub.commands import ALL_SERVERS
from examples.qsbridge.hub.extensions import BridgeCommand

__all__ = ["CommandRunner"]

LOGGER: Final = logging.getLogger("qsbridge.bridge")


class CommandRunner:
    """Does the commands that a bridge finds in its cache."""

    def __init__(
        self,
        link: Link,
        kick: Callable[[str, str], object],
        announce: Callable[[str], object],
    ) -> None:
        """Begin with nothing done.

        Args:
            link: Knows the commands, and takes the acknowledgements.
            kick: Throws a player out, for a reason.
            announce: Shows a message to all players.
        """
        self._link = link
        self._kick = kick
        self._announce = announce
        self._done: set[int] = set()
        self._failed: set[int] = set()

    def run(self) -> None:
        """Do what is not done, the oldest first, and acknowledge it.

        A command whose hook raises stays, and is left alone until `try_again`.

        Raises:
            OfflineError: the connection was lost; what was done will be acknowledged
                by the next one.
        """
        commands = self._link.known.commands
        there = {each.command_id for each in commands}
        self._done &= there
        self._failed &= there
        for command in commands:
            if command.command_id not in self._failed:
                self._run(command)

    def try_again(self) -> None:
        """Have those done again whose hooks raised."""
        self._failed.clear()

    def _run(self, command: BridgeCommand) -> None:
        command_id = command.command_id
        if command_id not in self._done:
            try:
                self._do(command)
            except Exception:
                LOGGER.exception("the game failed to do %r", command)
                self._failed.add(command_id)
                return
            self._done.add(command_id)
        if command.server_id != ALL_SERVERS:
            try:
                self._link.call("bridge_command_ack", command_id)
            except qsdb.ReducerError:  # it was swept meanwhile
                LOGGER.info("command %d is not there any more", command_id)

    def _do(self, command: BridgeCommand) -> None:
        match command.kind:
            case "kick":
                self._kick(command.player_id, command.payload)
            case "announce":
                self._announce(command.payload)
            case _:  # of a platform that is newer than this bridge
                LOGGER.warning("no bridge of this version can do %r", command)
