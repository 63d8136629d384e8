"""What comes with a request, and what goes with an answer: bytes, and JSON."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from qsdb.codec.json_text import write_json
from qsdb.server.http.refusals import Refusal

__all__ = ["json_response", "read_body"]


async def read_body(request: Request, bytes_max: int, seconds: float) -> bytes:
    """Give the body of a request.

    Args:
        request: It.
        bytes_max: How long it may be.
        seconds: How long it may take.

    Raises:
        Refusal: it is too long, or too slow.
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
                parts.append(part)
    except TimeoutError:
        raise Refusal(408, "the body does not come") from None
    return b"".join(parts)


def json_response(data: object, status: int = 200) -> Response:
    """Give an answer with plain data as JSON."""
    content = write_json(data).encode(errors="replace")
    return Response(content, status, media_type="application/json")
