"""The note of a log's end: its bytes, and the file that it is in."""

import errno
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.errors import ArgumentError, CorruptionError, FormatVersionError
from qsdb.log.end_notes import END_NAME, EndNote, read_end_note, write_end_note
from qsdb.log.frames import Place
from qsdb.testing import Fail, FaultyDirectory, SimulatedDirectory, TracedDirectory
from tests.unit.log.written import DATABASE

NOTE = EndNote(database=DATABASE, first_offset=1000, place=Place(4096, 1234, 0xC0FFEE))


def signed(fields: bytes) -> bytes:
    return fields + zlib.crc32(fields).to_bytes(4, "little")


def test_a_note_has_the_bytes_that_are_documented() -> None:
    assert NOTE.encode() == signed(
        b"\x89qsde\r\n\x1a"
        + (1).to_bytes(2, "little")
        + (1).to_bytes(2, "little")
        + b"\x01\x00\x00\x00"
        + DATABASE
        + (1000).to_bytes(8, "little")
        + (4096).to_bytes(8, "little")
        + (1234).to_bytes(8, "little")
        + (0xC0FFEE).to_bytes(4, "little")
    )
    assert len(NOTE.encode()) == 64
    assert NOTE.last_offset == 1233


def test_an_unfinished_copy_has_zeros_for_a_place() -> None:
    note = EndNote.of_unfinished(DATABASE)

    assert note.encode()[12:16] == b"\x02\x00\x00\x00"
    assert note.encode()[32:60] == bytes(28)
    assert EndNote.decode(note.encode(), "END") == note


numbers = st.integers(0, 2**64 - 1)


@given(
    st.builds(
        EndNote,
        database=st.binary(min_size=16, max_size=16),
        first_offset=numbers,
        place=st.builds(Place, numbers, numbers, st.integers(0, 2**32 - 1)),
    )
)
def test_what_was_encoded_is_decoded(note: EndNote) -> None:
    assert EndNote.decode(note.encode(), "END") == note


def test_every_flipped_bit_is_told() -> None:
    data = NOTE.encode()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptionError):
            EndNote.decode(bytes(flipped), "END")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it has 0 bytes, the note of a log's end has 64"),
        (NOTE.encode() + b"\0", "it has 65 bytes, the note of a log's end has 64"),
        (b"x" * 64, "it does not begin like the note of a log's end"),
        (NOTE.encode()[:63] + b"\xff", "it fails its checksum"),
    ],
)
def test_what_is_no_note_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(CorruptionError) as caught:
        EndNote.decode(data, "db/END")

    error = caught.value
    assert (error.path, error.position, error.reason) == ("db/END", 0, reason)
    assert error.last_good_offset is None


def changed(at: int, value: int) -> bytes:
    fields = bytearray(NOTE.encode()[:60])
    fields[at] = value
    return signed(bytes(fields))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (changed(10, 2), "a format for readers of version 2 and up"),
        (changed(12, 3), "a note of sort 3"),
    ],
)
def test_what_a_newer_qsdb_wrote_is_told(data: bytes, found: str) -> None:
    with pytest.raises(FormatVersionError) as caught:
        EndNote.decode(data, "END")

    assert caught.value.found == found


def test_a_newer_version_that_older_ones_may_read_is_read() -> None:
    assert EndNote.decode(changed(8, 9), "END") == NOTE


def test_an_id_has_16_bytes() -> None:
    with pytest.raises(ArgumentError, match=r"a database's id has 16 bytes, not 3"):
        EndNote(database=b"abc", first_offset=1, place=Place(64, 1, 0))


def test_a_note_is_written_and_read() -> None:
    disk = SimulatedDirectory()
    assert read_end_note(disk) is None

    for note in (EndNote.of_unfinished(DATABASE), NOTE):
        write_end_note(disk, note)
        assert read_end_note(disk) == note

    assert disk.list() == [END_NAME]


def test_a_note_is_written_beside_synced_and_named() -> None:
    traced = TracedDirectory(SimulatedDirectory())

    write_end_note(traced, NOTE)

    told = [(e.operation, e.name) for e in traced.calls if e.operation != "exists"]
    temporary = f"{END_NAME}.tmp"
    assert told == [
        ("create", temporary),
        ("write", temporary),
        ("sync", temporary),
        ("close", temporary),
        ("rename", temporary),
        ("sync_directory", ""),
    ]


@pytest.mark.parametrize("operation", ["create", "write", "sync", "rename"])
def test_a_disk_that_refuses_leaves_the_older_note(operation: str) -> None:
    disk = SimulatedDirectory()
    older = EndNote.of_unfinished(DATABASE)
    write_end_note(disk, older)
    faulty = FaultyDirectory(
        disk, lambda call: Fail(errno.EIO) if call.operation == operation else None
    )

    with pytest.raises(OSError, match=r"EIO"):
        write_end_note(faulty, NOTE)

    assert read_end_note(disk) == older
    assert disk.list() == [END_NAME]
