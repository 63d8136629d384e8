"""What must hold, whatever happened: each check gives what is wrong, as sentences.

The simulation knows who is where and who has which item, since it is the game; the
platform's tables say it too. Both must agree. Other checks need only the tables.
"""

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import qsdb
from examples.qsbridge.hub.extensions import BridgeCommand, PlayerMovement
from examples.qsbridge.hub.limits import VAULT_SLOTS
from examples.qsbridge.hub.tables import (
    BanEntry,
    GlobalVault,
    ModuleConfig,
    PanelAuditLog,
    PlayerServerPresence,
    ServerConfig,
    ServerTransferQueue,
    WhitelistEntry,
)
from examples.qsbridge.simulation.servers import GameServer
from examples.qsbridge.simulation.watching import Observer
from examples.qsbridge.simulation.world import World
from qsdb import TimeDuration, Transaction

__all__ = ["Check", "check_soundness", "run_checks"]

FAULTS_SHOWN_MAX: Final = 5
KICK_MAX: Final = TimeDuration.from_seconds(2)
"""So long a player who is banned may go on; his server ticks every second."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold.

    Attributes:
        sentence: What.
        faults: What is wrong; the first few. Empty where it holds.
    """

    sentence: str
    faults: tuple[str, ...]


def run_checks(world: World, observer: Observer, tx: Transaction) -> list[Check]:
    """Check everything, at a moment at which nothing happens.

    Args:
        world: What the game knows.
        observer: What it has seen.
        tx: The platform's tables now.
    """
    return [
        Check(sentence, tuple(itertools.islice(faults, FAULTS_SHOWN_MAX)))
        for sentence, faults in (
            ("each item is in one place, and none is lost", _items(world, tx)),
            ("there are as many items as there were", _count(world, tx)),
            ("deposits less withdrawals are in the vaults", _balance(world, tx)),
            ("each slot of a vault holds one item", _slots(tx)),
            ("players are where the platform says", _places(world, tx)),
            ("nobody plays who is banned", _banned(world, tx)),
            ("the movements lead to where players are", _movements(tx)),
            ("a player has one open transfer at most", _transfers(tx)),
            ("the audit log grows, in order", _audit(tx)),
            ("the platform has its one owner", _owner(world.hub.db, tx)),
            ("servers know what the platform knows", _caches(world, tx)),
            ("nobody saw what must not be", iter(observer.faults)),
            ("power cuts took what was not on the disk", iter(world.hub.losses)),
        )
    ]


def check_soundness(db: qsdb.Database) -> Check:
    """Have the database verify its own invariants."""
    try:
        db.check()
    except qsdb.InternalError as error:
        return Check("the database is sound", (str(error),))
    return Check("the database is sound", ())


def _items(world: World, tx: Transaction) -> Iterator[str]:
    places: defaultdict[int, list[str]] = defaultdict(list)
    for player in world.players.values():
        for item in player.items:
            places[item].append(f"with {player.player_id}")
    for row in tx[GlobalVault]:
        places[json.loads(row.item_data)["item"]].append(f"in vault row {row.vault_id}")
    for item in range(world.items_count):
        if len(places[item]) != 1:
            yield f"item {item} is in {len(places[item])} places: {places[item]}"


def _count(world: World, tx: Transaction) -> Iterator[str]:
    """Count also what nobody ever had: an item of a number that is not given."""
    carried = sum(len(player.items) for player in world.players.values())
    stored = len(tx[GlobalVault])
    if carried + stored != world.items_count:
        yield (
            f"{carried} items are carried and {stored} stored, of {world.items_count}"
        )


def _balance(world: World, tx: Transaction) -> Iterator[str]:
    """Hold what was counted as done against the rows that it must have left."""
    done, stored = world.tally, len(tx[GlobalVault])
    out = done["withdraw"] + done["withdraw twice"]
    if done["deposit"] - out != stored:
        yield f"{done['deposit']} deposits and {out} withdrawals, {stored} stored"


def _slots(tx: Transaction) -> Iterator[str]:
    taken = Counter((row.player_id, row.slot) for row in tx[GlobalVault])
    for (player_id, slot), count in taken.items():
        if count != 1 or slot >= VAULT_SLOTS:
            yield f"slot {slot} of {player_id} holds {count} items"


def _places(world: World, tx: Transaction) -> Iterator[str]:
    """Compare servers that run and are registered with the platform's presence.

    Whom the platform has thrown out is gone when his server ticks. Of a life that
    ended with a crash there are rows until they are stale.
    """
    players = tx[PlayerServerPresence]
    now = world.agenda.clock.now()
    kicked = {row.player_id for row in tx[BridgeCommand] if row.kind == "kick"}
    for server in _listening(world):
        for player_id in server.players.keys() - kicked:
            row = players.get(player_id)
            if row is None or row.server_id != server.server_id:
                yield f"{player_id} is on {server.server_id}, and by the tables: {row}"
        for row in players.server_id.filter(server.server_id):
            is_of_now = row.last_heartbeat >= server.began and not row.is_stale(now)
            if row.player_id not in server.players and is_of_now:
                yield f"{row} says so, and the server has not seen him"


def _listening(world: World) -> Iterator[GameServer]:
    """Yield the servers that run, and hear what the platform says."""
    for server in world.servers.values():
        if server.state == "up" and server.bridge.link.is_online:
            yield server


def _banned(world: World, tx: Transaction) -> Iterator[str]:
    """Look at servers that are connected; they throw out within a tick."""
    now = world.agenda.clock.now()
    for server in _listening(world):
        for player_id in server.players:
            for ban in tx[BanEntry].player_id.filter(player_id):
                if ban.is_active(now) and now - ban.banned_at > KICK_MAX:
                    yield f"{player_id} is on {server.server_id} in spite of {ban}"


def _movements(tx: Transaction) -> Iterator[str]:
    """Follow each player's movements, and compare where they end."""
    places: dict[str, str] = {}
    for move in sorted(tx[PlayerMovement], key=lambda each: each.move_id):
        place = places.get(move.player_id, "")
        if move.from_server_id != place:
            yield f"{move} begins where he was not; he was on {place!r}"
        places[move.player_id] = move.to_server_id
    ends = {player_id: place for player_id, place in places.items() if place}
    present = {row.player_id: row.server_id for row in tx[PlayerServerPresence]}
    for player_id in sorted(ends.keys() | present.keys()):
        end, now = ends.get(player_id), present.get(player_id)
        if end != now:
            yield f"the movements of {player_id} end on {end}, and he is on {now}"


def _transfers(tx: Transaction) -> Iterator[str]:
    transfers = [*tx[ServerTransferQueue]]
    open_now = Counter(row.player_id for row in transfers if row.is_open)
    for player_id, count in open_now.items():
        if count > 1:
            yield f"{player_id} has {count} open transfers"
    for row in transfers:
        if (row.completed_at is None) != row.is_open:
            yield f"transfer {row.transfer_id} is {row.status}, at {row.completed_at}"


def _audit(tx: Transaction) -> Iterator[str]:
    log = sorted(tx[PanelAuditLog], key=lambda each: each.log_id)
    for before, after in itertools.pairwise(log):
        if after.timestamp < before.timestamp:
            yield f"entry {after.log_id} of the log is older than the one before it"


def _owner(db: qsdb.Database, tx: Transaction) -> Iterator[str]:
    rows = [*tx[ModuleConfig]]
    if [row.owner_identity for row in rows] != [db.owner]:
        yield f"the rows are {rows}, and the owner is {db.owner}"


def _caches(world: World, tx: Transaction) -> Iterator[str]:
    """Compare what each server knows with what it would be told if it asked now."""
    whole: tuple[type[qsdb.Row], ...] = (BanEntry, WhitelistEntry)
    expected = {row_class: {*tx[row_class]} for row_class in whole}
    for server in world.servers.values():
        if server.state == "down" or not server.bridge.link.is_online:
            continue
        if not server.bridge.known.is_current:  # it stood still when that was lost
            continue
        known = server.bridge.known.connection.db
        name = server.server_id
        for row_class in whole:
            if {*known[row_class]} != expected[row_class]:
                yield f"{name} does not know the rows of {row_class.__name__}"
        if {*known[PlayerServerPresence]} != {
            *tx[PlayerServerPresence].server_id.filter(name)
        }:
            yield f"{name} does not know its players"
        if [*known[ServerConfig]] != [tx[ServerConfig].get(name)]:
            yield f"{name} does not know its settings"
