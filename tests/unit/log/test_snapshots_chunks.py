"""Chunks: where rows are cut, and what is made of bytes that are none."""

import hashlib
import random
from collections.abc import Iterator, Sequence

import pytest

from qsdb.codec.bsatn import encoder, reader
from qsdb.errors import CorruptionError, FormatVersionError
from qsdb.log.chunks import (
    CHUNK_FORMAT_VERSION,
    OBJECTS_DIRECTORY,
    ROWS_BYTES_MAX,
    Chunk,
    StoredRow,
    cut_rows,
    read_rows,
)
from qsdb.values.compounds import ArrayKind, Field, ProductKind
from qsdb.values.kinds import U8, U64
from tests.unit.log.snapshotting import PLAYER, player_rows

PATH = "/db/objects/ab/cd"
HEADER_BYTES = 12
NUMBER = ProductKind("Number", (Field("id", U64), Field("value", U64)))


def cut(rows: Sequence[StoredRow], kind: ProductKind = PLAYER) -> list[Chunk]:
    """Give the chunks of rows."""
    return [chunk for chunk, _ in cut_rows(encoder(kind), [rows])]


def digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=32).digest()


def content(
    rows: bytes, count: int, *, magic: bytes = b"\xf5qdc", reader_min: int = 1
) -> bytes:
    """Give the content of a chunk, as it is documented."""
    versions = CHUNK_FORMAT_VERSION.to_bytes(2, "little")
    versions += reader_min.to_bytes(2, "little")
    return magic + versions + count.to_bytes(4, "little") + rows


def read(data: bytes, rows_count: int) -> tuple[StoredRow, ...]:
    """Read a file of numbers that has the right hash and size."""
    chunk = Chunk(digest(data), len(data), rows_count)
    return read_rows(data, chunk, PATH, reader(ArrayKind(NUMBER)))


def numbers(count: int) -> list[StoredRow]:
    """Give rows of 16 bytes."""
    return [(number, number * 7) for number in range(count)]


# What a chunk is.


def test_a_chunk_has_the_bytes_that_are_documented() -> None:
    [(chunk, data)] = cut_rows(encoder(NUMBER), [[(1, 2), (3, 4)]])

    rows = b"".join(number.to_bytes(8, "little") for number in (1, 2, 3, 4))
    assert data == content(rows, 2)
    assert chunk == Chunk(digest(data), len(data), 2)
    assert read(data, 2) == ((1, 2), (3, 4))


def test_a_chunk_is_named_by_its_hash() -> None:
    [chunk] = cut([(1, b"")])

    digits = chunk.digest.hex()
    assert chunk.name == f"{OBJECTS_DIRECTORY}/{digits[:2]}/{digits[2:]}"


def test_no_rows_are_no_chunk() -> None:
    assert cut([]) == []
    assert list(cut_rows(encoder(PLAYER), [[], []])) == []


def test_a_row_without_bytes_is_a_chunk() -> None:
    empty = ProductKind("Empty", ())
    [(chunk, data)] = cut_rows(encoder(empty), [[()]])

    assert read_rows(data, chunk, PATH, reader(ArrayKind(empty))) == ((),)


# Where rows are cut.


def test_chunks_have_64_kib_on_average() -> None:
    rng = random.Random(1)
    mixed: list[StoredRow] = [
        (number, rng.randbytes(rng.randrange(3000))) for number in range(2000)
    ]

    for chunks in (cut(numbers(200_000), NUMBER), cut(mixed)):
        average = sum(chunk.bytes_count for chunk in chunks) / len(chunks)
        assert 48_000 < average < 80_000


def test_all_but_the_last_chunk_have_16_kib_at_least() -> None:
    *others, _ = cut(numbers(50_000), NUMBER)

    assert min(chunk.bytes_count for chunk in others) >= 1 << 14


def test_rows_without_a_hit_end_at_the_greatest_size() -> None:
    # All alike, and none a hit: sets have no such rows, but rows may be as unlucky.
    chunks = cut([(0, b"-")] * 200_000)

    sizes = {chunk.bytes_count for chunk in chunks[:-1]}
    assert len(chunks) > 1
    assert sizes == {HEADER_BYTES + ROWS_BYTES_MAX - ROWS_BYTES_MAX % 13}


def test_a_row_over_the_greatest_size_is_a_chunk_by_itself() -> None:
    rows = [(1, b"a"), (2, bytes(ROWS_BYTES_MAX)), (3, b"c")]

    chunks = cut(rows)

    assert [chunk.rows_count for chunk in chunks] == [1, 1, 1]


def test_slices_do_not_tell_where_rows_are_cut() -> None:
    rows = numbers(20_000)
    slices = [rows[start : start + 999] for start in range(0, len(rows), 999)]

    found = [chunk for chunk, _ in cut_rows(encoder(NUMBER), slices)]

    assert found == cut(rows, NUMBER)


def test_a_slice_is_taken_when_the_one_before_is_cut() -> None:
    taken: list[int] = []

    def slices() -> Iterator[list[StoredRow]]:
        for number in range(3):
            taken.append(number)
            yield [(number, bytes(100_000))]

    chunks = cut_rows(encoder(PLAYER), slices())

    next(chunks)
    assert taken == [0]
    next(chunks)
    assert taken == [0, 1]


# What chunks share.


def changed_chunks(before: Sequence[StoredRow], after: Sequence[StoredRow]) -> int:
    """Count the chunks that a second snapshot has to write."""
    return len(set(cut(after, NUMBER)) - set(cut(before, NUMBER)))


@pytest.fixture(scope="module")
def rows() -> list[StoredRow]:
    return numbers(60_000)


def test_a_table_that_is_the_same_has_no_new_chunk(rows: list[StoredRow]) -> None:
    assert changed_chunks(rows, list(rows)) == 0


@pytest.mark.parametrize("place", [0, 31_415, 59_999])
def test_an_update_changes_few_chunks(rows: list[StoredRow], place: int) -> None:
    after = list(rows)
    after[place] = (place, 1)

    assert 1 <= changed_chunks(rows, after) <= 2


@pytest.mark.parametrize("count", [1, 100, 5000])
def test_a_delete_at_the_front_changes_few_chunks(
    rows: list[StoredRow], count: int
) -> None:
    assert changed_chunks(rows, rows[count:]) <= 2


def test_a_delete_in_the_middle_changes_few_chunks(rows: list[StoredRow]) -> None:
    assert changed_chunks(rows, rows[:31_415] + rows[31_416:]) <= 2


def test_rows_inserted_at_the_end_change_the_last_chunks(
    rows: list[StoredRow],
) -> None:
    new: list[StoredRow] = [(60_000 + number, 0) for number in range(10)]

    assert changed_chunks(rows, rows + new) <= 2


@pytest.mark.slow
def test_few_changes_anywhere_change_few_chunks(rows: list[StoredRow]) -> None:
    for seed in range(20):
        rng, after = random.Random(seed), list(rows)
        for number in range(5):
            place = rng.randrange(len(after))
            match rng.randrange(3):
                case 0:
                    del after[place]
                case 1:
                    after.insert(place, (1_000_000 + number, number))
                case _:
                    after[place] = (place, rng.getrandbits(60))

        assert changed_chunks(rows, after) <= 10, f"seed {seed}"


# What is no chunk.


def test_every_changed_byte_is_told() -> None:
    [(chunk, data)] = cut_rows(encoder(NUMBER), [numbers(20)])
    read_numbers = reader(ArrayKind(NUMBER))

    for place in range(len(data)):
        for flips in (1, 0x80, 0xFF):
            wrong = bytearray(data)
            wrong[place] ^= flips
            with pytest.raises(CorruptionError, match="does not hash to its name"):
                read_rows(bytes(wrong), chunk, PATH, read_numbers)


def test_a_file_of_another_size_is_told_with_both() -> None:
    [(chunk, data)] = cut_rows(encoder(NUMBER), [numbers(2)])
    read_numbers = reader(ArrayKind(NUMBER))

    for wrong, position in ((data[:20], 20), (data + b"\0", 44), (b"", 0)):
        with pytest.raises(CorruptionError, match="the snapshot says 44") as caught:
            read_rows(wrong, chunk, PATH, read_numbers)
        assert caught.value.path == PATH
        assert caught.value.position == position


@pytest.mark.parametrize(
    ("data", "position", "reason"),
    [
        pytest.param(b"", 0, "does not begin like a chunk", id="empty"),
        pytest.param(b"\xf5qdc\x01\0\x01", 0, "does not begin like", id="short"),
        pytest.param(
            content(b"", 0, magic=b"\xf5qdb"), 0, "does not begin like", id="magic"
        ),
        pytest.param(content(b"", 0)[:10], 8, "needs 4 bytes, finds 2", id="no count"),
        pytest.param(content(bytes(31), 2), 8, "at most 1 is possible", id="cut off"),
        pytest.param(
            content(bytes(32), 0xFFFF_FFFF), 8, "at most 2 is possible", id="huge count"
        ),
        pytest.param(
            content(bytes(33), 2), 44, "2 rows end here, 1 bytes follow", id="trailing"
        ),
        pytest.param(
            content(bytes(16), 1), 8, "has 1 rows, the snapshot says 2", id="few rows"
        ),
    ],
)
def test_a_file_with_its_hash_that_is_no_chunk_of_such_rows_is_told(
    data: bytes, position: int, reason: str
) -> None:
    with pytest.raises(CorruptionError, match=reason) as caught:
        read(data, 2)

    assert caught.value.path == PATH
    assert caught.value.position == position


def test_rows_of_another_kind_are_told() -> None:
    [(chunk, data)] = cut_rows(encoder(PLAYER), [player_rows(3)])
    byte = ProductKind("Byte", (Field("value", U8),))

    with pytest.raises(CorruptionError, match="3 rows end here"):
        read_rows(data, chunk, PATH, reader(ArrayKind(byte)))


def test_a_newer_format_is_refused_as_such() -> None:
    with pytest.raises(FormatVersionError, match="readers of version 2 and up"):
        read(content(b"", 0, reader_min=2), 0)
