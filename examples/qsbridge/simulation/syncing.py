"""Syncing: what was committed gets on the disk soon, until that is to stop.

A database with the durability ``"interval"`` has a thread that does it, and asks nobody
when. But a power cut is to lose the same commits in every run. So the platform's
database is opened without threads, and has this one in their place: it does the same,
as often, and it can be stopped.
"""

import contextlib
import threading
from typing import Final

import qsdb

__all__ = ["STORAGE", "Syncing"]

INTERVAL_SECONDS: Final = 0.01
"""As long as a commit waits for the disk where nothing else is said."""
STORAGE: Final = qsdb.StorageOptions(has_threads=False, segment_bytes=1 << 40)
"""For the database. All of the log is one segment: who commits syncs a segment that
ends, and that would get on the disk what is not to get there."""


class Syncing:
    """Has a database's commits on the disk, some hundredths of a second later."""

    def __init__(self, db: qsdb.Database) -> None:
        """Begin."""
        self._db = db
        self._is_over = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="qsbridge syncing", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """End; nothing is under way when this returns. Twice is no error."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(qsdb.StorageError):  # who commits next is told of it
            while not self._is_over.wait(INTERVAL_SECONDS):
                self._db.wait_durable()
