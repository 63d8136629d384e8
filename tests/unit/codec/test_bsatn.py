"""Values to bytes and back: the golden vectors, and what stands in no vector."""

from collections.abc import Callable

import pytest

from qsdb.codec.bsatn import Buffer, decoder, encoder, fixed_size, reader
from qsdb.errors import LimitError
from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import NAN, Kind, Stored
from tests.support.bsatn_vectors import EITHER, POINT, RESULT, UNIT, VECTORS, Vector


def product(*parts: Kind) -> ProductKind:
    """Make a product of fields of these kinds."""
    fields = [Field(f"field_{index}", part) for index, part in enumerate(parts)]
    return ProductKind("Row", tuple(fields))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.title)
def test_values_have_the_bytes_of_the_golden_vectors(vector: Vector) -> None:
    data = bytes.fromhex(vector.hex)

    assert encoder(vector.kind)(vector.value) == data
    assert decoder(vector.kind)(data) == vector.value
    assert type(decoder(vector.kind)(data)) is type(vector.value)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.title)
def test_values_are_read_out_of_a_stream(vector: Vector) -> None:
    data = bytes.fromhex(vector.hex)
    stream = b"before" + data + b"after"

    assert reader(vector.kind)(stream, 6) == (vector.value, 6 + len(data))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.title)
def test_all_vectors_fit_in_one_row(vector: Vector) -> None:
    row = product(vector.kind, k.STR, vector.kind, OptionKind(vector.kind))
    value = (vector.value, "mid", vector.value, vector.value)

    data = encoder(row)(value)

    part = bytes.fromhex(vector.hex)
    is_none = vector.value is None
    last = b"\x01" if is_none else b"\x00" + part
    assert data == part + b"\x03\0\0\0mid" + part + last
    assert decoder(row)(data) == value


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview])
def test_a_reader_takes_any_buffer(make: Callable[[bytes], Buffer]) -> None:
    row = product(k.U16, k.STR, k.BYTES, k.IDENTITY, ArrayKind(k.U16), EITHER)
    value = (1, "Zoë", b"\xff\0", bytes(range(32)), (5, 6), (2, (7, "q")))
    data = encoder(row)(value)

    read, end = reader(row)(make(b"\0" + data), 1)

    assert end == 1 + len(data)
    assert row.canonical(read) == value


def test_what_was_read_does_not_change_with_the_buffer() -> None:
    row = product(k.STR, k.BYTES, k.UUID)
    value = ("abc", b"def", bytes(range(16)))
    buffer = bytearray(encoder(row)(value))

    read, _ = reader(row)(buffer, 0)
    buffer[:] = bytes(len(buffer))

    assert read == value


@pytest.mark.parametrize("make", [encoder, decoder, reader])
def test_a_function_is_made_once_for_equal_kinds(
    make: Callable[[Kind], object],
) -> None:
    assert make(product(k.U8, k.STR)) is make(product(k.U8, k.STR))
    assert make(product(k.U8, k.STR)) is not make(product(k.STR, k.U8))


@pytest.mark.parametrize(
    ("kind", "odd_nan", "negative_zero"),
    [
        pytest.param(k.F32, "0100a0ff", "00000080", id="f32"),
        pytest.param(k.F64, "010000000000f4ff", "0000000000000080", id="f64"),
    ],
)
def test_floats_decode_to_their_canonical_form(
    kind: Kind, odd_nan: str, negative_zero: str
) -> None:
    nan, zero = bytes.fromhex(odd_nan), bytes.fromhex(negative_zero)

    row = decoder(product(kind, k.U8, kind))(nan + b"\1" + zero)
    items = decoder(ArrayKind(kind))(b"\2\0\0\0" + nan + zero)

    assert decoder(kind)(nan) is NAN
    assert repr(decoder(kind)(zero)) == "0.0"
    assert row == (NAN, 1, 0.0)
    assert items == (NAN, 0.0)
    assert repr((row, items)) == "((nan, 1, 0.0), (nan, 0.0))"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(product(), (), id="no field"),
        pytest.param(product(k.U8), (1,), id="one field"),
        pytest.param(product(product(), product(k.U8)), ((), (1,)), id="nested"),
        pytest.param(
            product(k.U8, product(k.STR, product(k.I8, k.STR)), k.SCHEDULE_AT),
            (1, ("a", (-1, "b")), (1, 5)),
            id="nested with text",
        ),
        pytest.param(OptionKind(UNIT), (), id="some unit"),
        pytest.param(OptionKind(UNIT), None, id="no unit"),
        pytest.param(OptionKind(POINT), (1, "q"), id="optional product"),
        pytest.param(OptionKind(product(k.U8, k.U8)), (1, 2), id="optional pair"),
        pytest.param(ArrayKind(product(k.U8)), ((1,), (2,)), id="array of products"),
        pytest.param(ArrayKind(product(k.U8, k.I32)), ((1, 2), (3, 4)), id="of pairs"),
        pytest.param(
            ArrayKind(product(k.F32, k.UUID)), ((1.5, bytes(16)),), id="mixed"
        ),
        pytest.param(ArrayKind(product(k.BOOL, k.I8)), ((True, -1),), id="with bool"),
        pytest.param(
            ArrayKind(product(k.U8, product(k.U8))), ((1, (2,)), (3, (4,))), id="deeper"
        ),
        pytest.param(ArrayKind(k.IDENTITY), (bytes(range(32)),), id="identities"),
        pytest.param(ArrayKind(k.I128), (-5, 1 << 100), id="big ints"),
        pytest.param(ArrayKind(k.BOOL), (True, False), id="bools"),
        pytest.param(ArrayKind(k.SCHEDULE_AT), ((0, 1), (1, 2)), id="schedules"),
        pytest.param(ArrayKind(OptionKind(k.U8)), (None, 3), id="array of options"),
        pytest.param(ArrayKind(ArrayKind(k.U8)), ((), (1,), (2, 3)), id="of arrays"),
        pytest.param(ArrayKind(EITHER), ((0, ()), (2, (1, "q"))), id="of sums"),
        pytest.param(ArrayKind(UNIT), ((), (), ()), id="of units"),
        pytest.param(ArrayKind(k.U8), (), id="empty"),
        pytest.param(product(ArrayKind(UNIT), k.U8), (((),), 1), id="units, then"),
        pytest.param(RESULT, (1, "no"), id="err"),
        pytest.param(
            SumKind((Field("n", UNIT), Field("p", product(k.U8, k.U8)))),
            (1, (2, 3)),
            id="sum of a pair",
        ),
        pytest.param(SumKind((Field("x", EITHER),)), (0, (1, 9)), id="sum of a sum"),
        pytest.param(k.STR, "nul\0, Ω, 🜁", id="text"),
    ],
)
def test_compounds_come_back(kind: Kind, value: Stored) -> None:
    data = encoder(kind)(value)

    assert kind.canonical(decoder(kind)(data)) == value
    assert reader(kind)(data + b"!", 0) == (value, len(data))


def test_all_256_tags_are_possible() -> None:
    variants = [f"v{tag}" for tag in range(256)]
    enum = EnumKind("Many", tuple(variants))
    one_of = SumKind(tuple([Field(name, k.U8) for name in variants]))

    assert encoder(enum)(255) == b"\xff"
    assert decoder(enum)(b"\xff") == 255
    assert decoder(ArrayKind(enum))(b"\1\0\0\0\xff") == (255,)
    assert encoder(one_of)((255, 7)) == b"\xff\7"
    assert decoder(one_of)(b"\xff\7") == (255, 7)


def test_a_row_may_have_hundreds_of_columns() -> None:
    row = product(*[k.U8, k.STR, k.I64] * 100)
    value = (1, "x", -1) * 100

    assert decoder(row)(encoder(row)(value)) == value


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        pytest.param(k.BOOL, 1, id="bool"),
        pytest.param(k.U256, 32, id="u256"),
        pytest.param(k.F32, 4, id="f32"),
        pytest.param(k.IDENTITY, 32, id="Identity"),
        pytest.param(k.TIMESTAMP, 8, id="Timestamp"),
        pytest.param(k.SCHEDULE_AT, 9, id="ScheduleAt"),
        pytest.param(EnumKind("Colour", ("RED",)), 1, id="enum"),
        pytest.param(product(), 0, id="unit"),
        pytest.param(product(k.U8, k.I64, product(k.BOOL, k.UUID)), 26, id="product"),
        pytest.param(product(k.U8, k.STR), None, id="product with text"),
        pytest.param(k.STR, None, id="str"),
        pytest.param(k.BYTES, None, id="bytes"),
        pytest.param(ArrayKind(UNIT), None, id="array"),
        pytest.param(OptionKind(UNIT), 1, id="optional unit"),
        pytest.param(OptionKind(k.U8), None, id="optional u8"),
        pytest.param(OptionKind(k.STR), None, id="optional text"),
        pytest.param(SumKind((Field("a", k.U32), Field("b", k.F32))), 5, id="even sum"),
        pytest.param(
            SumKind((Field("a", k.U32), Field("b", k.F64))), None, id="uneven sum"
        ),
        pytest.param(
            SumKind((Field("a", k.STR), Field("b", k.STR))), None, id="sum of texts"
        ),
    ],
)
def test_the_size_is_told_where_all_values_have_the_same(
    kind: Kind, size: int | None
) -> None:
    assert fixed_size(kind) == size
    if size is not None:
        assert len(encoder(kind)(kind.default)) == size


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(k.BYTES, id="bytes"),
        pytest.param(ArrayKind(k.U16), id="array"),
        pytest.param(ArrayKind(k.STR), id="array of text"),
        pytest.param(product(k.U8, k.BYTES), id="in a row"),
        pytest.param(OptionKind(k.BYTES), id="in an option"),
    ],
)
def test_a_length_over_u32_is_refused(kind: Kind) -> None:
    overlong: Stored = range(1 << 32)  # has a length, and takes no memory
    value = (1, overlong) if isinstance(kind, ProductKind) else overlong

    with pytest.raises(LimitError, match="over 4294967295"):
        encoder(kind)(value)


def test_items_without_bytes_are_bounded_in_both_directions() -> None:
    units = ArrayKind(product(UNIT, UNIT))
    most = (((), ()),) * 256

    assert decoder(units)(encoder(units)(most)) == most

    with pytest.raises(LimitError, match="over 256 items that have no bytes"):
        encoder(units)((*most, ((), ())))


def nest(
    levels_count: int,
    wrap: Callable[[Kind], Kind],
    wrap_value: Callable[[Stored], Stored],
) -> tuple[Kind, Stored]:
    """Wrap a text so often that there are so many levels of kinds."""
    kind: Kind = k.STR
    value: Stored = "deep"
    for _ in range(levels_count - 1):
        kind, value = wrap(kind), wrap_value(value)
    return kind, value


NESTINGS: dict[str, tuple[Callable[[Kind], Kind], Callable[[Stored], Stored]]] = {
    "products": (product, lambda value: (value,)),
    "options": (OptionKind, lambda value: value),
    "arrays": (
        ArrayKind,
        lambda value: (value, value) if value == "deep" else (value,),
    ),
    "sums": (lambda kind: SumKind((Field("only", kind),)), lambda value: (0, value)),
}


@pytest.mark.parametrize("name", NESTINGS)
def test_kinds_may_nest_64_levels_deep(name: str) -> None:
    kind, value = nest(64, *NESTINGS[name])

    data = encoder(kind)(value)

    assert decoder(kind)(data) == value
    assert reader(kind)(data, 0) == (value, len(data))


@pytest.mark.parametrize("make", [encoder, decoder, reader])
@pytest.mark.parametrize("name", NESTINGS)
def test_deeper_kinds_are_refused(make: Callable[[Kind], object], name: str) -> None:
    kind, _ = nest(65, *NESTINGS[name])

    with pytest.raises(LimitError, match="more than 64 levels deep"):
        make(kind)
