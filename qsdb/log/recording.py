"""Writing records: functions made once for each table and each reducer.

Every commit of a database on disk is written as a record (`qsdb.log.records` has the
format), so these are on the hot path: what is the same for all commits is laid out
beforehand, and where a row or the arguments consist of scalars only, one call of
`struct` packs them together with the head before them.
"""

import itertools
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qsdb.codec.bsatn import encoder, plain_codes
from qsdb.errors import LimitError
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

__all__ = [
    "CallWriter",
    "SectionWriter",
    "call_writer",
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

CallWriter = Callable[[int, bytes, bytes, int, tuple[Any, ...], bytes], bytes]
"""Gives the record of a commit that a call made.

It takes the time of the transaction, in microseconds since 1970; caller and
connection, as they are stored; the state of the seed; the arguments, likewise or as
`call_writer` was told; and the sections, one after the other: those of rows by
ascending table id, then those of sequences.
"""

_NAME_BYTES_MAX = 0xFFFF

_HEAD = struct.Struct(f"<{SECTION.format[1:]}{COUNT.format[1:]}")
"""Of a section without sequences."""

_join = b"".join


def section_writer(
    table_id: int, row: ProductKind, primary_key: Sequence[int]
) -> SectionWriter:
    """Make the function that writes the sections of a table.

    Most commits put one or two rows into a table: those need neither lists nor loops.

    Args:
        table_id: Its number in the catalogue.
        row: The kind of its rows.
        primary_key: The places of the columns of its primary key.

    Cost of a call: 0.4 µs for a row of scalars, 0.5 for two; of any others about 0.4 µs
    a row, and 0.7 µs a section.
    """
    write_any = _any_writer(table_id, row, primary_key)
    codes = plain_codes(row)
    if codes is None:
        return _one_writer(table_id, row, write_any)
    one, two = [struct.Struct(_HEAD.format + codes * count) for count in (1, 2)]
    pack_one, pack_two = one.pack, two.pack
    size_of_one, size_of_two = one.size - SECTION.size, two.size - SECTION.size

    def write(images: _Images, find: _Find) -> bytes:
        if len(images) == 1:
            [(key, old)] = images.items()
            row = find(key)
            if row is not None and row != old:
                return pack_one(table_id, 1, 0, size_of_one, 0, *row)
        elif len(images) == 2:
            (key, old), (other, was) = images.items()
            row, second = find(key), find(other)
            if row is not None and second is not None and row != old and second != was:
                return pack_two(table_id, 2, 0, size_of_two, 0, *row, *second)
        return write_any(images, find)

    return write


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
    name = reducer.encode()
    if len(name) > _NAME_BYTES_MAX:
        raise LimitError(
            f"a reducer's name has at most {_NAME_BYTES_MAX} bytes, not {len(name)}"
        )
    name = COUNT.pack(len(name)) + name
    head = struct.Struct(f"{CALL.format}{len(name)}s{_codes(LENGTH)}")
    codes = plain_codes(parameters)
    if encode is None and codes is None:
        encode = encoder(parameters)
    whole = head if encode is not None else struct.Struct(f"{head.format}{codes}")
    pack, size = whole.pack, whole.size - head.size

    def write(
        microseconds: int,
        caller: bytes,
        connection: bytes,
        state: int,
        arguments: tuple[Any, ...],
        sections: bytes,
    ) -> bytes:
        if encode is None:
            call = pack(
                IS_CALL, microseconds, caller, connection, state, name, size, *arguments
            )
            return call + sections
        encoded = encode(arguments)
        call = pack(
            IS_CALL, microseconds, caller, connection, state, name, len(encoded)
        )
        return call + encoded + sections

    return write


def write_plain(microseconds: int, sections: bytes) -> bytes:
    """Give the record of a commit that no call made; sections as for a call."""
    return PLAIN.pack(0, microseconds) + sections


def _codes(part: struct.Struct) -> str:
    return part.format.removeprefix("<")
