"""One HTTP request and its answer, with bounds on time and size.

The standard library's `http.client` does the talking, since it does no more than it is
told: it follows no redirect and heeds no proxy of the environment, so the API key goes
to the one address that was configured and nowhere else. Every request has a connection
of its own; a kept one could be cut by the other side at the very moment of sending, and
nobody could tell then whether the order had arrived.

Making the connection has a time-out, for each address of the host, and the whole rest a
deadline. Outside of both is the look-up of the host's name, which Python cannot bound.
"""

import functools
import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

from examples.qsbridge.hosting.deadlines import DeadlineSocket
from examples.qsbridge.hosting.failures import (
    BadAnswerError,
    ConnectionCutError,
    HostingTimeoutError,
    UnreachableError,
)

__all__ = ["ANSWER_BYTES_MAX", "Endpoint", "RawAnswer"]

ANSWER_BYTES_MAX: Final = 64 * 1024
"""Of an answer's body; a console prints no more than a few screens."""

ADDRESS: Final = re.compile(
    r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]+)?(/[a-z0-9._~/-]*)?",
    re.ASCII | re.IGNORECASE,
)
"""No user, no query, no fragment, and nothing that has to be quoted."""

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts to which a key may go unencrypted."""


@dataclass(frozen=True)
class RawAnswer:
    """An answer as it came.

    Attributes:
        status: The HTTP status.
        retry_after: The header of this name; empty if there is none.
        body: Its first `ANSWER_BYTES_MAX` bytes.
        is_whole: Whether that is all.
    """

    status: int
    retry_after: str
    body: bytes
    is_whole: bool

    @property
    def is_success(self) -> bool:
        """Whether the status says that the request was carried out, or accepted."""
        return 200 <= self.status < 300


@dataclass(frozen=True)
class Endpoint:
    """An address to which requests are posted.

    Attributes:
        url: What each request's address begins with: ``https://…``, or ``http://…`` on
            this machine.
        connect_seconds: How long making a connection may take.
        answer_seconds: How long sending, and the whole answer, may take.
        clock: Gives seconds that only grow.
        tls: Whose certificates to trust; those that the system trusts if not given.

    Raises:
        ValueError: the URL is of another kind, or the key could be read on its way.
    """

    url: str
    connect_seconds: float = 5.0
    answer_seconds: float = 20.0
    clock: Callable[[], float] = time.monotonic
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        if ADDRESS.fullmatch(self.url) is None or not _has_port(self.url):
            raise ValueError(f"{self.url!r} is no address like https://host/path")
        parts = urlsplit(self.url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError(f"over {self.url!r} the API key could be read; use https")

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> RawAnswer:
        """Post a request and give the answer, whatever its status.

        Args:
            path: What follows the address; begins with a slash, and is quoted.
            headers: Beside those that HTTP needs.
            body: What to send.

        Raises:
            UnreachableError: no connection could be made.
            HostingTimeoutError: it took too long; the request may have arrived.
            ConnectionCutError: it ended early; the request may have arrived.
            BadAnswerError: what came back is not HTTP.
        """
        target = urlsplit(self.url).path.rstrip("/") + path
        connection = self._connected()
        deadline = self.clock() + self.answer_seconds
        timed = DeadlineSocket(connection.sock, deadline, self.clock)
        connection.sock = cast(socket.socket, timed)  # all of one that is used
        try:
            connection.request("POST", target, body, dict(headers))
            with connection.getresponse() as response:
                if timed.has_ended:  # within the headers, of which nobody complains
                    raise ConnectionResetError("the answer's headers have no end")
                return _read(response)
        except TimeoutError as error:
            raise HostingTimeoutError(
                f"the provider gave no whole answer within {self.answer_seconds:g} s"
            ) from error
        except (OSError, http.client.IncompleteRead) as error:
            raise ConnectionCutError(
                "the connection to the provider ended before its answer did"
            ) from error
        except http.client.HTTPException:
            # Without the cause, which shows what came: that may be what was sent.
            raise BadAnswerError("what the provider answers is not HTTP") from None
        finally:
            connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        parts, seconds = urlsplit(self.url), self.connect_seconds
        host = parts.hostname or ""
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            tls = _system_tls() if self.tls is None else self.tls
            connection = http.client.HTTPSConnection(
                host, parts.port, timeout=seconds, context=tls
            )
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=seconds)
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:  # the latter of an impossible name
            connection.close()
            raise UnreachableError(
                f"no connection to the provider at {parts.netloc}: {error}"
            ) from error
        return connection


@functools.cache  # reading the certificates takes a tenth of a second and more
def _system_tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _has_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # beyond 65,535
        return False


def _read(response: http.client.HTTPResponse) -> RawAnswer:
    """Read an answer's body, of which a failure's may be missing.

    Raises:
        OSError, IncompleteRead: the body of a success breaks off.
    """
    retry_after = response.headers.get("Retry-After", "")
    try:
        body = response.read(ANSWER_BYTES_MAX + 1)
    except (OSError, http.client.HTTPException):
        if 200 <= response.status < 300:
            raise
        return RawAnswer(response.status, retry_after, b"", is_whole=False)
    is_cut = len(body) <= ANSWER_BYTES_MAX and bool(response.length)
    if is_cut and 200 <= response.status < 300:
        raise http.client.IncompleteRead(body, response.length)
    is_whole = not is_cut and len(body) <= ANSWER_BYTES_MAX
    return RawAnswer(response.status, retry_after, body[:ANSWER_BYTES_MAX], is_whole)
