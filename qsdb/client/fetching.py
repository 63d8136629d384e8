"""`fetch`: one small HTTP request, in an event loop.

The server is asked to close behind its answer, so that this is everything until then.
No redirect is followed, since the request may carry a token.
"""

import asyncio
import contextlib
import http.client
import io

import attrs

from qsdb.client.addresses import Address
from qsdb.client.client_errors import NotConnectedError
from qsdb.client.tls import connecting_fault

__all__ = ["Answer", "fetch"]

HEAD_BYTES_MAX = 64 << 10


@attrs.frozen
class Answer:
    """What came back: the status, and the body."""

    status: int
    body: bytes


async def fetch(
    address: Address, path: str, token: str | None, *, bytes_max: int, timeout: float
) -> Answer:
    """Get what a server has at a path.

    Args:
        address: Of the server.
        path: From the root on, escaped.
        token: To show, if there is one.
        bytes_max: Longest answer that is taken.
        timeout: Seconds that it may take.

    Raises:
        NotConnectedError: nothing came, in time or at all, or what is no HTTP.
    """
    try:
        async with asyncio.timeout(timeout):
            data = await _exchange(address, path, token, bytes_max)
        return _answer(data)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NotConnectedError(
            f"no answer from {address.authority}{path}: {connecting_fault(error)}"
        ) from error


async def _exchange(
    address: Address, path: str, token: str | None, bytes_max: int
) -> bytes:
    reader, writer = await asyncio.open_connection(
        address.host, address.port, ssl=address.tls
    )
    try:
        lines = [f"GET {path} HTTP/1.1", f"Host: {address.authority}"]
        lines += ["Accept: application/json", "Connection: close"]
        if token is not None:
            lines.append(f"Authorization: Bearer {token}")
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        await writer.drain()
        data = await _read_all(reader, bytes_max + HEAD_BYTES_MAX)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return data


async def _read_all(reader: asyncio.StreamReader, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := await reader.read(64 << 10):
        size += len(part)
        if size > bytes_max:
            raise ValueError(f"it has over {bytes_max} bytes")
        parts.append(part)
    return b"".join(parts)


class _Received:
    """Bytes in the place of a socket, as `http.client` wants to read them."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def _answer(data: bytes) -> Answer:
    response = http.client.HTTPResponse(
        _Received(data),  # type: ignore[arg-type]  # that is all it takes of a socket
        method="GET",
    )
    response.begin()
    return Answer(response.status, response.read())
