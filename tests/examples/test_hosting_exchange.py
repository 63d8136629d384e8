import socket

import pytest

from examples.qsbridge.hosting.deadlines import DeadlineSocket
from examples.qsbridge.hosting.exchange import ANSWER_BYTES_MAX, Endpoint
from examples.qsbridge.hosting.failures import (
    BadAnswerError,
    ConnectionCutError,
    HostingTimeoutError,
    UnknownOutcomeError,
    UnreachableError,
)
from tests.examples.hosting_server import (
    HEAD,
    ID,
    Answer,
    Waits,
    drips,
    failure_of_wipe,
    hangs,
    provider_at,
    says,
    sends,
    serving,
)


def test_of_an_endless_answer_no_more_is_read_than_the_bound() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * ANSWER_BYTES_MAX

    with serving(drips(head)) as server:
        assert provider_at(server.url).wipe(ID).text == ""


@pytest.mark.parametrize(
    "answer",
    [*map(sends, (HEAD[:count] for count in range(15, len(HEAD)))), sends(HEAD + b"{")],
)
def test_a_connection_that_is_cut_leaves_doubt(answer: Answer) -> None:
    assert type(failure_of_wipe(answer)) is ConnectionCutError


@pytest.mark.parametrize("count", [0, 1, 8, 12])
def test_a_connection_that_is_cut_early_leaves_doubt(count: int) -> None:
    error = failure_of_wipe(sends(HEAD[:count]))

    assert isinstance(error, UnknownOutcomeError)


def test_a_chunked_answer_that_is_cut_leaves_doubt() -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"

    assert type(failure_of_wipe(sends(data))) is ConnectionCutError


@pytest.mark.parametrize(
    "data",
    [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"],
)
def test_what_is_not_http_leaves_doubt(data: bytes) -> None:
    error = failure_of_wipe(sends(data))

    assert type(error) is BadAnswerError
    assert str(error) == "what the provider answers is not HTTP"


@pytest.mark.parametrize(
    "answer",
    [hangs(), hangs(HEAD[:20]), hangs(HEAD), drips(HEAD[:-3]), drips(b"H")],
    ids=["nothing", "half a head", "a head", "a header drips", "a status drips"],
)
def test_a_server_that_hangs_is_left_at_the_deadline(answer: Answer) -> None:
    error = failure_of_wipe(answer, answer_seconds=0.05)

    assert type(error) is HostingTimeoutError
    assert str(error) == "the provider gave no whole answer within 0.05 s"


def test_the_deadline_is_for_all_reads_together() -> None:
    times = iter([0.0, 4.0, 9.0, 10.0])
    here, there = socket.socketpair()
    with here, there:
        timed = DeadlineSocket(here, 10.0, lambda: next(times))
        with timed.makefile("rb") as file:
            timed.sendall(b"a")
            assert here.gettimeout() == 10.0
            there.sendall(b"b")
            assert file.read(1) == b"b"
            assert here.gettimeout() == 6.0
            there.sendall(b"c")
            assert file.read(1) == b"c"
            assert here.gettimeout() == 1.0
            there.sendall(b"d")
            with pytest.raises(TimeoutError, match="the deadline has passed"):
                file.read(1)


@pytest.mark.slow
def test_the_system_says_whom_to_trust() -> None:
    with serving(says(200)) as server:
        endpoint = Endpoint(server.url.replace("http:", "https:"))
        with pytest.raises(UnreachableError):
            endpoint.post("/", {}, b"")


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        assert isinstance(port, int)
        return port


def test_nobody_there_means_nothing_done() -> None:
    url, waits = f"http://127.0.0.1:{unused_port()}", Waits()

    with pytest.raises(UnreachableError) as caught:
        provider_at(url, waits).wipe(ID)

    assert str(caught.value).startswith(f"no connection to the provider at {url[7:]}: ")
    assert len(waits.seconds) == 2


@pytest.mark.parametrize("host", ["a" * 64, "no-such-host.invalid"])
def test_a_host_without_an_address_means_nothing_done(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(name: str, *_: object, **__: object) -> object:
        name.encode("idna")
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    with pytest.raises(UnreachableError):
        provider_at(f"https://{host}").start(ID)


def test_a_server_that_does_not_speak_tls_is_told_nothing() -> None:
    with serving(says(200)) as server:
        provider = provider_at(server.url.replace("http:", "https:"))
        with pytest.raises(UnreachableError):
            provider.wipe(ID)

        assert server.received == []


@pytest.mark.parametrize(
    "url",
    [
        *("", "api.example", "ftp://api.example", "https://", "https:///v1"),
        *("https://user:secret@api.example", "https://a/?q=1", "https://a/#f"),
        *("https://a:99999", "https://a:0", "https://a:x"),
        *("https://a b", "https://a\n", "https://a/\r\n"),
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no address like https://host/path"):
        Endpoint(url)


@pytest.mark.parametrize("url", ["http://api.example", "http://127.0.0.1.example/"])
def test_a_key_does_not_go_over_the_network_unencrypted(url: str) -> None:
    with pytest.raises(ValueError, match="the API key could be read; use https"):
        Endpoint(url)


@pytest.mark.parametrize(
    "url", ["http://localhost:8080", "http://[::1]:1/", "HTTPS://API.example:443/v1/"]
)
def test_these_addresses_are_taken(url: str) -> None:
    assert Endpoint(url).url == url
