"""The link: a server's registration, its heartbeats, and coming back after a loss.

::

    connect ── server_register ── subscribe ── a heartbeat every 30 s
       ▲                                               │
       └── wait: 1 s, 2 s, 4 s … 60 s, by chance less ◄┘ lost, or refused

Whether a connection is lost shows when it is used: a call fails, or its subscription
has ended. The next connection shows the token of the one before and so is the same
identity; the platform knows the server again.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import qsdb
from examples.qsbridge.bridge.knowledge import Knowledge
from examples.qsbridge.bridge.news import Change
from examples.qsbridge.bridge.port import Connect, OfflineError, Port, TellsLoss
from examples.qsbridge.bridge.timers import Backoff, Countdown
from examples.qsbridge.hub.refusals import refusal_class
from qsdb import Timestamp

__all__ = ["Link", "ServerDetails"]

LOGGER: Final = logging.getLogger("qsbridge.bridge")
HEARTBEAT_SECONDS: Final = 30.0
SERVER_ID_VARIABLE: Final = "QSB_SERVER_ID"
LOST: Final = (OfflineError, qsdb.ClosedError, qsdb.StorageError, OSError)
"""What a call raises where it did not reach the platform, or its answer not us."""


def _server_id_of_environment() -> str:
    server_id = os.environ.get(SERVER_ID_VARIABLE, "")
    if not server_id:
        raise LookupError(
            f"{SERVER_ID_VARIABLE} is not set; it names the server, as us-east-pvp-1"
        )
    return server_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDetails:
    """What a server says of itself when it registers.

    Its id comes from the environment variable ``QSB_SERVER_ID`` if not given; without
    either, making one raises `LookupError`.
    """

    server_id: str = field(default_factory=_server_id_of_environment)
    display_name: str
    region: str
    game_module: str
    game_mode: str
    version: str
    max_players: int
    hosting_id: str = ""
    wipe_schedule: str = ""
    config_template_id: str = ""

    @property
    def arguments(self) -> tuple[str | int, ...]:
        """The arguments of ``server_register``, in its order."""
        return (
            self.server_id,
            self.display_name,
            self.region,
            self.game_module,
            self.game_mode,
            self.hosting_id,
            self.version,
            self.max_players,
            self.wipe_schedule,
            self.config_template_id,
        )


class Link:
    """A server's connection to the platform, and the next one when it is lost.

    One thread calls `tick`; the other methods may be called by any.

    Attributes:
        fault: Why there is no connection; empty while there is one.
        token: Of the identity under which the server is registered; None before the
            first connection.
    """

    def __init__(
        self,
        connect: Connect,
        server: ServerDetails,
        on_change: Callable[[Change], object],
        backoff: Backoff,
        token: str | None,
        on_lost: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare; the first `tick` connects.

        Args:
            connect: Opens a connection.
            server: Which to register.
            on_change: Is told of changes, also of those between two connections; see
                `Knowledge`.
            backoff: How long to wait before connecting again.
            token: Of the identity to be; None for a new one.
            on_lost: Is told, on any thread, by a connection that notices by itself
                that it is lost: then `tick` has something to do.
        """
        self.token = token
        self.fault = "the bridge has not connected yet"
        self._connect_as = connect
        self._server = server
        self._on_change = on_change
        self._backoff = backoff
        self._on_lost = on_lost
        self._lock = threading.Lock()
        self._is_online = self._is_closed = False
        self._known: Knowledge | None = None
        self._due: Countdown | None = Countdown(Timestamp.EPOCH, 0.0)
        """The next heartbeat, or the next attempt to connect; None right after a loss,
        when the time to wait has not been begun."""

    @property
    def server_id(self) -> str:
        """The server."""
        return self._server.server_id

    @property
    def is_online(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._is_online

    @property
    def known(self) -> Knowledge:
        """What the server knows, or what it knew before the connection was lost.

        Raises:
            OfflineError: there has been no connection yet.
        """
        if self._known is None:
            raise OfflineError(self.fault, may_have_run=False)
        return self._known

    def call(self, reducer: str, *arguments: object) -> Any:  # noqa: ANN401  what it gives
        """Call a reducer, and give what it returns.

        Raises:
            OfflineError: there is no connection, or it was lost.
            ReducerError: the call is refused.
        """
        return self._use(lambda connection: connection.call(reducer, *arguments))

    def ask(self, query: str, **params: object) -> list[Any]:
        """Ask the platform once, and give the rows.

        Raises:
            OfflineError: there is no connection, or it was lost; nothing has run.
        """
        try:
            rows = self._use(lambda connection: [*connection.sql(query, params)])
        except OfflineError as error:  # to ask changes nothing
            raise OfflineError(str(error), may_have_run=False) from error
        return list(rows)

    def _use(self, act: Callable[[Port], Any]) -> Any:  # noqa: ANN401  what it gives
        known = self._known
        if known is None or not self._is_online:
            raise OfflineError(self.fault, may_have_run=False)
        try:
            return act(known.connection)
        except LOST as error:
            self._lose(known, str(error))
            is_sure = isinstance(error, OfflineError) and not error.may_have_run
            raise OfflineError(self.fault, may_have_run=not is_sure) from error

    # What time brings about.

    def tick(self, now: Timestamp) -> bool:
        """Connect or send a heartbeat, if that is due.

        Returns:
            Whether the platform was heard: by a new connection, or a heartbeat.

        Raises:
            ReducerError: the registration is refused for what it says of the server,
                so it would be refused again.
        """
        known = self._known
        if self._is_online and known is not None and not known.is_current:
            self._lose(known, "the subscription has ended")
        if self._due is None:
            self._due = Countdown(now, self._backoff.next())
        if self._is_closed or not self._due.is_over(now):
            return False
        return self._heartbeat(now) if self._is_online else self._connect(now)

    def seconds_left(self, now: Timestamp) -> float:
        """Give the seconds until `tick` has something to do."""
        due = self._due
        return 0.0 if due is None else due.left(now)

    def _heartbeat(self, now: Timestamp) -> bool:
        self._due = Countdown(now, HEARTBEAT_SECONDS)
        known = self.known
        try:
            self.call("server_heartbeat", known.players_count)
        except OfflineError:
            return False
        except qsdb.ReducerError as error:  # another bridge has taken the server over
            self._lose(known, str(error))
            return False
        return True

    def _connect(self, now: Timestamp) -> bool:
        """Connect, register and subscribe, or wait longer for the next attempt."""
        seconds = self._backoff.next()
        self._due = Countdown(now, seconds)
        with contextlib.ExitStack() as undoing:
            try:
                connection = self._connect_as(self.token)
                undoing.callback(_close, connection)
                if isinstance(connection, TellsLoss):
                    connection.on_lost(self._on_lost)
                self.token = connection.token
                connection.call("server_register", *self._server.arguments)
                known = Knowledge(
                    connection, self._server.server_id, self._on_change, self._known
                )
            except (qsdb.AccessError, *LOST) as error:
                self._stay_away(f"{error}; next attempt in {seconds:.1f} s")
                return False
            except qsdb.ReducerError as error:
                if refusal_class(str(error)) != "Conflict":
                    self._stay_away(str(error))
                    raise
                self._stay_away(f"{error}; next attempt in {seconds:.1f} s")
                return False
            undoing.pop_all()
        with self._lock:
            self._known, self._is_online, self.fault = known, True, ""
            self._due = Countdown(now, HEARTBEAT_SECONDS)
        self._backoff.reset()
        LOGGER.info("%s is registered", self._server.server_id)
        return True

    def _stay_away(self, why: str) -> None:
        self.fault = f"server {self._server.server_id!r} is offline: {why}"
        LOGGER.warning("%s", self.fault)

    def _lose(self, known: Knowledge, why: str) -> None:
        """Take in that a connection is lost, unless that is known."""
        with self._lock:
            if not self._is_online or self._known is not known:
                return
            self._is_online = False
            self._due = None
            self.fault = f"server {self._server.server_id!r} is offline: {why}"
        LOGGER.warning("%s", self.fault)
        _close(known.connection)

    def close(self) -> None:
        """Close the connection, if there is one; what was known can still be read."""
        known, self._is_online, self._is_closed = self._known, False, True
        self.fault = f"the bridge of {self._server.server_id!r} is closed"
        if known is not None:
            _close(known.connection)


def _close(connection: Port) -> None:
    """Close a connection, of which nobody may be left to tell."""
    with contextlib.suppress(*LOST):
        connection.close()
