"""`Asking`: what a database answers, once or for as long as somebody listens."""

from collections.abc import Callable, Mapping

from qsdb.errors import ClosedError, QueryError
from qsdb.runtime.connecting import Connector
from qsdb.runtime.connections import Connection
from qsdb.runtime.live_queries import LiveQuery, subscribe
from qsdb.runtime.queries import Queries
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.updates import Update
from qsdb.runtime.writer import Writer
from qsdb.schema.results import Result
from qsdb.values.identity import Identity

__all__ = ["Asking"]


class Asking:
    """The part of a `Database` that has to do with queries."""

    _subscriptions: Subscriptions
    _connector: Connector
    _writer: Writer

    @property
    def _queries(self) -> Queries:
        """The SQL of the module that is published."""
        return self._subscriptions.queries

    def sql(
        self,
        text: str,
        params: Mapping[str, object] | None = None,
        sender: Identity | None = None,
    ) -> Result:
        """Run a statement of SQL: a query on the last commit, or a transaction.

        Args:
            text: The statement; what has been run once is kept, ready to be run again.
            params: The values of its parameters, by name.
            sender: Who asks; the owner if not given. Everybody else sees public
                tables, and changes nothing.

        Raises:
            QueryError: it is wrong, or a result has no room in its kind.
            ArgumentError: an argument is of a wrong kind.
            AccessError: it changes something, and `sender` is not the owner.
            ConstraintError: what it would insert or change cannot be.
            UsageError: it changes something, and this thread is in a transaction.
            ClosedError: the database is closed.

        Cost: a few milliseconds the first time, 2 µs for one row by its key.
        """
        # Not by the properties that say so: they would be a tenth of a point query.
        return self._subscriptions.listening.queries.run(text, params, sender)

    def subscribe(
        self,
        text: str,
        callback: Callable[[Update], object] | None = None,
        params: Mapping[str, object] | None = None,
        confirmed: bool = False,  # noqa: FBT001, FBT002  the contract has it by place too
        on_error: Callable[[QueryError], object] | None = None,
    ) -> LiveQuery:
        """Have the result of a query kept current, and be told of each change.

        Args:
            text: A SELECT.
            callback: Is told of each commit after the first result that changes it:
                before the call that committed returns, on the thread of that call.
            params: The values of the query's parameters.
            confirmed: Whether to be told only of what is on the disk.
            on_error: Is told if the query fails later, and so ends.

        Raises:
            QueryError: it is wrong, or cannot be kept current.
            ArgumentError: an argument is of a wrong kind.
            UsageError: this thread is in a transaction.
            ClosedError: the database is closed.

        Cost: that of the query; then, with each commit, of the rows that changed.
        """
        return subscribe(
            self._subscriptions,
            text,
            callback,
            params,
            self._queries.owner.stored,
            confirmed=confirmed,
            on_error=on_error,
        )

    def connect(
        self,
        identity: Identity | None = None,
        token: str | None = None,
        confirmed: bool = False,  # noqa: FBT001, FBT002  the contract has it by place too
    ) -> Connection:
        """Connect a client in this process.

        Args:
            identity: Who it is; somebody new if neither this nor `token` is given.
            token: What an earlier connection had as its token, or `make_token` made.
            confirmed: Whether it is told only of what is on the disk.

        Raises:
            ArgumentError: an argument is of a wrong kind, or both are given.
            AccessError: the token was not made by this database, or is not good at
                this time, or ``client_connected`` raised: then that is the cause.
            StorageError: that somebody connects cannot be written.
            UsageError: this thread is in a transaction.
            ClosedError: the database is closed.
        """
        self._require_open()
        self._writer.require_outside()
        return self._connector.connect(identity, token, confirmed)

    def make_token(
        self,
        issuer: str,
        subject: str,
        claims: Mapping[str, object] | None = None,
    ) -> str:
        """Make a token for somebody, to be shown to `connect`.

        Whoever shows it has the identity that `Identity.from_claims` makes of issuer
        and subject, and functions find all that it says in ``ctx.auth.claims``. It is
        good for as long as the database is, or until the claim ``exp``, in seconds
        since 1970; ``nbf`` says when it begins to be.

        Args:
            issuer: Who says so: a name of the application, say.
            subject: What the issuer calls them.
            claims: What else it says, by name: values of JSON.

        Raises:
            ArgumentError: issuer or subject are not texts of 1 to 128 bytes, or a claim
                is no JSON, or one that qsdb makes itself, or a time is no number.
            ClosedError: the database is closed.
        """
        self._require_open()
        return self._connector.make_token(
            issuer, subject, {} if claims is None else claims
        )

    def _require_open(self) -> None:
        if self._writer.directory.store.is_closed:
            raise ClosedError("the database is closed")
