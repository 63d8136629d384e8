"""JSON as text: what is read, and what hostile texts come to."""

import tracemalloc

import pytest

from qsdb.codec.json_text import JsonTextError, read_json, write_json

HOSTILE: list[tuple[bytes | str, str]] = [
    (b"", "Expecting value, at character 0"),
    (b"[1,]", ", at character "),
    (b"[1] 2", "Extra data, at character 4"),
    (b"{'a': 1}", "at character 1"),
    (b'"a\nb"', "Invalid control character"),
    (b"\xef\xbb\xbf[]", "Expecting value, at character 0"),
    (b'["\xff"]', "byte 2 is not UTF-8"),
    (b"NaN", "NaN is no JSON"),
    (b"[-Infinity]", "-Infinity is no JSON"),
    (b"1e309", "the number '1e309' is beyond a 64-bit float"),
    (b"9" * 81, "an integer of 81 characters; at most 80 are read"),
    (b'{"a":1,"b":2,"a":3}', "the name 'a' stands twice in an object"),
    (b"[" * 100_000, "it nests too deep"),
    ('{"a":' * 100_000, "it nests too deep"),
    (b"[" * 65 + b"]" * 64, "delimiter"),
]


@pytest.mark.parametrize(("text", "told"), HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_json_is_refused(text: bytes | str, told: str) -> None:
    with pytest.raises(JsonTextError) as caught:
        read_json(text)

    assert told in str(caught.value)
    assert len(str(caught.value)) < 200


def test_the_bound_of_a_text_is_exact() -> None:
    assert read_json(b"[1,2]", bytes_max=5) == [1, 2]
    with pytest.raises(JsonTextError, match="of length 5; at most 4 is read"):
        read_json(b"[1,2]", bytes_max=4)


def test_what_is_written_is_read() -> None:
    data = {"": [None, True, 1 << 255, 1.5, "Zoë\0\\"], "b": {}}

    assert read_json(write_json(data)) == data
    assert read_json(write_json(data).encode()) == data


def test_an_infinity_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json([float("inf")])


@pytest.mark.parametrize(
    "part", [b"[],", b"{},", b"0,", b"1e9,", b"[" * 9 + b"]" * 9 + b","]
)
def test_memory_stays_in_proportion_to_the_text(part: bytes) -> None:
    text = b"[" + part * 4_000 + b"0]"
    tracemalloc.start()

    read_json(text)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * len(text)
