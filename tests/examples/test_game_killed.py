"""An installation with all its threads, in a process that is killed.

A kill takes what was not written yet, and that is another part of each database. What
power loss takes beyond that, `test_game_courier.py` tries.
"""

import json
import os
import random
import signal
import sys
import warnings
from pathlib import Path

import pytest

from examples.qsbridge import PanelAuditLog, platform
from examples.qsbridge.game.guards import admit_server
from examples.qsbridge.game.installation import Installation
from examples.qsbridge.game.players import spawn
from examples.qsbridge.game.security import report_security_event
from examples.qsbridge.game.survival import survival
from examples.qsbridge.game.tables import PlayerPosition, SecurityEvent
from tests.examples.game_world import GAME_EAST

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform == "win32", reason="Windows has neither fork nor SIGKILL"
    ),
]

KILLS_COUNT = 30 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 2
REPORTS_MAX = 60
"""A process is killed when it has told a random number of reports, up to this."""


def opened(path: Path, *, has_threads: bool) -> Installation:
    return Installation(
        platform, {"survival": survival}, data=path, has_threads=has_threads
    )


def report_for_ever(path: Path, life: int, descriptor: int) -> None:
    """Report what no other life reports, and tell of each report."""
    game = opened(path, has_threads=True).games["survival"]
    game.call(admit_server, "east", GAME_EAST)
    east = game.caller(GAME_EAST)
    with game.read() as tx:
        is_new = not len(tx[PlayerPosition])
    if is_new:
        east.call(spawn, "p1")
    number = 0
    while True:
        number += 1
        sort = f"sort {life} {number}"
        east.call(report_security_event, "p1", sort, 9, json.dumps({"sort": sort}))
        os.write(descriptor, b".")


def killed_life(path: Path, life: int, reports_count: int) -> None:
    """Have a process report, and kill it after so many reports."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        child = os.fork()
    if not child:
        try:
            report_for_ever(path, life, writing)
        finally:
            os._exit(1)
    os.close(writing)
    told = 0
    while told < reports_count:
        data = os.read(reading, 1 << 10)
        assert data, "the process has ended by itself"
        told += len(data)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reading)


def recorded_and_told(found: Installation) -> tuple[list[str], list[str]]:
    with found.games["survival"].read() as tx:
        events = sorted(tx[SecurityEvent], key=lambda row: row.event_id)
    with found.platform.read() as tx:
        entries = sorted(tx[PanelAuditLog], key=lambda row: row.log_id)
    return [event.evidence for event in events], [
        json.loads(entry.details)["evidence"] for entry in entries
    ]


def test_what_a_killed_process_has_recorded_is_told_once(tmp_path: Path) -> None:
    rng = random.Random(1)
    before: list[str] = []
    for life in range(KILLS_COUNT):
        killed_life(tmp_path, life, rng.randint(1, REPORTS_MAX))

        with opened(tmp_path, has_threads=False) as found:
            recorded, told = recorded_and_told(found)
            assert told == recorded[: len(told)]
            found.carry()
            recorded, told = recorded_and_told(found)

        assert told == recorded
        assert recorded[: len(before)] == before
        before = recorded
    assert before
