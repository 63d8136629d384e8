"""BLAKE3 of up to 1024 bytes, which is all that identities need.

BLAKE3 cuts its input into chunks of 1024 bytes and joins them in a tree. An
issuer and a subject make 257 bytes at most, so one chunk is enough, and the
tree, keys and long outputs are left out.

A chunk is 1 to 16 blocks of 64 bytes, the last one padded with zeros. Each
block is mixed into a chaining value of eight words::

    IV ─→ compress ─→ compress ─→ … ─→ compress ─→ the hash
            ↑ start      ↑                ↑ end, root
          block 0      block 1          the last block

Words are 32 bits, little-endian.

Source: the BLAKE3 paper by O'Connor, Aumasson, Neves and Wilcox-O'Hearn,
section 2; the constants are those of SHA-256 and BLAKE2s.
"""

import struct

__all__ = ["DATA_BYTES_MAX", "blake3"]

DATA_BYTES_MAX = 1024
"""One chunk: longer inputs would need the tree."""

_BLOCK_BYTES = 64
_ROUNDS_COUNT = 7
_WORD = 0xFFFF_FFFF

_INITIAL = (
    *(0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A),
    *(0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19),
)

# Flags that tell a block's place in the chunk, and the chunk's in the tree.
_CHUNK_START, _CHUNK_END, _ROOT = 1, 2, 8

_PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
"""Where each round takes its message words from, seen from the round before."""

# The state is a square of four by four words; a round mixes its columns, then
# its diagonals.
_LINES = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)

_unpack_block = struct.Struct("<16I").unpack
_pack_hash = struct.Struct("<8I").pack


def blake3(data: bytes) -> bytes:
    """Give the 32 bytes of the BLAKE3 hash of `data`.

    Raises:
        ValueError: `data` is longer than DATA_BYTES_MAX.

    Cost: about 60 microseconds for each 64 bytes.

    >>> blake3(b"").hex()[:16]
    'af1349b9f5f9a1a6'
    """
    if len(data) > DATA_BYTES_MAX:
        raise ValueError(f"blake3 of {len(data)} bytes; at most {DATA_BYTES_MAX} work")
    last = max(0, len(data) - 1) // _BLOCK_BYTES
    chaining: tuple[int, ...] = _INITIAL
    for index in range(last + 1):
        block = data[index * _BLOCK_BYTES : (index + 1) * _BLOCK_BYTES]
        start = _CHUNK_START if index == 0 else 0
        end = _CHUNK_END | _ROOT if index == last else 0
        chaining = _compress(chaining, block, start | end)
    return _pack_hash(*chaining)


def _compress(chaining: tuple[int, ...], block: bytes, flags: int) -> tuple[int, ...]:
    """Mix a block into a chaining value of eight words; give the next one."""
    message = _unpack_block(block.ljust(_BLOCK_BYTES, b"\0"))
    # The two zeros are the chunk's number, which is the first.
    state = [*chaining, *_INITIAL[:4], 0, 0, len(block), flags]
    for _ in range(_ROUNDS_COUNT):
        for place, line in enumerate(_LINES):
            _mix(state, line, message[2 * place], message[2 * place + 1])
        message = tuple([message[source] for source in _PERMUTATION])
    return tuple([state[i] ^ state[i + 8] for i in range(8)])


def _mix(
    state: list[int], line: tuple[int, int, int, int], first: int, second: int
) -> None:
    """Stir two message words into four words of the state, in place."""
    i, j, k, m = line
    a, b, c, d = state[i], state[j], state[k], state[m]
    for word, far, near in ((first, 16, 12), (second, 8, 7)):
        a = (a + b + word) & _WORD
        d = _rotate_right(d ^ a, far)
        c = (c + d) & _WORD
        b = _rotate_right(b ^ c, near)
    state[i], state[j], state[k], state[m] = a, b, c, d


def _rotate_right(word: int, bits: int) -> int:
    return (word >> bits | word << (32 - bits)) & _WORD
