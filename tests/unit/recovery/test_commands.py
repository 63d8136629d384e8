"""The command line: what it prints, and its exit codes."""

import io
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import qsdb
from qsdb.files import open_directory
from qsdb.recovery import commands
from qsdb.recovery.commands import main
from qsdb.testing import SimulatedDirectory
from tests.support.programs import run_python
from tests.support.sources import ROOT
from tests.unit.recovery.stored import (
    SEGMENTS,
    User,
    cut,
    frames_in,
    make,
    never_closed,
    open_again,
    read,
)

PROGRAM = ("-m", "qsdb")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a directory with a database of 12 commits, a second each."""
    path = tmp_path / "data"
    copy_files(make(snapshots=(5,)), path)
    return path


def copy_files(disk: SimulatedDirectory, path: Path) -> None:
    for name, content in disk.snapshot_files().items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def damage(path: Path) -> Path:
    """Flip a bit of the second commit of the third segment, and give the file."""
    file = path / SEGMENTS[2]
    data = bytearray(file.read_bytes())
    data[344 + 60] ^= 1
    file.write_bytes(data)
    return file


def offset_of(path: Path) -> int:
    return read(open_directory(path)).offset


def page(text: str) -> list[str]:
    return text.splitlines()


# Whole programs.


@pytest.mark.slow
def test_verify_is_0_when_sound_and_1_when_damaged(path: Path, tmp_path: Path) -> None:
    run = run_python(*PROGRAM, "verify", "data", "--deep", cwd=tmp_path)

    assert (run.returncode, run.stderr) == (0, "")
    assert page(run.stdout)[0] == f"{path} is sound, at offset 12"

    file = damage(path)
    run = run_python(*PROGRAM, "verify", "data", cwd=tmp_path)

    assert (run.returncode, run.stderr) == (1, "")
    assert page(run.stdout)[0] == f"{path} is damaged in one place, at offset 12"
    assert page(run.stdout)[-1] == (
        f"  FAULT      {file}, byte 344: a frame fails its checksum"
    )


@pytest.mark.slow
def test_repair_backup_and_restore_make_new_directories(
    path: Path, tmp_path: Path
) -> None:
    for arguments, offset in (
        (("backup", "data", "new"), 12),
        (("restore", "data", "new"), 12),
        (("restore", "data", "new", "--to-offset", "7"), 7),
        (("restore", "data", "new", "--to-time", "1970-01-01T00:00:02.5Z"), 3),
        (("repair", "data", "new", "--salvage"), 12),
    ):
        run = run_python(*PROGRAM, *arguments, cwd=tmp_path)

        assert (run.returncode, run.stderr) == (0, "")
        assert page(run.stdout)[0].startswith(f"{tmp_path / 'new'} at offset {offset}")
        assert offset_of(tmp_path / "new") == offset
        (tmp_path / "new").rename(tmp_path / f"done {arguments}".replace("/", " "))
    assert path.exists()


@pytest.mark.slow
def test_a_dump_goes_through_a_pipe(path: Path, tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    start = [sys.executable, *PROGRAM]
    dumped = subprocess.run(
        [*start, "dump", str(path)], env=environment, capture_output=True, check=True
    )
    loaded = subprocess.run(
        [*start, "load", "-", str(tmp_path / "new")],
        env=environment,
        input=dumped.stdout,
        capture_output=True,
        check=True,
    )

    assert dumped.stderr.startswith(b"<stdout> at offset 12")
    assert loaded.stdout.decode().startswith(f"{tmp_path / 'new'} at offset 12, ")
    assert loaded.stdout.decode().splitlines()[0].endswith("from <stdin>")
    assert offset_of(tmp_path / "new") == 12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("verify", "none"), 1, "qsdb verify: there is no database in "),
        (("restore", "data", "new", "--to-offset", "99"), 1, "has those from 1 to 12"),
        (("load", "none", "new"), 1, "qsdb load: [Errno 2] No such file or directory"),
        (("load", "data/LOCK", "new"), 1, "LOCK, byte 0: "),
        (("repair", "data", "data"), 1, "is not empty, END, LOCK, log is in it"),
        ((), 2, "Usage: qsdb [OPTIONS] COMMAND"),
        (("polish", "data"), 2, "No such command 'polish'"),
        (("restore", "data"), 2, "the following arguments are required: DEST"),
        (("restore", "data", "new", "--to-offset", "x"), 2, "invalid int value: 'x'"),
        (
            ("restore", "data", "new", "--to-time", "noon"),
            2,
            "argument --to-time: 'noon' is not a moment in RFC 3339",
        ),
        (
            ("restore", "data", "x", "--to-time=1970-01-01T00:00:00Z", "--to-offset=1"),
            2,
            "not allowed with argument",
        ),
    ],
)
def test_what_fails_is_one_clear_sentence(
    arguments: tuple[str, ...], code: int, text: str, path: Path, tmp_path: Path
) -> None:
    run = run_python(*PROGRAM, *arguments, cwd=tmp_path)

    assert run.returncode == code
    assert run.stdout == ""
    assert text in run.stderr
    assert "Traceback" not in run.stderr
    assert code == 2 or len(page(run.stderr)) == 1
    assert path.exists()
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_the_help_names_all_commands(tmp_path: Path) -> None:
    run = run_python(*PROGRAM, "--help", cwd=tmp_path)

    assert run.returncode == 0
    for name in ("verify", "repair", "backup", "restore", "dump", "load"):
        assert f"\n  {name} " in run.stdout
        more = run_python(*PROGRAM, name, "--help", cwd=tmp_path)
        assert more.returncode == 0
        assert more.stdout.startswith(f"usage: python -m qsdb {name} [-h]")


# In this process.


def test_the_module_calls_main(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["qsdb", "verify", str(path)])

    with pytest.raises(SystemExit) as caught:
        runpy.run_module("qsdb", run_name="__main__")

    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"{path} is sound")


def test_every_command_gives_its_code(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = [str(tmp_path / f"new {number}") for number in range(4)]
    file = str(tmp_path / "x.dump")

    for arguments in (
        ["verify", str(path)],
        ["repair", str(path), new[0]],
        ["backup", str(path), new[1]],
        ["restore", str(path), new[2], "--to-time", "1970-01-01T00:00:02Z"],
        ["dump", str(path), file],
        ["load", file, new[3]],
    ):
        assert main(arguments) == 0
        shown = capsys.readouterr()
        assert shown.out != ""
        assert shown.err == ""

    assert [offset_of(Path(each)) for each in new] == [12, 12, 3, 12]
    damage(path)
    assert main(["verify", str(path)]) == 1


def test_every_command_tells_programs_what_was_done(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = [str(tmp_path / f"new {number}") for number in range(4)]
    file = str(tmp_path / "x.dump")
    told = []

    for arguments in (
        ["verify", str(path)],
        ["repair", str(path), new[0]],
        ["backup", str(path), new[1]],
        ["restore", str(path), new[2], "--to-offset", "3"],
        ["dump", str(path), file],
        ["load", file, new[3]],
    ):
        assert main([*arguments, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))

    assert [each["offset"] for each in told] == [12, 12, 12, 3, 12, 12]
    assert told[0]["is_sound"] is True
    damaged = damage(path)
    assert main(["verify", "--json", str(path)]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["is_sound"] is False
    assert [each["path"] for each in found["faults"]] == [str(damaged)]


def test_a_torn_tail_is_told_to_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = make()
    never_closed(disk)
    position = frames_in(disk, SEGMENTS[3])[2].place.position
    cut(disk, SEGMENTS[3], position + 80)
    copy_files(disk, tmp_path / "torn")

    assert main(["verify", str(tmp_path / "torn"), "--json"]) == 0

    torn = json.loads(capsys.readouterr().out)["torn"]
    assert torn["path"] == str(tmp_path / "torn" / SEGMENTS[3])
    assert (torn["position"], torn["reason"]) == (position, "a frame is cut off")


def test_wrong_use_ends_the_program_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["restore", "a", "b", "--to-time", "noon"])

    assert caught.value.code == 2
    assert "'noon' is not a moment in RFC 3339" in capsys.readouterr().err


def test_a_time_beyond_all_times_is_wrong_use(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["restore", "a", "b", "--to-time", "+999999-01-01T00:00:00Z"])

    assert "argument --to-time: " in capsys.readouterr().err


# Dumps.


def test_a_dump_has_its_name_when_it_is_whole(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.dump"
    Path(f"{file}.tmp").write_bytes(b"of an attempt that was cut off")

    assert main(["dump", str(path), str(file)]) == 0

    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "x.dump"]
    with file.open("rb") as source:
        assert qsdb.load(source, SimulatedDirectory()).offset == 12


def test_a_file_that_is_there_is_not_replaced(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.dump"
    file.write_bytes(b"mine")

    assert main(["dump", str(path), str(file)]) == 1

    assert file.read_bytes() == b"mine"
    expected = f"qsdb dump: {file} is there already; nothing was written\n"
    assert capsys.readouterr().err == expected


def test_a_dump_that_fails_leaves_no_file(path: Path, tmp_path: Path) -> None:
    damage(path)

    assert main(["dump", str(path), str(tmp_path / "x.dump")]) == 1

    assert [each.name for each in tmp_path.iterdir()] == ["data"]


class Terminal(io.StringIO):
    """What a terminal would show."""

    def isatty(self) -> bool:
        return True


def test_a_dump_is_not_written_to_a_terminal(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())

    assert main(["dump", str(path)]) == 2
    assert capsys.readouterr().err == (
        "qsdb dump: a dump is no text; name a file for it\n"
    )


def test_a_dump_goes_from_stream_to_stream(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(target))
    assert main(["dump", str(path), "-"]) == 0
    source = io.TextIOWrapper(io.BytesIO(target.getvalue()))
    monkeypatch.setattr(sys, "stdin", source)

    assert main(["load", "-", str(tmp_path / "new")]) == 0

    assert offset_of(tmp_path / "new") == 12


# Around.


def test_a_terminal_sees_how_far_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    assert main(["verify", str(path)]) == 0

    assert terminal.getvalue() == (
        "\r1 of 4 segments of the log read"
        "\r2 of 4 segments of the log read"
        "\r3 of 4 segments of the log read"
        "\r4 of 4 segments of the log read"
        "\r\x1b[K"
    )
    assert capsys.readouterr().out.startswith(f"{path} is sound")


def test_an_interrupt_is_told_and_is_1(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "verify", interrupted)

    assert main(["verify", str(path)]) == 1
    assert capsys.readouterr().err == "qsdb verify: interrupted\n"


def test_a_database_that_is_open_is_backed_up(path: Path, tmp_path: Path) -> None:
    with open_again(open_directory(path)) as db:
        with db.write() as tx:
            tx[User].insert(User("new"))

        assert main(["backup", str(path), str(tmp_path / "new")]) == 0
        assert main(["verify", str(path), "--deep"]) == 0

    assert offset_of(tmp_path / "new") == 13
