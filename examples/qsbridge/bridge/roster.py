"""The roster: who plays on the server, as its game says.

The platform has a row for each player, and takes off whom it has not heard of for 90
seconds; another server may let him in then. So the bridge says with each heartbeat who
is there. It names those whom its game has let in and not let go, and not those whom the
platform has here: a game that ends and begins again has none of them::

    the game     the platform has him    then
    has him      here                    his row stays fresh
    has him      not here                `GameHooks.on_presence_lost`, and he joins
                                         again; if he may not, `GameHooks.on_kick`
    has him      elsewhere, where a      he is off the roster
                 transfer took him
    let him go   here                    told so as soon as the platform is reached
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final

import qsdb
from examples.qsbridge.bridge.knowledge import Decision, Knowledge, Reason
from examples.qsbridge.bridge.link import Link
from examples.qsbridge.bridge.news import Change
from examples.qsbridge.bridge.port import OfflineError
from examples.qsbridge.hub.refusals import refusal_class
from examples.qsbridge.hub.tables import ServerTransferQueue

__all__ = ["Roster"]

LOGGER: Final = logging.getLogger("qsbridge.bridge")
REASONS: Final[dict[str, Reason]] = {"Conflict": "elsewhere", "WrongState": "full"}
"""Why the platform does not let a player in, by the class of its refusal."""


class Roster:
    """The players of one server, and what the platform is told of them.

    Any thread may call its methods.
    """

    def __init__(
        self,
        link: Link,
        may_join: Callable[[str], Decision],
        lost: Callable[[str], object],
        kick: Callable[[str, str], object],
    ) -> None:
        """Begin with nobody.

        Args:
            link: To the platform.
            may_join: Decides from what is known.
            lost: Has the game told that the platform had a player no more.
            kick: Has the game throw a player out, for a reason.
        """
        self._link = link
        self._may_join = may_join
        self._lost = lost
        self._kick = kick
        self._here: dict[str, int | None] = {}
        """Player → the newest of his transfers that had ended when he came; None while
        that is not known. A later one from here that is completed took him away."""
        self._left: set[str] = set()
        """Players who left, and of whom the platform may not know it."""
        self._moving = threading.Lock()

    # Who comes and goes.

    def join(self, player_id: str) -> Decision:
        """Let a player in, or say why not; the platform has the last word."""
        decision = self._may_join(player_id)
        if not decision.is_allowed:
            return decision
        with self._moving:
            return self._ask_for(player_id, decision)

    def leave(self, player_id: str) -> None:
        """Note that a player is gone; the platform is told as soon as it is reached."""
        with self._moving:
            self._here.pop(player_id, None)
            self._left.add(player_id)
            with contextlib.suppress(OfflineError):
                self._report_left()

    def follow(self, change: Change) -> None:
        """Take in who has arrived by a transfer.

        Called in the middle of a delivery, so it waits for nothing.
        """
        old, new = change.old, change.new
        if not isinstance(old, ServerTransferQueue) or not old.is_open:
            return
        if not isinstance(new, ServerTransferQueue) or new.status != "completed":
            return
        if new.to_server_id == self._link.server_id:
            self._here[new.player_id] = new.transfer_id
            self._left.discard(new.player_id)

    def report_left(self) -> None:
        """Tell the platform who left, while nobody joins.

        Raises:
            OfflineError: the platform is not reached.
        """
        with self._moving:
            self._report_left()

    def _report_left(self) -> None:
        for player_id in sorted(self._left):
            try:
                self._link.call("presence_leave", player_id)
            except qsdb.ReducerError as error:
                LOGGER.warning("player %r left, and %s", player_id, error)
            self._left.discard(player_id)

    def _ask_for(self, player_id: str, decision: Decision) -> Decision:
        """Have the platform let a player in who may join by what is known."""
        try:
            self._link.call("presence_join", player_id)
        except qsdb.ReducerError as error:
            reason = REASONS.get(refusal_class(str(error)), "refused")
            return Decision.refuse(reason, str(error))
        except OfflineError as error:
            if error.may_have_run and player_id not in self._here:
                self._left.add(player_id)
            return Decision.refuse("offline", str(error))
        self._left.discard(player_id)
        self._here[player_id] = _newest_ended(self._link.known, player_id)
        return decision

    # Who is still there.

    def beat(self) -> None:
        """Say that all are still there.

        When the platform is not reached nothing happens: the next beat says it too. Nor
        when another bridge has taken the server over, which the next heartbeat finds.
        """
        if self._here:
            self._beat([*self._here])

    def beat_for(self, player_ids: Iterable[str]) -> None:
        """Say of some that they are there; they are on the roster from now on."""
        player_ids = [*player_ids]
        with self._moving:
            for player_id in player_ids:
                self._here.setdefault(player_id, None)
        self._beat(player_ids)

    def _beat(self, player_ids: list[str]) -> None:
        try:
            self._link.call("presence_beat", player_ids)
            known = self._link.known
        except OfflineError:
            return
        except qsdb.ReducerError as error:
            LOGGER.warning("%s is not beaten for: %s", self._link.server_id, error)
            return
        with self._moving:
            for player_id in player_ids:
                if self._here.get(player_id, 0) is None:
                    self._here[player_id] = _newest_ended(known, player_id)
        for player_id in player_ids:
            if known.presence(player_id) is None:
                self._bring_back(player_id, known)

    def _bring_back(self, player_id: str, known: Knowledge) -> None:
        """Have a player join again whom the platform has not here."""
        with self._moving:
            came = self._here.get(player_id)
            if came is None or known.is_to_be_kicked(player_id):
                return
            if _has_gone(known, player_id, came):
                self._here.pop(player_id, None)
                return
            decision = self._may_join(player_id)
            if decision.is_allowed:
                decision = self._ask_for(player_id, decision)
            if decision.reason == "offline":
                return
            if not decision.is_allowed:
                self._here.pop(player_id, None)
        self._lost(player_id)
        if not decision.is_allowed:
            self._kick(player_id, decision.sentence)


def _newest_ended(known: Knowledge, player_id: str) -> int:
    """Give the id of the newest of a player's transfers that have ended, or 0."""
    transfers = known.transfers(player_id)
    return max((each.transfer_id for each in transfers if not each.is_open), default=0)


def _has_gone(known: Knowledge, player_id: str, came: int) -> bool:
    """Tell whether a transfer has taken a player away who came after another one."""
    return any(
        each.transfer_id > came
        and each.status == "completed"
        and each.from_server_id == known.server_id
        for each in known.transfers(player_id)
    )
