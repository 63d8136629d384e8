"""A server that answers requests as it was told, and keeps what it was asked."""

import contextlib
import http.server
import threading
from collections.abc import Iterator, Mapping

import attrs

__all__ = ["Asked", "Told", "serving"]


@attrs.frozen
class Asked:
    """One request.

    Attributes:
        line: Method and path.
        body: It.
        headers: With names in lower case.
    """

    line: str
    body: str
    headers: Mapping[str, str]


@attrs.define
class Told:
    """What a server was told to answer, and what it was asked.

    Attributes:
        url: Where it is.
        answers: Method and path → status and body; 404 where there is none.
        asked: The requests.
    """

    url: str
    answers: dict[str, tuple[int, str]] = attrs.field(factory=dict)
    asked: list[Asked] = attrs.field(factory=list)


@contextlib.contextmanager
def serving() -> Iterator[Told]:
    """Have a server for the time of a block."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length).decode()
            line = f"{self.command} {self.path}"
            headers = {name.lower(): each for name, each in self.headers.items()}
            told.asked.append(Asked(line, body, headers))
            status, text = told.answers.get(line, (404, ""))
            if status == 0:  # what is no answer at all
                self.wfile.write(text.encode())
                return
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Length", f"{len(data)}")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Told(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
