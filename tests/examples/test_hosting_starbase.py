import json
import logging
import traceback
from collections.abc import Callable

import pytest

from examples.qsbridge.hosting.api_keys import ApiKey
from examples.qsbridge.hosting.failures import (
    BadAnswerError,
    HostingError,
    KeyRefusedError,
    UnknownServerError,
)
from examples.qsbridge.hosting.provider import HostingAction, HostingAnswer, ask
from examples.qsbridge.hosting.starbase import StarbaseProvider
from tests.examples.hosting_server import (
    ID,
    KEY,
    Answer,
    Waits,
    failure_of_wipe,
    provider_at,
    says,
    says_bytes,
    sends,
    serving,
)


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
