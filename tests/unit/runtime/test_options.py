"""How a database is kept on disk: what can be said of it, and what cannot."""

import attrs
import pytest

from qsdb import ArgumentError, StorageOptions
from qsdb.runtime.options import options_of


def test_the_defaults_are_those_of_the_log() -> None:
    options = options_of("interval", 0.01, None)

    assert options.storage == StorageOptions()
    assert options.log.segment_bytes == 64 << 20
    assert options.log.has_thread


def test_what_is_said_comes_to_the_log() -> None:
    storage = StorageOptions(
        segment_bytes=256, step_bytes=1, queue_bytes_max=1, has_threads=False
    )

    log = options_of("always", 3600, storage).log

    assert (log.durability, log.sync_interval) == ("always", 3600)
    assert (log.segment_bytes, log.step_bytes, log.queue_bytes_max) == (256, 1, 1)
    assert not log.has_thread


@pytest.mark.parametrize("durability", ["always", "interval", "os"])
def test_every_durability_is_one(durability: str) -> None:
    assert options_of(durability, 0, None).log.durability == durability


@pytest.mark.parametrize("durability", ["never", "ALWAYS", "", None, 1, ["always"]])
def test_another_durability_is_none(durability: object) -> None:
    with pytest.raises(ArgumentError, match="'always', 'interval', 'os'"):
        options_of(durability, 0, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("interval", [-1, 3600.5, float("nan"), True, "1", None])
def test_an_interval_is_a_number_of_seconds(interval: object) -> None:
    with pytest.raises(ArgumentError, match="a number of seconds from 0 to 3600"):
        options_of("interval", interval, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, 1, "fast"])
def test_options_are_storage_options(options: object) -> None:
    with pytest.raises(ArgumentError, match="options are StorageOptions, not"):
        options_of("os", 0, options)  # type: ignore[arg-type]


LEAST = {
    "segment_bytes": 256,
    "step_bytes": 1,
    "queue_bytes_max": 1,
    "snapshot_commits": 1,
    "snapshot_log_bytes": 1,
    "snapshots_kept": 1,
}


@pytest.mark.parametrize("name", LEAST)
def test_a_number_has_a_bound(name: str) -> None:
    least = LEAST[name]
    assert getattr(StorageOptions(**{name: least}), name) == least  # type: ignore[arg-type]

    for wrong in (least - 1, float(least), True, "9", None):
        with pytest.raises(ArgumentError, match=f"{name} is an int of at least"):
            StorageOptions(**{name: wrong})  # type: ignore[arg-type]


def test_options_are_values() -> None:
    options = StorageOptions(snapshots_kept=3)

    assert options == StorageOptions(snapshots_kept=3) != StorageOptions()
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        options.snapshots_kept = 4  # type: ignore[misc]
