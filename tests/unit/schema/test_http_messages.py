"""Requests and responses: what they hold, and what cannot be sent."""

from typing import Any

import pytest

from qsdb import ArgumentError, HttpRequest, HttpResponse


def request(query: str = "", body: bytes = b"") -> HttpRequest:
    return HttpRequest("POST", "/hook", query, {"a": "b"}, body)


def test_parameters_are_those_of_the_query() -> None:
    assert request("a=1&b=%2F+x&a=2&c").parameters == {"a": "2", "b": "/ x", "c": ""}
    assert request().parameters == {}
    with pytest.raises(ArgumentError, match="more than 1000 parameters"):
        request("a&" * 1001).parameters  # noqa: B018


def test_a_body_is_read_as_json() -> None:
    assert request(body=b'{"a": [1]}').json() == {"a": [1]}
    with pytest.raises(ArgumentError, match=r"the body is no JSON: .* character 0"):
        request(body=b"<").json()


def test_a_response_is_a_value() -> None:
    response = HttpResponse(b"x", status=404, headers={"X-Why": "not there"})

    assert response == HttpResponse(b"x", status=404, headers={"X-Why": "not there"})
    assert eval(repr(response)) == response
    assert HttpResponse() == HttpResponse(b"", status=200, headers={})
    headers = {"a": "b"}
    kept = HttpResponse(headers=headers)
    headers["c"] = "\n"
    assert kept.headers == {"a": "b"}


def test_data_are_sent_as_json() -> None:
    response = HttpResponse.of_json({"a": [1, None]}, status=201)

    assert (response.body, response.status) == ('{"a":[1,null]}', 201)
    assert response.headers == {"content-type": "application/json"}
    for data in (object(), float("nan")):
        with pytest.raises(ArgumentError, match="cannot be JSON"):
            HttpResponse.of_json(data)


@pytest.mark.parametrize("status", [199, 600, "200", None, True, 200.0])
def test_what_is_no_status_is_refused(status: Any) -> None:
    with pytest.raises(ArgumentError, match="a status is an int from 200 to 599"):
        HttpResponse(status=status)


@pytest.mark.parametrize("body", [None, 7, ["a"], bytearray(b"a")])
def test_what_is_no_body_is_refused(body: Any) -> None:
    with pytest.raises(ArgumentError, match="a body is a str or bytes"):
        HttpResponse(body)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "a"),
        ("a b", "c"),
        ("a:", "c"),
        ("a\n", "c"),
        ("a", "b\r\nset-cookie: c"),
        ("a", "b\x00"),
        ("a", "ż"),
        ("a", 7),
        (7, "a"),
    ],
)
def test_what_is_no_header_is_refused(name: Any, value: Any) -> None:
    with pytest.raises(ArgumentError, match="is no header"):
        HttpResponse(headers={name: value})
