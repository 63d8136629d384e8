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
from qsdb.server.texts import refusal_text

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
            about = guest.served.logged
            text = refusal_text(about, error, is_owner=guest.is_owner)
            raise Refusal(403, text) from None
        yield caller


def settle(guest: Guest) -> None:
    """Wait until all that was committed is on the disk, on this thread.

    Raises:
        FailedError: it never will be.
    """
    subscriptions = guest.served.access.subscriptions
    if subscriptions.wait_durable is not None:
        subscriptions.wait_durable(subscriptions.offset)
