"""Values of all kinds, byte for byte, there and back."""

import json
import uuid
from typing import Any, cast

import pytest

import qsdb
from qsdb import ConnectionId, Identity, ScheduleAt, TimeDuration, Timestamp
from qsdb.codec.bsatn import encoder
from qsdb.runtime.result_kinds import result_kind
from qsdb.runtime.visits import access
from qsdb.server.serving import Running
from tests.sdk.town import Circle, Mood, Nothing, Place, Sample
from tests.sdk.workshop import Workshop

pytestmark = pytest.mark.slow


def sample(key: int, /, *, low: bool = False, **more: Any) -> Sample:
    """Give a row with the greatest numbers that there are, or the least."""

    def end(bits: int) -> int:
        return -(1 << (bits - 1)) if low else (1 << (bits - 1)) - 1

    def top(bits: int) -> int:
        return 0 if low else (1 << bits) - 1

    values: dict[str, Any] = {
        **{f"a{bits}": end(bits) for bits in (8, 16, 32, 64, 128, 256)},
        **{f"b{bits}": top(bits) for bits in (8, 16, 64, 128, 256)},
        "truth": not low,
        "single": 1.5,
        "double": 5e-324,
        "text": "",
        "data": b"",
        "maybe": None,
        "deep": Place(-1, "é\0\n"),
        "perhaps": None,
        "mood": Mood.calm,
        "shape": Nothing(),
        "who": Identity.ZERO,
        "link": ConnectionId.from_bytes(bytes(16)),
        "at": Timestamp.from_micros(end(64)),
        "lasts": TimeDuration.from_micros(end(64)),
        "number": uuid.UUID(int=top(128)),
        "due": ScheduleAt.time(Timestamp.from_micros(0)),
        "words": (),
        "grid": (),
        "places": (),
    }
    return Sample(id=key, **{**values, **more})


ROWS = [
    sample(1),
    sample(2, low=True),
    sample(3, double=float("inf"), single=float("-inf")),
    sample(4, double=float("nan"), single=float("nan"), maybe=0),
    sample(
        5, text="a\0b \U0010ffff \u202e \"'", data=bytes(range(256)), maybe=2**32 - 1
    ),
    sample(6, shape=Circle(-1e308), mood=Mood.angry, perhaps=Place(5, "p")),
    sample(
        7,
        shape=Place(1, "in a shape"),
        due=ScheduleAt.interval(TimeDuration.from_micros(1)),
    ),
    sample(8, words=("", "ä", "x" * 300), grid=((), (0, 65535), (1,) * 100)),
    sample(9, places=(Place(1, "one"), Place(-(2**31), "")), a64=2**53 + 1, b64=2**63),
    sample(
        10,
        who=Identity.from_hex("c2" + "01" * 31),
        link=ConnectionId.from_hex("0f" * 16),
    ),
    sample(11, at=Timestamp.parse("1969-12-31T23:59:59.999999Z"), text="é" * 1000),
    sample(
        12,
        double=-0.1,
        single=0.1,
        number=uuid.UUID("01888d6e-5c00-7000-8000-000000000001"),
    ),
]

MADE = sample(
    5000,
    low=True,
    truth=True,
    b8=255,
    b16=65535,
    b64=2**64 - 1,
    b128=2**127 + 5,
    b256=2**255 + 7,
    double=-0.1,
    text="Zoë😀",
    data=b"\x01\x02\xff",
    maybe=7,
    deep=Place(1, "q"),
    mood=Mood.angry,
    shape=Circle(2.25),
    who=Identity.from_hex("c200" + "00" * 29 + "2a"),
    link=ConnectionId.from_hex("0102030405060708090a0b0c0d0e0f10"),
    at=Timestamp.from_micros(1_700_000_000_123_456),
    lasts=TimeDuration.from_micros(-1),
    number=uuid.UUID("01888d6e-5c00-7000-8000-000000000001"),
    due=ScheduleAt.interval(TimeDuration.from_micros(10_000)),
    words=("a", ""),
    grid=((1, 2), (), (65535,)),
    places=(Place(2, ""),),
)
"""The row that the program makes of values of its own."""

SHOWN = {
    "a64": str(2**63 - 1),
    "a256": str(2**255 - 1),
    "b256": str(2**256 - 1),
    "a32": 2**31 - 1,
    "truth": True,
    "double": 5e-324,
    "deep": {"x": -1, "note": "é\0\n"},
    "mood": {"tag": "calm", "value": {}},
    "shape": {"tag": "Nothing", "value": {}},
    "words": [],
    "at": {"__timestamp_micros_since_unix_epoch__": str(2**63 - 1)},
    "who": {"__identity__": "0"},
    "data": "",
}
"""Some columns of the first row, as they are to the program."""


def bytes_of(db: qsdb.Database) -> dict[int, str]:
    """Give what the database has, encoded as it is sent."""
    prepared, rows = access(db).select("SELECT * FROM sample", Identity.ZERO)
    encode = encoder(result_kind(prepared.plan.query))
    return {cast(int, row[0]): encode(row).hex() for row in rows()}


def test_values_come_as_they_are_and_go_back(
    workshop: Workshop, server: Running, db: qsdb.Database
) -> None:
    with db.write() as tx:
        tx[Sample].insert_many(ROWS)
    with workshop.run("samples", server.address, "town") as program:
        told = [program.hear("row") for _ in ROWS]
        returned, made = program.hear("returned"), program.hear("made")
        program.finish()
    encoded = bytes_of(db)
    with db.read() as tx:
        rows = {each.id: each for each in tx[Sample]}

    assert {each["id"]: each["bytes"] for each in told} == {
        number: encoded[number] for number in range(1, len(ROWS) + 1)
    }
    shown = told[0]["row"]
    assert {name: shown[name] for name in SHOWN} == json.loads(json.dumps(SHOWN))
    assert returned["same"] is True
    for row in ROWS:
        assert rows[row.id + 1000] == rows[row.id].replace(id=row.id + 1000)
    assert rows[5000] == MADE
    assert made["bytes"] == encoded[5000]
