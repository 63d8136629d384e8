"""How a database is kept on disk, as users say it."""

from typing import NamedTuple

import attrs

from qsdb.errors import ArgumentError, brief
from qsdb.log.options import DURABILITIES, LogOptions
from qsdb.store.limits import TransactionLimits

__all__ = ["Options", "StorageOptions", "limits_of", "options_of"]

SYNC_INTERVAL_MAX = 3600


@attrs.frozen(kw_only=True)
class StorageOptions:
    """How a database is kept on disk, besides its durability.

    Sizes are in bytes. The defaults suit databases of some gigabytes.

    Raises:
        ArgumentError: a number is no int, or too small.
    """

    segment_bytes: int = 64 << 20
    """A segment of the log that would be larger is ended, and the next one begun."""
    step_bytes: int = 4 << 20
    """Room for the log is allocated in such steps."""
    queue_bytes_max: int = 64 << 20
    """With more than this waiting for the disk, committing threads wait too."""
    snapshot_commits: int = 1_000_000
    """A snapshot is taken after so many commits."""
    snapshot_log_bytes: int = 256 << 20
    """And after so many bytes of log."""
    snapshots_kept: int = 2
    """`Database.compact` keeps so many, and the log since the oldest of them."""
    compacts: bool = False
    """Whether that is called after each snapshot that is taken by itself: so the
    directory stays as large as its data, and there is less to be travelled back to."""
    has_threads: bool = True
    """Without threads only callers flush, and none takes snapshots: for tests, whose
    runs then repeat exactly."""

    def __attrs_post_init__(self) -> None:
        """Refuse numbers that cannot be."""
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ArgumentError(
                    f"{name} is an int of at least {least}, not {brief(value)}"
                )


_LEAST = {
    "segment_bytes": 256,
    "step_bytes": 1,
    "queue_bytes_max": 1,
    "snapshot_commits": 1,
    "snapshot_log_bytes": 1,
    "snapshots_kept": 1,
}


class Options(NamedTuple):
    """All that is said of how a database is kept."""

    log: LogOptions
    storage: StorageOptions


def options_of(
    durability: str, sync_interval: float, options: StorageOptions | None
) -> Options:
    """Check what a user says, and put it together.

    Raises:
        ArgumentError: there is no such durability, or the interval is none.
    """
    if durability not in DURABILITIES:
        raise ArgumentError(
            f"durability is one of {', '.join(map(repr, DURABILITIES))}, "
            f"not {brief(durability)}"
        )
    is_number = type(sync_interval) in (int, float)
    if not is_number or not 0 <= sync_interval <= SYNC_INTERVAL_MAX:
        raise ArgumentError(
            f"sync_interval is a number of seconds from 0 to {SYNC_INTERVAL_MAX}, "
            f"not {brief(sync_interval)}"
        )
    options = StorageOptions() if options is None else options
    if not isinstance(options, StorageOptions):
        raise ArgumentError(f"options are StorageOptions, not {brief(options)}")
    log = LogOptions(
        durability=durability,
        sync_interval=sync_interval,
        segment_bytes=options.segment_bytes,
        step_bytes=options.step_bytes,
        queue_bytes_max=options.queue_bytes_max,
        has_thread=options.has_threads,
    )
    return Options(log, options)


def limits_of(limits: object) -> TransactionLimits:
    """Check what a user says of transactions.

    Raises:
        ArgumentError: it is something else.
    """
    if limits is None:
        return TransactionLimits()
    if not isinstance(limits, TransactionLimits):
        raise ArgumentError(f"limits are TransactionLimits, not {brief(limits)}")
    return limits
