"""Drives a platform on a simulated disk, and its twin, and compares the two.

A call goes to both. Refused or not, and with which class, is as the twin says;
a refused call has made no commit. What each commit has left of the twin is kept by
offset, so that after a crash, which may forget the last commits, the two begin
again from the same offset.

Two things watch by subscription: a connection that holds all public tables, whose
cache must be what a fresh query gives, and a live query that follows each transfer
from state to state.
"""

import itertools
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import qsdb
from examples.qsbridge import (
    GlobalVault,
    KeptSnapshot,
    ModuleConfig,
    PanelAuditLog,
    PlayerMovement,
    PlayerServerPresence,
    ServerRegistry,
    ServerTransferQueue,
    platform,
    server_register,
)
from examples.qsbridge.hub.refusals import refusal_class
from examples.qsbridge.hub.tables import TRANSFER_STATUSES
from qsdb import Identity
from qsdb.store.reads import ReadTransaction
from qsdb.testing import FakeClock, Policy, SimulatedDirectory
from tests.examples.acting import NORTH
from tests.examples.hub import EAST, START, WEST
from tests.examples.twin import OPEN, Twin, TwinServer
from tests.support.hoard import abandon
from tests.unit.runtime.ledger import QUIET

__all__ = ["BRIDGES", "OBSERVER", "Driver"]

BRIDGES = {"east": EAST, "west": WEST, "north": NORTH}
OBSERVER = Identity.from_claims("test", "observer")
ROOM = 2
"""For two players on each server, so that servers are full now and then."""
EDGES = {
    ("", "pending"),
    ("pending", "in_transit"),
    ("pending", "failed"),
    ("in_transit", "completed"),
    ("in_transit", "failed"),
}
"""All ways from a state, or from nothing, to another."""
CLASSES = {
    *("NotAuthorized", "NotFound", "AlreadyExists"),
    *("InvalidArgument", "WrongState", "Conflict"),
}
PUBLIC = [
    *("server_registry", "server_config", "ban_entry", "whitelist_entry"),
    *("admin_role", "module_config", "panel_session", "panel_audit_log"),
    *("player_server_presence", "global_vault", "server_transfer_queue"),
    *("cross_server_event", "bridge_command", "player_movement"),
]

Audit = tuple[PanelAuditLog, ...]


class Driver:
    """A platform with three servers, and its twin."""

    def __init__(self, durability: str, seed: int) -> None:
        self.clock = FakeClock(START)
        self.disk = SimulatedDirectory()
        self.durability = durability
        self.rng = random.Random(seed)
        self.connections: list[qsdb.Connection] = []
        self.seen: Counter[str] = Counter()
        """What has happened, for the test to print."""
        self.faults: list[str] = []
        """What subscriptions found wrong."""
        self.items = 0
        self._open()
        self.twin = Twin(self.db.owner, START.micros)
        self.audit: Audit = ()
        self.history: dict[int, tuple[Twin, Audit]] = {}
        self._watch()
        for server_id, bridge in BRIDGES.items():
            self.register(bridge, server_id)
        self.flush()

    # The database's life.

    def _open(self) -> None:
        self.db = qsdb.Database(
            platform,
            self.disk,
            clock=self.clock,
            durability=self.durability,
            options=QUIET,
            seed=1,
        )

    def _watch(self) -> None:
        self.observer = self.db.connect(OBSERVER)
        self.twin.clients.append(OBSERVER)
        self.observer.subscribe(*(f"SELECT * FROM {name}" for name in PUBLIC))
        self.db.subscribe("SELECT * FROM server_transfer_queue", self._follow)
        self.note()

    def note(self) -> None:
        """Keep the twin for the offset that the database has come to."""
        self.history[self.db.offset] = (self.twin.copied(), self.audit)

    def flush(self) -> None:
        """Have all commits on the disk for good."""
        self.db.wait_durable()
        assert self.db.durable_offset == self.db.offset

    def _reopened(self) -> None:
        """Go on with a database that saw all clients off when it opened or closed."""
        for who in [*self.twin.clients]:
            self.twin.disconnect(who)
        self.connections = []
        self._watch()
        self.flush()

    def reopen(self) -> None:
        """Close the database and open it again."""
        self.db.close()
        self._open()
        self._reopened()

    def crash(self, policy: Policy) -> None:
        """Lose power; what was not on the disk may be forgotten."""
        least, most = self.db.durable_offset, self.db.offset
        found = self.disk.crash(self.rng, policy)
        abandon(self.db)
        self.disk = found
        self._open()
        recovery = self.db.recovery
        assert recovery is not None
        assert least <= recovery.offset <= most
        self.seen["commits lost"] += most - recovery.offset
        now = self.twin.now
        twin, self.audit = self.history[recovery.offset]
        self.twin = twin.copied()
        self.twin.now = now
        self.history = {}
        self._reopened()

    # What both do.

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.twin.now = self.clock.now().micros

    def run_due(self) -> None:
        """Have the database sweep, if it is time to."""
        if self.db.run_due():
            self.seen["sweep"] += 1
            self.twin.sweep()
            self.note()

    def call(self, who: Identity, reducer: Callable[..., Any], *arguments: Any) -> Any:
        """Call a reducer; give its result, or the class that it is refused with."""
        name, before = reducer.__name__, self.db.offset
        try:
            result = self.db.caller(who).call(reducer, *arguments)
        except qsdb.ReducerError as error:
            refused = refusal_class(str(error))
            assert refused in CLASSES, str(error)
            assert self.db.offset == before, f"{name}, which is refused, has committed"
            self.seen[f"{name} {refused}"] += 1
            return _Refused(refused)
        self.seen[name] += 1
        return result

    def judged(
        self,
        refusals: set[str],
        who: Identity,
        reducer: Callable[..., Any],
        *arguments: Any,
    ) -> Any:
        """Call a reducer of which the twin says with what it may be refused."""
        result = self.call(who, reducer, *arguments)
        if isinstance(result, _Refused):
            assert result.reason in refusals, f"{reducer.__name__} gives {result}"
        else:
            assert not refusals, f"{reducer.__name__} is granted against {refusals}"
        return result

    def follows(
        self, who: Identity, reducer: Callable[..., Any], *arguments: Any
    ) -> bool:
        """Call a reducer whose judge is not the twin; give whether it is granted."""
        return not isinstance(self.call(who, reducer, *arguments), _Refused)

    def register(self, who: Identity, server_id: str) -> None:
        texts = ("A Server", "eu", "game", "pvp", "", "1.0")
        if self.follows(who, server_register, server_id, *texts, ROOM, "", ""):
            old = self.twin.servers.get(server_id)
            room, listed = (old.room, old.has_whitelist) if old else (ROOM, False)
            self.twin.servers[server_id] = TwinServer(
                who, self.twin.now, room, has_whitelist=listed
            )
        self.note()

    def connect(self, who: Identity) -> None:
        self.connections.append(self.db.connect(who))
        self.twin.clients.append(who)
        self.note()

    def disconnect(self, number: int) -> None:
        connection = self.connections.pop(number)
        connection.close()
        self.twin.disconnect(connection.identity)
        self.note()

    # What must hold.

    def _follow(self, update: qsdb.Update) -> None:
        """Look at what a commit has done to transfers."""
        before = {row.transfer_id: row for row in update.deletes}
        for row in update.inserts:
            old = before.pop(row.transfer_id, None)
            was = "" if old is None else old.status
            if was == row.status and not row.character_snapshot:
                self.seen["blanked"] += 1  # of one that has ended
                is_fault = row.status in OPEN
            else:
                self.seen[f"{was} → {row.status}"] += 1
                is_fault = (was, row.status) not in EDGES
            if is_fault or (row.completed_at is None) != (row.status in OPEN):
                self.faults.append(f"{old} became {row}")
        self.faults += [f"{row} is gone" for row in before.values()]

    def check(self) -> None:
        """Compare with the twin."""
        assert self.faults == []
        with self.db.read() as tx:
            self._check_twin(tx)

    def check_invariants(self) -> None:
        """Verify what always holds, whatever the twin says."""
        with self.db.read() as tx:
            self._check_history(tx)
            for name in PUBLIC:
                rows = {*tx.table(name)}
                assert {*self.observer.db.table(name)} == rows, name
            transfers = [*tx[ServerTransferQueue]]
            kept = {row.transfer_id for row in tx[KeptSnapshot]}
        assert {row.status for row in transfers} <= {*TRANSFER_STATUSES}
        opened = [row.player_id for row in transfers if row.is_open]
        assert len(opened) == len({*opened})
        ended = [row for row in transfers if not row.is_open]
        assert kept == {row.transfer_id for row in ended if row.character_snapshot}

    def _check_twin(self, tx: ReadTransaction) -> None:
        twin = self.twin
        assert {
            row.player_id: (
                row.server_id,
                row.connected_at.micros,
                row.last_heartbeat.micros,
            )
            for row in tx[PlayerServerPresence]
        } == twin.presence
        vault = {
            row.vault_id: (row.player_id, row.item_data, row.slot, row.source_server_id)
            for row in tx[GlobalVault]
        }
        assert vault == twin.vault
        stored = [row[1] for row in vault.values()]
        assert Counter([*stored, *twin.in_hands]) == Counter(twin.deposited)
        assert len({(row[0], row[2]) for row in vault.values()}) == len(vault)
        assert {
            row.transfer_id: (
                row.player_id,
                row.from_server_id,
                row.to_server_id,
                row.status,
                row.character_snapshot,
                row.requested_at.micros,
                row.completed_at and row.completed_at.micros,
            )
            for row in tx[ServerTransferQueue]
        } == {
            number: tuple(vars(each).values())
            for number, each in twin.transfers.items()
        }
        moves = Counter(
            (row.player_id, row.from_server_id, row.to_server_id, row.kind)
            for row in tx[PlayerMovement]
        )
        assert moves == twin.moves
        statuses = {row.server_id: row.status for row in tx[ServerRegistry]}
        assert statuses == {name: each.status for name, each in twin.servers.items()}

    def _check_history(self, tx: ReadTransaction) -> None:
        (config,) = tx[ModuleConfig]
        assert config.owner_identity == self.twin.owner
        audit = tuple(sorted(tx[PanelAuditLog], key=lambda row: row.log_id))
        assert audit[: len(self.audit)] == self.audit
        assert all(
            one.timestamp <= other.timestamp for one, other in itertools.pairwise(audit)
        )
        self.audit = audit
        self.note()

    def end(self) -> None:
        self.db.check()
        self.db.close()


class _Refused(str):
    """The class with which a call is refused."""

    __slots__ = ()

    @property
    def reason(self) -> str:
        return str(self)
