"""The provider in memory, and that the one over HTTP is the same seen from outside.

**Strategy.** Hypothesis gives orders to a provider in memory, and the same orders over
HTTP to a server behind which is another one. **Invariants.** Both answer the same, fail
with the same class, and have the same servers in the end.
"""

import json
import threading
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples.qsbridge.hosting.failures import (
    HostingError,
    HostingTimeoutError,
    KeyRefusedError,
    ProviderFailedError,
    RequestRefusedError,
    UnknownServerError,
)
from examples.qsbridge.hosting.memory import MemoryProvider, RentedServer
from examples.qsbridge.hosting.provider import (
    HostingAction,
    HostingAnswer,
    HostingProvider,
    ask,
)
from tests.examples.hosting_server import Answer, Request, provider_at, serving

IDS = ("a1", "b2")


@pytest.fixture
def provider() -> MemoryProvider:
    return MemoryProvider(IDS)


def test_servers_run_when_they_are_rented(provider: MemoryProvider) -> None:
    assert [provider.server(each) for each in IDS] == [RentedServer()] * 2
    assert provider.asked == []


@pytest.mark.parametrize(
    ("order", "then"),
    [
        ("start", RentedServer(is_running=True)),
        ("restart", RentedServer(is_running=True)),
        ("stop", RentedServer(is_running=False)),
        ("wipe", RentedServer(is_running=False, worlds=2)),
    ],
)
def test_an_action_changes_the_server_it_is_for(
    provider: MemoryProvider, order: str, then: RentedServer
) -> None:
    provider.stop("a1")

    answer = ask(provider, HostingAction(order), "a1")

    assert answer == HostingAnswer("a1", order)
    assert provider.server("a1") == then
    assert provider.server("b2") == RentedServer()
    assert provider.asked == [("stop", "a1"), (order, "a1")]


def test_a_console_answers_while_its_server_runs(provider: MemoryProvider) -> None:
    assert provider.command("a1", "save all").text == "> save all"
    provider.stop("a1")
    with pytest.raises(RequestRefusedError, match="server 'a1' is not running"):
        provider.command("a1", "again")

    assert provider.server("a1").lines == ("save all",)


@pytest.mark.parametrize("action", HostingAction)
def test_a_server_that_is_not_there_is_unknown(
    provider: MemoryProvider, action: HostingAction
) -> None:
    with pytest.raises(UnknownServerError, match="the provider has no server 'c3'"):
        ask(provider, action, "c3")
    with pytest.raises(UnknownServerError):
        provider.server("c3")

    assert provider.asked == [(action.value, "c3")]


def test_planned_failures_come_one_after_the_other(provider: MemoryProvider) -> None:
    refused, lost = KeyRefusedError("who are you"), HostingTimeoutError("lost")
    provider.plan_failure(refused)
    provider.plan_failure(lost, is_done=True)

    for expected in (refused, lost):
        with pytest.raises(HostingError) as caught:
            provider.wipe("a1")
        assert caught.value is expected
    assert provider.server("a1").worlds == 2
    provider.wipe("a1")
    assert provider.server("a1").worlds == 3


def test_a_failure_cannot_say_that_nothing_was_done_when_it_was(
    provider: MemoryProvider,
) -> None:
    with pytest.raises(ValueError, match="says that nothing was done"):
        provider.plan_failure(KeyRefusedError("no"), is_done=True)


def test_whoever_looks_is_told_before_anything_is_done() -> None:
    seen: list[tuple[str, str, bool]] = []

    def look(order: str, hosting_id: str) -> None:
        seen.append((order, hosting_id, watched.server(hosting_id).is_running))

    watched = MemoryProvider(IDS, look)
    watched.stop("a1")

    assert seen == [("stop", "a1", True)]


def test_threads_lose_no_order(provider: MemoryProvider) -> None:
    threads = [
        threading.Thread(target=lambda: [provider.wipe("a1") for _ in range(50)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert provider.server("a1").worlds == 201
    assert len(provider.asked) == 200


STATUSES: dict[type[HostingError], int] = {
    KeyRefusedError: 401,
    UnknownServerError: 404,
    RequestRefusedError: 409,
    ProviderFailedError: 500,
}


def answer_from(provider: HostingProvider) -> Callable[[Request], None]:
    """Answer as the API of a provider would."""

    def answer(request: Request) -> None:
        _, _, _, hosting_id, order = request.path.split("/")
        try:
            if order == "command":
                line = json.loads(request.content)["command"]
                content = {"output": provider.command(hosting_id, line).text}
            else:
                done = ask(provider, HostingAction(order), hosting_id)
                content = {"message": done.text}
        except HostingError as error:
            request.answer(STATUSES[type(error)])
        else:
            request.answer(200, json.dumps(content).encode())

    return answer


ORDERS = st.lists(
    st.tuples(
        st.sampled_from([*(each.value for each in HostingAction), "command"]),
        st.sampled_from([*IDS, "c3"]),
        st.sampled_from([None, None, None, KeyRefusedError, ProviderFailedError]),
    ),
    max_size=8,
)


def outcome(provider: HostingProvider, order: str, hosting_id: str) -> object:
    """Give the answer to an order, or the class of what it fails with."""
    try:
        if order == "command":
            return provider.command(hosting_id, "say hi")
        return ask(provider, HostingAction(order), hosting_id)
    except HostingError as error:
        return type(error)


@pytest.mark.slow
@settings(max_examples=20)
@given(ORDERS)
def test_over_http_a_provider_is_as_in_memory(
    orders: list[tuple[str, str, type[HostingError] | None]],
) -> None:
    near, far = MemoryProvider(IDS), MemoryProvider(IDS)
    with serving(Answer(answer_from(far))) as server:
        over_http = provider_at(server.url)
        for order, hosting_id, failure in orders:
            if failure is not None:
                near.plan_failure(failure("planned"))
                # What may be done twice is asked for again, three times in all.
                is_repeated = order in {"start", "stop"}
                is_passing = failure is ProviderFailedError and is_repeated
                for _ in range(3 if is_passing else 1):
                    far.plan_failure(failure("planned"))

            expected = outcome(near, order, hosting_id)
            assert outcome(over_http, order, hosting_id) == expected
    assert [near.server(each) for each in IDS] == [far.server(each) for each in IDS]
