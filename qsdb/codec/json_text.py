"""JSON as text: strict, and bounded in what a stranger's text can cost.

`read_json` takes RFC 8259 and nothing more. What Python's parser would let through is
refused:

1. ``NaN`` and ``Infinity``, and numbers that are infinite as a float (``1e999``);
2. integers of more than `DIGITS_MAX` digits, whose reading takes quadratic time;
3. an object that has a name twice, since readers differ in which one counts;
4. a text that is too long, is not UTF-8, or nests so deep that the parser gives up
   (about 1,000 levels; readers of values stop where their kind does).

Memory stays below 50 bytes for each byte of the text.
"""

import json
import math
from collections import Counter
from typing import NoReturn

from qsdb.errors import brief

__all__ = ["TEXT_BYTES_MAX", "JsonTextError", "read_json", "write_json"]

TEXT_BYTES_MAX = 32 << 20
"""The longest text that is read, if nobody says less; a message may be as long."""

DIGITS_MAX = 80
"""Most characters of an integer: a u256 has 78 digits."""


class JsonTextError(ValueError):
    """A text is no JSON, or not such as is read here; the message says why."""


def _integer(text: str) -> int:
    if len(text) > DIGITS_MAX:
        given = f"an integer of {len(text)} characters"
        raise JsonTextError(f"{given}; at most {DIGITS_MAX} are read")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise JsonTextError(f"the number {brief(text)} is beyond a 64-bit float")
    return number


def _constant(text: str) -> NoReturn:
    raise JsonTextError(f"{text} is no JSON")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = Counter([name for name, _ in pairs])
        name = next(name for name, count in counts.items() if count > 1)
        raise JsonTextError(f"the name {brief(name)} stands twice in an object")
    return found


_decode = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=_number,
    parse_int=_integer,
    parse_constant=_constant,
).decode

_encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


def read_json(text: bytes | str, *, bytes_max: int = TEXT_BYTES_MAX) -> object:
    """Give what a text says: None, bool, int, float, str, and lists and dicts of them.

    Args:
        text: As it came; bytes are UTF-8.
        bytes_max: How long it may be: in bytes, or of a str in characters.

    Raises:
        JsonTextError: it is too long, or no JSON by the rules above.

    Cost: about 50 ns for each character.

    >>> read_json(b'{"id": 18446744073709551615, "tags": []}')
    {'id': 18446744073709551615, 'tags': []}
    """
    if len(text) > bytes_max:
        raise JsonTextError(
            f"a text of length {len(text)}; at most {bytes_max} is read"
        )
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise JsonTextError(f"byte {error.start} is not UTF-8") from None
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        raise JsonTextError(f"{error.msg}, at character {error.pos}") from None
    except RecursionError:
        raise JsonTextError("it nests too deep") from None


def write_json(data: object) -> str:
    """Give plain data as text, without blanks, in the order of its dicts.

    Raises:
        ValueError: there is a NaN or an infinity in it.

    >>> write_json({"name": "Zoë", "at": [1, None]})
    '{"name":"Zoë","at":[1,null]}'
    """
    return _encode(data)
