"""Log records: what they say of a call, timers, and lines of JSON."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

from qsdb.logs import FIELDS, CallLog, JsonLines
from qsdb.values.identity import Identity


def record_of(**fields: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {
            "name": "qsdb.chat.send",
            "levelname": "WARNING",
            "msg": "%s took long",
            "args": ("send",),
            "created": 1_700_000_000.25,
            **fields,
        }
    )


def line_of(**fields: Any) -> Any:
    line = JsonLines().format(record_of(**fields))
    assert "\n" not in line
    assert line.isascii()
    return json.loads(line)


def test_a_record_is_one_line_of_json_with_its_fields_in_order() -> None:
    found = line_of(zone="b", area="a", offset=7, module_name="chat", sender="c2")

    assert [*found.items()] == [
        ("time", "2023-11-14T22:13:20.250000Z"),
        ("level", "WARNING"),
        ("logger", "qsdb.chat.send"),
        ("message", "send took long"),
        ("module_name", "chat"),
        ("sender", "c2"),
        ("offset", 7),
        ("area", "a"),
        ("zone", "b"),
    ]


def test_what_logging_keeps_of_its_own_is_left_out() -> None:
    record = record_of()
    logging.Formatter("%(asctime)s %(message)s").format(record)
    record.taskName = "Task-1"

    assert json.loads(JsonLines().format(record)).keys() == {
        *("time", "level", "logger", "message"),
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        (0.5, 0.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("two\nlines \ud800 é", "two\nlines \ud800 é"),
        (Identity.ZERO, str(Identity.ZERO)),
        (b"x", "b'x'"),
        ({1: (Identity.ZERO, 2)}, {"1": [str(Identity.ZERO), 2]}),
        ([[1.5, float("inf")]], [[1.5, "inf"]]),
    ],
)
def test_what_json_has_not_is_text(value: object, expected: object) -> None:
    assert line_of(what=value)["what"] == expected


def test_exceptions_and_stacks_are_text() -> None:
    found: Any = None
    try:
        int("x")
    except ValueError:
        found = line_of(exc_info=sys.exc_info(), stack_info="Stack:\n  here")

    assert found["exception"].startswith("Traceback (most recent call last):\n")
    assert "ValueError: invalid literal" in found["exception"].splitlines()[-1]
    assert found["stack"] == "Stack:\n  here"


def test_an_exception_that_went_through_a_queue_is_still_there() -> None:
    assert line_of(exc_info=None, exc_text="ValueError: x")["exception"] == (
        "ValueError: x"
    )
    assert "exception" not in line_of(exc_info=(None, None, None))


def call_log(ticks: Callable[[], int]) -> CallLog:
    fields = {"module_name": "chat", "reducer": "send"}
    return CallLog(logging.getLogger("qsdb.chat.send"), fields, ticks)


def test_fields_of_ones_own_come_on_top(caplog: pytest.LogCaptureFixture) -> None:
    log = call_log(lambda: 0)

    with caplog.at_level(logging.INFO, "qsdb"):
        log.info("sent", extra={"room": "lobby", "reducer": "other"})
        log.info("sent")

    first, second = [vars(each) for each in caplog.records]
    assert (first["module_name"], first["reducer"]) == ("chat", "other")
    assert (first["room"], second["reducer"]) == ("lobby", "send")
    assert first["funcName"] == test_fields_of_ones_own_come_on_top.__name__


def test_a_timer_tells_how_long_its_block_took(
    caplog: pytest.LogCaptureFixture,
) -> None:
    times = iter([5_000, 1_505_000])

    log = call_log(lambda: next(times))

    with caplog.at_level(logging.INFO, "qsdb"), log.timer("path") as timer:
        pass

    (record,) = caplog.records
    found = vars(record)
    assert timer.seconds == 0.0015
    assert record.getMessage() == "path took 0.001500 s"
    assert (found["timer"], found["seconds"], found["failed"]) == (
        "path",
        0.0015,
        False,
    )
    assert found["module_name"] == "chat"
    assert record.funcName == test_a_timer_tells_how_long_its_block_took.__name__


def test_a_timer_tells_of_a_block_that_raised(
    caplog: pytest.LogCaptureFixture,
) -> None:
    times = iter([5_000, 0])  # of a clock that goes back

    caplog.set_level(logging.INFO, "qsdb")
    log = call_log(lambda: next(times))

    with pytest.raises(KeyError), log.timer("path"):
        raise KeyError

    (record,) = caplog.records
    assert record.getMessage() == "path failed after 0.000000 s"
    assert vars(record)["failed"] is True


def test_no_field_is_one_of_loggings_own() -> None:
    assert {*FIELDS}.isdisjoint(vars(logging.makeLogRecord({})))
