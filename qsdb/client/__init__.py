"""Layer 7: connections to a database over the network.

::

    conn = qsdb.client.connect("ws://localhost:3000", "chat", module=chat)
    conn.subscribe("SELECT * FROM message WHERE room = 'lobby'")
    conn.reducers.send("lobby", "hi")

A connection has the methods of one in process (`qsdb.Database.connect`), and its cache
likewise. `connect_async` gives one whose methods are awaited. What is different, since
there is a network between:

1. The module of the client says what rows and arguments are; it is compared with what
   the server has. Without one, the server is asked, and rows are named tuples.
2. A connection that is lost is made again, and all subscriptions with it. The cache
   stays as it was until all is known again, and then changes at once: what is the same
   fires nothing, and differences are told with an event of the kind ``"applied"``.
3. A call that has no answer when the connection is lost raises `UnansweredError`: it
   may have run. While there is no connection, everything raises `NotConnectedError`.
4. What a function raises comes as `ReducerError` if it is one, else as `RemoteError`.
5. Events and updates have the offset 0: the protocol does not tell it.
6. Parameters of queries are sent as literals; those that have none are refused.

=================== ===========================================================
`conversation`      all of it but sockets, threads and clocks
`query_sets`        subscriptions, and the server's word on them
`requests`          calls and questions that wait for an answer
`known`             tables and functions of the database
`questions`         queries, read as the server reads them
`links`             keeps a conversation connected
`tls`               whom it takes for the server
`clients`           both together, as the two faces use them
=================== ===========================================================
"""

from typing import Unpack

from qsdb.client.async_connections import AsyncConnection
from qsdb.client.client_errors import NotConnectedError, RemoteError, UnansweredError
from qsdb.client.connecting import open_client, wanted
from qsdb.client.connections import Connection
from qsdb.client.loop_threads import LoopThread
from qsdb.client.settings import Options, Settings
from qsdb.client.subscriptions import AsyncSubscription, Subscription
from qsdb.schema.modules import Module

__all__ = [
    "AsyncConnection",
    "AsyncSubscription",
    "Connection",
    "NotConnectedError",
    "Options",
    "RemoteError",
    "Settings",
    "Subscription",
    "UnansweredError",
    "connect",
    "connect_async",
]


def connect(
    url: str,
    database: str,
    token: str | None = None,
    module: Module | None = None,
    **options: Unpack[Options],
) -> Connection:
    """Connect to a database over the network.

    Args:
        url: Where the server is: ``ws://host:port``, or ``wss://host``.
        database: The name of the database, or its identity in hex.
        token: What an earlier connection had as its token, or one of another issuer
            that the server trusts; somebody new without it.
        module: The module of the database, for its row classes and functions; without
            it the server is asked.
        options: See `Settings`.

    Raises:
        ArgumentError: an argument is of a wrong kind.
        AccessError: the server refuses: the token is not good, or ``client_connected``
            raised.
        NotFoundError: the server has no such database.
        SchemaError: the server has tables of other columns than the module.
        NotConnectedError: the server cannot be reached.
        ProtocolError: the server says what is no message.
        UsageError: this is a callback of a connection over the network.
    """
    asked = wanted(url, database, token, module, options)
    thread = LoopThread()
    try:
        client = thread.wait(open_client(asked), None)
    except BaseException:
        thread.finish(_nothing)
        raise
    return Connection(client, thread)


async def _nothing() -> None:
    """Leave nothing to be done."""


async def connect_async(
    url: str,
    database: str,
    token: str | None = None,
    module: Module | None = None,
    **options: Unpack[Options],
) -> AsyncConnection:
    """Connect to a database over the network, from an event loop.

    Args and errors are those of `connect`.

    Args:
        url: Where the server is.
        database: The name of the database.
        token: What an earlier connection had as its token.
        module: The module of the database.
        options: See `Settings`.

    Raises:
        ArgumentError, AccessError, NotFoundError, SchemaError, NotConnectedError,
            ProtocolError: as `connect` does.
    """
    return AsyncConnection(
        await open_client(wanted(url, database, token, module, options))
    )
