"""What a provider's answer says: that it is done, or what it failed with.

A status of 2xx means done, or accepted, whatever the body is: nothing, a text, a page,
or a JSON object with something to say for people. Only an object that tells of an
error leaves doubt. A status of 3xx leads to another address, to which nobody has said
that the key may go.

What a body says comes from outside: the API key is taken out of it, in case it repeats
what it was sent, and before it gets into a sentence it is shortened, and loses whatever
a terminal would obey.
"""

import json
import re
from typing import Final

from examples.qsbridge.hosting.api_keys import ApiKey
from examples.qsbridge.hosting.exchange import RawAnswer
from examples.qsbridge.hosting.failures import (
    BadAnswerError,
    HostingError,
    KeyRefusedError,
    ProviderBusyError,
    ProviderFailedError,
    RequestRefusedError,
    UnknownServerError,
)

__all__ = ["failure_of", "text_of"]

SECONDS: Final = re.compile(r"[0-9]{1,7}", re.ASCII)
"""The form of ``Retry-After`` that is understood."""

DETAIL_CHARS_MAX: Final = 200
"""Of what the provider says, in a sentence of ours."""


def text_of(answer: RawAnswer, field: str, key: ApiKey) -> str:
    """Give what a success has to say, which may be nothing.

    Args:
        answer: Its status is 2xx.
        field: What holds the text, where the body is a JSON object.
        key: What the text must not show.

    Raises:
        BadAnswerError: the body is an object that tells of an error.
    """
    assert answer.is_success
    if not answer.is_whole:
        return ""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):  # the latter of a thousand brackets
        return key.hidden_in(_plain(answer.body))
    if not isinstance(found, dict):
        return ""
    if found.get("error"):
        raise BadAnswerError(
            f"the provider answers {answer.status} and tells of an error"
            f"{_detail(answer, key)}"
        )
    text = found.get(field)
    return key.hidden_in(text) if isinstance(text, str) else ""


def _plain(body: bytes) -> str:
    """Give a body that is a text, and no page."""
    try:
        text = body.decode().strip()
    except UnicodeDecodeError:
        return ""
    return "" if text.startswith(("<", "{", "[")) else text


def failure_of(answer: RawAnswer, hosting_id: str, key: ApiKey) -> HostingError:
    """Give the error for an answer whose status is not 2xx."""
    status, detail = answer.status, _detail(answer, key)
    if status in {401, 403}:
        return KeyRefusedError(f"the provider refuses the API key ({status}){detail}")
    if status in {404, 410}:
        return UnknownServerError(
            f"the provider has no server {hosting_id!r} ({status}){detail}"
        )
    if status == 429:
        return _busy(answer.retry_after)
    if 400 <= status < 500:
        return RequestRefusedError(f"the provider refuses that ({status}){detail}")
    if status >= 500:
        return ProviderFailedError(
            f"the provider has an error of its own ({status}){detail}"
        )
    return BadAnswerError(
        f"the provider answers {status}, which leads to another address; it was not "
        "followed, since the API key would go there too"
    )


def _busy(retry_after: str) -> ProviderBusyError:
    """Tell of too many requests; a time given as a date is passed over."""
    sentence = "the provider takes no more requests at the moment (429)"
    if SECONDS.fullmatch(retry_after) is None:
        return ProviderBusyError(sentence)
    return ProviderBusyError(
        f"{sentence}; it asks to wait {retry_after} s", float(retry_after)
    )


def _detail(answer: RawAnswer, key: ApiKey) -> str:
    """Give what a failure says of itself, as the end of a sentence; often nothing."""
    found = _object(answer.body) or {}
    for field in ("message", "error"):
        text = found.get(field)
        if isinstance(text, str) and text:
            shown = "".join(
                each if each.isprintable() else " " for each in key.hidden_in(text)
            )
            return f": {shown[:DETAIL_CHARS_MAX]}"
    return ""


def _object(body: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # the latter of a thousand brackets
        return None
    return found if isinstance(found, dict) else None
