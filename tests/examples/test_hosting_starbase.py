import json
import logging
import socket
import traceback
from collections.abc import Callable

import pytest

from examples.qsbridge.hosting.answers import DETAIL_CHARS_MAX
from examples.qsbridge.hosting.api_keys import ApiKey
from examples.qsbridge.hosting.deadlines import DeadlineSocket
from examples.qsbridge.hosting.exchange import ANSWER_BYTES_MAX, Endpoint
from examples.qsbridge.hosting.failures import (
    BadAnswerError,
    ConnectionCutError,
    HostingError,
    HostingTimeoutError,
    KeyRefusedError,
    NothingDoneError,
    ProviderBusyError,
    ProviderFailedError,
    RequestRefusedError,
    UnknownOutcomeError,
    UnknownServerError,
    UnreachableError,
)
from examples.qsbridge.hosting.provider import HostingAction, HostingAnswer, ask
from examples.qsbridge.hosting.starbase import StarbaseProvider
from tests.examples.hosting_server import (
    KEY,
    Answer,
    Waits,
    drips,
    hangs,
    provider_at,
    says,
    says_bytes,
    sends,
    serving,
)

ID = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"


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


@pytest.mark.parametrize("action", HostingAction)
def test_an_action_is_one_post_to_its_route(action: HostingAction) -> None:
    with serving(says(200, {"message": "will do"})) as server:
        answer = ask(provider_at(server.url), action, ID)

        (request,) = server.received
    assert answer == HostingAnswer(ID, action.value, "will do")
    assert request.path == f"/api/servers/{ID}/{action.value}"
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.headers["Content-Type"] == "application/json"
    assert json.loads(request.content) == {}


def test_a_command_is_sent_as_json_and_gives_what_the_console_prints() -> None:
    line = 'say "grüße" \\ 你好'
    with serving(says(200, {"output": "[server] …\n"})) as server:
        answer = provider_at(server.url).command(ID, line)

        (request,) = server.received
    assert answer == HostingAnswer(ID, "command", "[server] …\n")
    assert request.path == f"/api/servers/{ID}/command"
    assert json.loads(request.content) == {"command": line}


@pytest.mark.parametrize(
    "answer",
    [
        says(200),
        says(204),
        says(202, {}),
        says(200, {"state": 3}),
        says_bytes(200, b" \n"),
    ],
)
def test_an_answer_may_say_nothing(answer: Answer) -> None:
    with serving(answer) as server:
        assert provider_at(server.url).restart(ID) == HostingAnswer(ID, "restart")


def test_an_answer_may_come_in_chunks() -> None:
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    with serving(sends(chunked)) as server:
        assert provider_at(server.url).wipe(ID).text == ""


def test_an_answer_may_end_with_its_connection() -> None:
    with serving(sends(b'HTTP/1.0 200 OK\r\n\r\n{"message": "ok"}')) as server:
        assert provider_at(server.url).wipe(ID).text == "ok"


@pytest.mark.parametrize(
    ("status", "kind", "sentence"),
    [
        (400, RequestRefusedError, "the provider refuses that (400)"),
        (401, KeyRefusedError, "the provider refuses the API key (401)"),
        (403, KeyRefusedError, "the provider refuses the API key (403)"),
        (404, UnknownServerError, f"the provider has no server '{ID}' (404)"),
        (410, UnknownServerError, f"the provider has no server '{ID}' (410)"),
        (409, RequestRefusedError, "the provider refuses that (409)"),
        (500, ProviderFailedError, "the provider has an error of its own (500)"),
        (503, ProviderFailedError, "the provider has an error of its own (503)"),
    ],
)
def test_each_status_has_an_error_that_says_what_is_wrong(
    status: int, kind: type[HostingError], sentence: str
) -> None:
    silent = failure_of_wipe(says(status))
    talking = failure_of_wipe(says(status, {"message": "ask\x1b[2J us\nagain"}))

    assert type(silent) is type(talking) is kind
    assert str(silent) == sentence
    assert str(talking) == f"{sentence}: ask [2J us again"


def test_a_failure_may_call_its_text_error() -> None:
    error = failure_of_wipe(says(422, {"message": 5, "error": "no world"}))

    assert str(error) == "the provider refuses that (422): no world"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b"{}", b'{"message": ""}'])
def test_a_failure_whose_body_says_nothing_has_its_status(body: bytes) -> None:
    error = failure_of_wipe(says_bytes(401, body))

    assert str(error) == "the provider refuses the API key (401)"


@pytest.mark.parametrize("data", [b"", b"{", b'{"message": "half'])
def test_a_failure_whose_body_breaks_off_has_its_status(data: bytes) -> None:
    head = b"HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n"

    assert type(failure_of_wipe(sends(head + data))) is UnknownServerError


def test_a_failure_whose_body_never_comes_has_its_status() -> None:
    head = b"HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n"
    with serving(hangs(head)) as server:
        # Five seconds for the status, and none to speak of for the body.
        begin = iter([0.0])
        endpoint = Endpoint(
            server.url,
            answer_seconds=5.0,
            clock=lambda: next(begin, 4.98 if server.is_hanging.is_set() else 0.0),
        )
        assert endpoint.post("/", {}, b"").status == 404


def test_what_a_failure_says_is_shortened() -> None:
    error = failure_of_wipe(says(400, {"message": "ab" * 5000}))

    assert str(error).endswith(f"(400): {'ab' * (DETAIL_CHARS_MAX // 2)}")


@pytest.mark.parametrize(
    ("header", "sentence_end", "wait_seconds"),
    [
        ({}, "moment (429)", None),
        ({"Retry_After": "30"}, "moment (429); it asks to wait 30 s", 30.0),
        ({"Retry_After": "Fri, 31 Dec 1999 23:59:59 GMT"}, "moment (429)", None),
        ({"Retry_After": "-1"}, "moment (429)", None),
        ({"Retry_After": "9" * 400}, "moment (429)", None),
    ],
)
def test_a_busy_provider_may_say_how_long_to_wait(
    header: dict[str, str], sentence_end: str, wait_seconds: float | None
) -> None:
    with serving(says(429, **header)) as server:
        provider = provider_at(server.url)
        with pytest.raises(ProviderBusyError) as caught:
            provider.wipe(ID)

    assert str(caught.value).endswith(sentence_end)
    assert caught.value.wait_seconds == wait_seconds


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with serving(says(200)) as elsewhere:
        error = failure_of_wipe(says(status, Location=f"{elsewhere.url}/trap"))

        assert elsewhere.received == []
    assert type(error) is BadAnswerError
    assert str(error) == (
        f"the provider answers {status}, which leads to another address; it was not "
        "followed, since the API key would go there too"
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<html>please sign in</html>",
        b"OK",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"message": ' + b"9" * 5000 + b"}",
        b'{"message": null}',
        b'{"message": ["ok"]}',
        b'{"error": "no such thing", "message": "ok"}',
        b'{"error": true}',
    ],
    ids=range(11),
)
def test_a_success_of_the_wrong_shape_leaves_doubt(body: bytes) -> None:
    assert type(failure_of_wipe(says_bytes(200, body))) is BadAnswerError


def test_a_success_that_tells_of_an_error_says_which() -> None:
    error = failure_of_wipe(says(200, {"error": "disk is full"}))

    assert str(error) == (
        "the provider answers 200 and tells of an error: disk is full"
    )


def test_an_answer_as_long_as_the_bound_is_read() -> None:
    body = b'{"message": "' + b"a" * (ANSWER_BYTES_MAX - 15) + b'"}'
    assert len(body) == ANSWER_BYTES_MAX
    with serving(says_bytes(200, body)) as server:
        assert provider_at(server.url).wipe(ID).text == "a" * (ANSWER_BYTES_MAX - 15)


def test_a_longer_answer_leaves_doubt() -> None:
    body = b'{"message": "' + b"a" * (ANSWER_BYTES_MAX - 14) + b'"}'

    error = failure_of_wipe(says_bytes(200, body))

    assert type(error) is BadAnswerError
    assert (
        str(error) == f"the provider's answer is longer than {ANSWER_BYTES_MAX} bytes"
    )


def test_of_an_endless_answer_no_more_is_read_than_the_bound() -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * ANSWER_BYTES_MAX

    assert type(failure_of_wipe(drips(head))) is BadAnswerError


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


@pytest.mark.parametrize("order", ["start", "stop"])
@pytest.mark.parametrize("first", [says(500), says(503), sends(b""), says(429)])
def test_what_may_be_done_twice_is_asked_again(order: str, first: Answer) -> None:
    with serving(first, first, says(200)) as server:
        answer = ask(provider_at(server.url), HostingAction(order), ID)

        assert len(server.received) == 3
    assert answer == HostingAnswer(ID, order)


@pytest.mark.parametrize("order", ["restart", "wipe", "command"])
def test_what_may_not_be_done_twice_is_asked_again_if_nothing_was_done(
    order: str,
) -> None:
    with serving(says(429, Retry_After="1"), says(200)) as server:
        waits = Waits()
        provider = provider_at(server.url, waits)
        asked: dict[str, Callable[[], HostingAnswer]] = {
            "restart": lambda: provider.restart(ID),
            "wipe": lambda: provider.wipe(ID),
            "command": lambda: provider.command(ID, "save"),
        }

        assert asked[order]() == HostingAnswer(ID, order)
        assert len(server.received) == 2
    assert waits.seconds == [1.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 302])
def test_a_refusal_is_not_asked_for_again(status: int) -> None:
    with serving(says(status)) as server:
        with pytest.raises(HostingError):
            provider_at(server.url).start(ID)

        assert len(server.received) == 1


@pytest.mark.parametrize(
    "hosting_id", ["", "..", "../users", "a/b", "a b", "a?b", "a\n", "é", "-a", "%2e"]
)
def test_an_id_that_could_lead_to_another_route_is_not_sent(hosting_id: str) -> None:
    with serving(says(200)) as server:
        with pytest.raises(UnknownServerError) as caught:
            provider_at(server.url).wipe(hosting_id)

        assert server.received == []
    assert str(caught.value) == f"{hosting_id!r} is no server id of the provider"


def test_the_key_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"message": f"key {KEY} is unknown", "output": KEY}
    with serving(says(401, echo), says(200, echo)) as server:
        provider = provider_at(server.url)
        with pytest.raises(KeyRefusedError) as caught:
            provider.wipe(ID)
        printed = provider.command(ID, "env")

    texts = [repr(provider), repr(ApiKey(KEY)), str(ApiKey(KEY)), repr(printed)]
    texts += [caplog.text, "".join(traceback.format_exception(caught.value))]
    assert not any(KEY in text for text in texts)
    assert str(caught.value).endswith("(401): key (API key) is unknown")
    assert printed.text == "(API key)"


def test_a_key_that_is_echoed_in_place_of_http_is_not_shown() -> None:
    error = failure_of_wipe(sends(f"Bearer {KEY}\r\n".encode()))

    assert type(error) is BadAnswerError


def test_the_key_and_the_address_come_from_the_environment() -> None:
    with serving(says(200)) as server:
        environment = {"BISECT_API_KEY": KEY, "BISECT_API_URL": server.url}
        provider = StarbaseProvider.from_environment(environment)
        provider.wipe(ID)

        (request,) = server.received
    assert repr(provider) == f"StarbaseProvider({server.url!r})"
    assert request.headers["Authorization"] == f"Bearer {KEY}"


def test_the_environment_is_that_of_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BISECT_API_KEY", KEY)
    monkeypatch.setenv("BISECT_API_URL", "https://api.example/v1")

    provider = StarbaseProvider.from_environment()

    assert repr(provider) == "StarbaseProvider('https://api.example/v1')"


@pytest.mark.parametrize("missing", ["BISECT_API_KEY", "BISECT_API_URL"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(missing: str, value: str | None) -> None:
    environment = {"BISECT_API_KEY": KEY, "BISECT_API_URL": "https://api.example"}
    del environment[missing]
    if value is not None:
        environment[missing] = value

    with pytest.raises(ValueError, match=f"variable {missing} is not set"):
        StarbaseProvider.from_environment(environment)


@pytest.mark.parametrize("key", ["", "two words", "line\n", "\r\nX: y", "schlüssel"])
def test_a_key_that_no_header_can_hold_is_refused_unseen(key: str) -> None:
    with pytest.raises(ValueError, match="an API key is printable ASCII") as caught:
        ApiKey(key)

    assert not key or key not in str(caught.value)


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


def test_every_failure_says_whether_something_was_done() -> None:
    def leaves(kind: type[HostingError]) -> set[type[HostingError]]:
        below = [leaves(each) for each in kind.__subclasses__()]
        return set().union(*below) if below else {kind}

    assert leaves(HostingError) == leaves(NothingDoneError) | leaves(
        UnknownOutcomeError
    )
    assert leaves(NothingDoneError).isdisjoint(leaves(UnknownOutcomeError))
