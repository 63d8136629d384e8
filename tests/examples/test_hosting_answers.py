import itertools

import pytest

from examples.qsbridge.hosting.answers import DETAIL_CHARS_MAX
from examples.qsbridge.hosting.exchange import ANSWER_BYTES_MAX, Endpoint
from examples.qsbridge.hosting.failures import (
    BadAnswerError,
    HostingError,
    KeyRefusedError,
    NothingDoneError,
    ProviderBusyError,
    ProviderFailedError,
    RequestRefusedError,
    UnknownOutcomeError,
    UnknownServerError,
)
from tests.examples.hosting_server import (
    ID,
    KEY,
    failure_of_wipe,
    hangs,
    provider_at,
    says,
    says_bytes,
    sends,
    serving,
)


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
        # Five seconds for the status; once it is sent, none to speak of for the body.
        calls = itertools.count()
        endpoint = Endpoint(
            server.url,
            answer_seconds=5.0,
            clock=lambda: 4.98 if next(calls) > 2 and server.is_hanging.wait() else 0.0,
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
    ("body", "text"),
    [
        (b"OK", "OK"),
        (b"world saved\nby otter\n", "world saved\nby otter"),
        (f"done with {KEY}".encode(), "done with (API key)"),
        (b"<html>queued</html>", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"\xff\xfe", ""),
        (b"[" * 50_000, ""),
        (b'{"message": ' + b"9" * 5000 + b"}", ""),
        (b'{"message": null}', ""),
        (b'{"message": ["ok"]}', ""),
        (b'{"error": null, "message": "ok"}', "ok"),
    ],
    ids=range(12),
)
def test_a_success_is_one_whatever_its_body(body: bytes, text: str) -> None:
    with serving(says_bytes(200, body)) as server:
        assert provider_at(server.url).wipe(ID).text == text


@pytest.mark.parametrize(
    "body", [b'{"error": "no such thing", "message": "ok"}', b'{"error": true}']
)
def test_a_success_that_tells_of_an_error_leaves_doubt(body: bytes) -> None:
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


def test_of_a_longer_answer_nothing_is_told() -> None:
    body = b'{"message": "' + b"a" * (ANSWER_BYTES_MAX - 14) + b'"}'
    with serving(says_bytes(200, body)) as server:
        assert provider_at(server.url).wipe(ID).text == ""


def test_every_failure_says_whether_something_was_done() -> None:
    def leaves(kind: type[HostingError]) -> set[type[HostingError]]:
        below = [leaves(each) for each in kind.__subclasses__()]
        return set().union(*below) if below else {kind}

    assert leaves(HostingError) == leaves(NothingDoneError) | leaves(
        UnknownOutcomeError
    )
    assert leaves(NothingDoneError).isdisjoint(leaves(UnknownOutcomeError))
