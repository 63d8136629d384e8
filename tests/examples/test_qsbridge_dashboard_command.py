"""The dashboard as a program: what it shows, refuses, and how it ends."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import qsdb
from examples.qsbridge import platform
from examples.qsbridge.__main__ import main
from examples.qsbridge.cli import evening
from qsdb import TimeDuration, Timestamp
from qsdb.testing import FakeClock
from tests.examples.hub import EAST, START, Hub
from tests.examples.test_qsbridge_cluster import Output, at, register, write
from tests.support.sources import ROOT

EVENTS = (
    register("east", "2026-03-06T18:00:00Z", max_players=4),
    register("west", "2026-03-06T18:00:00Z"),
    at("18:00:10", "join", server="east", player="anna"),
    at("18:00:20", "heartbeat", server="east", online_count=1),
    at("18:00:30", "ban", player="ben", name="Ben", reason="aimbot", hours=1),
)


def test_an_evening_is_shown_as_it_ends(tmp_path: Path, capsys: Output) -> None:
    file = write(tmp_path / "events.jsonl", *EVENTS, "no event")

    assert main(["dashboard", "--once", str(file)]) == 0

    out = capsys.readouterr().out
    assert out.startswith("QS-Bridge  events.jsonl")
    assert "2026-03-06 18:00:30 UTC" in out
    assert re.search(r"18:00 +Ben +aimbot +60 min|18:00 +Ben +aimbot +1 h", out)
    assert "\x1b" not in out


@pytest.mark.slow
def test_a_directory_is_shown_beside_its_owner_and_left_alone(
    tmp_path: Path, capsys: Output
) -> None:
    data = tmp_path / "data"
    file = write(tmp_path / "events.jsonl", *EVENTS)
    main(["--data", str(data), str(file)])
    capsys.readouterr()
    with qsdb.Database(platform, data, scheduler="manual") as db:
        before = {each: each.stat().st_size for each in data.rglob("*")}
        assert main(["dashboard", "--data", str(data)]) == 0
        assert {each: each.stat().st_size for each in data.rglob("*")} == before
        db.check()

    out = capsys.readouterr().out
    assert out.startswith(f"QS-Bridge  {data}"[:40])
    assert "as of 2026-03-06 18:00:30 UTC" in out
    assert re.search(r"│ east +online +1/4 ", out)
    assert re.search(r"│ 18:00  anna +east ", out)


def wall() -> Timestamp:
    return Timestamp.from_micros(time.time_ns() // 1000)


def test_servers_of_a_hub_that_nobody_hears_are_degraded(
    tmp_path: Path, capsys: Output
) -> None:
    clock = FakeClock(wall() - TimeDuration.from_seconds(150))
    with qsdb.Database(platform, tmp_path / "data", clock=clock) as db:
        Hub(db, clock).register(EAST, "east")

    assert main(["dashboard", "--once", "--data", str(tmp_path / "data")]) == 0

    out = capsys.readouterr().out
    assert re.search(r"│ east +degraded +0/3 +·+ +2 min ago", out)
    assert "as of" not in out


def test_a_hub_in_which_nothing_has_happened_yet_is_seen_now(
    tmp_path: Path, capsys: Output
) -> None:
    qsdb.Database(platform, tmp_path / "data").close()

    assert main(["dashboard", "--once", "--data", str(tmp_path / "data")]) == 0

    headline = capsys.readouterr().out.splitlines()[0]
    assert re.search(rf"{str(wall())[:10]} \d\d:\d\d:\d\d UTC$", headline)


def test_an_evening_without_events_has_no_time(tmp_path: Path, capsys: Output) -> None:
    file = write(tmp_path / "events.jsonl")

    assert main(["dashboard", "--once", str(file)]) == 0

    out = capsys.readouterr().out
    assert "none is registered" in out
    assert "1970" not in out


def refused(capsys: Output, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(["dashboard", *arguments])
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()[-1]


def test_what_cannot_be_shown_is_said(tmp_path: Path, capsys: Output) -> None:
    missing = str(tmp_path / "missing")

    assert refused(capsys, missing) == (
        f"cannot show {missing}: No such file or directory"
    )
    assert refused(capsys, "--data", missing) == (
        f"cannot show {missing}: there is no database in {missing}"
    )
    assert not Path(missing).exists()


def test_of_several_databases_the_hub_is_named(tmp_path: Path, capsys: Output) -> None:
    qsdb.Database(platform, tmp_path / "platform").close()

    why = refused(capsys, "--data", str(tmp_path))

    assert why.startswith(f"cannot show {tmp_path}: {tmp_path} is no database")
    assert why.endswith(f"; the hub is in {tmp_path / 'platform'}")


@pytest.mark.parametrize("speed", ["0", "-1", "nan", "fast"])
def test_a_speed_is_above_0(capsys: Output, speed: str) -> None:
    why = refused(capsys, f"--speed={speed}")

    assert why.endswith(f"argument --speed: {speed} is no number above 0")


def test_a_directory_and_a_file_are_not_shown_together(capsys: Output) -> None:
    why = refused(capsys, "--data", "hub", "events.jsonl")

    assert why.endswith("an event file is played in memory, so not with --data")


def test_a_command_is_known_by_its_name_alone(tmp_path: Path, capsys: Output) -> None:
    file = write(tmp_path / "dashboard", *EVENTS)

    assert main([str(file)]) == 0

    assert "granted" in capsys.readouterr().out


def test_ctrl_c_ends_a_command_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    def press(_: Sequence[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(evening, "main", press)

    assert main([]) == 130
    assert capsys.readouterr() == ("", "")


PROGRAM = """
import signal, sys
from examples.qsbridge.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(sys.argv[1:]))
"""
"""What is in the background of a shell, as this test may be, ignores Ctrl-C, and so
does a Python that it starts."""
SECONDS_MAX = 60


class Process:
    """A dashboard in a process and on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "dashboard", *arguments],
            cwd=ROOT,
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.text = ""

    def read_until(self, text: str) -> None:
        """Read until that has been drawn, since the last time."""
        while text not in self.text:
            self.text += self._read()
        self.text = self.text.partition(text)[2]

    def _read(self) -> str:
        ready, _, _ = select.select([self.terminal], [], [], SECONDS_MAX)
        if not ready:
            self.process.kill()
            raise TimeoutError(f"nothing was drawn for {SECONDS_MAX} s")
        data = os.read(self.terminal, 65536)
        assert data
        return data.decode(errors="replace")

    def stop(self) -> str:
        """Press Ctrl-C; give what comes then."""
        self.process.send_signal(signal.SIGINT)
        try:
            while True:
                self.text += self._read()
        except OSError:  # nobody has the other end any more
            os.close(self.terminal)
        assert self.process.wait() == 0
        return self.text


@pytest.mark.slow
def test_a_directory_is_followed_while_another_process_writes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    clock = FakeClock(START)
    with qsdb.Database(platform, data, clock=clock, durability="os") as db:
        hub = Hub(db, clock)
        hub.register(EAST, "east")
        process = Process("--data", str(data))
        process.read_until("east")
        hub.ban("anna")
        process.read_until("otter")
        clock.advance(7)
        db.caller(EAST).call("server_heartbeat", 2)
        process.read_until("2/3")
        end = process.stop()

    assert "Traceback" not in end
    assert "\x1b[?25h\x1b[?1049l" in end
    assert "otter" in end.rpartition("\x1b[?1049l")[2]
