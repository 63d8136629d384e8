"""Records: written, read, replayed, and refused where they are none."""

from collections.abc import Callable
from typing import Any

import pytest

from qsdb.errors import LimitError
from qsdb.log.recording import (
    call_writer,
    section_writer,
    write_plain,
    write_sequences,
)
from qsdb.log.records import (
    Call,
    RecordError,
    TableReader,
    read_record,
    record_time,
    replay,
)
from qsdb.values import kinds
from qsdb.values.compounds import Field, ProductKind

ROW = ProductKind(
    "row", (Field("a", kinds.U8), Field("b", kinds.U16), Field("c", kinds.STR))
)
PARAMETERS = ProductKind("send", (Field("x", kinds.U8), Field("y", kinds.U8)))
CALL = Call("send", b"\1\2", bytes(range(32)), bytes(range(16)), 2**63)
ROWS: dict[object, Any] = {1: (1, 10, "x"), 2: (2, 20, "y"), 3: (3, 30, "z")}


def table_reader(primary_key: tuple[int, ...] = (0,)) -> TableReader:
    return TableReader(5, ROW, primary_key)


def written(
    images: dict[object, Any],
    find: Callable[[object], Any],
    primary_key: tuple[int, ...] = (0,),
) -> bytes:
    return section_writer(5, ROW, primary_key)(images, find)


class Table:
    """A table that replay changes."""

    def __init__(self, primary_key: tuple[int, ...] = (0,)) -> None:
        self.reader = table_reader(primary_key)
        self.sequences = [1, 1]
        self.puts: list[object] = []
        self.removed: list[object] = []

    def put(self, data: bytes, at: int, count: int) -> int:
        for _ in range(count):
            row, at = self.reader.read_row(data, at)
            self.puts.append(row)
        return at

    def remove(self, data: bytes, at: int, count: int) -> int:
        for _ in range(count):
            key, at = self.reader.read_key(data, at)
            self.removed.append(key)
        return at


def call_record(microseconds: int, sections: list[bytes]) -> bytes:
    write = call_writer(CALL.reducer, PARAMETERS)
    return write(
        microseconds,
        CALL.caller + CALL.connection,
        CALL.state,
        (1, 2),
        b"".join(sections),
    )


def section() -> bytes:
    """Give a section: 1 is new, 2 is changed, 4 is gone, 3 is as it was."""
    images: dict[object, Any] = {1: None, 2: (2, 0, ""), 3: ROWS[3], 4: (4, 40, "w")}
    return written(images, ROWS.get)


def test_a_section_has_what_is_different() -> None:
    record = read_record(write_plain(77, section()))
    assert (record.microseconds, record.call) == (77, None)
    (found,) = record.sections
    assert (found.table_id, found.puts_count, found.removed_count) == (5, 2, 1)
    assert table_reader().rows(record, found) == ([ROWS[1], ROWS[2]], [4])


def test_what_is_as_before_is_no_section() -> None:
    assert written({1: ROWS[1], 9: None}, ROWS.get) == b""


@pytest.mark.parametrize(
    ("primary_key", "key"), [((0,), 4), ((2, 0), ("w", 4)), ((), (4, 40, "w"))]
)
def test_keys_are_those_of_the_table(primary_key: tuple[int, ...], key: object) -> None:
    table = Table(primary_key)
    section = written({key: (4, 40, "w")}, lambda _: None, primary_key)
    data = write_plain(1, section)
    replay(data, {5: table})
    assert table.removed == [key]
    record = read_record(data)
    assert table.reader.rows(record, record.sections[0]) == ([], [key])


def test_sequences_have_a_section() -> None:
    data = write_plain(1, write_sequences(5, [(1, 2**256), (0, 7)]))
    (found,) = read_record(data).sections
    assert found.sequences == ((1, 2**256), (0, 7))
    table = Table()
    assert replay(data, {5: table}) == 1
    assert table.sequences == [7, 2**256]


def test_a_call_is_read_as_it_was_made() -> None:
    data = call_record(-5, [section()])
    record = read_record(data)
    assert (record.call, record.microseconds, record_time(data)) == (CALL, -5, -5)
    table = Table()
    assert replay(data, {5: table}) == -5
    assert (table.puts, table.removed) == ([ROWS[1], ROWS[2]], [4])


def test_a_record_without_sections_is_one() -> None:
    assert read_record(write_plain(3, b"")).sections == ()
    assert replay(write_plain(3, b""), {}) == 3


def test_a_name_that_is_too_long_is_refused() -> None:
    call_writer("é" * 32767, PARAMETERS)
    with pytest.raises(LimitError, match="65535 bytes, not 65536"):
        call_writer("é" * 32768, PARAMETERS)


@pytest.mark.parametrize("is_call", [False, True])
def test_a_record_cut_anywhere_is_refused_or_whole(*, is_call: bool) -> None:
    sections = [section(), write_sequences(5, [(0, 9)])]
    data = call_record(1, sections) if is_call else write_plain(1, b"".join(sections))
    head = len(data) - len(b"".join(sections))
    wholes = {head, head + len(sections[0]), len(data)}
    for length in range(len(data) + 1):
        cut = data[:length]
        if length in wholes:
            read_record(cut)
            replay(cut, {5: Table()})
            continue
        with pytest.raises(RecordError):
            read_record(cut)
        with pytest.raises(RecordError):
            replay(cut, {5: Table()})


def test_the_time_of_no_record_is_refused() -> None:
    with pytest.raises(RecordError, match="8 bytes"):
        record_time(bytes(8))


def test_unknown_flags_are_refused() -> None:
    data = b"\2" + write_plain(1, b"")[1:]
    with pytest.raises(RecordError, match="0x02"):
        read_record(data)
    with pytest.raises(RecordError, match="0x02"):
        replay(data, {})


def test_a_table_that_is_not_there_is_refused() -> None:
    with pytest.raises(RecordError):
        replay(write_plain(1, section()), {})


def with_length(length: int) -> bytes:
    data = bytearray(write_plain(1, section()))
    data[9 + 12 : 9 + 16] = length.to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("length", [0, 1, 5, 200, 2**32 - 1])
def test_a_section_with_a_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(RecordError):
        replay(with_length(length), {5: Table()})


@pytest.mark.parametrize("length", [0, 1, 200, 2**32 - 1])
def test_reading_refuses_a_section_that_ends_elsewhere(length: int) -> None:
    with pytest.raises(RecordError):
        read_record(with_length(length))


def test_more_sequences_than_fit_are_refused() -> None:
    data = bytearray(write_plain(1, write_sequences(5, [(0, 1)])))
    data[25] = 9
    with pytest.raises(RecordError, match="9 sequences"):
        read_record(bytes(data))


def test_rows_that_are_none_are_refused() -> None:
    data = bytearray(write_plain(1, section()))
    record = read_record(bytes(data))
    (found,) = record.sections
    with pytest.raises(RecordError, match="rows of table 5 end at byte"):
        table_reader().rows(record, found._replace(puts_count=1, removed_count=0))
    with pytest.raises(RecordError, match="rows of table 5: "):
        table_reader().rows(record, found._replace(puts_count=9))


def test_a_call_whose_arguments_are_cut_off_is_refused() -> None:
    data = call_record(1, [])
    with pytest.raises(RecordError, match="cut off"):
        read_record(data[:-1])
    with pytest.raises(RecordError, match="cut off"):
        replay(data[:-1], {})
