"""Lines that are kept of what modules log."""

import json
import logging
from typing import Any

import pytest

from qsdb.server.log_rings import LogRing, Logs, line_of
from qsdb.values.identity import Identity

OWN = Identity.from_claims("tests", "a database")


def record(message: str = "said", level: int = logging.INFO, **fields: Any) -> Any:
    made = logging.LogRecord(
        "qsdb.m.f", level, "/there/m.py", 7, message, None, None, "run"
    )
    made.created = 1.5
    vars(made).update(fields)
    return made


def test_a_line_has_what_the_tools_read() -> None:
    assert json.loads(line_of(record(reducer="send"))) == {
        "level": "Info",
        "ts": 1_500_000,
        "target": "qsdb.m.f",
        "filename": "m.py",
        "line_number": 7,
        "function": "send",
        "message": "said",
    }
    assert json.loads(line_of(record(reducer=None)))["function"] == "run"


@pytest.mark.parametrize(
    ("level", "name"),
    [
        (logging.CRITICAL, "Error"),
        (logging.ERROR, "Error"),
        (logging.WARNING, "Warn"),
        (25, "Info"),
        (logging.DEBUG, "Debug"),
        (5, "Trace"),
    ],
)
def test_levels_have_the_names_of_the_tools(level: int, name: str) -> None:
    assert json.loads(line_of(record(level=level)))["level"] == name


def test_what_an_exception_came_with_is_a_panic() -> None:
    with pytest.raises(KeyError) as caught:
        dict[str, int]()["x"]
    found = json.loads(line_of(record(exc_info=caught._excinfo)))

    assert (found["level"], found["message"]) == ("Panic", "said: KeyError: 'x'")
    [frame] = found["trace"]
    assert frame["func_name"] == "test_what_an_exception_came_with_is_a_panic"
    assert json.loads(line_of(record(exc_info=(None, None, None))))["level"] == "Info"


def test_a_line_is_one_line_and_not_too_long() -> None:
    line = line_of(record("a\nb\ud800" + "x" * 100_000))

    assert (line.count(b"\n"), len(line) < 66_000) == (1, True)
    assert json.loads(line)["message"].startswith("a\nb\ud800x")


def kept(ring: LogRing, count: int | None = None) -> list[str]:
    return [json.loads(each)["message"] for each in ring.last(count).lines]


def test_the_last_records_are_kept() -> None:
    ring = LogRing(OWN, 3, 1 << 20)
    for number in range(5):
        ring.handle(record(f"m{number}"))

    assert kept(ring) == ["m2", "m3", "m4"]
    assert kept(ring, 2) == ["m3", "m4"]
    assert kept(ring, 0) == []
    assert kept(ring, 9) == ["m2", "m3", "m4"]
    assert ring.last(None).end == 5


def test_no_more_bytes_are_kept_than_allowed() -> None:
    size = len(line_of(record("m0")))
    ring = LogRing(OWN, 100, 2 * size + 1)
    for number in range(5):
        ring.handle(record(f"m{number}"))
    assert kept(ring) == ["m3", "m4"]

    ring.handle(record("x" * 1000))
    assert kept(ring) == []


def test_who_reads_on_is_told_what_has_gone() -> None:
    ring = LogRing(OWN, 3, 1 << 20)
    for number in range(2):
        ring.handle(record(f"m{number}"))
    assert ring.after(2) == ([], 2, 0)
    assert len(ring.after(1).lines) == 1
    for number in range(4):
        ring.handle(record(f"n{number}"))

    lines, end, gone = ring.after(1)
    assert (len(lines), end, gone) == (3, 6, 2)


def test_a_record_that_makes_no_line_breaks_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ring = LogRing(OWN, 3, 1 << 20)
    odd = record("%d")
    odd.args = ("x",)
    ring.handle(odd)

    assert kept(ring) == []
    assert "--- Logging error ---" in capsys.readouterr().err


def test_a_level_that_somebody_has_set_stays() -> None:
    logger = logging.getLogger("qsdb.of_a_quiet_module")
    logger.setLevel(logging.ERROR)
    logs = Logs([("of_a_quiet_module", OWN), ("other_module", OWN)], 10, 1000)
    logs.open()
    try:
        assert logger.level == logging.ERROR
        assert logging.getLogger("qsdb.other_module").level == logging.INFO
        logging.getLogger("qsdb.other_module.send").info("there")
        assert kept(logs.ring("other_module", OWN)) == ["there"]
    finally:
        logs.close()
        logger.setLevel(logging.NOTSET)

    assert logging.getLogger("qsdb.other_module").level == logging.NOTSET
    logging.getLogger("qsdb.other_module").error("gone")
    assert kept(logs.ring("other_module", OWN)) == ["there"]
    assert logs.ring("other_module", OWN).is_closed


def test_a_root_that_takes_more_is_left_to(caplog: pytest.LogCaptureFixture) -> None:
    logs = Logs([("chatty", OWN)], 10, 1000)
    with caplog.at_level(logging.DEBUG):
        logs.open()
        assert logging.getLogger("qsdb.chatty").level == logging.NOTSET
        logging.getLogger("qsdb.chatty").debug("small")
        logs.close()

    assert kept(logs.ring("chatty", OWN)) == ["small"]
