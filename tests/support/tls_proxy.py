"""A proxy that speaks TLS to clients, and plain bytes to the server behind it."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator

__all__ = ["tls_proxy"]

SECONDS = 30


@contextlib.contextmanager
def tls_proxy(context: ssl.SSLContext, target: int) -> Iterator[int]:
    """Forward connections to a port of this machine; give where it listens."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    proxy = _Proxy(context, target, ready)
    main = loop.create_task(proxy.run())

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError), contextlib.closing(loop):
            loop.run_until_complete(main)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(SECONDS)
    try:
        yield proxy.port
    finally:
        loop.call_soon_threadsafe(main.cancel)
        thread.join(SECONDS)
        assert not thread.is_alive()


class _Proxy:
    def __init__(
        self, context: ssl.SSLContext, target: int, ready: threading.Event
    ) -> None:
        self._context = context
        self._target = target
        self._ready = ready
        self._serving: set[asyncio.Task[None]] = set()
        self.port = 0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)  # clients that go are no news
        server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self._context
        )
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for each in self._serving:
                each.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(
        self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        far_in, far_out = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            await asyncio.gather(_pump(near_in, far_out), _pump(far_in, near_out))
        finally:
            far_out.transport.abort()
            near_out.transport.abort()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(1 << 16):
            target.write(data)
            await target.drain()
    target.close()
