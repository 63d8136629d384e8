"""``--data DIR``: a run that was killed is gone on with, in a process of its own."""

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import qsdb
from examples.qsbridge import EventSource
from examples.qsbridge.__main__ import main
from examples.qsbridge.cli.evening import SHIPPED
from examples.qsbridge.evening.cluster import Cluster
from examples.qsbridge.evening.generate import EVENTS_COUNT, generate
from tests.examples.hub import TABLES, events_of
from tests.support.sources import ROOT

Output = pytest.CaptureFixture[str]

KILL_AFTER = [0, 1, 40, 5, 90, 25]
"""Lines of output after which the process is killed, run after run."""
PIPE_BYTES = 4096
"""So little fits between the processes that the killed one cannot be far ahead."""


def tables_of(cluster: Cluster) -> list[Counter[qsdb.Row]]:
    with cluster.db.read() as tx:
        return [Counter(tx[table]) for table in TABLES]


BRIDGES = 3
"""That a bridge comes, and that it goes, is a commit; all do so in each run."""


def killed(data: Path, lines_count: int) -> list[str]:
    """Run the example, kill it after so many lines of output, and give these."""
    command = [sys.executable, "-u", "-m", "examples.qsbridge"]
    process = subprocess.Popen(
        [*command, "--data", str(data), "--highlights", "10000"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        bufsize=0,
        pipesize=PIPE_BYTES,
    )
    with process:
        assert process.stdout is not None
        lines = [process.stdout.readline().decode() for _ in range(lines_count)]
        process.kill()
    assert process.returncode == -signal.SIGKILL
    return lines


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no kill -9")
def test_run_killed_again_and_again_comes_to_the_same_end(
    tmp_path: Path, capsys: Output
) -> None:
    data = tmp_path / "data"
    with Cluster(source=SHIPPED.name) as cluster:
        for event in events_of(SHIPPED.read_bytes()):
            cluster.apply(event)
        expected = tables_of(cluster)

    places = [0]
    for lines_count in KILL_AFTER:
        lines = killed(data, lines_count)
        told = [each for each in lines if each.startswith("  played ")]
        places += [int(each.split()[-1]) for each in told]
    code = main(["--data", str(data)])

    assert code == 0
    assert places == sorted(places)
    assert 0 < places[-1] < EVENTS_COUNT, "no run was killed in the middle"
    out = capsys.readouterr().out
    assert f"{data} at offset " in out
    assert f"  played    {SHIPPED.name} up to line " in out
    with Cluster(data, SHIPPED.name) as cluster:
        assert tables_of(cluster) == expected
        cluster.db.check()


def evening(path: Path, events_count: int = 40) -> Path:
    path.write_bytes(generate(3, events_count))
    return path


def test_first_run_says_what_a_run_in_memory_says(
    tmp_path: Path, capsys: Output
) -> None:
    file = evening(tmp_path / "evening.jsonl")
    main([str(file)])
    in_memory = capsys.readouterr().out

    main([str(file), "--data", str(tmp_path / "data")])

    assert capsys.readouterr().out == in_memory


def test_run_goes_on_with_what_was_added_to_the_file(
    tmp_path: Path, capsys: Output
) -> None:
    data = tmp_path / "data"
    file = evening(tmp_path / "evening.jsonl", 60)
    whole = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*whole[:19], b"teleport\n", *whole[19:40]]))
    main([str(file), "--data", str(data)])
    capsys.readouterr()
    file.write_bytes(b"".join([*whole[:19], b"teleport\n", *whole[19:], b"[]\n"]))

    code = main([str(file), "--data", str(data)])

    captured = capsys.readouterr()
    assert code == 0
    assert captured.out.startswith(
        f"{data} at offset {41 + 2 * BRIDGES}\n"
        f"  log       {41 + 2 * BRIDGES} commits replayed\n"
        "  played    evening.jsonl up to line 41\n"
        "\n"
    )
    assert "\nlines    21: " in captured.out
    assert "\nbefore   41, played by an earlier run\n" in captured.out
    assert captured.err == f"{file}:62: not an object: []\n"
    with Cluster(data, file.name) as cluster, Cluster(source=file.name) as other:
        assert cluster.db.offset == 61 + 5 * BRIDGES
        for event in events_of(b"".join(whole)):
            other.apply(event)
        assert tables_of(cluster)[:-1] == tables_of(other)[:-1]


def test_run_with_nothing_left_tells_the_cluster_as_it_is(
    tmp_path: Path, capsys: Output
) -> None:
    file, data = evening(tmp_path / "evening.jsonl"), tmp_path / "data"
    main([str(file), "--data", str(data)])
    first = capsys.readouterr().out

    main([str(file), "--data", str(data)])

    second = capsys.readouterr().out
    assert "\nlines    0: 0 granted, 0 refused, 0 bad\nbefore   40, " in second
    for start in ("bans ", "players ", "time "):
        (line,) = [each for each in first.splitlines() if each.startswith(start)]
        assert line in second.splitlines()


def test_run_that_was_killed_before_its_first_event_goes_on(
    tmp_path: Path, capsys: Output
) -> None:
    file, data = evening(tmp_path / "evening.jsonl"), tmp_path / "data"
    Cluster(data, file.name).db.close()

    main([str(file), "--data", str(data)])

    out = capsys.readouterr().out
    assert out.startswith(f"{data} at offset 1\n  log       1 commits replayed\n\n2026")
    assert "before" not in out


def refused(capsys: Output, *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    captured = capsys.readouterr()
    assert caught.value.code == 2
    return captured.err


def test_another_file_is_refused_and_nothing_changes(
    tmp_path: Path, capsys: Output
) -> None:
    file, data = evening(tmp_path / "evening.jsonl"), tmp_path / "data"
    main([str(file), "--data", str(data)])
    capsys.readouterr()

    err = refused(capsys, str(evening(tmp_path / "night.jsonl")), "--data", str(data))

    assert err == (
        f"cannot go on with {data}: it holds what 'evening.jsonl' told, up to line 40; "
        "'night.jsonl' needs a directory of its own\n"
    )
    with Cluster(data) as cluster, cluster.db.read() as tx:
        (place,) = tx[EventSource]
        assert (place.name, place.lines_read) == ("evening.jsonl", 40)
        assert cluster.db.offset == 41 + 5 * BRIDGES


def test_directory_that_is_in_use_is_refused(tmp_path: Path, capsys: Output) -> None:
    with Cluster(tmp_path / "data"):
        err = refused(capsys, "--data", str(tmp_path / "data"))

    assert err.startswith(f"cannot go on with {tmp_path / 'data'}: ")


def test_directory_of_something_else_is_refused(tmp_path: Path, capsys: Output) -> None:
    (tmp_path / "letter.txt").touch()

    err = refused(capsys, "--data", str(tmp_path))

    assert "letter.txt" in err
    assert [each.name for each in tmp_path.iterdir() if each.name != "LOCK"] == [
        "letter.txt"
    ]


def test_directory_of_another_module_is_refused(tmp_path: Path, capsys: Output) -> None:
    other = qsdb.Module("other")

    class Song(qsdb.Row, module=other):
        name: str

    with qsdb.Database(other, tmp_path / "data") as db, db.write() as tx:
        tx[Song].insert(Song("Yesterday"))

    err = refused(capsys, "--data", str(tmp_path / "data"))

    assert "song" in err


def test_directory_that_cannot_be_made_is_refused(
    tmp_path: Path, capsys: Output
) -> None:
    (tmp_path / "file").touch()

    err = refused(capsys, "--data", str(tmp_path / "file" / "data"))

    assert err.startswith(f"cannot go on with {tmp_path / 'file' / 'data'}: ")
