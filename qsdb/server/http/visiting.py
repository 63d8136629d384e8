"""A request as a visit: whoever asks is connected for as long as that takes.

So ``client_connected`` can refuse them, as it refuses those who come by WebSocket. A
visit is on a thread, from its beginning to its end.
"""

import contextlib
from collections.abc import Iterator

from qsdb.errors import AccessError
from qsdb.runtime.callers import Caller
from qsdb.server.http.endpoints import Guest
from qsdb.server.http.refusals import Refusal
from qsdb.server.texts import failure_text

__all__ = ["settle", "visit"]


@contextlib.contextmanager
def visit(guest: Guest) -> Iterator[Caller]:
    """Be connected to a database.

    Raises:
        Refusal: the module refuses.
        ClosedError: the database is closed.
        StorageError: it cannot be written.
    """
    access, shown = guest.served.access, guest.credentials
    sender = access.sender(shown.identity, shown.claims)
    with contextlib.ExitStack() as stack:
        try:
            caller = stack.enter_context(access.visit(sender))
        except AccessError as error:
            raise Refusal(403, _why(guest, error)) from None
        yield caller


def _why(guest: Guest, error: AccessError) -> str:
    """Say why somebody is refused; not what else has gone wrong in the module."""
    cause = error.__cause__
    if isinstance(cause, AccessError) or not isinstance(cause, Exception):
        return str(error)
    name = str(error).partition(" ")[0]
    module = guest.served.access.module.name
    said = failure_text(module, name, cause, is_owner=guest.is_owner)
    return f"{name} refuses the connection: {said}"


def settle(guest: Guest) -> None:
    """Wait until all that was committed is on the disk, on this thread.

    Raises:
        FailedError: it never will be.
    """
    subscriptions = guest.served.access.subscriptions
    if subscriptions.wait_durable is not None:
        subscriptions.wait_durable(subscriptions.offset)
