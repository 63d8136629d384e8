"""Manifests: names, content, and what is made of bytes that are none."""

import hashlib
from typing import Any

import attrs
import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.errors import ArgumentError, CorruptionError, FormatVersionError
from qsdb.log.chunks import Chunk
from qsdb.log.manifests import (
    Snapshot,
    TableSnapshot,
    decode_manifest,
    encode_manifest,
    manifest_name,
    manifest_offset,
)
from tests.unit.log.snapshotting import DATABASE

PATH = "/db/snapshots/00000000000000000007.manifest"
BODY_START = 48

CHUNKS = (Chunk(bytes(range(32)), 5000, 70), Chunk(bytes(32), 300, 2))
SNAPSHOT = Snapshot(
    database=DATABASE,
    offset=7,
    chain=0xC0FFEE,
    microseconds=1_700_000_000_000_000,
    tables=(
        TableSnapshot(table_id=1, sequences=(), chunks=()),
        TableSnapshot(table_id=9, sequences=(1, 2**256), chunks=CHUNKS),
    ),
)

TABLE: dict[str, Any] = {
    "id": 9,
    "rows": 72,
    "sequences": [
        (1).to_bytes(33, "little"),
        (2**256).to_bytes(33, "little"),
    ],
    "chunks": [[bytes(range(32)), 5000, 70], [bytes(32), 300, 2]],
}
BODY: dict[str, Any] = {
    "database": DATABASE,
    "offset": 7,
    "chain": 0xC0FFEE,
    "microseconds": 1_700_000_000_000_000,
    "tables": [{"id": 1, "rows": 0, "sequences": [], "chunks": []}, TABLE],
}


def signed(body: bytes, *, version: int = 1, reader_min: int = 1) -> bytes:
    """Give a manifest with a right hash of any body."""
    header = b"\x89qsdm\r\n\x1a" + version.to_bytes(2, "little")
    header += reader_min.to_bytes(2, "little") + bytes(4)
    return header + hashlib.blake2b(header + body, digest_size=32).digest() + body


def manifest(content: object) -> bytes:
    """Give a manifest of any content."""
    return signed(cbor2.dumps(content, canonical=True))


def with_table(**parts: object) -> dict[str, Any]:
    """Give the body with one table in which some parts are others."""
    return BODY | {"tables": [TABLE | parts]}


def decode(data: bytes, *, database: bytes | None = DATABASE) -> Snapshot:
    return decode_manifest(data, PATH, offset=7, database=database)


# Names.


def test_a_name_has_twenty_digits() -> None:
    assert manifest_name(2**64 - 1) == "snapshots/18446744073709551615.manifest"


@given(st.integers(0, 2**64 - 1))
def test_a_name_tells_the_offset(offset: int) -> None:
    directory, _, file_name = manifest_name(offset).partition("/")

    assert directory == "snapshots"
    assert manifest_offset(file_name) == offset


@pytest.mark.parametrize(
    "name", ["7.manifest", "00000000000000000007.manifest.tmp", "x", ""]
)
def test_other_names_are_no_manifests(name: str) -> None:
    assert manifest_offset(name) is None


# Content.


def test_a_manifest_has_the_bytes_that_are_documented() -> None:
    assert encode_manifest(SNAPSHOT) == manifest(BODY)
    assert decode(manifest(BODY)) == SNAPSHOT


tables = st.builds(
    TableSnapshot,
    table_id=st.integers(0, 2**32 - 1),
    sequences=st.lists(st.integers(0, 2**256), max_size=3).map(tuple),
    chunks=st.lists(
        st.builds(
            Chunk,
            st.binary(min_size=32, max_size=32),
            st.integers(0, 2**32),
            st.integers(0, 2**32),
        ),
        max_size=3,
    ).map(tuple),
)

snapshots = st.builds(
    Snapshot,
    database=st.binary(min_size=16, max_size=16),
    offset=st.just(7),
    chain=st.none() | st.integers(0, 2**32 - 1),
    microseconds=st.integers(-(2**63), 2**63 - 1),
    tables=st.lists(tables, max_size=3).map(tuple),
)


@pytest.mark.slow
@given(snapshots)
def test_a_snapshot_comes_back(snapshot: Snapshot) -> None:
    assert decode(encode_manifest(snapshot), database=snapshot.database) == snapshot
    assert decode(encode_manifest(snapshot), database=None) == snapshot


def test_a_snapshot_tells_its_size() -> None:
    assert SNAPSHOT.bytes_count == 5300
    assert [table.rows_count for table in SNAPSHOT.tables] == [0, 72]
    assert tuple(SNAPSHOT.chunks()) == CHUNKS


def test_what_a_newer_format_adds_is_passed_over() -> None:
    body = cbor2.dumps(with_table(colour="red") | {"more": [1, 2.5]}, canonical=True)

    snapshot = decode(signed(body, version=2))

    assert snapshot.tables == SNAPSHOT.tables[1:]


def test_an_id_that_is_not_16_bytes_is_refused() -> None:
    with pytest.raises(ArgumentError, match="has 16 bytes, not 3"):
        attrs.evolve(SNAPSHOT, database=b"abc")


# What is no manifest.


def test_every_changed_byte_is_told() -> None:
    data = encode_manifest(SNAPSHOT)

    for place in range(len(data)):
        for flips in (1, 0x80, 0xFF):
            wrong = bytearray(data)
            wrong[place] ^= flips
            with pytest.raises(CorruptionError, match="byte 0: it ") as caught:
                decode(bytes(wrong))
            assert caught.value.path == PATH


def test_a_manifest_cut_off_anywhere_is_told() -> None:
    data = encode_manifest(SNAPSHOT)

    for size in range(len(data)):
        with pytest.raises(CorruptionError):
            decode(data[:size])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "its body: it is not the CBOR", id="nothing"),
        pytest.param(b"\xff", "its body: it is not the CBOR", id="no CBOR"),
        pytest.param(
            b"\x9b" + b"\x7f" * 8, "its body: it is not the CBOR", id="huge array"
        ),
        pytest.param(
            b"\x5b" + b"\x7f" * 8, "its body: it is not the CBOR", id="huge bytes"
        ),
        pytest.param(b"\x81" * 100_000, "its body: it is not the CBOR", id="deep"),
        pytest.param(
            cbor2.dumps(BODY, canonical=True) + b"\0",
            "its body: 1 bytes follow",
            id="more",
        ),
        pytest.param(cbor2.dumps(BODY), "not canonical", id="another order"),
        pytest.param(b"\xc2\x41\x07", "not canonical", id="tagged number"),
        pytest.param(b"\xd8\x23\x61\x2e", "the tag 35 is refused", id="tagged pattern"),
        pytest.param(b"\xd9\xd9\xf7\x80", "the tag 55799 is refused", id="tagged CBOR"),
        pytest.param(
            b"\xd8\x1c\x81\xd8\x1d\x00", "the tag 28 is refused", id="endless list"
        ),
        pytest.param(b"\x07", "lacks what a manifest has", id="number"),
    ],
)
def test_a_body_with_its_hash_that_is_not_canonical_cbor_is_told(
    body: bytes, reason: str
) -> None:
    with pytest.raises(CorruptionError, match=reason) as caught:
        decode(signed(body))

    assert caught.value.position == BODY_START


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        *(
            pytest.param(
                {key: value for key, value in BODY.items() if key != missing},
                "lacks what a manifest has",
                id=f"no {missing}",
            )
            for missing in BODY
        ),
        pytest.param(BODY | {"database": b"abc"}, "lacks what", id="short id"),
        pytest.param(BODY | {"chain": "x"}, "lacks what", id="chain of text"),
        pytest.param(BODY | {"offset": 8}, "of offset 8, its name says 7", id="offset"),
        pytest.param(
            BODY | {"database": bytes(16)},
            f"belongs to the database {'0' * 32}, not to {DATABASE.hex()}",
            id="another database",
        ),
        pytest.param(BODY | {"tables": [7]}, "a table lacks", id="no table"),
        pytest.param(with_table(rows="72"), "a table lacks", id="rows of text"),
        pytest.param(
            with_table(rows=71), "table 9 has 71 rows, its chunks 72", id="rows"
        ),
        pytest.param(with_table(sequences=[1]), "not 33 bytes", id="number"),
        pytest.param(with_table(sequences=[b"1"]), "not 33 bytes", id="short"),
        pytest.param(with_table(chunks=[7]), "a chunk is not", id="no chunk"),
        pytest.param(
            with_table(chunks=[[b"short", 1, 72]]), "a chunk is not", id="short hash"
        ),
    ],
)
def test_a_body_with_its_hash_that_is_no_manifests_is_told(
    content: object, reason: str
) -> None:
    with pytest.raises(CorruptionError, match=reason) as caught:
        decode(manifest(content))

    assert caught.value.path == PATH
    assert caught.value.position == BODY_START


def test_a_newer_format_is_refused_as_such() -> None:
    with pytest.raises(FormatVersionError, match="readers of version 2 and up"):
        decode(signed(b"whatever that is", version=3, reader_min=2))
