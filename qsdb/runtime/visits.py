"""What a server needs of a database: its parts, and visits of those who only call.

A `Database` hands its parts to nobody but to who serves it. Whoever comes over the
network has shown credentials elsewhere, so nothing of that is asked here.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import attrs

from qsdb.errors import QueryError
from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.callers import Caller
from qsdb.runtime.calls import Calls
from qsdb.runtime.clients import Clients
from qsdb.runtime.database import Database
from qsdb.runtime.prepared import KEPT_CHARACTERS_MAX, PreparedQuery, Values
from qsdb.runtime.procedures import Procedures
from qsdb.runtime.queries import Prepared
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.schema.contexts import Auth
from qsdb.schema.modules import ModuleSchema
from qsdb.sql.arranging import AnyPlan
from qsdb.sql.readable import StoredRow
from qsdb.values.identity import ConnectionId, Identity

__all__ = ["ROWS_LOOKED_AT_MAX", "Access", "access"]

ROWS_LOOKED_AT_MAX = 50_000_000
"""By estimate, of one query of a stranger; that takes some seconds."""


@attrs.frozen(eq=False)
class Access:
    """The parts of a database that is served.

    Attributes:
        procedures: Run for clients, and reducers with them.
        subscriptions: Tell clients what changed.
        clients: Who is connected; None if the database is only read.
    """

    procedures: Procedures
    subscriptions: Subscriptions
    clients: Clients | None

    @property
    def calls(self) -> Calls:
        """Run reducers."""
        return self.procedures.calls

    @property
    def module(self) -> ModuleSchema:
        """The module that is published now."""
        return self.calls.module

    def draw_connection_id(self) -> ConnectionId:
        """Give a number for somebody who connects."""
        return ConnectionId.from_bytes(self.calls.seeds.draw(128).to_bytes(16, "big"))

    def sender(
        self,
        identity: Identity,
        claims: Mapping[str, object],
        connection_id: ConnectionId | None = None,
    ) -> Sender:
        """Say who comes over the network.

        Args:
            identity: Who.
            claims: What the token says; reducers see it as ``ctx.auth.claims``.
            connection_id: The number that the client has chosen; drawn if None.
        """
        number = connection_id or self.draw_connection_id()
        return Sender(identity, number, Auth(claims=MappingProxyType(dict(claims))))

    def prepared(self, text: str, identity: Identity) -> Prepared:
        """Read a statement for somebody.

        What is made of a long text has 300 times its size, so that of strangers is not
        kept.

        Raises:
            QueryError: it is wrong, or names what there is not.
            AccessError: it changes something, and that is not the owner.
        """
        is_owner = identity == self.calls.owner
        prepare = self.subscriptions.queries.prepared
        if is_owner or len(text) <= KEPT_CHARACTERS_MAX:
            return prepare(text, is_owner)
        return prepare.__wrapped__(text, is_owner)

    def require_cheap(
        self, plan: AnyPlan, identity: Identity, known: Values | None = None
    ) -> None:
        """Refuse what somebody from elsewhere may not ask, since it has no end.

        A join without a condition that an index serves looks at all combinations of
        rows: of three tables of 1,000 rows at a billion. The owner may ask it, and sets
        another limit with ``SET row_limit``.

        Args:
            plan: Of the query.
            identity: Who asks.
            known: What the query is given, if that is not its caller alone.

        Raises:
            QueryError: it looks at too many rows, by estimate.
        """
        if identity != self.calls.owner:
            queries = self.subscriptions.queries
            given = (identity.stored,) if known is None else known
            queries.require_cheap(plan, given, ROWS_LOOKED_AT_MAX)

    def select(
        self, text: str, identity: Identity
    ) -> tuple[PreparedQuery, Callable[[], list[StoredRow]]]:
        """Prepare a SELECT for somebody; the second thing answers it, in stored rows.

        Raises:
            QueryError: it is wrong, is no SELECT, or looks at too many rows.
            ArgumentError: it has parameters.
        """
        queries = self.subscriptions.queries
        prepared = self.prepared(text, identity)
        if not isinstance(prepared, PreparedQuery):
            raise QueryError("only a SELECT can be asked like this", text)
        values = prepared.bind(None)
        self.require_cheap(prepared.plan, identity)

        def rows() -> list[StoredRow]:
            with self.calls.writer.directory.read() as reading:
                if queries.are_mine(reading):
                    return prepared.read(reading, identity.stored, values)
            fault = "another module was published meanwhile; ask again"
            raise QueryError(fault, text)

        return prepared, rows

    @contextlib.contextmanager
    def visit(self, sender: Sender) -> Iterator[Caller]:
        """Be connected for as long as a request takes, to call and to ask.

        ``client_connected`` runs before and ``client_disconnected`` after it.

        Raises:
            AccessError: ``client_connected`` refuses.
            ClosedError: the database is closed.
            StorageError: it cannot be written.
        """
        if self.clients is not None:
            self.clients.connect(sender)
        try:
            yield Caller(self.procedures, self.subscriptions, sender)
        finally:
            if self.clients is not None:
                self.clients.disconnect(sender)


def access(database: Database) -> Access:
    """Give the parts of a database to who serves it."""
    connector = database._connector  # noqa: SLF001  the parts are no user's business
    return Access(
        database._procedures,  # noqa: SLF001
        database._subscriptions,  # noqa: SLF001
        connector.clients,
    )
