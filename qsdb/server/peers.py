"""`Peer`: what the parts of a session have in common.

That is: the database, who the client is, and what it is to be sent.
"""

from collections.abc import Callable

import attrs

from qsdb.errors import QsdbError
from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.visits import Access
from qsdb.server.bounds import bound
from qsdb.server.hosts import Served
from qsdb.server.outboxes import Outbox
from qsdb.server.texts import query_text

__all__ = ["Peer", "SessionOptions"]


@attrs.frozen(kw_only=True)
class SessionOptions:
    """How a client is served.

    Attributes:
        confirmed: Whether it is told only of what is on the disk.
        has_columns: Whether it can be told results that are no table's rows.
        rows_max: Rows of changes that may wait for it, if it reads slowly, when
            another commit comes.
        messages_max: Messages of it that are handled in a second; the next ones wait.
        procedures_max: Procedures that it may have running at once.
        inline_rows: A query that may look at more rows is answered on another thread.
        inline_bytes: And so is one whose rows may have more bytes, of those that are
            not the same in all rows.
        queries_max: Queries that it may have kept current at once, if it is not the
            owner; each costs the server 10 to 20 KiB, and some microseconds a commit.
        texts_max: Characters that these may have, all together.
        comparing_max: How many of these may compare each row that changes with all rows
            of another table; those that do so with pairs of rows count 8, and so on.
    """

    confirmed: bool = True
    has_columns: bool = False
    rows_max: int = bound(200_000)
    messages_max: int = bound(200_000)
    procedures_max: int = bound(64)
    inline_rows: int = bound(2_000, 0)
    inline_bytes: int = bound(256 << 10, 0)
    queries_max: int = bound(1_000)
    texts_max: int = bound(200_000)
    comparing_max: int = bound(16)


@attrs.frozen(eq=False)
class Peer:
    """One client, for the parts of its session.

    Attributes:
        served: The database.
        sender: Who it is.
        options: How it is served.
        outbox: What it is to be sent.
        wake: Has the event loop look at that; from any thread.
    """

    served: Served
    sender: Sender
    options: SessionOptions
    outbox: Outbox
    wake: Callable[[], None]

    @property
    def access(self) -> Access:
        """The parts of the database."""
        return self.served.access

    @property
    def is_owner(self) -> bool:
        """Whether it is the owner of the database."""
        return self.sender.identity == self.access.calls.owner

    @property
    def offset(self) -> int:
        """The last commit of the database."""
        return self.access.subscriptions.offset

    @property
    def now(self) -> int:
        """Microseconds since 1970."""
        return self.access.calls.writer.clock.now().micros

    def said(self, error: QsdbError) -> str:
        """Give what the client is told of a query that is wrong, or has failed."""
        return query_text(self.served.logged, error, is_owner=self.is_owner)

    def send(self, data: bytes) -> None:
        """Have a message sent, after what was committed until now."""
        self.outbox.put(self.offset, data)
        self.wake()
