"""Bytes that are no value: refused by name and place, and cheaply."""

import pickle
import tracemalloc
from collections.abc import Callable

import pytest

from qsdb.codec.bsatn import Buffer, DecodeError, decoder, encoder, reader
from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind, Stored
from tests.support.bsatn_vectors import EITHER, UNIT, VECTORS

COLOUR = EnumKind("Colour", ("RED", "BLUE"))
SPOT = ProductKind("Spot", (Field("x", k.U16), Field("is_on", k.BOOL)))
PLAYER = ProductKind(
    "Player",
    (
        Field("id", k.U64),
        Field("is_on", k.BOOL),
        Field("name", k.STR),
        Field("colour", COLOUR),
        Field("owner", OptionKind(k.IDENTITY)),
        Field("picture", k.BYTES),
        Field("spots", ArrayKind(SPOT)),
        Field("path", ArrayKind(k.F32)),
        Field("titles", ArrayKind(k.STR)),
        Field("state", EITHER),
        Field("marks", ArrayKind(UNIT)),
        Field("next", k.SCHEDULE_AT),
    ),
)
PLAYER_VALUE = (
    *(7, True, "Zoë", 1, bytes(range(32)), b"\xff\0", ((1, False), (2, True))),
    *((1.5, 2.5), ("a", "bc"), (2, (3, "q")), ((), ()), (1, 99)),
)
SAMPLES: dict[str, tuple[Kind, Stored]] = {
    **{vector.title: (vector.kind, vector.value) for vector in VECTORS},
    "player": (PLAYER, PLAYER_VALUE),
    "players": (ArrayKind(PLAYER), (PLAYER_VALUE, PLAYER_VALUE)),
    "bools": (ArrayKind(k.BOOL), (True, False, True)),
    "spots": (ArrayKind(SPOT), ((1, True), (2, False))),
    "sums": (ArrayKind(EITHER), ((1, 2), (0, ()))),
}


@pytest.mark.parametrize("title", SAMPLES)
def test_input_cut_off_anywhere_is_refused(title: str) -> None:
    kind, value = SAMPLES[title]
    data = encoder(kind)(value)

    for size in range(len(data)):
        with pytest.raises(DecodeError) as refusal:
            decoder(kind)(data[:size])
        assert 0 <= refusal.value.position <= size


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("title", SAMPLES)
def test_a_stream_cut_off_anywhere_is_refused(
    title: str, make: Callable[[bytes], Buffer]
) -> None:
    kind, value = SAMPLES[title]
    stream = b"before" + encoder(kind)(value)

    for size in range(6, len(stream)):
        with pytest.raises(DecodeError) as refusal:
            reader(kind)(make(stream[:size]), 6)
        assert 6 <= refusal.value.position <= size


@pytest.mark.parametrize("title", SAMPLES)
def test_bytes_after_the_value_are_refused(title: str) -> None:
    kind, value = SAMPLES[title]
    data = encoder(kind)(value)

    with pytest.raises(DecodeError) as refusal:
        decoder(kind)(data + b"\0\0")

    assert refusal.value.position == len(data)
    assert refusal.value.reason == f"{kind.name} ends here, 2 bytes after it"


@pytest.mark.parametrize(
    ("kind", "data", "position", "reason"),
    [
        pytest.param(k.BOOL, "02", 0, "bool is 2, at most 1 is allowed", id="bool"),
        pytest.param(COLOUR, "02", 0, "Colour is 2, at most 1 is allowed", id="enum"),
        pytest.param(
            OptionKind(k.U8),
            "02 00",
            0,
            "tag of u8 | None is 2, at most 1 is allowed",
            id="option",
        ),
        pytest.param(
            EITHER, "03", 0, "tag of A | B | C is 3, at most 2 is allowed", id="sum"
        ),
        pytest.param(
            k.SCHEDULE_AT,
            "02 0000000000000000",
            0,
            "tag of ScheduleAt is 2, at most 1 is allowed",
            id="ScheduleAt",
        ),
        pytest.param(
            SPOT, "0000 ff", 2, "bool is 255, at most 1 is allowed", id="in a row"
        ),
        pytest.param(
            ArrayKind(SPOT),
            "02000000 000001 000002",
            9,
            "bool is 2, at most 1 is allowed",
            id="in an array",
        ),
        pytest.param(
            ArrayKind(COLOUR),
            "03000000 000102",
            6,
            "Colour is 2, at most 1 is allowed",
            id="array of enums",
        ),
        pytest.param(
            OptionKind(OptionKind(SPOT)),
            "0000 0000 02",
            4,
            "bool is 2, at most 1 is allowed",
            id="in an option",
        ),
        pytest.param(
            ArrayKind(EITHER),
            "02000000 00 04",
            5,
            "tag of A | B | C is 4, at most 2 is allowed",
            id="array of sums",
        ),
        pytest.param(
            k.STR,
            "04000000 61 62 ff 63",
            6,
            "str is not UTF-8: byte 0xff, invalid start byte",
            id="no UTF-8",
        ),
        pytest.param(
            k.STR,
            "03000000 61 c3 a9 62",
            7,
            "str ends here, 1 byte after it",
            id="too short by one",
        ),
        pytest.param(
            k.STR,
            "02000000 61 c3",
            5,
            "str is not UTF-8: byte 0xc3, unexpected end of data",
            id="half a character",
        ),
        pytest.param(
            k.STR,
            "03000000 eda080",
            4,
            "str is not UTF-8: byte 0xed, invalid continuation byte",
            id="lone surrogate",
        ),
        pytest.param(
            k.STR,
            "02000000 c080",
            4,
            "str is not UTF-8: byte 0xc0, invalid start byte",
            id="overlong zero",
        ),
        pytest.param(k.U64, "000102", 0, "u64 needs 8 bytes, finds 3", id="u64"),
        pytest.param(
            ProductKind("P", (Field("a", k.U16), Field("b", k.I32), Field("c", k.U8))),
            "0000 000000",
            2,
            "i32 needs 4 bytes, finds 3",
            id="second column",
        ),
        pytest.param(
            ProductKind("P", (Field("a", k.U16), Field("b", k.I32), Field("c", k.U8))),
            "0000",
            2,
            "i32 needs 4 bytes, finds 0",
            id="between columns",
        ),
        pytest.param(
            ArrayKind(k.BOOL),
            "02000000 02 01",
            4,
            "bool is 2, at most 1 is allowed",
            id="first item",
        ),
        pytest.param(
            k.STR, "00", 0, "length of str needs 4 bytes, finds 1", id="length"
        ),
        pytest.param(
            k.STR, "05000000 61", 0, "str has length 5, at most 1 is possible", id="str"
        ),
        pytest.param(
            PLAYER,
            "00000000 00000000 01 ffffffff 00",
            9,
            "str has length 4294967295, at most 1 is possible",
            id="str in a row",
        ),
        pytest.param(
            k.BYTES,
            "ffffffff",
            0,
            "bytes has length 4294967295, at most 0 is possible",
            id="bytes",
        ),
        pytest.param(
            ArrayKind(k.U16),
            "03000000 0000 0000 00",
            0,
            "tuple[u16, ...] has length 3, at most 2 is possible",
            id="array",
        ),
        pytest.param(
            ArrayKind(k.STR),
            "03000000 00000000 00000000 000000",
            0,
            "tuple[str, ...] has length 3, at most 2 is possible",
            id="array of text",
        ),
        pytest.param(
            ArrayKind(UNIT),
            "01010000",
            0,
            "tuple[Unit, ...] has length 257, at most 256 is possible",
            id="array of units",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    kind: Kind, data: str, position: int, reason: str
) -> None:
    with pytest.raises(DecodeError) as decoding:
        decoder(kind)(bytes.fromhex(data))
    if "ends here" not in reason:
        with pytest.raises(DecodeError) as reading:
            reader(kind)(b"\0" * 10 + bytes.fromhex(data), 10)
        assert (reading.value.position, reading.value.reason) == (10 + position, reason)

    assert (decoding.value.position, decoding.value.reason) == (position, reason)
    assert str(decoding.value) == f"byte {position}: {reason}"


def test_the_error_is_a_value_error_and_can_be_pickled() -> None:
    error = DecodeError(7, "bool is 2, at most 1 is allowed")

    copy = pickle.loads(pickle.dumps(error))

    assert isinstance(error, ValueError)
    assert (copy.position, copy.reason) == (7, "bool is 2, at most 1 is allowed")
    assert str(copy) == "byte 7: bool is 2, at most 1 is allowed"


GREEDY: dict[str, tuple[Kind, bytes]] = {
    "str": (k.STR, b""),
    "bytes": (k.BYTES, b""),
    "u8": (ArrayKind(k.U8), b""),
    "u256": (ArrayKind(k.U256), b""),
    "bool": (ArrayKind(k.BOOL), b""),
    "f64": (ArrayKind(k.F64), b""),
    "spot": (ArrayKind(SPOT), b""),
    "text": (ArrayKind(k.STR), b""),
    "option": (ArrayKind(OptionKind(k.U8)), b""),
    "sum": (ArrayKind(EITHER), b""),
    "unit": (ArrayKind(UNIT), b""),
    "arrays of units": (ArrayKind(ArrayKind(UNIT)), b"\x18\0\0\0" + b"\0\1\0\0" * 23),
    "arrays of arrays": (ArrayKind(ArrayKind(ArrayKind(k.U8))), b"\x17\0\0\0" * 24),
    "in a row": (PLAYER, bytes(8) + b"\1"),
}
"""Kind → bytes that stand before a claim of 4,294,967,295."""


@pytest.mark.parametrize("name", GREEDY)
def test_a_great_claim_takes_no_memory(name: str) -> None:
    kind, start = GREEDY[name]
    data = (start + b"\xff" * 4 + bytes(100))[:100]
    decode, read = decoder(kind), reader(kind)

    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            decode(data)
        with pytest.raises(DecodeError):
            read(memoryview(data), 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1 << 20


def test_the_most_that_a_hundred_bytes_can_claim_is_bounded() -> None:
    kind = ArrayKind(ArrayKind(UNIT))
    data = b"\x18\0\0\0" + b"\0\1\0\0" * 24
    decode = decoder(kind)

    tracemalloc.start()
    try:
        decode(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(data) == 100
    assert peak < 1 << 17


def test_a_deep_claim_unwinds_without_recursion_trouble() -> None:
    kind: Kind = k.U8
    for _ in range(63):
        kind = ArrayKind(kind)

    with pytest.raises(DecodeError):
        decoder(kind)(b"\1\0\0\0" * 62 + b"\xff" * 8)


def test_a_reader_beyond_the_end_finds_nothing() -> None:
    with pytest.raises(DecodeError, match="u16 needs 2 bytes, finds 0"):
        reader(k.U16)(b"\0\0", 5)


def test_a_tag_is_checked_unless_all_256_are_taken() -> None:
    variants = tuple([f"v{tag}" for tag in range(255)])

    for kind in (
        EnumKind("Many", variants),
        SumKind(tuple([Field(name, UNIT) for name in variants])),
    ):
        with pytest.raises(DecodeError, match="is 255, at most 254 is allowed"):
            decoder(kind)(b"\xff")


def test_sums_of_one_variant_check_their_tag_too() -> None:
    only = SumKind((Field("only", UNIT),))

    with pytest.raises(DecodeError, match="at most 0 is allowed"):
        decoder(only)(b"\1")
