"""Writing records: functions made once for each table and each reducer.

Every commit of a database on disk is written as a record (`qsdb.log.records` has the
format), so these are on the hot path: what is the same for all commits is laid out
beforehand, and where rows and arguments consist of scalars only, one call of `struct`
packs them all (`qsdb.log.packing`).
"""

import itertools
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qsdb.codec.bsatn import encoder, plain_codes
from qsdb.errors import LimitError
from qsdb.log.packing import CallLayout, RowLayout, compile_packer
from qsdb.log.records import (
    CALL,
    COUNT,
    IS_CALL,
    LENGTH,
    NEXT_BYTES,
    PLAIN,
    SECTION,
    SEQUENCE,
    StoredRow,
    key_kind,
)
from qsdb.values.compounds import ProductKind
from qsdb.values.source import Names

__all__ = [
    "CallWriter",
    "RecordWriter",
    "SectionWriter",
    "call_writer",
    "record_writer",
    "section_writer",
    "write_plain",
    "write_sequences",
]

_Images = Mapping[object, StoredRow | None]
_Find = Callable[[object], StoredRow | None]

SectionWriter = Callable[[_Images, _Find], bytes]
"""Gives the section of a table's rows, or nothing where none is different.

It takes row key → the row that was there, or None; and what gives the row that is
there now.
"""

CallWriter = Callable[[int, bytes, int, tuple[Any, ...], bytes], bytes]
"""Gives the record of a commit that a call made.

It takes the time of the transaction, in microseconds since 1970; caller and connection,
as they are stored, joined; the state of the seed; the arguments, likewise or as
`call_writer` was told; and the sections, one after the other: those of rows by
ascending table id, then those of sequences.
"""

RecordWriter = Callable[[_Images, _Find, int, bytes, int, tuple[Any, ...]], bytes]
"""Gives the record of a commit that a call made, and that changed rows of one table.

It takes what a `SectionWriter` takes, and what a `CallWriter` does before the sections.
"""

Enter = Callable[[str, Names], str]
"""Gives an expression for what is stored of a value that a variable has."""

_NAME_BYTES_MAX = 0xFFFF

_HEAD = struct.Struct(f"<{SECTION.format[1:]}{COUNT.format[1:]}")
"""Of a section without sequences."""

_join = b"".join


def section_writer(
    table_id: int, row: ProductKind, primary_key: Sequence[int]
) -> SectionWriter:
    """Make the function that writes the sections of a table.

    Args:
        table_id: Its number in the catalogue.
        row: The kind of its rows.
        primary_key: The places of the columns of its primary key.

    Cost of a call: 0.4 µs for a row of scalars, 0.5 for two; of any others about 0.4 µs
    a row, and 0.7 µs a section.
    """
    write_any = _any_writer(table_id, row, primary_key)
    layout = _row_layout(table_id, row)
    if layout is None:
        return _one_writer(table_id, row, write_any)
    return compile_packer(f"sections of table {table_id}", layout, write_any)


def _row_layout(table_id: int, row: ProductKind) -> RowLayout | None:
    codes = plain_codes(row)
    return None if codes is None else RowLayout(table_id, codes, len(row.fields))


def _one_writer(
    table_id: int, row: ProductKind, write_any: SectionWriter
) -> SectionWriter:
    """Make the function for rows that no `struct` packs."""
    encode, pack_head = encoder(row), _HEAD.pack

    def write(images: _Images, find: _Find) -> bytes:
        if len(images) == 1:
            [(key, old)] = images.items()
            row = find(key)
            if row is not None and row != old:
                data = encode(row)
                return pack_head(table_id, 1, 0, COUNT.size + len(data), 0) + data
        return write_any(images, find)

    return write


def _any_writer(
    table_id: int, row: ProductKind, primary_key: Sequence[int]
) -> SectionWriter:
    """Make the function for any number of rows, put and removed."""
    encode, encode_key = encoder(row), encoder(key_kind(row, primary_key))

    def write(images: _Images, find: _Find) -> bytes:
        puts: list[StoredRow] = []
        removed: list[object] = []
        for key, old in images.items():
            row = find(key)
            if row != old:
                if row is None:
                    removed.append(key)
                else:
                    puts.append(row)
        if not (puts or removed):
            return b""
        rows = _join(itertools.chain(map(encode, puts), map(encode_key, removed)))
        length = COUNT.size + len(rows)
        return _HEAD.pack(table_id, len(puts), len(removed), length, 0) + rows

    return write


def write_sequences(table_id: int, sequences: Sequence[tuple[int, int]]) -> bytes:
    """Give the section of a table's sequences.

    Args:
        table_id: Its number in the catalogue.
        sequences: Which generated column → its next value.
    """
    marks = [
        SEQUENCE.pack(place, following.to_bytes(NEXT_BYTES, "little"))
        for place, following in sequences
    ]
    length = COUNT.size + len(marks) * SEQUENCE.size
    head = SECTION.pack(table_id, 0, 0, length)
    return _join([head, COUNT.pack(len(marks)), *marks])


def call_writer(
    reducer: str,
    parameters: ProductKind,
    encode: Callable[[tuple[Any, ...]], bytes] | None = None,
) -> CallWriter:
    """Make the function that writes the records of a reducer's calls.

    Args:
        reducer: Its name.
        parameters: A product of its parameters.
        encode: Encodes arguments, if they come in another form than that in which
            they are stored.

    Raises:
        LimitError: the name has over 65,535 bytes.

    Cost of a call: about 1 µs.
    """
    name = _name(reducer)
    head = struct.Struct(f"{CALL.format}{len(name)}s{_codes(LENGTH)}")
    codes = plain_codes(parameters)
    if encode is None and codes is None:
        encode = encoder(parameters)
    whole = head if encode is not None else struct.Struct(f"{head.format}{codes}")
    pack, size = whole.pack, whole.size - head.size

    def write(
        microseconds: int,
        origin: bytes,
        state: int,
        arguments: tuple[Any, ...],
        sections: bytes,
    ) -> bytes:
        if encode is None:
            call = pack(IS_CALL, microseconds, origin, state, name, size, *arguments)
            return call + sections
        encoded = encode(arguments)
        call = pack(IS_CALL, microseconds, origin, state, name, len(encoded))
        return call + encoded + sections

    return write


def _name(reducer: str) -> bytes:
    name = reducer.encode()
    if len(name) > _NAME_BYTES_MAX:
        raise LimitError(
            f"a reducer's name has at most {_NAME_BYTES_MAX} bytes, not {len(name)}"
        )
    return COUNT.pack(len(name)) + name


def record_writer(
    call: tuple[str, ProductKind, Sequence[Enter]],
    table: tuple[int, ProductKind],
    write_call: CallWriter,
    write_section: SectionWriter,
) -> RecordWriter:
    """Make the function that writes records of a reducer's calls about one table.

    Args:
        call: The reducer's name, a product of its parameters, and for each of them what
            is stored of its variable.
        table: Its number in the catalogue, and the kind of its rows.
        write_call: Writes calls of the reducer.
        write_section: Writes sections of the table.

    Cost of a call: 0.3 µs with one row or two, where one call of `struct` packs all.
    """

    def write(
        images: _Images,
        find: _Find,
        microseconds: int,
        origin: bytes,
        state: int,
        arguments: tuple[Any, ...],
    ) -> bytes:
        sections = write_section(images, find)
        return write_call(microseconds, origin, state, arguments, sections)

    reducer, parameters, enter = call
    codes, layout = plain_codes(parameters), _row_layout(*table)
    if codes is None or layout is None:
        return write
    name = _name(reducer) + LENGTH.pack(struct.calcsize(f"<{codes}"))
    title = f"records of {reducer} on table {layout.table_id}"
    return compile_packer(title, layout, write, CallLayout(name, codes, enter))


def write_plain(microseconds: int, sections: bytes) -> bytes:
    """Give the record of a commit that no call made; sections as for a call."""
    return PLAIN.pack(0, microseconds) + sections


def _codes(part: struct.Struct) -> str:
    return part.format.removeprefix("<")
