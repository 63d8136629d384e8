"""A hosting provider's API on this machine, which answers as a test tells it to."""

import contextlib
import http.server
import json
import ssl
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from examples.qsbridge.hosting.api_keys import ApiKey
from examples.qsbridge.hosting.exchange import Endpoint
from examples.qsbridge.hosting.failures import HostingError
from examples.qsbridge.hosting.retries import Retries
from examples.qsbridge.hosting.starbase import StarbaseProvider

TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody."""
KEY = "key-0123456789abcdef"
ID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
"""Of a server at the provider."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
"""Promises nine bytes."""


class Request(http.server.BaseHTTPRequestHandler):
    """A request, and the connection to answer on."""

    protocol_version = "HTTP/1.1"
    content = b""

    @property
    def scripted(self) -> "ScriptedServer":
        assert isinstance(self.server, ScriptedServer)
        return self.server

    def do_POST(self) -> None:
        self.content = self.rfile.read(int(self.headers["Content-Length"]))
        self.close_connection = True
        self.scripted.received.append(self)
        script = self.scripted.script
        (script.popleft() if len(script) > 1 else script[0]).give(self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@dataclass(frozen=True)
class Answer:
    """What a server does with a request."""

    give: Callable[[Request], None]


class ScriptedServer(http.server.ThreadingHTTPServer):
    """Answers each request with the next step of a script, or the last one again."""

    daemon_threads = False  # closing waits for them

    def __init__(self, *script: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.script = deque(script)
        self.received: list[Request] = []
        self.is_hanging = threading.Event()
        self.is_over = threading.Event()
        """Wakes those that hang."""

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that are gone."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api"


@contextlib.contextmanager
def serving(*script: Answer) -> Iterator[ScriptedServer]:
    """Serve until the block ends."""
    server = ScriptedServer(*script)
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield server
    finally:
        server.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def says(status: int, content: object = None, **headers: str) -> Answer:
    """Answer with JSON, or with nothing."""
    body = b"" if content is None else json.dumps(content).encode()
    return Answer(lambda request: request.answer(status, body, **headers))


def says_bytes(status: int, body: bytes, **headers: str) -> Answer:
    """Answer with a body as it stands."""
    return Answer(lambda request: request.answer(status, body, **headers))


def sends(data: bytes) -> Answer:
    """Send bytes that may be no HTTP, and cut the connection."""

    def answer(request: Request) -> None:
        request.wfile.write(data)

    return Answer(answer)


def hangs(data: bytes = b"") -> Answer:
    """Send bytes, and then nothing more for as long as the server runs."""

    def answer(request: Request) -> None:
        request.wfile.write(data)
        request.scripted.is_hanging.set()
        request.scripted.is_over.wait()

    return Answer(answer)


def drips(data: bytes) -> Answer:
    """Send bytes, and then another one again and again."""

    def answer(request: Request) -> None:
        request.wfile.write(data)
        with contextlib.suppress(OSError):
            while not request.scripted.is_over.wait(0.002):
                request.wfile.write(b"x")

    return Answer(answer)


@dataclass
class Waits:
    """What a provider slept, without sleeping."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def provider_at(
    url: str, waits: Waits | None = None, answer_seconds: float = 5.0
) -> StarbaseProvider:
    """Give a provider that asks at an address, and does not really wait."""
    endpoint = Endpoint(url, answer_seconds=answer_seconds, tls=TLS)
    return StarbaseProvider(ApiKey(KEY), endpoint, Retries(sleep=waits or Waits()))


def failure_of_wipe(answer: Answer, answer_seconds: float = 5.0) -> HostingError:
    """Give what a wipe fails with, which is asked for once."""
    with serving(answer) as server:
        provider = provider_at(server.url, answer_seconds=answer_seconds)
        with pytest.raises(HostingError) as caught:
            provider.wipe(ID)

        # One that is given up early is not there yet.
        assert len(server.received) <= 1
    assert KEY not in "".join(traceback.format_exception(caught.value))
    return caught.value
