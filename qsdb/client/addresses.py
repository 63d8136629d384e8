"""`Address`: where a database is served."""

import ssl
from urllib.parse import quote, urlsplit

import attrs

from qsdb.client.tls import Trust, tls_context
from qsdb.errors import ArgumentError, brief

__all__ = ["Address", "address_of"]

_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


@attrs.frozen
class Address:
    """Where a database is served.

    Attributes:
        host: Of the server.
        port: Likewise.
        tls: What TLS is spoken by; None if none is.
        path: Of the database, escaped.
    """

    host: str
    port: int
    tls: ssl.SSLContext | None
    path: str

    def socket_url(self, confirmed: bool | None) -> str:  # noqa: FBT001  as it is set
        """Give where to connect.

        Nothing that is sent is to be compressed, and results that are no table's rows
        are welcome (a server that does not know of that passes it over).
        """
        asked = "" if confirmed is None else f"&confirmed={str(confirmed).lower()}"
        scheme = "ws" if self.tls is None else "wss"
        query = f"compression=None&columns=true{asked}"
        return f"{scheme}://{self.authority}{self.path}/subscribe?{query}"

    @property
    def schema_path(self) -> str:
        """Where the definition of the module is, with what reducers give.

        A server that does not know of the latter passes it over.
        """
        return f"{self.path}/schema?version=10&returns=true"

    @property
    def authority(self) -> str:
        """Host and port, as they stand in addresses."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def address_of(url: object, database: object, trust: Trust = None) -> Address:
    """Read where a server is.

    Args:
        url: ``ws://host:port`` or ``wss://host``, perhaps with a path, if the server
            is mounted below one; ``http`` and ``https`` mean the same.
        database: The name of the database, or its identity in hex.
        trust: Which certificates count, where TLS is spoken.

    Raises:
        ArgumentError: it is something else; or certificates are named, and none are
            looked at.

    >>> address_of("ws://localhost:3000", "chat").socket_url(None)
    'ws://localhost:3000/v1/database/chat/subscribe?compression=None&columns=true'
    """
    if type(database) is not str or not database:
        raise ArgumentError(
            f"a database has a name that is not empty, not {brief(database)}"
        )
    fault = f"a server is at ws://host:port or wss://host:port, not {brief(url)}"
    if type(url) is not str:
        raise ArgumentError(fault)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ArgumentError(fault) from None
    is_odd = parts.query or parts.fragment or parts.username is not None
    if parts.scheme not in _PORTS or not parts.hostname or is_odd or port == 0:
        raise ArgumentError(fault)
    name = quote(database, safe="", errors="surrogatepass")
    path = f"{quote(parts.path.rstrip('/'), safe='/%')}/v1/database/{name}"
    tls = tls_context(trust) if parts.scheme in ("wss", "https") else None
    if tls is None and trust is not None:
        raise ArgumentError(f"tls is given, and {brief(url)} speaks none: wss:// does")
    return Address(parts.hostname, port or _PORTS[parts.scheme], tls, path)
