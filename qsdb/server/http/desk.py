"""`Desk`: what all answers need, and how much of it anybody may use.

A server has one, and whoever runs the server opens and closes it: as long as it is
open, what modules log is kept for their owners.
"""

from collections.abc import Callable
from typing import Self, TypeVar

import attrs
from starlette.requests import Request

from qsdb.runtime.coroutines import result_of
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host, Served
from qsdb.server.http.bodies import Bodies, read_body
from qsdb.server.http.refusals import Refusal
from qsdb.server.log_rings import Logs
from qsdb.server.metrics import Metrics

__all__ = ["Desk", "HttpOptions"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class HttpOptions:
    """How much a request may use.

    Attributes:
        body_bytes_max: Of arguments, and of what is sent to a module's own routes.
        sql_bytes_max: Of a statement.
        bodies_bytes_max: Of all bodies together, until they are answered.
        body_seconds: So long a body may take to come.
        running_max: Requests that may be in a thread or wait for one, at once.
        log_records_max: Records that are kept of each module.
        log_bytes_max: And so many bytes of them.
        followers_max: Who may follow the log of a module at once.
    """

    body_bytes_max: int = 32 << 20
    sql_bytes_max: int = 1 << 20
    bodies_bytes_max: int = 512 << 20
    body_seconds: float = 60.0
    running_max: int = 1024
    log_records_max: int = 10_000
    log_bytes_max: int = 16 << 20
    followers_max: int = 16


class Desk:
    """What all answers need.

    Attributes:
        host: The databases.
        authority: Says who somebody is.
        options: How much a request may use.
        metrics: Figures, which others count in too.
        logs: What modules have said.
        bodies: How much is kept of what comes with requests.
    """

    def __init__(
        self, host: Host, authority: Authority, options: HttpOptions | None = None
    ) -> None:
        """Serve databases."""
        self.host = host
        self.authority = authority
        self.options = options = options or HttpOptions()
        self.metrics = Metrics(host)
        databases = [(each.access.module.name, each.identity) for each in host]
        self.logs = Logs(databases, options.log_records_max, options.log_bytes_max)
        self.bodies = Bodies(options.bodies_bytes_max)
        self._running = 0

    def open(self) -> None:
        """Begin to keep what modules log; twice is no error."""
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

    async def run(self, served: Served, work: Callable[[], T]) -> T:
        """Have a thread of a database's pool do something, and give what came of it.

        Raises:
            Refusal: too much is running already.
            ClosedError: the database is closed.
            Whatever the work raises.
        """
        if self._running >= self.options.running_max:
            text = "too many requests at once; try again"
            raise Refusal(503, text, {"retry-after": "1"})
        self._running += 1
        try:
            return await result_of(served.access.procedures.pool.submit(work))
        finally:
            self._running -= 1
