"""What comes with a request, and what goes with an answer: bytes, and JSON."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from qsdb.codec.json_text import write_json
from qsdb.server.http.refusals import Refusal

__all__ = ["Bodies", "json_response", "read_body"]

_KEPT = "qsdb.kept"
"""What a request's scope has: how much of its body is kept."""


class Bodies:
    """How much is kept of the bodies of all requests, until they are answered."""

    def __init__(self, bytes_max: int) -> None:
        """Keep nothing yet.

        Args:
            bytes_max: So much may be kept.
        """
        self._bytes_max = bytes_max
        self._kept = 0

    def take(self, scope: Scope, size: int) -> None:
        """Note that more is kept of the body of a request.

        Raises:
            Refusal: it would be too much, with the bodies of others.
        """
        if self._kept + size > self._bytes_max:
            text = "too much is sent at once; try again"
            raise Refusal(503, text, {"retry-after": "1"})
        self._kept += size
        scope[_KEPT] = scope.get(_KEPT, 0) + size

    def release(self, scope: Scope) -> None:
        """Note that a request is answered."""
        self._kept -= scope.pop(_KEPT, 0)


async def read_body(
    request: Request, bodies: Bodies, bytes_max: int, seconds: float
) -> bytes:
    """Give the body of a request.

    Args:
        request: It.
        bodies: How much is kept of all of them.
        bytes_max: How long it may be.
        seconds: How long it may take.

    Raises:
        Refusal: it is too long, or too slow, or there are too many.
        ClientDisconnect: whoever sends it has gone.
    """
    too_long = Refusal(413, f"the body is too long; at most {bytes_max} bytes are read")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 18 or int(length) > bytes_max):
        raise too_long
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > bytes_max:
                    raise too_long
                bodies.take(request.scope, len(part))
                parts.append(part)
    except TimeoutError:
        raise Refusal(408, "the body does not come") from None
    return b"".join(parts)


def json_response(data: object, status: int = 200) -> Response:
    """Give an answer with plain data as JSON."""
    content = write_json(data).encode(errors="replace")
    return Response(content, status, media_type="application/json")
