"""`Connector`: who somebody is that connects, and the connection for them."""

from qsdb.errors import ArgumentError, brief
from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.calls import Calls
from qsdb.runtime.clients import Clients
from qsdb.runtime.connections import Connection
from qsdb.runtime.prepared import handle_of
from qsdb.runtime.procedures import Procedures
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.tokens import (
    ISSUER,
    Claimed,
    Tokens,
    claimed,
    new_secret,
    said_of,
)
from qsdb.schema.contexts import Auth
from qsdb.schema.system import ST_SECRET, TOKENS
from qsdb.values.identity import ConnectionId, Identity

__all__ = ["Connector"]


class Connector:
    """Makes the connections of one database."""

    def __init__(
        self,
        procedures: Procedures,
        subscriptions: Subscriptions,
        clients: Clients | None,
    ) -> None:
        """Connect to the parts of a database.

        Args:
            procedures: Run for those who connect, and reducers with them.
            subscriptions: Likewise.
            clients: Notes who is connected; None where nothing can be written.
        """
        self.clients = clients
        self._procedures = procedures
        self._calls = calls = procedures.calls
        self._subscriptions = subscriptions
        self._tokens = Tokens(_secret(calls))

    def connect(
        self, identity: Identity | None, token: str | None, confirmed: object
    ) -> Connection:
        """Give a connection.

        Raises:
            ArgumentError: an argument is of a wrong kind, or both are given.
            AccessError: the token was not made here, has ended, has not begun, or the
                module refuses.
            StorageError: that somebody connects cannot be written.
        """
        if type(confirmed) is not bool:
            raise ArgumentError(f"confirmed is a bool, not {brief(confirmed)}")
        if identity is not None and token is not None:
            raise ArgumentError("connect takes an identity or a token, not both")
        said = self._claimed(identity, token)
        connection = ConnectionId.from_bytes(
            self._calls.seeds.draw(128).to_bytes(16, "big")
        )
        sender = Sender(said.identity, connection, Auth(claims=said.claims))
        if self.clients is not None:
            self.clients.connect(sender)
        return Connection(
            self._procedures,
            self._subscriptions,
            sender,
            self._tokens.make(said) if token is None else token,
            clients=self.clients,
            confirmed=confirmed,
        )

    def make_token(self, issuer: str, subject: str, claims: object) -> str:
        """Give a token with claims of the application.

        Raises:
            ArgumentError: it cannot say so.
        """
        return self._tokens.make(said_of(issuer, subject, claims, self._now()))

    def _now(self) -> float:
        return self._calls.writer.clock.now().micros / 1e6

    def _claimed(self, identity: Identity | None, token: str | None) -> Claimed:
        """Say who connects.

        Raises:
            ArgumentError: the identity or the token is of a wrong kind.
            AccessError: the token was not made here, has ended, or has not begun.
        """
        now = self._now()
        if token is not None:
            return self._tokens.read(token, now)
        if identity is None:
            subject = f"anonymous:{self._calls.seeds.draw(128):032x}"
            return claimed(Identity.from_claims(ISSUER, subject), subject, now)
        if type(identity) is not Identity:
            raise ArgumentError(f"connect takes a qsdb.Identity, not {brief(identity)}")
        return claimed(identity, identity.to_hex(), now)


def _secret(calls: Calls) -> bytes:
    """Give what seals tokens; of a database from before there was one, a new one."""
    directory = calls.writer.directory
    with directory.read() as reading:
        row = handle_of(reading, directory.system[ST_SECRET]).get(TOKENS)
    return new_secret(None) if row is None else bytes(row.value)
