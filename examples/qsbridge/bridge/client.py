"""`Bridge`: what a game server uses of the platform.

::

    bridge = Bridge(connect, ServerDetails(display_name="East 1", …), MyGame())
    with BridgeThread(bridge):          # or the game's main loop calls bridge.tick()
        ...
        if bridge.player_joined(player_id).is_allowed:
            ...

A bridge is driven by `tick`: it connects and registers, says every 30 seconds that the
server lives and who plays on it, and calls the game's hooks. The other methods may be
called by any thread, and by hooks. When the platform is away what is known is known
still, players may leave and nobody may join; `tick` connects again, and catches up.
`close` hands out what the game has not been told yet.
"""

import functools
import logging
import random
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

from examples.qsbridge.bridge.calls import Call, Calls
from examples.qsbridge.bridge.commands import CommandRunner
from examples.qsbridge.bridge.hooks import GameHooks
from examples.qsbridge.bridge.knowledge import Decision, Knowledge
from examples.qsbridge.bridge.link import Link, ServerDetails
from examples.qsbridge.bridge.news import Change, call_for
from examples.qsbridge.bridge.port import Connect, OfflineError
from examples.qsbridge.bridge.roster import Roster
from examples.qsbridge.bridge.timers import Backoff, system_now
from examples.qsbridge.bridge.vault import VaultCounter
from qsdb import Timestamp

__all__ = ["Bridge"]

LOGGER: Final = logging.getLogger("qsbridge.bridge")


class Bridge:
    """One game server's end of the platform.

    Attributes:
        server_id: The server.
        link: Its connection: `Link.is_online`, `Link.fault`, `Link.token`.
        vault: Its players' vaults: `VaultCounter.items`, ``deposit``, ``withdraw``.
    """

    def __init__(
        self,
        connect: Connect,
        server: ServerDetails,
        hooks: GameHooks,
        *,
        token: str | None = None,
        now: Callable[[], Timestamp] = system_now,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Prepare; the first `tick` connects.

        Args:
            connect: Opens a connection with a token, or without one for a new identity:
                ``lambda token: db.connect(token=token)`` in this process, and
                ``over_network("wss://hub.example", "platform")`` (`network`).
            server: Which server it is.
            hooks: What the game does when it is told to.
            token: That of an earlier run, kept from ``bridge.link.token``: then the
                server is its own at once. Without one its id is free 90 s after the
                last heartbeat of that run.
            now: Tells the time.
            chance: Gives numbers from 0 to 1, for the jitter of reconnecting.
        """
        self.server_id = server.server_id
        backoff = Backoff(chance)
        self.link = Link(connect, server, self._changed, backoff, token, self.wake)
        self.vault = VaultCounter(self.link, self.server_id, hooks, self._post)
        self._hooks = hooks
        self._now = now
        self._roster = Roster(self.link, self.may_join, self._lost, self._throw_out)
        self._commands = CommandRunner(self.link, self._kick, hooks.on_announce)
        self._calls = Calls()
        self._ticking = threading.RLock()
        self._ticker: int | None = None
        """The thread that is in `tick`."""
        self._is_closing = self._is_closed = False
        self._has_work = threading.Event()

    # Knowing.

    @property
    def known(self) -> Knowledge:
        """What the server knows: its config, players, bans, events.

        Raises:
            OfflineError: there has been no connection yet.
        """
        return self.link.known

    def may_join(self, player_id: str) -> Decision:
        """Decide from what is known, without asking, whether a player may join."""
        try:
            return self.known.may_join(player_id, self._now())
        except OfflineError as error:
            return Decision.refuse("offline", str(error))

    # Being driven.

    @property
    def is_closed(self) -> bool:
        """Whether it has ended."""
        return self._is_closed

    def tick(self, now: Timestamp | None = None) -> None:
        """Do what is due: connect, heartbeat, who plays here, hooks, commands.

        Called by one thread, often: what it has not to do costs microseconds. A second
        thread, or a hook, that calls it meanwhile returns at once.

        Args:
            now: The time; if not given, it is asked for.

        Raises:
            ReducerError: the platform refuses what the server says of itself, and
                would again.
        """
        me = threading.get_ident()
        if self._ticker == me or not self._ticking.acquire(blocking=False):
            return
        self._ticker = me
        try:
            self._tick(self._now() if now is None else now)
            if self._is_closing:  # a hook says so
                self._end()
        finally:
            self._ticker = None
            self._ticking.release()

    def _tick(self, now: Timestamp) -> None:
        if self._is_closed:
            return
        self._has_work.clear()
        is_heard = self.link.tick(now)
        if is_heard:
            self._commands.try_again()
        self._catch_up()
        if is_heard:  # after commands: who is kicked is not there any more
            self._roster.beat()
        self._calls.make()

    def wait(self) -> None:
        """Wait until `tick` has something to do."""
        self._has_work.wait(self.link.seconds_left(self._now()))

    def wake(self) -> None:
        """Have `wait` return."""
        self._has_work.set()

    def close(self) -> None:
        """End, when the game has been told what is left; what was known can be read.

        The hooks that are due are called, by this thread, those that have failed once
        more; what they ask of the platform it still does. A call that they do not take
        then is named in the log, and nobody makes it any more. Another thread's `tick`
        is waited for; in a hook this returns at once, and the bridge ends behind it.
        """
        if self._ticker == threading.get_ident():
            self._is_closing = True
            return
        with self._ticking:
            self._ticker = threading.get_ident()
            try:
                self._end()
            finally:
                self._ticker = None

    def _end(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._catch_up()
            self._calls.make()
            self.vault.close()
            self._calls.make()  # what has come meanwhile
        finally:
            self.link.close()
            self.wake()
            self._name_what_is_left()

    def _name_what_is_left(self) -> None:
        for call in self._calls.give_up():
            LOGGER.error(
                "%s ends, and its game has not taken what it was told: %s (%r)",
                self.server_id,
                call.name,
                call.failure,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _catch_up(self) -> None:
        """Do what is left over: players who left, open items, hooks, commands."""
        self._calls.try_again()
        if not self.link.is_online:
            return
        try:
            self._roster.report_left()
            self.vault.settle()
            self._calls.make()
            self._commands.run()
        except OfflineError as error:
            LOGGER.info("left for the next connection: %s", error)

    def _kick(self, player_id: str, reason: str) -> None:
        self._hooks.on_kick(player_id, reason)
        self.player_left(player_id)

    def _post(self, call: Call) -> None:
        self._calls.add(call)
        self.wake()

    def _changed(self, change: Change) -> None:
        self._roster.follow(change)
        self._post(call_for(change, self.server_id, self._hooks))

    def _lost(self, player_id: str) -> None:
        act = functools.partial(self._hooks.on_presence_lost, player_id)
        self._post(Call(act, ("player", player_id), f"{player_id!r} was lost"))

    def _throw_out(self, player_id: str, reason: str) -> None:
        act = functools.partial(self._kick, player_id, reason)
        self._post(Call(act, ("player", player_id), f"kick {player_id!r}: {reason}"))

    # What a game does.

    def player_joined(self, player_id: str) -> Decision:
        """Let a player in, or say why not; the platform has the last word.

        From now on `tick` says that he is here, until `player_left`, a transfer that
        takes him elsewhere, or `GameHooks.on_kick`.
        """
        return self._roster.join(player_id)

    def player_left(self, player_id: str) -> None:
        """Note that a player is gone; the platform is told as soon as it is reached.

        One who is not here by the platform's tables is gone already.
        """
        self._roster.leave(player_id)

    def beat(self, player_ids: Iterable[str]) -> None:
        """Say now who is still there, besides what `tick` says of those let in.

        For a game that has players whom this bridge has not let in, as after a restart
        that they did not notice: from now on `tick` names them too. One whom the
        platform has no more on this server, since it has not heard of him for too long,
        joins again; is he refused, `GameHooks.on_kick` is called.
        """
        self._roster.beat_for(player_ids)

    def request_transfer(self, player_id: str, to_server_id: str) -> int:
        """Begin a player's way to another server; give the transfer's id.

        `GameHooks.on_transfer_requested` asks for his character next.

        Raises:
            ReducerError: the platform refuses; he stays.
            OfflineError: the platform is not reached, or was lost: if the transfer has
                begun, the hook will be called.
        """
        transfer_id: int = self.link.call("transfer_request", player_id, to_server_id)
        return transfer_id

    def hand_over(self, transfer_id: int, character_snapshot: str) -> None:
        """Hand a character over, as the source; the other server may take it now.

        Raises:
            ReducerError: the platform refuses.
            OfflineError: the platform is not reached, or was lost.
        """
        self.link.call("transfer_snapshot", transfer_id, character_snapshot)

    def complete_transfer(self, transfer_id: int) -> None:
        """Take a player over, as the destination: he is here from now on.

        Raises:
            ReducerError: the platform refuses, as when he was banned meanwhile.
            OfflineError: the platform is not reached, or was lost.
        """
        self.link.call("transfer_complete", transfer_id)

    def fail_transfer(self, transfer_id: int, reason: str) -> None:
        """Give a transfer up, at either end; the player stays where he is.

        Raises:
            ReducerError: the platform refuses, as when it has ended.
            OfflineError: the platform is not reached, or was lost.
        """
        self.link.call("transfer_fail", transfer_id, reason)
