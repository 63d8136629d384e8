"""`LogOptions`: how a log is written; `qsdb.log.writing` does so."""

import attrs

__all__ = ["ALWAYS", "DURABILITIES", "INTERVAL", "OS", "LogOptions"]

ALWAYS, INTERVAL, OS = DURABILITIES = "always", "interval", "os"


@attrs.frozen
class LogOptions:
    """How a log is written."""

    durability: str = INTERVAL
    sync_interval: float = 0.01
    """Seconds that a record may wait for its sync."""
    segment_bytes: int = 64 << 20
    """A segment that has this many is ended."""
    step_bytes: int = 4 << 20
    """Room is allocated in such steps."""
    queue_bytes_max: int = 64 << 20
    """With more than this waiting, committing threads flush themselves."""
    has_thread: bool = True
    """Without it only those flush who wait: for tests, which then repeat exactly."""
