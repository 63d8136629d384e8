"""CBOR of plain data: read back, and nothing else taken for it."""

import io
import math
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.codec.cbor import CborError, CutOffError, from_cbor, read_item, to_cbor
from qsdb.codec.layout import KIND_DEPTH_MAX
from qsdb.schema.kind_data import kind_from_data, kind_to_data
from qsdb.values import kinds as k
from qsdb.values.compounds import EnumKind, Field, ProductKind, SumKind
from tests.support.strategies import kinds

PLACE = ProductKind("Place", (Field("x", k.F32), Field("y", k.F32)))

_leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**300), 2**300)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
)
plain_data = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=8,
)


@given(plain_data)
def test_plain_data_comes_back(data: object) -> None:
    assert from_cbor(to_cbor(data)) == data


def test_a_nan_and_a_tuple_are_read_as_such() -> None:
    value: Any = from_cbor(to_cbor((math.nan, (1,))))

    assert math.isnan(value[0])
    assert value[1] == [1]


def test_equal_data_are_equal_bytes() -> None:
    assert to_cbor({"long": 1, "b": 1.5}) == to_cbor({"b": 1.5, "long": 1})
    assert to_cbor({"long": 1, "b": 1.5}).hex() == "a26162f93e00646c6f6e6701"


@pytest.mark.parametrize("number", [2**64, -(2**64) - 1, 2**255, -(2**255)])
def test_great_integers_are_the_one_tag_that_is_read(number: int) -> None:
    assert from_cbor(to_cbor(number)) == number


@pytest.mark.parametrize("tag", [0, 1, 4, 5, 25, 28, 29, 30, 35, 37, 256, 258, 55799])
def test_other_tags_are_refused(tag: int) -> None:
    data = cbor2.dumps(cbor2.CBORTag(tag, [1]))

    with pytest.raises(CborError, match=f"the tag {tag} is refused"):
        from_cbor(data)


def test_parts_are_never_shared() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)

    with pytest.raises(CborError, match="the tag 28 is refused"):
        from_cbor(cbor2.dumps(cyclic, value_sharing=True))


DEEPEST = 3 * KIND_DEPTH_MAX + 8


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not the CBOR of data"),
        (b"\xff", "is not the CBOR of data"),
        (b"\x61\xff", "is not the CBOR of data"),
        (b"\xc2\x01", "is not the CBOR of data"),
        (b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff", "is not the CBOR of data"),
        (b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff", "is not the CBOR of data"),
        (b"\x81" * (DEEPEST + 1) + b"\x01", "is not the CBOR of data.*depth"),
        (b"\x81" * 100_000, "is not the CBOR of data.*depth"),
        (b"\x01\x02", "^1 bytes follow the value$"),
        (b"\x01" + bytes(100_000), "^100000 bytes follow the value$"),
        (b"\x18\x01", "^it is not canonical CBOR$"),
        (b"\xc2\x41\x07", "^it is not canonical CBOR$"),
        (b"\x9f\xff", "^it is not canonical CBOR$"),
        (b"\xa2\x61b\x01\x61a\x02", "^it is not canonical CBOR$"),
        (b"\xa2\x61a\x01\x61a\x02", "^it is not canonical CBOR$"),
    ],
)
def test_what_is_no_cbor_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(CborError, match=message):
        from_cbor(data)


def test_the_deepest_data_are_read() -> None:
    data = b"\x81" * DEEPEST + b"\x01"

    assert to_cbor(from_cbor(data)) == data


def test_a_kind_cut_off_anywhere_is_refused() -> None:
    kind = SumKind((Field("Place", PLACE), Field("Mood", EnumKind("Mood", ("a",)))))
    data = to_cbor(kind_to_data(kind))

    for length in range(len(data)):
        with pytest.raises(CutOffError, match="is not the CBOR of data"):
            from_cbor(data[:length])


@pytest.mark.slow
@given(st.data())
def test_a_kind_with_a_wrong_byte_is_a_kind_or_a_value_error(
    data: st.DataObject,
) -> None:
    encoded = bytearray(to_cbor(kind_to_data(data.draw(kinds()))))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] = data.draw(st.integers(0, 255))

    try:
        kind_from_data(from_cbor(bytes(encoded)))
    except ValueError:
        return


@given(st.binary(max_size=40))
def test_any_bytes_are_data_or_an_error(data: bytes) -> None:
    try:
        value = from_cbor(data)
    except CborError:
        return
    assert to_cbor(value) == data


def test_a_text_that_is_no_unicode_is_not_written() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        to_cbor(["\ud800"])


# Sequences.


@given(st.lists(plain_data, max_size=4))
def test_the_items_of_a_sequence_are_read_one_by_one(items: list[object]) -> None:
    sequence, found, at = b"".join(map(to_cbor, items)), [], 0
    while at < len(sequence):
        item, at = read_item(sequence, at)
        found.append(item)

    assert found == items
    with pytest.raises(CutOffError):
        read_item(sequence, at)


def test_an_item_need_not_be_canonical() -> None:
    assert read_item(b"\x00\x9f\x18\x01\xff", 1) == ([1], 5)


def test_a_long_item_ends_where_it_ends() -> None:
    stream = io.BytesIO()
    cbor2.dump([b"x" * 100_000], stream)
    end = stream.tell()
    stream.write(b"\x07" * 9000)

    assert read_item(stream.getvalue(), 0)[1] == end
