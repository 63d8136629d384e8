"""The request to upgrade, and the answers to it."""

import pytest

from qsdb.server.websocket_upgrade import (
    BadUpgradeError,
    http_response,
    read_upgrade,
)

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


def request(key: bytes = KEY, version: bytes = b"13") -> bytes:
    return (
        b"GET /v1/x?token=a HTTP/1.1\r\nHost: there\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Protocol: one, two\r\nSec-WebSocket-Protocol:three\r\n"
        b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: " + version
    ) + b"\r\n\r\n"


def test_a_request_is_read() -> None:
    upgrade = read_upgrade(request())

    assert (upgrade.path, upgrade.query) == (b"/v1/x", b"token=a")
    assert upgrade.subprotocols == ["one", "two", "three"]
    assert (b"host", b"there") in upgrade.headers


def test_the_key_is_answered_as_the_rfc_has_it() -> None:
    answer = read_upgrade(request()).accepted("two", [(b"x", b"y")])

    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert answer.endswith(b"\r\nx: y\r\nsec-websocket-protocol: two\r\n\r\n")
    assert b"protocol" not in read_upgrade(request()).accepted(None, [])


@pytest.mark.parametrize(
    ("data", "head", "said"),
    [
        (request(version=b"8"), b"HTTP/1.1 426 Upgrade Required", b"only version 13"),
        (b"POST" + request()[3:], b"HTTP/1.1 405 Method Not Allowed", b"with a GET"),
        (request(key=b""), b"HTTP/1.1 400 Bad Request", b"16 bytes in base64"),
        (request(key=b"AAAA"), b"HTTP/1.1 400 Bad Request", b"16 bytes in base64"),
        (request(key=b"!" * 24), b"HTTP/1.1 400 Bad Request", b"16 bytes in base64"),
    ],
)
def test_a_request_that_is_none_is_answered(
    data: bytes, head: bytes, said: bytes
) -> None:
    with pytest.raises(BadUpgradeError) as caught:
        read_upgrade(data)

    response = caught.value.response
    assert response.startswith(head)
    assert said in response
    assert (b"sec-websocket-version: 13" in response) == (b" 426 " in head)


def test_an_answer_of_http_says_how_long_it_is() -> None:
    answer = http_response(404, [(b"x", b"y")], b"gone")

    assert answer == (
        b"HTTP/1.1 404 Not Found\r\ncontent-type: text/plain; charset=utf-8\r\n"
        b"x: y\r\ncontent-length: 4\r\nconnection: close\r\n\r\ngone"
    )
