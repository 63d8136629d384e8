"""Single precision: the numbers that an `f32` column can hold.

Python's floats are doubles. A value enters an `f32` column rounded to the
nearest single, so that what is stored is what goes over the wire.
"""

import struct

__all__ = ["is_plain_single", "round_to_single"]

_pack_single = struct.Struct("<f").pack
_unpack_single = struct.Struct("<f").unpack


def round_to_single(value: float) -> float:
    """Give the nearest single; OverflowError where a finite value has none."""
    single: float = _unpack_single(_pack_single(value))[0]
    return single


def is_plain_single(value: float) -> bool:
    """Whether `value` is a single already, and neither NaN nor a zero."""
    try:
        return value != 0.0 and round_to_single(value) == value
    except OverflowError:
        return False
