"""The log of a database's module, for its owner: lines that were kept, and new ones.

With ``follow=true`` the answer goes on until whoever reads has gone or the server ends.
Each waits for the next line by itself, and holds none: who is slow finds that lines
have gone, and is told how many.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from qsdb.server.http.endpoints import Guest
from qsdb.server.http.refusals import Refusal
from qsdb.server.log_rings import LogRing

__all__ = ["logs"]

NDJSON = "application/x-ndjson"


async def logs(guest: Guest) -> Response:
    """Give the last lines of the log, and go on if asked for."""
    guest.require_owner()
    asked = guest.request.query_params.get("num_lines")
    if asked is not None and not (asked.isascii() and asked.isdecimal()):
        raise Refusal(400, "num_lines is a number of lines")
    count = None if asked is None else int(asked[:9])
    about = guest.served.logged
    ring = guest.desk.logs.ring(about.module, about.database)
    if not guest.flag("follow"):
        return Response(b"".join(ring.last(count).lines), media_type=NDJSON)
    if len(ring.followers) >= guest.desk.options.followers_max:
        text = "too many follow this log already; try again"
        raise Refusal(503, text, {"retry-after": "5"})
    return Following(ring, count)


class Following(StreamingResponse):
    """An answer that goes on as long as there are lines."""

    def __init__(self, ring: LogRing, count: int | None) -> None:
        """Begin with so many lines that are there; with all without a count."""
        super().__init__(iter(()), media_type=NDJSON)
        self._ring = ring
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send lines until either side ends."""
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        woken = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(woken.set)

        self._ring.followers[wake] = None
        gone = asyncio.ensure_future(_has_gone(receive))
        gone.add_done_callback(lambda _: woken.set())
        try:
            async for data in self._new(woken, gone):
                body = {"body": data, "more_body": True}
                await send({"type": "http.response.body", **body})
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        finally:
            del self._ring.followers[wake]
            gone.cancel()

    async def _new(
        self, woken: asyncio.Event, gone: "asyncio.Future[None]"
    ) -> AsyncIterator[bytes]:
        found = self._ring.last(self._count)
        while True:
            if found.gone:
                text = f"{found.gone} lines have gone before they could be sent"
                yield json.dumps({"level": "Warn", "message": text}).encode() + b"\n"
            if found.lines:
                yield b"".join(found.lines)
            if self._ring.is_closed:
                return
            await woken.wait()
            woken.clear()
            if gone.done():
                return
            found = self._ring.after(found.end)


async def _has_gone(receive: Receive) -> None:
    """Wait until whoever reads has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
