"""Requests by strangers who mean no good: whatever they send, there is an answer.

*Strategy*: methods, paths, headers and bodies are drawn from what is right, what is
nearly right, and what is anything.

*Invariants*: there is an answer with a status that the API has; it is none of the
server's own failures; it has no trace in it and nothing private; the database is as it
was, but for what may be called.
"""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.asgi import AsgiClient
from tests.support.http_server import bank_desk, client_of

STATUSES = {
    *(200, 201, 204, 400, 401, 403, 404, 405, 408, 413, 415, 426),
    *(501, 530),
}

WORDS = st.sampled_from(
    [
        *("v1", "database", "bank", "identity", "call", "sql", "schema", "route"),
        *("rename", "where", "hook", "names", "verify", "metrics", "ping", "logs"),
        *("..", ".", "", "%2e%2e", "%00", "%2F", "a" * 300, "\N{SNOWMAN}", "ab" * 32),
        *("hidden_reducer", "'; DROP TABLE branch; --", "<script>", "%0d%0aX:1"),
    ]
)
PATHS = st.lists(WORDS, max_size=6).map(lambda words: "/v1/" + "/".join(words))
KNOWN = st.sampled_from(
    [
        "/v1/database/bank/call/rename",
        "/v1/database/bank/call/where",
        "/v1/database/bank/sql",
        "/v1/database/bank/route/hook",
        "/v1/database/bank/schema",
        "/v1/identity/websocket-token",
    ]
)
QUERIES = st.sampled_from(
    [
        "",
        "?",
        "?version=10",
        "?confirmed=true",
        "?confirmed=%FF",
        "?token=x",
        "?a&b=&=c",
    ]
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            ["content-type", "content-length", "authorization", "origin", "x-odd"]
        ),
        st.sampled_from(
            ["application/json", "7", "-1", "Bearer x", "Bearer", "", "\xff", "null"]
        ),
    ),
    max_size=3,
)
BODIES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [b"[]", b"[1]", b'{"id":1}', b"[[[[", b"null", b'"\\ud800"', b"[1e999]"]
    ),
    st.sampled_from([b"SELECT * FROM branch", b"SELECT * FROM branch WHERE id = 1e9"]),
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "X"])


@pytest.fixture(scope="module")
def stranger() -> Iterator[AsgiClient]:
    with bank_desk() as desk:
        yield client_of(desk)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(METHODS, st.one_of(KNOWN, PATHS), QUERIES, HEADERS, BODIES)
def test_there_is_always_an_answer(
    stranger: AsgiClient,
    method: str,
    path: str,
    query: str,
    headers: list[tuple[str, str]],
    body: bytes,
) -> None:
    found = stranger.ask(method, path + query, body, headers)

    is_of_handler = found.status == 500 and "hook failed with" in found.text
    assert found.status in STATUSES or is_of_handler, found
    assert b"Traceback" not in found.body
    assert b"hidden_pin" not in found.body
    assert all("\n" not in value for value in found.headers.values())
