"""CBOR: plain data as bytes that any tool can read, where rows would be too rare.

Kinds and defaults in the catalogue, manifests of snapshots and dumps are CBOR
(RFC 8949): texts, bytes, numbers, None, bools, lists and maps of them. What is
written is *canonical*, so that equal data are equal bytes: shortest numbers, and
the keys of maps in one order.

Reading trusts nothing:

1. All tags are refused but those of integers beyond 64 bits: others share parts,
   or make objects.
2. What nests deeper than any kind or value does is refused.
3. What is allocated stays in proportion to the bytes, whatever lengths they tell.
4. `from_cbor` takes exactly what `to_cbor` would have written. `read_item` takes
   other forms too: it reads one item of a sequence (RFC 8742), which may be
   written by other tools.
"""

import io
from typing import Any

import cbor2

from qsdb.codec.layout import KIND_DEPTH_MAX

__all__ = ["CborError", "CutOffError", "from_cbor", "read_item", "to_cbor"]

_DEPTH_MAX = 3 * KIND_DEPTH_MAX + 8
"""A product puts three lists around the kind of a field; a table of a dump some more
around that of a column."""
_BIGNUM_TAGS = (2, 3)


class CborError(ValueError):
    """The bytes are not the CBOR of plain data; the text says why."""


class CutOffError(CborError):
    """They end before the value does."""


def to_cbor(data: object) -> bytes:
    """Write plain data: stored values, and lists and maps of them.

    Raises:
        ValueError: a text is not valid Unicode.

    Cost: about 3 µs, and 0.3 µs a value.
    """
    return cbor2.dumps(data, canonical=True)


def from_cbor(data: bytes) -> object:
    """Read what `to_cbor` wrote; tuples come back as lists.

    Raises:
        CborError: `data` is cut off, damaged, nests too deep, has a tag, goes on
            after the value, or is not in the canonical form.

    >>> from_cbor(to_cbor((1, "a", None)))
    [1, 'a', None]
    """
    value, end = read_item(data, 0)
    if end != len(data):
        raise CborError(f"{len(data) - end} bytes follow the value")
    if to_cbor(value) != data:
        raise CborError("it is not canonical CBOR")
    return value


def read_item(data: bytes, at: int) -> tuple[object, int]:
    r"""Give the value that begins at a place, and the place after it.

    Raises:
        CutOffError: `data` ends before it does.
        CborError: it is damaged, nests too deep or has a tag.

    >>> read_item(b"\x07\x81\x08", 1)
    ([8], 3)
    """
    stream = io.BytesIO(data)
    stream.seek(at)
    decoder = cbor2.CBORDecoder(
        stream, semantic_decoders=_NoTags(), max_depth=_DEPTH_MAX
    )
    try:
        value: object = decoder.decode()
    except cbor2.CBORDecodeEOF as error:
        raise CutOffError(f"it is not the CBOR of data: {error}") from None
    except cbor2.CBORError as error:
        raise CborError(f"it is not the CBOR of data: {error}") from None
    return value, stream.tell()


class _NoTags(dict[int, Any]):
    """Stands for the decoders of all tags, and refuses those that are not wanted."""

    def __missing__(self, tag: int) -> object:
        """Refuse a tag, or leave it to the decoder's own."""
        if tag in _BIGNUM_TAGS:
            raise KeyError(tag)
        raise cbor2.CBORDecodeError(f"the tag {tag} is refused")
