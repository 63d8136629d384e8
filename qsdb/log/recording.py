"""Writing records: functions made once for each table and each reducer.

Every commit of a database on disk is written as a record (`qsdb.log.records` has the
format), so these are on the hot path: what is the same for all commits is laid out
beforehand. The *plain* functions write whatever there is; what is generated beside
them writes one row or two in one go (`qsdb.log.packing`), and leaves the rest to them.
"""

import itertools
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qsdb.codec.bsatn import encoder, plain_codes
from qsdb.errors import LimitError
from qsdb.log.packing import Calls, Rows, compile_writer
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
    "plain_record_writer",
    "plain_section_writer",
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


def plain_section_writer(
    table_id: int, row: ProductKind, primary_key: Sequence[int]
) -> SectionWriter:
    """Make the function that writes the sections of a table.

    Args:
        table_id: Its number in the catalogue.
        row: The kind of its rows.
        primary_key: The places of the columns of its primary key.

    Cost of a call: 1 µs, and about 0.4 µs a row.
    """
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


def section_writer(
    table_id: int, row: ProductKind, primary_key: Sequence[int]
) -> SectionWriter:
    """Generate a function that gives what that of `plain_section_writer` does.

    Cost of a call: 0.3 µs for one row or two of scalars, and 0.2 µs for each text; for
    more rows what the plain one costs. Making it takes about a millisecond.
    """
    plain = plain_section_writer(table_id, row, primary_key)
    return compile_writer(f"sections of table {table_id}", Rows(table_id, row), plain)


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


def plain_record_writer(
    write_call: CallWriter, write_section: SectionWriter
) -> RecordWriter:
    """Make the function that writes records of a reducer's calls about one table.

    Args:
        write_call: Writes calls of the reducer.
        write_section: Writes sections of the table.

    Cost of a call: that of both.
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

    return write


def record_writer(
    call: tuple[str, ProductKind, Sequence[Enter]],
    table: tuple[int, ProductKind],
    plain: RecordWriter,
) -> RecordWriter:
    """Generate a function that gives what that of `plain_record_writer` does.

    Args:
        call: The reducer's name, a product of its parameters, and for each of them what
            is stored of its variable.
        table: Its number in the catalogue, and the kind of its rows.
        plain: That function.

    Cost of a call: 0.3 µs with one row or two of scalars, 0.2 µs more for each text; of
    others what the plain one costs. Making it takes about a millisecond.
    """
    (reducer, parameters, enter), (table_id, row) = call, table
    title = f"records of {reducer} on table {table_id}"
    calls = Calls(_name(reducer), parameters, enter)
    return compile_writer(title, Rows(table_id, row), plain, calls)


def write_plain(microseconds: int, sections: bytes) -> bytes:
    """Give the record of a commit that no call made; sections as for a call."""
    return PLAIN.pack(0, microseconds) + sections


def _codes(part: struct.Struct) -> str:
    return part.format.removeprefix("<")
