"""A ban is in the caches of all servers after one commit; how fast is not judged."""

import itertools

import pytest

from examples.qsbridge.measure_bans import Cluster, main


@pytest.mark.slow
def test_a_ban_is_in_a_hundred_caches_after_one_commit() -> None:
    cluster = Cluster(100)
    for player_id in ("anna", "ben"):
        spread = cluster.ban(player_id)
        assert (spread.commits, spread.caches) == (1, 100)
    cluster.close()


def test_the_time_is_that_until_the_last_cache() -> None:
    cluster = Cluster(3, itertools.count(0, 1000).__next__)
    assert cluster.ban("anna").micros == 3, "the call, and each cache, reads the clock"
    cluster.close()


def test_a_run_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--servers", "2", "--bans", "3", "--runs", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["run", "1", "2"]
    assert all(line.endswith("23 of 23") for line in lines[1:])


def test_nothing_to_measure_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--bans", "0"])
    assert caught.value.code == 2
    assert "bans and runs are 1 or more" in capsys.readouterr().err
