"""`AnyConnection`: what both faces of a connection have."""

from collections.abc import Callable

from qsdb.cache.databases import Cache
from qsdb.client.clients import Client
from qsdb.errors import QsdbError
from qsdb.runtime.namespaces import Functions
from qsdb.values.identity import ConnectionId, Identity

__all__ = ["AnyConnection"]


class AnyConnection:
    """A connection over the network, without what has to wait for the server.

    Attributes:
        db: What it knows of tables: rows of its subscriptions.
        reducers: What it can call, by name.
        procedures: Likewise.
    """

    def __init__(self, client: Client, call: Callable[..., object]) -> None:
        """Show a client.

        Args:
            client: It, connected.
            call: Calls a function by its name.
        """
        self._client = client
        self.db: Cache = client.conversation.cache
        known = client.conversation.known
        self.reducers = Functions("reducer", call, known.names(reducers=True))
        self.procedures = Functions("procedure", call, known.names(reducers=False))

    @property
    def identity(self) -> Identity:
        """Who it is."""
        identity = self._client.conversation.identity
        assert identity is not None  # it was connected before anybody had it
        return identity

    @property
    def connection_id(self) -> ConnectionId:
        """Its number, as reducers see it; another one after each reconnection."""
        connection_id = self._client.conversation.connection_id
        assert connection_id is not None
        return connection_id

    @property
    def token(self) -> str:
        """What to give `qsdb.client.connect` to be the same identity again."""
        token = self._client.conversation.token
        assert token is not None
        return token

    @property
    def is_connected(self) -> bool:
        """Whether the server can be asked now."""
        return self._client.conversation.phase == "online"

    @property
    def is_closed(self) -> bool:
        """Whether it has ended for good: by `close`, or because the server refuses."""
        return self._client.conversation.phase == "closed"

    def on_disconnect(
        self, callback: Callable[[QsdbError], object]
    ) -> Callable[[], None]:
        """Have a function told when the connection is lost: ``callback(error)``.

        It is told once more if no other connection will be made, since the server
        refuses, or ``reconnect=False``; then `is_closed` is true soon after.

        Returns:
            A function that ends it.

        Raises:
            ArgumentError: it is no function.
        """
        return self._client.conversation.listeners.add("on_disconnect", callback)

    def on_reconnect(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have a function told when the connection is there again.

        The cache is what the server has by then, and differences have been told.

        Returns:
            A function that ends it.

        Raises:
            ArgumentError: it is no function.
        """
        return self._client.conversation.listeners.add("on_reconnect", callback)

    def __repr__(self) -> str:
        """Say whose it is."""
        state = self._client.conversation.phase
        return f"<{type(self).__name__} {state} of {self.identity.to_hex()[:16]}…>"
