"""`Desk`: what all answers need, and how much of it anybody may use.

A server has one, and whoever runs the server opens and closes it: as long as it is
open, what modules log is kept for their owners.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Self, TypeVar

from starlette.requests import Request

from qsdb.errors import ClosedError
from qsdb.runtime.pools import Pool
from qsdb.server.authority import Authority
from qsdb.server.doors import Door
from qsdb.server.exits import contained
from qsdb.server.hosts import Host, Served
from qsdb.server.http.bodies import Bodies, read_body
from qsdb.server.http.refusals import Refusal
from qsdb.server.log_rings import Logs
from qsdb.server.metrics import Metrics
from qsdb.server.options import HttpOptions

__all__ = ["Desk"]

T = TypeVar("T")

THREADS = 2
"""For what is of no database."""


class Desk:
    """What all answers need.

    Attributes:
        host: The databases.
        authority: Says who somebody is.
        options: How much a request may use.
        metrics: Figures, which others count in too.
        logs: What modules have said.
        door: Says how much of the server an address may have.
        bodies: How much is kept of what comes with requests.
        pool: Threads for what is of no database.
    """

    def __init__(
        self,
        host: Host,
        authority: Authority,
        options: HttpOptions | None = None,
        door: Door | None = None,
    ) -> None:
        """Serve databases.

        Args:
            host: They.
            authority: Says who somebody is.
            options: How much a request may use.
            door: How much an address may have; the usual if not given.
        """
        self.host = host
        self.authority = authority
        self.door = door or Door()
        self.options = options = options or HttpOptions()
        self.metrics = Metrics(host)
        databases = [(each.access.module.name, each.identity) for each in host]
        self.logs = Logs(databases, options.log_records_max, options.log_bytes_max)
        self.bodies = Bodies(options.bodies_bytes_max)
        self.pool = Pool("qsdb-server", THREADS)
        self._awaited: set[asyncio.Future[Any]] = set()
        self._has_given_up = False

    def open(self) -> None:
        """Begin to keep what modules log; twice is no error."""
        self._has_given_up = False
        self.logs.open()

    def close(self) -> None:
        """End that, and tell those who follow a log; twice is no error."""
        self.logs.close()

    def __enter__(self) -> Self:
        """Open, and give the desk itself."""
        self.open()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()

    async def read_body(self, request: Request, bytes_max: int) -> bytes:
        """Give the body of a request.

        Raises:
            Refusal: it is too long or too slow, or too much is sent at once.
            ClientDisconnect: whoever sends it has gone.
        """
        seconds = self.options.body_seconds
        return await read_body(request, self.bodies, bytes_max, seconds)

    def give_up(self) -> None:
        """Refuse what still runs, since the server goes down; in the event loop."""
        self._has_given_up = True
        for each in [*self._awaited]:
            each.cancel()

    async def run(
        self, served: Served, work: Callable[[], T], *, may_wait: bool = False
    ) -> T:
        """Have a thread do something, and give what came of it.

        Args:
            served: The database that it is about.
            work: What is to be done.
            may_wait: Whether that may wait for others, as procedures do: then the
                thread is one of the database's, which others may have to wait for.

        Raises:
            Refusal: too much is running already, or the server goes down.
            ClosedError: the database is closed.
            ExitedError: the module wants to end more than the work.
            Whatever the work raises.
        """
        if len(self._awaited) >= self.options.running_max:
            text = "too many requests at once; try again"
            raise Refusal(503, text, {"retry-after": "1"})
        pool = served.access.procedures.pool if may_wait else served.pool
        answer = asyncio.wrap_future(pool.submit(contained, work))
        self._awaited.add(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():  # whoever asked has gone
                raise
            if self._has_given_up:
                text = "the server goes down; what was asked for may yet be done"
                raise Refusal(503, text) from None
            raise ClosedError("the database is closed") from None  # and its pool
        finally:
            self._awaited.discard(answer)
