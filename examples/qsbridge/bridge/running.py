"""A thread that drives a bridge, for a game without a main loop to do it in."""

import logging
import threading
from types import TracebackType
from typing import Final, Self

import qsdb
from examples.qsbridge.bridge.client import Bridge

__all__ = ["BridgeThread"]

LOGGER: Final = logging.getLogger("qsbridge.bridge")


class BridgeThread:
    """Calls `Bridge.tick` whenever something is due or has come; never before.

    It calls the game's hooks, so a hook that takes long holds heartbeats up. It never
    keeps a program alive.
    """

    def __init__(self, bridge: Bridge) -> None:
        """Prepare; entering the block begins."""
        self._bridge = bridge
        self._is_over = False
        self._thread = threading.Thread(
            target=self._run, name=f"bridge {bridge.server_id}", daemon=True
        )

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the thread, which closes the bridge: the game is told what is left."""
        self._is_over = True
        self._bridge.wake()
        try:
            self._thread.join()
        finally:  # if the thread has not: it ended early, or Ctrl-C was faster
            self._bridge.close()

    def _run(self) -> None:
        while not (self._is_over or self._bridge.is_closed):
            try:
                self._bridge.tick()
            except qsdb.ReducerError:
                LOGGER.exception("%s cannot be registered", self._bridge.server_id)
                return
            self._bridge.wait()
        self._bridge.close()
