"""`Connector`: who somebody is that connects, and the connection for them."""

from qsdb.errors import ArgumentError, brief
from qsdb.runtime.calls import Calls
from qsdb.runtime.clients import Clients
from qsdb.runtime.connections import Connection
from qsdb.runtime.queries import Queries
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.tokens import Tokens
from qsdb.values.identity import ConnectionId, Identity

__all__ = ["Connector"]


class Connector:
    """Makes the connections of one database."""

    def __init__(
        self,
        calls: Calls,
        queries: Queries,
        subscriptions: Subscriptions,
        clients: Clients | None,
    ) -> None:
        """Connect to the parts of a database.

        Args:
            calls: Run for those who connect.
            queries: Likewise.
            subscriptions: Likewise.
            clients: Notes who is connected; None where nothing can be written.
        """
        self.clients = clients
        self._calls = calls
        self._queries = queries
        self._subscriptions = subscriptions
        self._tokens = Tokens()

    def connect(
        self, identity: Identity | None, token: str | None, confirmed: object
    ) -> Connection:
        """Give a connection.

        Raises:
            ArgumentError: an argument is of a wrong kind, or both are given.
            AccessError: the token was not made here, or the module refuses.
            StorageError: that somebody connects cannot be written.
        """
        if type(confirmed) is not bool:
            raise ArgumentError(f"confirmed is a bool, not {brief(confirmed)}")
        if identity is not None and token is not None:
            raise ArgumentError("connect takes an identity or a token, not both")
        draw = self._calls.seeds.draw
        if token is not None:
            identity = self._tokens.read(token)
        elif identity is None:
            identity = Identity.from_claims("qsdb", f"anonymous:{draw(128):032x}")
        elif type(identity) is not Identity:
            raise ArgumentError(f"connect takes a qsdb.Identity, not {brief(identity)}")
        connection = ConnectionId.from_bytes(draw(128).to_bytes(16, "big"))
        if self.clients is not None:
            self.clients.connect(identity, connection)
        return Connection(
            self._calls,
            self._queries,
            self._subscriptions,
            identity,
            connection,
            self._tokens.make(identity),
            clients=self.clients,
            confirmed=confirmed,
        )
