"""Asking for documents, of a server on this computer."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from qsdb import ArgumentError
from qsdb.server.fetching import fetch_document
from qsdb.server.issuers import DOCUMENT_BYTES_MAX

DOCUMENTS = {
    "/there?p=1": (200, b"{}"),
    "/long": (200, b" " * (DOCUMENT_BYTES_MAX + 1)),
    "/full": (200, b" " * DOCUMENT_BYTES_MAX),
    "/moved": (302, b""),
}


class Documents(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        code, data = DOCUMENTS.get(self.path, (404, b""))
        self.send_response(code)
        self.send_header("content-length", str(len(data)))
        self.send_header("location", "/there?p=1")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Documents)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_a_document_is_fetched_up_to_a_length(address: str) -> None:
    assert fetch_document(f"{address}/there?p=1") == b"{}"
    assert len(fetch_document(f"{address}/full")) == DOCUMENT_BYTES_MAX
    with pytest.raises(ValueError, match="gives more than 262144 bytes"):
        fetch_document(f"{address}/long")


def test_what_is_not_there_or_leads_elsewhere_is_an_error(address: str) -> None:
    with pytest.raises(OSError, match="404"):
        fetch_document(f"{address}/missing")
    with pytest.raises(OSError, match=r"leads elsewhere \(302\)"):
        fetch_document(f"{address}/moved")


def test_only_addresses_of_issuers_are_asked() -> None:
    for address in ("file:///etc/passwd", "http://10.0.0.1/", "ftp://example.com/x"):
        with pytest.raises(ArgumentError, match="begins with https"):
            fetch_document(address)
