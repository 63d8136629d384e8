"""A provider in memory: for tests, simulations, and a panel without an account.

It behaves as a provider does: it has some servers and no others, a server runs or
stands still, a wipe leaves a new world, and a console answers while its server runs.
What it was asked for it keeps, and failures can be planned, those included that a
provider is feared for: the order is carried out and the answer is lost.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from examples.qsbridge.hosting.failures import (
    HostingError,
    RequestRefusedError,
    UnknownOutcomeError,
    UnknownServerError,
)
from examples.qsbridge.hosting.provider import HostingAnswer, HostingProvider

__all__ = ["MemoryProvider", "RentedServer"]


@dataclass(frozen=True)
class RentedServer:
    """A server at the provider.

    Attributes:
        is_running: Whether it runs.
        worlds: How many worlds it has had; a wipe begins the next one.
        lines: What was typed into its console.
    """

    is_running: bool = True
    worlds: int = 1
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class PlannedFailure:
    """What the next order fails with."""

    error: HostingError
    is_done: bool
    """Whether the order is carried out all the same."""


class MemoryProvider(HostingProvider):
    """Rents servers out that are nothing but rows in memory.

    >>> provider = MemoryProvider(["a1b2"])
    >>> provider.stop("a1b2").order
    'stop'
    >>> provider.server("a1b2").is_running
    False
    """

    def __init__(
        self,
        hosting_ids: Iterable[str],
        when_asked: Callable[[str, str], None] = lambda _order, _hosting_id: None,
    ) -> None:
        """Rent servers out, all of them running.

        Args:
            hosting_ids: The provider's ids of the servers.
            when_asked: Called with each order and the id of its server, on the thread
                that gives the order, before it is carried out; it may wait.
        """
        self._lock = threading.Lock()
        self._servers = {each: RentedServer() for each in hosting_ids}
        self._when_asked = when_asked
        self._asked: list[tuple[str, str]] = []
        self._failures: deque[PlannedFailure] = deque()

    @property
    def asked(self) -> list[tuple[str, str]]:
        """All orders so far, as (order, hosting id), failed ones included."""
        with self._lock:
            return list(self._asked)

    def server(self, hosting_id: str) -> RentedServer:
        """Give the state of a server.

        Raises:
            UnknownServerError: there is none with this id.
        """
        with self._lock:
            return self._found(hosting_id)

    def plan_failure(self, error: HostingError, *, is_done: bool = False) -> None:
        """Let an order fail: the next, or the one after those planned before.

        Args:
            error: What it raises.
            is_done: Whether it is carried out all the same.

        Raises:
            ValueError: it is to be carried out, and the error says that it was not.
        """
        if is_done and not isinstance(error, UnknownOutcomeError):
            raise ValueError(f"{error!r} says that nothing was done")
        with self._lock:
            self._failures.append(PlannedFailure(error, is_done))

    def start(self, hosting_id: str) -> HostingAnswer:
        return self._order(
            "start", hosting_id, lambda old: replace(old, is_running=True)
        )

    def stop(self, hosting_id: str) -> HostingAnswer:
        return self._order(
            "stop", hosting_id, lambda old: replace(old, is_running=False)
        )

    def restart(self, hosting_id: str) -> HostingAnswer:
        return self._order(
            "restart", hosting_id, lambda old: replace(old, is_running=True)
        )

    def wipe(self, hosting_id: str) -> HostingAnswer:
        return self._order(
            "wipe", hosting_id, lambda old: replace(old, worlds=old.worlds + 1)
        )

    def command(self, hosting_id: str, command: str) -> HostingAnswer:
        def typed(old: RentedServer) -> RentedServer:
            if not old.is_running:
                raise RequestRefusedError(f"server {hosting_id!r} is not running")
            return replace(old, lines=(*old.lines, command))

        return self._order("command", hosting_id, typed, f"> {command}")

    def _order(
        self,
        order: str,
        hosting_id: str,
        change: Callable[[RentedServer], RentedServer],
        text: str = "",
    ) -> HostingAnswer:
        self._when_asked(order, hosting_id)
        with self._lock:
            self._asked.append((order, hosting_id))
            failure = self._failures.popleft() if self._failures else None
            if failure is None or failure.is_done:
                self._servers[hosting_id] = change(self._found(hosting_id))
        if failure is not None:
            raise failure.error
        return HostingAnswer(hosting_id, order, text)

    def _found(self, hosting_id: str) -> RentedServer:
        server = self._servers.get(hosting_id)
        if server is None:
            raise UnknownServerError(f"the provider has no server {hosting_id!r}")
        return server
