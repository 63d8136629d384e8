"""Row lists: which hint is written, and hints that do not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.codec.bsatn import encoder
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.row_lists import (
    NO_ROWS,
    RowList,
    encode_row_list,
    read_row_list,
    row_change_encoder,
    row_list_encoder,
)
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import BYTES, U8, U256
from tests.support.wire_messages import wire

U8_ROW = ProductKind("Row", (Field("a", U8),))
BYTES_ROW = ProductKind("Row", (Field("a", BYTES),))
EMPTY_ROW = ProductKind("Row", ())
WIDE_ROW = ProductKind("Row", tuple([Field(f"a{n}", U256) for n in range(2048)]))
"""65,536 bytes, one more than the hint can say."""


@pytest.mark.parametrize(
    ("kind", "rows", "text"),
    [
        pytest.param(U8_ROW, [], "01 00000000 00000000", id="no rows of one size"),
        pytest.param(BYTES_ROW, [], "01 00000000 00000000", id="no rows"),
        pytest.param(U8_ROW, [(7,), (8,)], "00 0100 02000000 0708", id="one size"),
        pytest.param(
            BYTES_ROW,
            [(b"a",), (b"b",)],
            '00 0500 0a000000 01000000 "a" 01000000 "b"',
            id="one size by chance",
        ),
        pytest.param(
            BYTES_ROW,
            [(b"ab",), (b"",), (b"c",)],
            "01 03000000 0000000000000000 0600000000000000 0a00000000000000"
            ' 0f000000 02000000 "ab" 00000000 01000000 "c"',
            id="offsets",
        ),
        pytest.param(
            EMPTY_ROW,
            [(), ()],
            "01 02000000 0000000000000000 0000000000000000 00000000",
            id="rows without bytes",
        ),
    ],
)
def test_row_lists_have_the_hint_that_wire_md_asks_for(
    kind: ProductKind, rows: list[tuple[object, ...]], text: str
) -> None:
    data = row_list_encoder(kind)(rows)

    assert data == wire(text)
    assert read_row_list(data).split() == [encoder(kind)(row) for row in rows]


def test_rows_of_one_size_over_the_bound_have_offsets() -> None:
    row = tuple([0] * 2048)

    data = row_list_encoder(WIDE_ROW)([row, row])

    assert read_row_list(data).size_hint == (0, 65536)
    assert read_row_list(data).split() == [bytes(65536), bytes(65536)]


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        pytest.param(U8_ROW, [(7,), (8,)], id="one size"),
        pytest.param(
            BYTES_ROW, [(b"",), (b"ab",), (bytes(65531),), (bytes(65532),)], id="any"
        ),
        pytest.param(EMPTY_ROW, [()], id="without bytes"),
        pytest.param(WIDE_ROW, [tuple([0] * 2048)], id="over the bound"),
    ],
)
def test_a_change_of_one_row_is_two_lists(
    kind: ProductKind, rows: list[tuple[object, ...]]
) -> None:
    encode_rows, encode_change = row_list_encoder(kind), row_change_encoder(kind)
    for new in rows:
        for old in rows:
            assert encode_change(new, old) == encode_rows([new]) + encode_rows([old])


@given(rows=st.lists(st.binary(max_size=3), max_size=5))
def test_rows_come_back(rows: list[bytes]) -> None:
    read = read_row_list(encode_row_list(rows))

    assert read.split() == rows
    assert b"".join(rows) == read.rows_data


def test_no_rows_are_nine_bytes() -> None:
    assert encode_row_list([]) == NO_ROWS
    assert len(NO_ROWS) == 9


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (RowList(2, b"abc"), "3 bytes are no rows of 2 bytes each"),
        (RowList(0, b""), "0 bytes are no rows of 0 bytes each"),
        (RowList((), b"abc"), "3 bytes do not begin with a row"),
        (RowList((1, 2), b"abc"), "3 bytes do not begin with a row"),
        (RowList((0, 4), b"abc"), "a row at 4 would end at 3 of 3"),
        (RowList((0, 2, 1), b"abc"), "a row at 2 would end at 1 of 3"),
        (RowList((0, 1 << 63), b"abc"), f"a row at {1 << 63} would end at 3 of 3"),
    ],
)
def test_a_hint_that_does_not_fit_is_refused(rows: RowList, fault: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        rows.split()

    assert str(refusal.value) == f"RowList, byte 0: {fault}"
