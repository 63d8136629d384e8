"""A platform behind a server: the bridge's connection over the network.

::

    bridge = Bridge(over_network("wss://hub.example", tls="hub.pem"), details, Game())

`qsdb.client` does the work; it needs ``pip install "qsdb[client]"``. Its connections
could come back by themselves, but here the link makes the next one: it has to register
the server anew, and tells the game what changed meanwhile. What is left to do is to say
in the link's words what went wrong:

======================  ==============================================  ==============
error of the client     what happened                                   may have run
======================  ==============================================  ==============
`NotConnectedError`     nothing was sent                                no
`NotFoundError`         the server has no such database, yet            no
`SchemaError`           it has another module than this bridge knows    yes
`UnansweredError`       no answer came                                  yes
`ClosedError`           the connection ended meanwhile                  yes
`RemoteError`           the server failed, and maybe only afterwards    yes
`ProtocolError`         what came was no message                        yes
======================  ==============================================  ==============
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Unpack

import qsdb
import qsdb.client
from examples.qsbridge.bridge.port import (
    Connect,
    OfflineError,
    PortSubscription,
    PortTables,
)
from examples.qsbridge.hub.tables import platform
from qsdb.client import Connection, NotConnectedError, RemoteError, UnansweredError
from qsdb.protocol.protocol_error import ProtocolError

__all__ = ["RemotePort", "over_network"]

UNSENT: Final = (NotConnectedError, qsdb.NotFoundError)
UNKNOWN: Final = (
    qsdb.SchemaError,
    UnansweredError,
    qsdb.ClosedError,
    RemoteError,
    ProtocolError,
)


def over_network(
    url: str, database: str = "platform", **options: Unpack[qsdb.client.Options]
) -> Connect:
    """Give what connects a bridge to a platform that is served.

    Args:
        url: Where the server is: ``wss://hub.example``.
        database: What the platform is called there.
        options: Those of `qsdb.client.connect`: ``timeout``, ``tls`` and others. A
            connection is confirmed if nothing else is said, so that items are given
            out when that is on the platform's disk; it never reconnects by itself.
    """
    wanted: qsdb.client.Options = {"confirmed": True, **options, "reconnect": False}

    def connect(token: str | None) -> RemotePort:
        with _in_words_of_a_link():
            return RemotePort(
                qsdb.client.connect(url, database, token, platform, **wanted)
            )

    return connect


class RemotePort:
    """A connection over the network, as a link has it."""

    def __init__(self, connection: Connection) -> None:
        """Take a connection that does not come back by itself."""
        self._connection = connection
        self._is_lost = False
        self._on_lost: Callable[[], object] = lambda: None
        connection.on_disconnect(self._lose)

    def _lose(self, _: qsdb.QsdbError) -> None:
        self._is_lost = True
        self._on_lost()

    @property
    def is_lost(self) -> bool:
        """Whether nothing more comes."""
        return self._is_lost or self._connection.is_closed

    def on_lost(self, callback: Callable[[], object]) -> None:
        """Have a function called when the connection is lost, on its thread."""
        self._on_lost = callback
        if self.is_lost:
            callback()

    @property
    def token(self) -> str:
        """What to connect with to be the same identity again."""
        return self._connection.token

    @property
    def db(self) -> PortTables:
        """The cache; it can be read when the connection has ended, too."""
        return self._connection.db

    def call(self, function: str, /, *args: object) -> Any:  # noqa: ANN401  what it gives
        """Call a reducer, and give what it returns.

        Raises:
            OfflineError: the platform is not reached, or was lost.
            ReducerError: the call is refused.
        """
        if self.is_lost:
            raise OfflineError("the connection is lost", may_have_run=False)
        with _in_words_of_a_link():
            return self._connection.call(function, *args)

    def sql(self, text: str, params: Mapping[str, object]) -> Iterable[Any]:
        """Ask once.

        Raises:
            OfflineError: the platform is not reached, or was lost.
        """
        with _in_words_of_a_link():
            return self._connection.sql(text, params)

    def subscribe(
        self,
        *queries: str,
        on_applied: Callable[[qsdb.Event], object],
        on_error: Callable[[qsdb.QueryError], object],
        params: Mapping[str, object],
    ) -> PortSubscription:
        """Ask, and have the cache kept current.

        Raises:
            OfflineError: the platform is not reached, or was lost.
        """
        with _in_words_of_a_link():
            subscription = self._connection.subscribe(
                *queries, on_applied=on_applied, on_error=on_error, params=params
            )
        return _Subscription(self, subscription)

    def close(self) -> None:
        """End."""
        self._connection.close()


class _Subscription:
    """Queries that are kept current as long as the connection is there."""

    def __init__(
        self, port: RemotePort, subscription: qsdb.client.Subscription
    ) -> None:
        self._port = port
        self._subscription = subscription

    @property
    def is_active(self) -> bool:
        return self._subscription.is_active and not self._port.is_lost


@contextmanager
def _in_words_of_a_link() -> Iterator[None]:
    try:
        yield
    except UNSENT as error:
        raise OfflineError(str(error), may_have_run=False) from error
    except UNKNOWN as error:
        raise OfflineError(str(error), may_have_run=True) from error
