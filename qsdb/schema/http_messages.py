"""`HttpRequest` and `HttpResponse`: what a handler of a module is given, and gives.

Both are plain values: a handler can be tried without any server.

>>> request = HttpRequest("POST", "/pay", "shop=7&note=", {}, b'{"sum": 3}')
>>> request.parameters, request.json()
({'shop': '7', 'note': ''}, {'sum': 3})
>>> HttpResponse("paid", status=201)
HttpResponse(body='paid', status=201, headers={})
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from qsdb.codec.json_text import JsonTextError, read_json, write_json
from qsdb.errors import ArgumentError, brief

__all__ = ["HttpRequest", "HttpResponse"]

PARAMETERS_MAX = 1000
"""So many are read of an address."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@attrs.frozen
class HttpRequest:
    """What somebody asks of a module by HTTP. Nobody has looked at who that is."""

    method: str
    """In capitals: ``GET``."""
    path: str
    """Behind ``/v1/database/…/route``, as the handler was declared."""
    query: str
    """What is behind ``?`` in the address, as it came."""
    headers: Mapping[str, str]
    """By name, in lower case; what came several times is joined by commas."""
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        """What the query says, by name; of what is there several times, the last.

        Raises:
            ArgumentError: there are more than a thousand.
        """
        from urllib.parse import parse_qsl  # noqa: PLC0415  few need it

        try:
            pairs = parse_qsl(
                self.query, keep_blank_values=True, max_num_fields=PARAMETERS_MAX
            )
        except ValueError:
            raise ArgumentError(
                f"the query has more than {PARAMETERS_MAX} parameters"
            ) from None
        return dict(pairs)

    def json(self) -> Any:  # noqa: ANN401  what the other side sends
        """Read the body as JSON.

        Raises:
            ArgumentError: it is none; says where.
        """
        try:
            return read_json(self.body)
        except JsonTextError as error:
            raise ArgumentError(f"the body is no JSON: {error}") from None


def _fits(pattern: re.Pattern[str], given: object) -> bool:
    return isinstance(given, str) and pattern.fullmatch(given) is not None


def _checked_headers(given: Mapping[str, str]) -> Mapping[str, str]:
    items: Iterable[tuple[object, object]] = given.items()
    for name, value in items:
        if not (_fits(_TOKEN, name) and _fits(_VALUE, value)):
            raise ArgumentError(
                f"{brief(name)}: {brief(value)} is no header; a name is of letters, "
                "digits and -, a value of Latin letters on one line"
            )
    return MappingProxyType({**given})


@attrs.frozen(repr=False)
class HttpResponse:
    """What a handler answers.

    Raises:
        ArgumentError: the status is none from 200 to 599, the body no text and no
            bytes, or a header is none.
    """

    body: str | bytes = b""
    """A text is sent as UTF-8, as ``text/plain`` if the headers do not say what."""
    status: int = attrs.field(default=200, kw_only=True)
    headers: Mapping[str, str] = attrs.field(
        factory=dict, kw_only=True, converter=_checked_headers
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot be sent."""
        if type(self.status) is not int or not 200 <= self.status <= 599:
            raise ArgumentError(
                f"a status is an int from 200 to 599, not {brief(self.status)}"
            )
        given: object = self.body
        if not isinstance(given, str | bytes):
            raise ArgumentError(f"a body is a str or bytes, not {brief(given)}")

    @classmethod
    def of_json(cls, data: object, *, status: int = 200) -> "HttpResponse":
        """Give a response with plain data as JSON.

        Raises:
            ArgumentError: JSON has no word for something in it.
        """
        try:
            text = write_json(data)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"{brief(data)} cannot be JSON: {error}") from None
        return cls(text, status=status, headers={"content-type": "application/json"})

    def __repr__(self) -> str:
        """Show all of it."""
        headers = {**self.headers}
        return f"HttpResponse(body={self.body!r}, status={self.status}, {headers=})"
