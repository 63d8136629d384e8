"""A cluster played back: each event becomes one call to the platform.

The database's clock is set by the events, so a file plays in no time and always
alike. Each bridge has an identity of its own, made from its name; admin actions
without a server are the owner's. The call goes through `playing.play_event`,
which keeps the place in the event file with it.

A refused call is a result like any other: it changes nothing, and its outcome
carries the reason. What a story wants to know of the time before the call (had
the server been silent, where was the player) stands in the outcome too.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import qsdb
from examples.qsbridge.evening.bridges import Bridges
from examples.qsbridge.evening.events import (
    Ban,
    Beat,
    Event,
    Heartbeat,
    Join,
    Leave,
    Register,
    Unban,
)
from examples.qsbridge.evening.playing import EventSource, play_event
from examples.qsbridge.hub.documented.lifecycle import (
    server_heartbeat,
    server_register,
)
from examples.qsbridge.hub.documented.moderation import admin_ban, admin_unban
from examples.qsbridge.hub.refusals import refusal_class
from examples.qsbridge.hub.suggested.presence import (
    presence_beat,
    presence_join,
    presence_leave,
)
from examples.qsbridge.hub.tables import PlayerServerPresence, ServerRegistry, platform
from qsdb import Identity, Timestamp
from qsdb.files import Directory, StrPath
from qsdb.testing import FakeClock

__all__ = ["Cluster", "Outcome", "Tally"]

ISSUER = "https://qsbridge.example"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one event."""

    event: Event
    refusal: str | None
    """The reducer's text, or None where the call was granted."""
    server_id: str | None
    """The server that the caller is registered for, else the one it names."""
    presence: PlayerServerPresence | None
    """Where the player was before; only for joins and leaves."""

    @property
    def is_arrival(self) -> bool:
        """Whether a player came to a server that he was not on."""
        return (
            isinstance(self.event, Join)
            and self.refusal is None
            and (self.presence is None or self.presence.server_id != self.server_id)
        )

    @property
    def is_takeover(self) -> bool:
        """Whether a player came while another server still held his stale row."""
        return self.is_arrival and self.presence is not None

    @property
    def is_departure(self) -> bool:
        """Whether a player was taken off a server."""
        return (
            isinstance(self.event, Leave)
            and self.refusal is None
            and self.presence is not None
            and self.presence.server_id == self.server_id
        )


class Cluster:
    """The platform's database, and the way of events into it.

    Attributes:
        db: The database.
        bridges: The servers' connections to it.
    """

    def __init__(
        self,
        data: StrPath | Directory | None = None,
        source: str = "events",
    ) -> None:
        """Open a platform; a new one is empty, at the beginning of 1970.

        Args:
            data: The directory to keep it in; in memory if not given.
            source: The name of the file that events are from.

        Raises:
            StorageError, SchemaError, OSError: as `qsdb.Database` does.
        """
        self._clock = FakeClock(Timestamp.EPOCH)
        self.db = qsdb.Database(platform, data, clock=self._clock)
        self._source = source
        self._identities: dict[str, Identity] = {}
        self.bridges = Bridges(self.db)
        if self.played is not None:
            self._clock.set(self.played.event_at)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.db.close()

    @property
    def now(self) -> Timestamp:
        """The time of the last event."""
        return self._clock.now()

    @property
    def played(self) -> EventSource | None:
        """How far an event file has been played; None before the first event."""
        with self.db.read() as tx:
            return next(iter(tx[EventSource]), None)

    def apply(self, event: Event) -> Outcome:
        """Make the event's call, at the event's time.

        Raises:
            ReducerError: an event of that line, or of a later one, was applied.
            StorageError: the call is not, or may not be, on the disk.
        """
        self._clock.set(Timestamp.from_micros(event.at))
        identity = self._identity(event)
        server_id, presence = self._before(event, identity)
        reducer, arguments = _call_of(event)
        refusal = self.db.call(
            play_event,
            self._source,
            event.line,
            identity,
            reducer.__name__,
            json.dumps(arguments),
        )
        if isinstance(event, Register) and refusal is None:
            self.bridges.connect(event.server)
        return Outcome(event, refusal, server_id, presence)

    def _identity(self, event: Event) -> Identity:
        if event.bridge is None:
            return self.db.owner
        if event.bridge not in self._identities:
            # A file may name a bridge anything; a claim has 1 to 128 bytes.
            subject = hashlib.sha256(event.bridge.encode()).hexdigest()
            self._identities[event.bridge] = Identity.from_claims(ISSUER, subject)
        return self._identities[event.bridge]

    def _before(
        self, event: Event, identity: Identity
    ) -> tuple[str | None, PlayerServerPresence | None]:
        """Give the server that the call is for, and where its player is."""
        with self.db.read() as tx:
            bound = tx[ServerRegistry].stdb_identity.find(identity)
            server_id = event.server if bound is None else bound.server_id
            if isinstance(event, Register):
                server_id = event.server
            if not isinstance(event, Join | Leave):
                return server_id, None
            return server_id, tx[PlayerServerPresence].get(event.player)


def _call_of(event: Event) -> tuple[Callable[..., None], list[object]]:
    """Give the reducer that an event calls, and its arguments."""
    call: tuple[Callable[..., None], list[object]]
    match event:
        case Register():
            call = server_register, _registration(event)
        case Heartbeat():
            call = server_heartbeat, [event.online_count]
        case Join():
            call = presence_join, [event.player]
        case Beat():
            call = presence_beat, [event.players]
        case Leave():
            call = presence_leave, [event.player]
        case Ban():
            call = admin_ban, [event.player, event.name, event.reason, event.hours]
        case Unban():
            call = admin_unban, [event.player]
    return call


def _registration(event: Register) -> list[object]:
    return [
        event.server,
        event.display_name,
        event.region,
        event.game_module,
        event.game_mode,
        event.hosting_id,
        event.version,
        event.max_players,
        event.wipe_schedule,
        event.config_template_id,
    ]


@dataclass(slots=True)
class Tally:
    """What has been counted; the tables hold no history of calls."""

    granted: Counter[str] = field(default_factory=Counter)
    """Kind of event → calls."""
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Kind of event and class of refusal → calls."""
    heartbeats: Counter[str] = field(default_factory=Counter)
    """Server's id → granted calls; so is the next."""
    joins: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    """Server's id → refused calls of all kinds."""
    lines_bad: int = 0
    lines_before: int = 0
    """Lines that an earlier run has played, and that nothing else here counts."""

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        kind, server_id = outcome.event.kind, outcome.server_id
        if outcome.refusal is not None:
            self.refused[kind, refusal_class(outcome.refusal)] += 1
            if server_id is not None:
                self.refusals[server_id] += 1
            return
        self.granted[kind] += 1
        if server_id is None:
            return
        if isinstance(outcome.event, Heartbeat):
            self.heartbeats[server_id] += 1
        if isinstance(outcome.event, Join):
            self.joins[server_id] += 1
