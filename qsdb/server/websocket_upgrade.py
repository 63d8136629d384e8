"""The request that turns HTTP into a WebSocket, and the answers to it, as bytes.

Free of I/O; the request has been read as HTTP before, so its form is right.
"""

import base64
import hashlib
import http
from collections.abc import Sequence

import attrs

__all__ = ["BadUpgradeError", "Upgrade", "http_response", "read_upgrade"]

Headers = list[tuple[bytes, bytes]]

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = b"13"
_KEY_BYTES = 16


class BadUpgradeError(Exception):
    """A request is none that turns HTTP into a WebSocket.

    Attributes:
        response: The answer to it.
    """

    def __init__(self, response: bytes) -> None:
        """Have it answered."""
        super().__init__(response)
        self.response = response


@attrs.frozen
class Upgrade:
    """A request that turns HTTP into a WebSocket.

    Attributes:
        path: What is asked for, as it was sent.
        query: Behind the question mark.
        headers: Their names in lower case.
        subprotocols: What the client offers.
        accept: Shows that the request was read.
    """

    path: bytes
    query: bytes
    headers: Headers
    subprotocols: list[str]
    accept: bytes

    def accepted(
        self, subprotocol: str | None, more: Sequence[tuple[bytes, bytes]]
    ) -> bytes:
        """Give the answer that it is a WebSocket now."""
        headers = [
            (b"upgrade", b"websocket"),
            (b"connection", b"upgrade"),
            (b"sec-websocket-accept", self.accept),
            *more,
        ]
        if subprotocol:
            headers.append((b"sec-websocket-protocol", subprotocol.encode("latin-1")))
        return _head(101, headers)


def read_upgrade(data: bytes) -> Upgrade:
    """Read the request.

    Raises:
        BadUpgradeError: it is none.
    """
    head, _, _ = data.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    method, target, _ = first.split(b" ", 2)
    if method != b"GET":
        said = b"a WebSocket begins with a GET"
        raise BadUpgradeError(http_response(405, [(b"allow", b"GET")], said))
    pairs = [line.partition(b":") for line in lines]
    headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
    by_name = dict(headers)
    if by_name.get(b"sec-websocket-version") != _VERSION:
        version = [(b"sec-websocket-version", _VERSION)]
        said = b"only version 13 of WebSockets is spoken"
        raise BadUpgradeError(http_response(426, version, said))
    key = by_name.get(b"sec-websocket-key", b"")
    if not _is_key(key):
        said = b"Sec-WebSocket-Key is not 16 bytes in base64"
        raise BadUpgradeError(http_response(400, [], said))
    offered = [v for name, v in headers if name == b"sec-websocket-protocol"]
    names = [each.strip() for v in offered for each in v.decode("latin-1").split(",")]
    path, _, query = target.partition(b"?")
    digest = hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()
    return Upgrade(path, query, headers, names, base64.b64encode(digest))


def _is_key(key: bytes) -> bool:
    try:
        return len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except ValueError:
        return False


def http_response(
    status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> bytes:
    """Give an answer of HTTP, after which the connection is closed."""
    given = {b"content-type": b"text/plain; charset=utf-8", **dict(headers)}
    given[b"content-length"] = str(len(body)).encode()
    given[b"connection"] = b"close"
    return _head(status, [*given.items()]) + body


def _head(status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    phrase = http.HTTPStatus(status).phrase.encode()
    lines = [b"HTTP/1.1 %d %s" % (status, phrase)]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n"
