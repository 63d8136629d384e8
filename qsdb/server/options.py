"""`ServerOptions`: all that an operator may bound, with what is usual.

There is no other place with these numbers: whoever puts a server together takes them
from here, and so do the options of the command line.
"""

import attrs

from qsdb.server.bounds import bound
from qsdb.server.doors import DoorOptions
from qsdb.server.peers import SessionOptions

__all__ = ["HttpOptions", "ServerOptions"]


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

    body_bytes_max: int = bound(32 << 20)
    sql_bytes_max: int = bound(1 << 20)
    bodies_bytes_max: int = bound(512 << 20)
    body_seconds: float = bound(60.0)
    running_max: int = bound(1024)
    log_records_max: int = bound(10_000)
    log_bytes_max: int = bound(16 << 20)
    followers_max: int = bound(16)


@attrs.frozen(kw_only=True)
class ServerOptions:
    """How much of a server may be had.

    Attributes:
        door: By all, and by each address.
        http: By a request.
        sessions: By a client on a WebSocket.
    """

    door: DoorOptions = attrs.field(factory=DoorOptions)
    http: HttpOptions = attrs.field(factory=HttpOptions)
    sessions: SessionOptions = attrs.field(factory=SessionOptions)
