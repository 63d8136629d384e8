"""The leaderboard as a program: how it plays, draws, refuses and ends."""

import io
import sys
from pathlib import Path

import pytest

import qsdb
from examples.leaderboard import __main__ as program
from examples.leaderboard import leaderboard
from examples.leaderboard.__main__ import DEEDS_PER_SECOND, main, play
from examples.leaderboard.season import Season
from examples.leaderboard.watch import Watch
from examples.terminal.screen import Screen
from tests.support.markdown import blocks
from tests.support.programs import run_python
from tests.support.sources import ROOT

PAGE = (ROOT / "examples" / "leaderboard" / "README.md").read_text(encoding="utf-8")
Output = pytest.CaptureFixture[str]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Time:
    """Passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def seconds(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.pauses.append(seconds)
        self.now += seconds


def played(screen: Screen, time: Time, deeds_count: int) -> int:
    """Play a small season; give how many commits it made."""
    with qsdb.Database(leaderboard) as db:
        season = Season(db, 10, seed=1)
        offset = db.offset
        with Watch(db) as watch, screen:
            play(season, watch, screen, deeds_count, time.seconds, time.sleep)
        return db.offset - offset


def test_a_terminal_sees_it_in_its_rhythm() -> None:
    out, time = Terminal(), Time()

    assert played(Screen(out, {}), time, 200) == 200

    assert time.now - 100 == pytest.approx(199 / DEEDS_PER_SECOND)
    text = out.getvalue()
    assert text.count("\x1b[?2026h") == 5  # one at once, every 0.1 s, one at the end
    assert "\x1b[32m" in text
    _, _, left = text.rpartition("\x1b[?1049l")
    assert left.count("Online without guild") == 1


def test_elsewhere_nothing_is_waited_for() -> None:
    out, time = io.StringIO(), Time()

    assert played(Screen(out, {}), time, 200) == 200

    assert time.pauses == []
    assert out.getvalue().startswith("Leaderboard ")
    assert out.getvalue().count("Online without guild") == 1
    assert "\x1b" not in out.getvalue()


SMALL = ("--players", "50", "--seconds", "0.1")


def rest(text: str) -> str:
    """Give a frame without its first line, which says how fast it went."""
    first, _, others = text.partition("\n")
    assert "commits/s" in first
    return others


def test_the_seed_decides_what_is_printed(capsys: Output) -> None:
    def printed(*arguments: str) -> str:
        assert main([*SMALL, *arguments]) == 0
        return rest(capsys.readouterr().out)

    one = printed("--seed", "5")

    assert one == printed("--seed", "5", "--plain") != printed("--seed", "6")


def test_plain_is_plain_in_a_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)

    assert main([*SMALL, "--plain"]) == 0

    assert "\x1b" not in out.getvalue()
    assert out.getvalue().startswith("Leaderboard ")


def test_ctrl_c_leaves_the_last_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    def press(season: Season, watch: Watch, screen: Screen, deeds_count: int) -> None:
        time = Time()
        play(season, watch, screen, deeds_count, time.seconds, time.sleep)
        raise KeyboardInterrupt

    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(program, "play", press)

    assert main([*SMALL]) == 0

    assert "Online without guild" in out.getvalue().rpartition("\x1b[?1049l")[2]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--players", "0"), "--players: '0' is no whole number from 1 to 1000000"),
        (("--players=-5",), "--players: '-5' is no whole number from 1 to 1000000"),
        (
            ("--players", "1000001"),
            "--players: '1000001' is no whole number from 1 to 1000000",
        ),
        (("--players", "1e3"), "--players: '1e3' is no whole number from 1 to 1000000"),
        (("--seconds=-1",), "--seconds: '-1' is no number from 0 to 86400"),
        (("--seconds", "nan"), "--seconds: 'nan' is no number from 0 to 86400"),
        (("--seconds", "inf"), "--seconds: 'inf' is no number from 0 to 86400"),
        (("--seconds", "soon"), "--seconds: 'soon' is no number from 0 to 86400"),
        (("--seed", "x"), "--seed: 'x' is no whole number from 0 to 4294967295"),
        (("--seed=-1",), "--seed: '-1' is no whole number from 0 to 4294967295"),
        (("more",), "unrecognized arguments: more"),
    ],
)
def test_bad_arguments_are_refused(
    capsys: Output, arguments: tuple[str, ...], why: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].endswith(why)


@pytest.mark.slow
def test_it_prints_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under ``-O`` too, which leaves assertions out; only speeds are others."""
    monkeypatch.setenv("COLUMNS", "100")
    command, shown = blocks(PAGE, "sh")[0].text, blocks(PAGE, "text")[0].text
    python, *arguments = command.split()
    assert python == "python"

    for options in ((), ("-O",)):
        run = run_python(*options, *arguments, cwd=tmp_path)
        assert (run.returncode, run.stderr) == (0, "")
        assert rest(run.stdout) == rest(shown)


@pytest.mark.slow
def test_the_program_on_the_page_prints_what_it_says(tmp_path: Path) -> None:
    code, printed = blocks(PAGE, "python")[0], blocks(PAGE, "text")[1]
    run = run_python("-c", code.text, cwd=tmp_path)

    assert (run.returncode, run.stderr, run.stdout) == (0, "", printed.text)


@pytest.mark.slow
def test_the_command_to_look_at_is_one(tmp_path: Path) -> None:
    """What is not run on the page is checked for what can be, in a short season."""
    block = blocks(PAGE, "sh")[1]
    assert block.mark == "not run: it is to be seen"
    python, *arguments = block.text.split()
    assert python == "python"

    run = run_python(*arguments, "--seconds", "0", "--players", "9", cwd=tmp_path)

    assert (run.returncode, run.stderr) == (0, "")
    assert "Top 9" in run.stdout


@pytest.mark.slow
def test_it_loads_no_other_example_and_no_extra(tmp_path: Path) -> None:
    code = """
import sys, examples.leaderboard.__main__
print(*sorted(name for name in sys.modules if name.count(".") < 2))
"""
    run = run_python("-c", code, cwd=tmp_path)

    loaded = set(run.stdout.split())
    assert "examples.leaderboard" in loaded
    assert loaded.isdisjoint({"examples.qsbridge", "rich", "click", "starlette"})


def test_the_page_names_each_file_once() -> None:
    folder = ROOT / "examples" / "leaderboard"
    for file in folder.glob("*.py"):
        assert PAGE.count(f"| `{file.name}` |") == 1, file.name
