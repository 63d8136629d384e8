"""BLAKE3 of one chunk, against the vectors that its authors publish."""

import pytest

from qsdb.values.blake3 import DATA_BYTES_MAX, blake3

VECTORS = {
    0: "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262",
    1: "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213",
    63: "e9bc37a594daad83be9470df7f7b3798297c3d834ce80ba85d6e207627b7db7b",
    64: "4eed7141ea4a5cd4b788606bd23f46e212af9cacebacdc7d1f4c6dc7f2511b98",
    65: "de1e5fa0be70df6d2be8fffd0e99ceaa8eb6e8c93a63f2d8d1c30ecb6b263dee",
    1023: "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11",
    1024: "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7",
}
"""Length of the input → hash. Source: test_vectors.json of the BLAKE3 team."""


def published_input(length: int) -> bytes:
    """Give the input that the published vectors use: 0, 1, … 250, 0, 1, …"""
    return bytes([index % 251 for index in range(length)])


@pytest.mark.parametrize("length", VECTORS)
def test_hash_is_the_published_one(length: int) -> None:
    digest = blake3(published_input(length))

    assert digest.hex() == VECTORS[length]


def test_hash_of_abc_is_the_published_one() -> None:
    digest = blake3(b"abc")

    assert digest.hex() == (
        "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
    )


def test_more_than_one_chunk_is_refused_with_the_bound() -> None:
    with pytest.raises(ValueError, match="1025 bytes; at most 1024"):
        blake3(bytes(DATA_BYTES_MAX + 1))
