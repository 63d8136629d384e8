r"""Frames to clients: one tag, then messages, perhaps compressed.

=======  ==================================
tag      the messages after it are
=======  ==================================
00       as they are
01       compressed with brotli
02       compressed with gzip
=======  ==================================

Frames of clients have no such tag. What a client asks for with ``?compression=`` is a
permission: each frame says what it is. Up to 1,024 bytes nothing is compressed.

**To compress is a choice that the server has to make on purpose.** The TypeScript SDK
unpacks frames beside each other (versions 1 to 2.10.1, SpacetimeDB issue 5730), so that
a plain frame overtakes a compressed one before it, and the client's rows are wrong from
then on. So a `FrameWriter` compresses nothing unless it is made with a compression.

>>> from qsdb.protocol.subprotocols import V3
>>> writer = FrameWriter(V3)
>>> [frame.hex(" ") for frame in writer.frames([b"\4\0\0\0\0", b"\4\0\0\0\0"])]
['00 04 00 00 00 00 04 00 00 00 00']
"""

import enum
import functools
import gzip
import importlib
import zlib
from collections.abc import Callable, Iterator, Sequence

from qsdb.errors import ArgumentError, brief
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.subprotocols import Subprotocol

__all__ = [
    "COMPRESSED_BYTES_MIN",
    "FRAME_BYTES_MAX",
    "Compression",
    "FrameWriter",
    "asked_compression",
    "open_frame",
]

COMPRESSED_BYTES_MIN = 1025
"""Shorter messages are sent as they are, as SpacetimeDB does it."""

FRAME_BYTES_MAX = 512 << 10
"""Messages that are sent together have no more bytes; a longer one goes alone."""

_GZIP = 16 + zlib.MAX_WBITS
"""Has zlib expect the head and the checksum of a gzip file."""


class Compression(enum.IntEnum):
    """How the messages of a frame are packed; the number is the frame's tag."""

    NONE = 0
    BROTLI = 1
    GZIP = 2


_ASKED = {
    None: Compression.BROTLI,
    "None": Compression.NONE,
    "Gzip": Compression.GZIP,
    "Brotli": Compression.BROTLI,
}


def asked_compression(parameter: str | None) -> Compression:
    """Read ``?compression=``: what a client can unpack, besides plain frames.

    Who asks for nothing can unpack brotli.

    Raises:
        ArgumentError: it is none of the three names; case matters.
    """
    found = _ASKED.get(parameter)
    if found is None:
        fault = f"compression is {brief(parameter)}, not one of None, Gzip, Brotli"
        raise ArgumentError(fault)
    return found


class FrameWriter:
    """Makes frames of encoded messages, for one connection or for many alike.

    Attributes:
        subprotocol: Says whether messages go together.
        compression: How long messages are packed: what was wanted, or NONE where the
            library for it is not installed.
    """

    __slots__ = ("_compress", "compression", "subprotocol")

    def __init__(
        self, subprotocol: Subprotocol, compression: Compression = Compression.NONE
    ) -> None:
        """Choose; see above why not to compress."""
        self.subprotocol = subprotocol
        self._compress = _compressor(compression)
        self.compression = compression if self._compress else Compression.NONE

    def frames(self, messages: Sequence[bytes]) -> Iterator[bytes]:
        """Give frames of messages that are due, in their order.

        Cost: under 1 µs a frame and what copying takes; to compress, 10 to 20 ms a MiB.
        """
        if not self.subprotocol.is_batched:
            return map(self._frame, messages)
        return map(self._frame, _batches(messages))

    def _frame(self, body: bytes) -> bytes:
        if self._compress and len(body) >= COMPRESSED_BYTES_MIN:
            return bytes((self.compression,)) + self._compress(body)
        return b"\x00" + body


def open_frame(frame: bytes, bytes_max: int) -> bytes:
    """Give the messages of a server's frame, unpacked.

    Args:
        frame: All of it, from the tag on.
        bytes_max: Most bytes that the messages may have; never more are made.

    Raises:
        ProtocolError: the frame is empty, its tag is unknown, it is damaged or has more
            messages than are allowed; or it is packed with brotli, whose library does
            not keep a bound, and which no client of qsdb asks for.
    """
    if not frame:
        raise ProtocolError("frame", 0, "it is empty; a tag was expected")
    if frame[0] == Compression.GZIP:
        return _gunzipped(frame, bytes_max)
    if frame[0] == Compression.BROTLI:
        raise ProtocolError("frame", 0, "tag is 1, brotli, which is not read here")
    if frame[0] != Compression.NONE:
        raise ProtocolError("frame", 0, f"tag is {frame[0]}, at most 2 is allowed")
    if len(frame) - 1 > bytes_max:
        raise _too_long(bytes_max)
    return frame[1:]


def _batches(messages: Sequence[bytes]) -> Iterator[bytes]:
    """Join messages as long as they stay within `FRAME_BYTES_MAX`."""
    if sum(map(len, messages)) <= FRAME_BYTES_MAX:  # nearly always
        if messages:
            yield b"".join(messages)
        return
    batch: list[bytes] = []
    size = 0
    for message in messages:
        size += len(message)
        if batch and size > FRAME_BYTES_MAX:
            yield b"".join(batch)
            batch, size = [], len(message)
        batch.append(message)
    yield b"".join(batch)


def _gunzipped(frame: bytes, bytes_max: int) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        body = unpacking.decompress(frame[1:], bytes_max + 1)
    except zlib.error as error:
        raise ProtocolError("frame", 1, f"it is not gzip: {error}") from None
    if len(body) > bytes_max:
        raise _too_long(bytes_max)
    if not unpacking.eof:
        raise ProtocolError("frame", len(frame), "the gzip data is cut off")
    if unpacking.unused_data:
        end = len(frame) - len(unpacking.unused_data)
        reason = f"{len(unpacking.unused_data)} bytes follow the gzip data"
        raise ProtocolError("frame", end, reason)
    return body


def _too_long(bytes_max: int) -> ProtocolError:
    return ProtocolError("frame", 1, f"it has over {bytes_max} bytes of messages")


def _compressor(compression: Compression) -> Callable[[bytes], bytes] | None:
    match compression:
        case Compression.NONE:
            return None
        case Compression.GZIP:
            return functools.partial(gzip.compress, compresslevel=1, mtime=0)
        case _:  # BROTLI is all that is left
            return _brotli()


def _brotli() -> Callable[[bytes], bytes] | None:
    """Give the function of the package ``brotli``, if that is installed."""
    try:
        package = importlib.import_module("brotli")
    except ImportError:
        return None
    return functools.partial(package.compress, quality=1)
