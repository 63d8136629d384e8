"""Writing records: functions made once for each table and each reducer.

Every commit of a database on disk is written as a record (`qsdb.log.records` has the
format), so these are on the hot path: what is the same for all commits is laid out
beforehand, and where a row or the arguments consist of scalars only, one call of
`struct` packs them together with the head before them.
"""

import itertools
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
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

SectionWriter = Callable[
    [Mapping[object, StoredRow | None], Callable[[object], StoredRow | None]], bytes
]
"""Gives the section of a table's rows, or nothing where none is different.

It takes row key → the row that was there, or None; and what gives the row that is
there now.
"""

CallWriter = Callable[[int, bytes, bytes, int, tuple[Any, ...], Iterable[bytes]], bytes]
"""Gives the record of a commit that a call made.

It takes the time of the transaction, in microseconds since 1970; caller and
connection, as they are stored; the state of the seed; the arguments, likewise or as
`call_writer` was told; and the sections, those of rows by ascending table id, then
those of sequences.
"""

_NAME_BYTES_MAX = 0xFFFF

_join = b"".join


def section_writer(  # noqa: C901  the loop is inside, as it is hot
    table_id: int, row: ProductKind, primary_key: Sequence[int]
) -> SectionWriter:
    """Make the function that writes the sections of a table.

    Args:
        table_id: Its number in the catalogue.
        row: The kind of its rows.
        primary_key: The places of the columns of its primary key.

    Cost of a call: about 0.4 µs a row, and 0.5 µs a section.
    """
    encode, encode_key = encoder(row), encoder(key_kind(row, primary_key))
    codes, head = plain_codes(row), struct.Struct(f"<{_codes(SECTION)}{_codes(COUNT)}")
    one, two = [struct.Struct(head.format + (codes or "") * n) for n in (1, 2)]
    pack_head, pack_one, pack_two = head.pack, one.pack, two.pack
    size_of_one, size_of_two = one.size - SECTION.size, two.size - SECTION.size

    def write(
        images: Mapping[object, StoredRow | None],
        find: Callable[[object], StoredRow | None],
    ) -> bytes:
        puts: list[StoredRow] = []
        removed: list[object] = []
        for key, old in images.items():
            row = find(key)
            if row != old:
                if row is None:
                    removed.append(key)
                else:
                    puts.append(row)
        count = len(puts)
        if codes is not None and not removed:
            if count == 1:
                return pack_one(table_id, 1, 0, size_of_one, 0, *puts[0])
            if count == 2:
                return pack_two(table_id, 2, 0, size_of_two, 0, *puts[0], *puts[1])
        if not (count or removed):
            return b""
        rows = _join(itertools.chain(map(encode, puts), map(encode_key, removed)))
        length = COUNT.size + len(rows)
        return pack_head(table_id, count, len(removed), length, 0) + rows

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
        sections: Iterable[bytes],
    ) -> bytes:
        if encode is None:
            call = pack(
                IS_CALL, microseconds, caller, connection, state, name, size, *arguments
            )
        else:
            encoded = encode(arguments)
            call = pack(
                IS_CALL, microseconds, caller, connection, state, name, len(encoded)
            )
            call += encoded
        return call + _join(sections)

    return write


def write_plain(microseconds: int, sections: Iterable[bytes]) -> bytes:
    """Give the record of a commit that no call made."""
    return _join([PLAIN.pack(0, microseconds), *sections])


def _codes(part: struct.Struct) -> str:
    return part.format.removeprefix("<")
