"""The golden vectors of BSATN, compared byte for byte with SpacetimeDB's SDK.

*Source*: wire.md section 1.
"""

from typing import NamedTuple

from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind, Stored

__all__ = ["VECTORS", "Vector"]


class Vector(NamedTuple):
    """One value and its bytes in hexadecimal; spaces are for the eye."""

    title: str
    kind: Kind
    value: Stored
    hex: str


UNIT = ProductKind("Unit", ())
POINT = ProductKind("Pt", (Field("x", k.I32), Field("y", k.STR)))
EITHER = SumKind((Field("A", UNIT), Field("B", k.U32), Field("C", POINT)))
RESULT = SumKind((Field("ok", k.U32), Field("err", k.STR)))

VECTORS: tuple[Vector, ...] = (
    Vector("u8", k.U8, 255, "ff"),
    Vector("i8", k.I8, -2, "fe"),
    Vector("u16", k.U16, 258, "0201"),
    Vector("i16", k.I16, -2, "feff"),
    Vector("u32", k.U32, 0x01020304, "04030201"),
    Vector("i32", k.I32, -2, "feffffff"),
    Vector("u64", k.U64, 0x0102030405060708, "0807060504030201"),
    Vector("i64", k.I64, -2, "feffffffffffffff"),
    Vector("u128", k.U128, (1 << 127) + 5, "05" + "00" * 14 + "80"),
    Vector("i128", k.I128, -2, "fe" + "ff" * 15),
    Vector("u256", k.U256, (1 << 255) + 7, "07" + "00" * 30 + "80"),
    Vector("i256", k.I256, -2, "fe" + "ff" * 31),
    Vector("f32", k.F32, 1.5, "0000c03f"),
    Vector("f64", k.F64, -0.1, "9a9999999999b9bf"),
    Vector("bool", k.BOOL, value=True, hex="01"),
    Vector("str", k.STR, "Zoë😀", "08000000 5a6fc3abf09f9880"),
    Vector("bytes", k.BYTES, b"\x01\x02\xff", "03000000 0102ff"),
    Vector("array of u16", ArrayKind(k.U16), (1, 2), "02000000 0100 0200"),
    Vector("array of str", ArrayKind(k.STR), ("a", ""), "02000000 0100000061 00000000"),
    Vector("some", OptionKind(k.U32), 7, "00 07000000"),
    Vector("none", OptionKind(k.U32), None, "01"),
    Vector("product", POINT, (1, "q"), "01000000 01000000 71"),
    Vector("unit", UNIT, (), ""),
    Vector("sum without payload", EITHER, (0, ()), "00"),
    Vector("sum of a number", EITHER, (1, 9), "01 09000000"),
    Vector("sum of a product", EITHER, (2, (2, "")), "02 02000000 00000000"),
    Vector(
        "Identity",
        k.IDENTITY,
        bytes.fromhex("c2" + "00" * 30 + "2a"),
        "2a" + "00" * 30 + "c2",
    ),
    Vector(
        "ConnectionId",
        k.CONNECTION_ID,
        bytes(range(1, 17)),
        "100f0e0d0c0b0a090807060504030201",
    ),
    Vector("Timestamp", k.TIMESTAMP, 1_700_000_000_123_456, "40222018240a0600"),
    Vector("TimeDuration", k.TIME_DURATION, -1, "ff" * 8),
    Vector("interval", k.SCHEDULE_AT, (0, 10_000), "00 1027000000000000"),
    Vector("time", k.SCHEDULE_AT, (1, 1), "01 0100000000000000"),
    Vector(
        "UUID",
        k.UUID,
        bytes.fromhex("01888d6e5c0070008000000000000001"),
        "01000000000000800070005c6e8d8801",
    ),
    Vector("result", RESULT, (0, 3), "00 03000000"),
)
"""All 34. Enum and AlgebraicType need none: an enum is its tag."""

assert len(VECTORS) == 34
