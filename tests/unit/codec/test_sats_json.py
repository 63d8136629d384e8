"""SATS-JSON of values: the examples of wire.md, a slow twin, and hostile data."""

import contextlib
import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsdb.codec.json_faults import JsonFaultError
from qsdb.codec.json_leaves import JsonReader
from qsdb.codec.json_text import read_json, write_json
from qsdb.codec.sats_json import json_reader, json_writer
from qsdb.errors import LimitError
from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
    tuple_kind,
)
from qsdb.values.kinds import NAN, Kind, Stored
from tests.support import json_twin
from tests.support.strategies import kinds, stored_values

EXAMPLES = 1000 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 40

MOOD = EnumKind("Mood", ("Calm", "Angry"))
POINT = ProductKind("Point", (Field("x", k.I32), Field("y", k.F32)))
UNIT = ProductKind("Unit", ())
SHAPE = SumKind((Field("Empty", UNIT), Field("Point", POINT)))
NUMBERED = SumKind((Field("1", UNIT), Field("0", POINT)))
PAIR = tuple_kind([k.U8, k.STR])
INFINITY = float("inf")

FORMS: list[tuple[Kind, Stored, str, str]] = [
    (k.BOOL, True, "true", "true"),
    (k.U64, (1 << 64) - 1, "18446744073709551615", "18446744073709551615"),
    (k.I128, -(1 << 127), f"{-(1 << 127)}", f"{-(1 << 127)}"),
    (k.U256, 42, '"0x2a"', '"0x2a"'),
    (k.I256, -42, '"-0x2a"', '"-0x2a"'),
    (k.F64, 0.5, "0.5", "0.5"),
    (k.F64, NAN, "null", "null"),
    (k.F32, -INFINITY, "null", "null"),
    (k.F32, 0.10000000149011612, "0.1", "0.1"),
    (k.F32, 1.3644169484905433e-05, "1.36441695e-05", "1.36441695e-05"),
    (k.F32, 16777215.0, "16777215.0", "16777215.0"),
    (k.F32, 1.401298464324817e-45, "1.4013e-45", "1.4013e-45"),
    (k.F32, 3.4028234663852886e38, "3.4028235e+38", "3.4028235e+38"),
    (k.STR, "Zoë 😀", '"Zoë 😀"', '"Zoë 😀"'),
    (k.BYTES, b"\x01\xff", '"01ff"', '"01ff"'),
    (k.BYTES, b"", '""', '""'),
    (ArrayKind(k.U8), (1, 255), '"01ff"', '"01ff"'),
    (ArrayKind(k.U16), (1, 255), "[1,255]", "[1,255]"),
    (UNIT, (), "[]", "[]"),
    (POINT, (1, 2.0), '{"x":1,"y":2.0}', "[1,2.0]"),
    (PAIR, (1, "a"), '[1,"a"]', '[1,"a"]'),
    (OptionKind(k.U8), 7, '{"some":7}', "[0,7]"),
    (OptionKind(k.U8), None, '{"none":[]}', "[1,[]]"),
    (MOOD, 1, '{"Angry":[]}', "[1,[]]"),
    (SHAPE, (0, ()), '{"Empty":[]}', "[0,[]]"),
    (SHAPE, (1, (1, 2.0)), '{"Point":{"x":1,"y":2.0}}', "[1,[1,2.0]]"),
    (k.IDENTITY, bytes(31) + b"*", '{"__identity__":"0x2a"}', '["0x2a"]'),
    (k.CONNECTION_ID, bytes(15) + b"*", '{"__connection_id__":42}', "[42]"),
    (k.UUID, bytes(15) + b"*", '{"__uuid__":42}', "[42]"),
    (k.TIMESTAMP, -1, '{"__timestamp_micros_since_unix_epoch__":-1}', "[-1]"),
    (k.TIME_DURATION, 5, '{"__time_duration_micros__":5}', "[5]"),
    (
        k.SCHEDULE_AT,
        (0, 5),
        '{"Interval":{"__time_duration_micros__":5}}',
        "[0,[5]]",
    ),
    (
        k.SCHEDULE_AT,
        (1, 5),
        '{"Time":{"__timestamp_micros_since_unix_epoch__":5}}',
        "[1,[5]]",
    ),
]

READ_TOO: list[tuple[Kind, object, Stored]] = [
    (POINT, {"y": 2, "x": 1}, (1, 2.0)),
    (PAIR, {"0": 1, "1": "a"}, (1, "a")),
    (UNIT, {}, ()),
    (OptionKind(k.U8), None, None),
    (OptionKind(k.U8), {"1": {}}, None),
    (SHAPE, {"1": [1, 2.5]}, (1, (1, 2.5))),
    (NUMBERED, {"1": []}, (0, ())),
    (MOOD, {"001": []}, 1),
    (k.BYTES, [1, 255], b"\x01\xff"),
    (k.BYTES, "01FF", b"\x01\xff"),
    (ArrayKind(k.U8), [1, 255], (1, 255)),
    (ArrayKind(k.U16), [1] * 257, (1,) * 257),
    (k.U256, "42", 42),
    (k.U256, "0x" + "f" * 64, (1 << 256) - 1),
    (k.U256, 42, 42),
    (k.I256, "-42", -42),
    (k.IDENTITY, ["42"], bytes(31) + b"*"),
    (k.F64, 1, 1.0),
    (k.F64, -0.0, 0.0),
    (k.F32, 0.1, 0.10000000149011612),
]

FAULTS: list[tuple[Kind, object, str]] = [
    (k.BOOL, 1, "1 is not a bool"),
    (k.U8, True, "true is not an int from 0 to 255"),
    (k.U8, 1.0, "1.0 is not an int from 0 to 255"),
    (k.U8, "1", "'1' is not an int from 0 to 255"),
    (k.STR, "\ud800", "'\\ud800' is not a str of valid Unicode"),
    (k.U8, "x" * 81, f"{'x' * 60!r}… (a text of length 81) is not"),
    (k.F64, None, "null is not a number (NaN and infinities have no form in JSON)"),
    (k.F64, INFINITY, "inf is not a number (NaN and"),
    (k.F64, 10**400, "is not a number from -1.79"),
    (k.F32, 1e39, "1e+39 is not a number from -3.4028234663852886e+38"),
    (k.U256, "0x" + "f" * 65, "is not an int from 0x0 to 0xfff"),
    (k.U256, "-0x1", "'-0x1' is not an int from 0x0 to 0xfff"),
    (k.U256, "٣", "'٣' is not an int from 0x0"),
    (k.U256, "", "'' is not an int from 0x0"),
    (k.BYTES, "00 00", "'00 00' is not bytes, as hex text or an array of numbers"),
    (k.BYTES, "0x00", "'0x00' is not bytes"),
    (k.BYTES, None, "null is not bytes"),
    (k.BYTES, [1, 256], "at [1]: 256 is not an int from 0 to 255"),
    (ArrayKind(k.U16), "00", "'00' is not an array of u16"),
    (ArrayKind(k.U16), [1, 2, None], "at [2]: null is not an int from 0 to 65535"),
    (ArrayKind(UNIT), [[]] * 257, "is not at most 256 of Unit, which hold nothing"),
    (UNIT, [1], "an array of length 1 is not a Unit: an object of nothing"),
    (UNIT, {"x": 1}, "'x' is not a field of Unit"),
    (POINT, {"x": 1}, "object of x, y; y is missing"),
    (POINT, {"x": 1, "z": 1}, "object of x, y; y is missing"),
    (POINT, {"x": 1, "y": 1, "z": 1}, "'z' is not a field of Point"),
    (POINT, [1], "a Point: an object of x, y, or an array of length 2"),
    (POINT, {"x": 1 << 31, "y": 1}, "at .x: 2147483648 is not an int from"),
    (POINT, {"x": 1, "y": "a"}, "at .y: 'a' is not a number"),
    (OptionKind(k.U8), 7, '7 is not the option {"some": u8}, or null'),
    (OptionKind(k.U8), {"some": 300}, "at .some: 300 is not an int"),
    (OptionKind(k.U8), [1, 1], "at .none: 1 is not a unit"),
    (MOOD, "Calm", "'Calm' is not a Mood: an object of one of Calm, Angry, with []"),
    (MOOD, {"Calm": [1]}, "at .Calm: an array of length 1 is not []"),
    (MOOD, {"2": []}, "an object of length 1 is not a Mood"),
    (MOOD, {"0001": []}, "an object of length 1 is not a Mood"),
    (MOOD, {"0" * 5000: []}, "an object of length 1 is not a Mood"),
    (MOOD, {"²": []}, "an object of length 1 is not a Mood"),
    (MOOD, [2, []], "an array of length 2 is not a Mood"),
    (MOOD, [True, []], "an array of length 2 is not a Mood"),
    (SHAPE, {"Point": [1, "a"]}, "at .Point.y: 'a' is not a number"),
    (SHAPE, {"Circle": []}, "is not an object of one of Empty, Point"),
    (k.IDENTITY, "0x2a", """'0x2a' is not the Identity {"__identity__": …}"""),
    (k.IDENTITY, ["0xg"], "at .__identity__: '0xg' is not an int"),
    (k.UUID, {"__uuid__": 1 << 128}, "at .__uuid__: 34028"),
    (k.TIMESTAMP, {"__time__": 1}, "is not the Timestamp"),
    (k.SCHEDULE_AT, {"Never": []}, "is not the ScheduleAt"),
    (
        k.SCHEDULE_AT,
        {"Time": [1.5]},
        "at .Time.__timestamp_micros_since_unix_epoch__: ",
    ),
]


@pytest.mark.parametrize(("kind", "value", "named", "unnamed"), FORMS)
def test_values_have_the_forms_of_the_specification(
    kind: Kind, value: Stored, named: str, unnamed: str
) -> None:
    assert write_json(json_writer(kind)(value)) == named
    assert write_json(json_writer(kind, named=False)(value)) == unnamed
    if named != "null":
        assert json_reader(kind)(json.loads(named)) == value
        assert json_reader(kind)(json.loads(unnamed)) == value


@pytest.mark.parametrize(("kind", "data", "value"), READ_TOO)
def test_other_forms_of_the_specification_are_read(
    kind: Kind, data: object, value: Stored
) -> None:
    found = json_reader(kind)(data)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(("kind", "data", "told"), FAULTS)
def test_wrong_data_is_refused_with_place_and_bound(
    kind: Kind, data: object, told: str
) -> None:
    with pytest.raises(JsonFaultError) as caught:
        json_reader(kind)(data)

    assert told in str(caught.value)


def test_the_way_to_a_fault_leads_through_all_parts() -> None:
    bag = ProductKind("Bag", (Field("items", ArrayKind(OptionKind(SHAPE))),))
    data = {"items": [None, {"some": {"Point": [1, 2]}}, [0, [1, ["1", 2]]]]}

    with pytest.raises(JsonFaultError) as caught:
        json_reader(bag)(data)

    assert caught.value.path == ".items[2].some.Point.x"


def test_a_field_may_be_called_like_what_generated_code_uses() -> None:
    names = ("data", "_Fault", "value", "v0", "{x}", "'", "\\", "read")
    kind = ProductKind("Odd", tuple([Field(name, k.U8) for name in names]))
    value = tuple(range(len(names)))

    written = json_writer(kind)(value)

    assert written == dict(zip(names, value, strict=True))
    assert json_reader(kind)(written) == value


def test_a_kind_that_nests_too_deep_is_refused() -> None:
    kind: Kind = k.U8
    for _ in range(64):
        kind = tuple_kind([kind])

    with pytest.raises(LimitError, match="more than 64 levels"):
        json_writer(kind)
    with pytest.raises(LimitError, match="more than 64 levels"):
        json_reader(kind)


def has_no_json(value: Any) -> bool:
    """Whether there is a NaN or an infinity in a stored value."""
    if isinstance(value, tuple):
        return any(map(has_no_json, value))
    return isinstance(value, float) and value - value != 0.0


@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_values_are_written_and_read_as_the_twin_does(data: st.DataObject) -> None:
    kind = data.draw(kinds(depth_max=2))
    value = data.draw(stored_values(kind))
    for named in (True, False):
        written = json_writer(kind, named=named)(value)

        twin = json_twin.write(kind, value, named=named)
        text = write_json(written)
        if not has_no_json(value):
            assert json_twin.read(kind, read_json(text)) == value
            assert json_reader(kind)(read_json(text)) == value
            assert json_reader(kind)(twin) == value
            assert json_twin.read(kind, twin) == value
        if "FloatKind(bits=32)" not in repr(kind):  # of those the shortest is written
            assert text == write_json(twin)


JSON_PARTS: tuple[object, ...] = (
    *(None, True, 0, 1, -1, 1.5, 1 << 70, "", "0", "00", "0x1", "some", "x"),
    *([], {}, [0, []], [1, []], {"0": []}, {"some": 1}, {"none": []}, [[]], ["00"]),
)


def mutated(draw: st.DrawFn, data: object) -> object:
    """Change JSON data at one place, at any depth."""
    at = draw(st.integers(0, 3))
    if at and isinstance(data, list) and data:
        place = draw(st.integers(0, len(data) - 1))
        if at == 1:
            return [*data[:place], *data[place + 1 :]]
        inner = mutated(draw, data[place])
        return [*data[:place], inner, *data[place + 1 :]]
    if at and isinstance(data, dict) and data:
        name = draw(st.sampled_from(sorted(data)))
        rest = {each: part for each, part in data.items() if each != name}
        if at == 1:
            return rest | {draw(st.sampled_from(["0", "1", "x", "y"])): data[name]}
        return rest | {name: mutated(draw, data[name])}
    return draw(st.sampled_from(JSON_PARTS))


@st.composite
def kinds_and_rough_data(draw: st.DrawFn) -> tuple[Kind, object]:
    """Draw a kind and data near that of its values, right or wrong."""
    kind = draw(kinds(depth_max=2))
    value = draw(stored_values(kind))
    written = json_writer(kind, named=draw(st.booleans()))(value)
    return kind, mutated(draw, written)


def outcome(read: JsonReader, data: object) -> tuple[Stored, ...] | None:
    """Give what is read, in a tuple; None where it is refused."""
    with contextlib.suppress(JsonFaultError, json_twin.TwinError):
        return (read(data),)
    return None


@settings(max_examples=EXAMPLES)
@given(kinds_and_rough_data())
def test_rough_data_is_judged_as_by_the_twin(case: tuple[Kind, object]) -> None:
    kind, data = case

    found = outcome(json_reader(kind), data)

    assert found == outcome(lambda given: json_twin.read(kind, given), data)
    assert found is None or (kind.canonical(found[0]),) == found
