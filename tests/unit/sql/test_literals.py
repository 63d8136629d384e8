"""Literals: what each kind takes, exactly, and what is said of the rest."""

import math
import uuid
from typing import Any

import pytest

from qsdb.sql.commands import Delete
from qsdb.sql.literals import LiteralError, read_literal
from qsdb.sql.parsing import parse
from qsdb.sql.syntax import Comparison, Literal
from qsdb.values import kinds
from qsdb.values.compounds import ArrayKind, EnumKind, OptionKind
from qsdb.values.identity import Identity
from qsdb.values.kinds import Kind
from qsdb.values.timestamps import Timestamp

MOOD = EnumKind("Mood", ("happy", "angry"))
INTS = [
    *(kinds.I8, kinds.I16, kinds.I32, kinds.I64, kinds.I128, kinds.I256),
    *(kinds.U8, kinds.U16, kinds.U32, kinds.U64, kinds.U128, kinds.U256),
]


def read(text: str, kind: Kind) -> Any:
    statement = parse(f"DELETE FROM t WHERE a = {text}")
    assert isinstance(statement, Delete)
    assert isinstance(statement.where, Comparison)
    [(_, literal)] = statement.where.rest
    assert isinstance(literal, Literal)
    return read_literal(literal, kind)


def micros(text: str) -> int:
    return Timestamp.parse(text).micros


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("TRUE", kinds.BOOL, True),
        ("false", kinds.BOOL, False),
        ("7", kinds.U8, 7),
        ("+007", kinds.U8, 7),
        ("-0", kinds.U8, 0),
        ("7.0", kinds.U8, 7),
        ("7.", kinds.U8, 7),
        ("1.5e1", kinds.U8, 15),
        (".5E+1", kinds.U8, 5),
        ("120e-1", kinds.U8, 12),
        ("1e0002", kinds.U8, 100),
        ("0e100", kinds.U8, 0),
        ("0x10", kinds.U8, 16),
        ("X'fF'", kinds.U8, 255),
        ("10.0", kinds.U256, 10),
        ("1e77", kinds.U256, 10**77),
        ("1.5", kinds.F32, 1.5),
        ("0.1", kinds.F32, 0.10000000149011612),
        ("0.1", kinds.F64, 0.1),
        ("-7", kinds.F64, -7.0),
        ("1e40", kinds.F32, math.inf),
        ("-1e40", kinds.F32, -math.inf),
        ("1e999999999", kinds.F64, math.inf),
        ("1e-60", kinds.F32, 0.0),
        ("'O''Brien'", kinds.STR, "O'Brien"),
        ("''", kinds.STR, ""),
        ("0xDEADbeef", kinds.BYTES, b"\xde\xad\xbe\xef"),
        ("'0xab'", kinds.BYTES, b"\xab"),
        ("'abcd'", kinds.BYTES, b"\xab\xcd"),
        ("0x", kinds.BYTES, b""),
        ("''", kinds.BYTES, b""),
        (f"0x{'c2' * 32}", kinds.IDENTITY, b"\xc2" * 32),
        (f"'0x{'c2' * 32}'", kinds.IDENTITY, b"\xc2" * 32),
        (f"x'{'0f' * 16}'", kinds.CONNECTION_ID, b"\x0f" * 16),
        ("'angry'", MOOD, 1),
        ("'2025-02-10t15:45:30z'", kinds.TIMESTAMP, micros("2025-02-10T15:45:30Z")),
        (
            "'2025-02-10 15:45:30.123456789Z'",
            kinds.TIMESTAMP,
            micros("2025-02-10T15:45:30.123456Z"),
        ),
        (
            "'2025-02-10T15:45:30+02:00'",
            kinds.TIMESTAMP,
            micros("2025-02-10T13:45:30Z"),
        ),
        (
            "'2025-02-10T15:45:30\u221202:00'",
            kinds.TIMESTAMP,
            micros("2025-02-10T17:45:30Z"),
        ),
        (
            "'2016-12-31T23:59:60.5Z'",
            kinds.TIMESTAMP,
            micros("2017-01-01T00:00:00.5Z"),
        ),
    ],
)
def test_a_literal_is_read_as_a_kind(text: str, kind: Kind, value: object) -> None:
    found = read(text, kind)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("kind", INTS, ids=lambda kind: kind.name)
def test_integers_have_their_bounds(kind: kinds.IntKind) -> None:
    for bound in (kind.least, kind.greatest):
        assert read(f"{bound}", kind) == bound
    for beyond in (kind.least - 1, kind.greatest + 1):
        with pytest.raises(LiteralError, match=f"{beyond} is not "):
            read(f"{beyond}", kind)


def test_no_zero_has_a_sign() -> None:
    assert math.copysign(1, read("-0.0", kinds.F64)) == 1
    assert math.copysign(1, read("-1e-400", kinds.F32)) == 1


ONE = "00000000-0000-0000-0000-000000000001"


@pytest.mark.parametrize("spelling", ["{}", "{{{}}}", "urn:uuid:{}"])
def test_a_uuid_has_many_spellings(spelling: str) -> None:
    given = uuid.UUID("67e55044-10b1-426f-9247-bb680e5fe0c8")
    for text in (str(given), given.hex):
        assert read(f"'{spelling.format(text)}'", kinds.UUID) == given.bytes
    assert read(f"0x{given.hex}", kinds.UUID) == given.bytes


def test_an_identity_is_read_as_it_is_shown() -> None:
    identity = Identity.from_claims("test", "alice")
    assert read(f"0x{identity.to_hex()}", kinds.IDENTITY) == identity.stored


@pytest.mark.parametrize(
    ("text", "kind", "fault"),
    [
        ("1", kinds.BOOL, "1 is not TRUE or FALSE"),
        ("'true'", kinds.BOOL, "'true' is not TRUE or FALSE"),
        ("1.5", kinds.U8, r"1.5 is not a whole number \(u8\)"),
        ("1e-3", kinds.U8, r"1e-3 is not a whole number \(u8\)"),
        ("256", kinds.U8, "256 is not .*255"),
        ("-1", kinds.U32, "-1 is not "),
        ("'5'", kinds.U8, r"'5' is not a whole number \(u8\)"),
        ("TRUE", kinds.U8, r"TRUE is not a whole number \(u8\)"),
        ("NULL", kinds.U8, r"NULL is not a whole number \(u8\)"),
        ("0x", kinds.U8, r"0x is not a whole number \(u8\)"),
        ("9" * 101, kinds.U256, "is not a whole number"),
        ("9" * 40_000, kinds.U256, "^9{80} is not a whole number"),
        ("1e101", kinds.U256, "1e101 is not a number with an exponent up to 100"),
        ("1e999999999", kinds.U8, "is not a number with an exponent up to 100"),
        ("'NaN'", kinds.F32, r"'NaN' is not a number \(f32\)"),
        ("0x10", kinds.F64, r"0x10 is not a number \(f64\)"),
        ("5", kinds.STR, "5 is not a string: write it in single quotes"),
        ("'\ud800'", kinds.STR, "is not "),
        ("0xABC", kinds.BYTES, "0xABC is not bytes: write an even number of hex"),
        ("'a b '", kinds.BYTES, "'a b ' is not bytes"),
        ("'xyz!'", kinds.BYTES, "'xyz!' is not bytes"),
        ("1234", kinds.BYTES, "1234 is not bytes"),
        ("0x01", kinds.IDENTITY, "0x01 is not an Identity"),
        ("'5'", kinds.IDENTITY, "'5' is not Identity: write 64 hex digits after 0x"),
        ("1", kinds.IDENTITY, "1 is not Identity: write 64 hex digits after 0x"),
        ("'not-a-uuid'", kinds.UUID, "'not-a-uuid' is not UUID: write 32 hex digits"),
        (f"'{{{ONE}'", kinds.UUID, "is not UUID: write 32 hex digits"),
        (f"'{ONE}}}'", kinds.UUID, "is not UUID: write 32 hex digits"),
        (f"'{ONE[:-1]}-1'", kinds.UUID, "is not UUID: write 32 hex digits"),
        ("'calm'", MOOD, "'calm' is not one of 'happy', 'angry'"),
        ("1", MOOD, "1 is not one of 'happy', 'angry'"),
        ("'now'", kinds.TIMESTAMP, "'now' is not a Timestamp: write it as '2026-"),
        ("'2025-02-30T00:00:00Z'", kinds.TIMESTAMP, "is not a Timestamp"),
        ("'2025-02-10T15:45:30'", kinds.TIMESTAMP, "is not a Timestamp"),
        ("1739202330000000", kinds.TIMESTAMP, "is not a Timestamp"),
        ("5", kinds.TIME_DURATION, "5 is not a value of TimeDuration, which no lit"),
        ("'a'", ArrayKind(kinds.STR), r"'a' is not a value of tuple\[str, ...\]"),
        ("5", OptionKind(kinds.U8), "5 is not a value of"),
    ],
)
def test_what_a_literal_is_not_is_said(text: str, kind: Kind, fault: str) -> None:
    with pytest.raises(LiteralError, match=fault):
        read(text, kind)
