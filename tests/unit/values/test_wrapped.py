"""What all value classes share: immutable, hashable, copied and pickled whole."""

import copy
import pickle
from typing import Any

import pytest

from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import ScheduleAt, TimeDuration, Timestamp
from qsdb.values.wrapped import Wrapped

VALUES: list[Wrapped[Any]] = [
    Identity.from_claims("https://example.com", "alice"),
    ConnectionId.from_bytes(b"\x01" * 16),
    Timestamp.from_micros(1_700_000_000_123_456),
    TimeDuration.from_micros(-1),
    ScheduleAt.time(Timestamp.from_micros(5)),
    ScheduleAt.interval(TimeDuration.from_micros(5)),
]

NAMESPACE = {
    each.__name__: each
    for each in (Identity, ConnectionId, Timestamp, TimeDuration, ScheduleAt)
}

each_value = pytest.mark.parametrize("value", VALUES, ids=repr)


@each_value
def test_attributes_cannot_be_set(value: Any) -> None:
    with pytest.raises(AttributeError, match="is immutable; cannot set stored"):
        value.stored = value.stored


@each_value
def test_new_attributes_cannot_be_set(value: Any) -> None:
    with pytest.raises(AttributeError, match="is immutable; cannot set colour"):
        value.colour = 1


@each_value
def test_attributes_cannot_be_deleted(value: Any) -> None:
    with pytest.raises(AttributeError, match="is immutable; cannot delete stored"):
        del value.stored


@each_value
def test_there_is_no_dict(value: Any) -> None:
    assert not hasattr(value, "__dict__")


@each_value
def test_stored_form_comes_back_equal(value: Wrapped[Any]) -> None:
    again = type(value).from_stored(value.stored)

    assert again == value
    assert hash(again) == hash(value)


@each_value
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_gives_an_equal_value(value: Wrapped[Any], protocol: int) -> None:
    again = pickle.loads(pickle.dumps(value, protocol))

    assert type(again) is type(value)
    assert again == value


@each_value
def test_a_copy_is_the_value_itself(value: Wrapped[Any]) -> None:
    assert copy.copy(value) is value
    assert copy.deepcopy([value])[0] is value


@each_value
def test_repr_evaluates_to_an_equal_value(value: Wrapped[Any]) -> None:
    assert eval(repr(value), dict(NAMESPACE)) == value


@each_value
def test_a_value_does_not_equal_its_stored_form(value: Wrapped[Any]) -> None:
    assert value != value.stored
    assert value.stored != value


def test_equal_stored_forms_of_two_classes_are_not_equal() -> None:
    assert Timestamp.from_micros(5) != TimeDuration.from_micros(5)
    assert len({Timestamp.from_micros(5), TimeDuration.from_micros(5)}) == 2


@pytest.mark.parametrize("maker", NAMESPACE.values())
def test_calling_the_class_is_refused(maker: Any) -> None:
    with pytest.raises(TypeError, match=f"see help\\({maker.__name__}\\)"):
        maker(5)


@pytest.mark.parametrize("maker", [Timestamp, TimeDuration])
def test_order_is_that_of_the_stored_form(maker: Any) -> None:
    low, high = maker.from_stored(-1), maker.from_stored(3)

    assert low < high
    assert low <= high
    assert high > low
    assert high >= low
    assert not high < low
    assert not high <= low
    assert not low > high
    assert not low >= high
    assert low <= low
    assert low >= low


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
def test_values_of_two_classes_have_no_order(operator: str) -> None:
    pair = {"a": Timestamp.EPOCH, "b": TimeDuration.from_micros(0)}

    with pytest.raises(TypeError, match="not supported between"):
        eval(f"a {operator} b", pair)


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
def test_schedules_have_no_order(operator: str) -> None:
    pair = {"a": VALUES[-1], "b": VALUES[-2]}

    with pytest.raises(TypeError, match="not supported between"):
        eval(f"a {operator} b", pair)
