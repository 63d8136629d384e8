"""JSON objects, read strictly: exactly these fields, of exactly these kinds.

What one database sends to another may be old, cut off or made up. `json.loads`
alone is lenient: it takes NaN for a number, the last of two equal keys, halves of
surrogate pairs, and ends in a `RecursionError` for ten thousand brackets. Here all
of that is refused, with a sentence.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from examples.qsbridge.hub.refusals import refusal

__all__ = ["Fields", "check_fields", "read_object"]

Fields = Mapping[str, type]
"""Name of each field → `str`, `int`, `float` (also written as an int) or `dict`."""

_WORDS: Final = {str: "a text", int: "an integer", float: "a number", dict: "an object"}


def read_object(what: str, text: str, fields: Fields | None = None) -> dict[str, Any]:
    """Read an object; keys and values are as `fields` says.

    Args:
        what: What the text is, for the refusal.
        text: JSON.
        fields: What it has, no more and no less; None for whatever it has.

    Raises:
        ReducerError: InvalidArgument, with what is wrong.

    Cost: O(characters).
    """
    try:
        text.encode()
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        json.dumps(found, ensure_ascii=False).encode()  # no halves of surrogate pairs
    except (ValueError, RecursionError) as error:
        raise refusal("InvalidArgument", f"{what} is no JSON: {error}") from None
    return check_fields(what, found, fields)


def check_fields(what: str, value: object, fields: Fields | None) -> dict[str, Any]:
    """Check an object that is read already, or is inside of one.

    Raises:
        ReducerError: InvalidArgument, with what is wrong.
    """
    if not isinstance(value, dict):
        raise refusal("InvalidArgument", f"{what} is no JSON object")
    if fields is None:
        return value
    missing, unknown = [*(fields.keys() - value)], [*(value.keys() - fields)]
    if missing:
        raise refusal("InvalidArgument", f"{what} lacks {min(missing)!r}")
    if unknown:
        raise refusal("InvalidArgument", f"{what} has {min(unknown)!r}, unknown here")
    return {
        name: _value(f"{name!r} of {what}", value[name], kind)
        for name, kind in fields.items()
    }


def _value(what: str, value: object, kind: type) -> object:
    if kind is float and type(value) is int and abs(value) <= 1 << 53:
        return float(value)
    is_finite = not isinstance(value, float) or math.isfinite(value)  # 1e999 is not
    if type(value) is not kind or not is_finite:
        raise refusal("InvalidArgument", f"{what} is not {_WORDS[kind]}")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no number")
