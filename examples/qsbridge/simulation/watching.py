"""An observer: sees every change of the platform, and notes what must not be.

It is a client with a subscription. What may only grow must not shrink, and a transfer
may only go along the documented edges.
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.tables import (
    ModuleConfig,
    PanelAuditLog,
    ServerTransferQueue,
)

__all__ = ["Observer"]

EDGES: Final = {
    ("pending", "in_transit"),
    ("pending", "failed"),
    ("in_transit", "completed"),
    ("in_transit", "failed"),
}
HAPPENING: Final = ("reducer", "transaction")
"""Kinds of events that are changes, and not rows that come with a subscription."""


class Observer:
    """Watches the platform, each time it runs.

    Attributes:
        faults: What must not be, as sentences.
        edges_seen: Along which edges transfers went.
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.faults: list[str] = []
        self.edges_seen: set[tuple[str, str]] = set()
        self._last_log_id = 0
        self._connection: qsdb.Connection | None = None

    def attach(self, db: qsdb.Database) -> None:
        """Subscribe to a database that has just been opened."""
        self._connection = db.connect()
        self._last_log_id = 0  # what came after it may have been lost
        tables = self._connection.db
        transfers = tables[ServerTransferQueue]
        transfers.on_insert(self._begun)
        transfers.on_update(self._moved)
        transfers.on_delete(self._gone)
        audit = tables[PanelAuditLog]
        audit.on_insert(self._logged)
        audit.on_update(self._changed)
        audit.on_delete(self._gone)
        tables[ModuleConfig].on_delete(self._gone)
        self._connection.subscribe(
            "SELECT * FROM server_transfer_queue",
            "SELECT * FROM panel_audit_log",
            "SELECT * FROM module_config",
        )

    def _begun(self, event: qsdb.Event, row: ServerTransferQueue) -> None:
        if event.kind in HAPPENING and row.status != "pending":
            self.faults.append(f"a transfer began as {row.status}: {row}")

    def _moved(
        self, _: qsdb.Event, old: ServerTransferQueue, new: ServerTransferQueue
    ) -> None:
        edge = old.status, new.status
        self.edges_seen.add(edge)
        if edge not in EDGES:
            self.faults.append(f"a transfer went from {old.status} to {new.status}")

    def _logged(self, event: qsdb.Event, row: PanelAuditLog) -> None:
        if event.kind in HAPPENING and row.log_id <= self._last_log_id:
            self.faults.append(f"entry {row.log_id} of the log is not the newest")
        self._last_log_id = max(self._last_log_id, row.log_id)

    def _changed(self, _: qsdb.Event, old: qsdb.Row, new: qsdb.Row) -> None:
        self.faults.append(f"{old} was changed to {new}")

    def _gone(self, event: qsdb.Event, row: qsdb.Row) -> None:
        if event.kind in HAPPENING:
            self.faults.append(f"{row} was deleted")
